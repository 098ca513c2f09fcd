"""Raw vectors blended with class scores, and the model that does it for records to come."""

import json
from types import SimpleNamespace

import numpy as np
import pytest

from embtune.errors import BadFileError, NotReadyError
from embtune.tuning import blend_model
from embtune.tuning.blend_model import (
    BlendModel,
    Scorer,
    blend,
    center_of,
    fit_sharpness,
    residual,
    sharpen,
    softmax,
    views_of,
    with_words,
)
from embtune.tuning.model import Records, load_model, save_model
from embtune.tuning.recipes.base import Tuned
from embtune.tuning.words import WordView

KNOWN = np.array([[1, 0], [0.8, 0.6], [-1, 0], [-0.8, 0.6]], dtype=np.float32)
SCORES = np.array([[0.9, 0.1], [0.8, 0.2], [0.1, 0.9], [0.2, 0.8]], dtype=np.float32)
TEXTS = [
    f"{('ball', 'bank')[i % 2]}{j % 9} shared{(i + j) % 60} shared{(i * j) % 60}"
    for i in range(12)
    for j in range(12)
]


@pytest.fixture(params=["landmarks", "linear"])
def scorer(request):
    if request.param == "landmarks":
        return Scorer("raw", landmarks=KNOWN.astype(np.float16), scores=SCORES)
    return Scorer("raw", weight=np.array([[3, 0], [-3, 0]], dtype=np.float32), bias=np.zeros(2, np.float32))


def model_of(*scorers, **more):
    more = {"center": center_of(KNOWN), **more}
    return BlendModel(names=("right", "left"), scorers=scorers, raw_share=0.5, sharpness=2.0, **more)


def saved(folder, model):
    save_model(
        folder,
        Tuned(
            vectors=KNOWN,
            parameters={},
            seed=0,
            seconds=0.0,
            device="a CPU",
            curve=(),
            best_epoch=0,
            stopped="",
            warnings=(),
            libraries={},
            model=model,
        ),
    )
    return folder


# ---- the blend -------------------------------------------------------------------------------


def test_what_the_scores_lack_in_length_is_the_rest():
    rest = np.array([[1, 0], [0, 1]])
    scores = np.array([[0.75, 0.25], [0.5, 0.5]], dtype=np.float32)
    # Squared and to sum 1: 0.9 and 0.1, of squared length 0.82: 0.18 is missing, and 0.25 more stays always.
    length = np.sqrt(1.25)
    expected = np.array([[np.sqrt(0.43), 0, 0.9, 0.1], [0, np.sqrt(0.75), 0.5, 0.5]]) / length
    assert blend(rest, scores, 0.5, 2.0) == pytest.approx(expected, abs=1e-6)


def test_sure_records_come_before_unsure_ones_for_any_record_of_their_class():
    scores = np.array([[0.6, 0.4], [0.6, 0.4], [1, 0]], dtype=np.float32)
    # Each says something else: the chance of the same label is .52 among the unsure, .6 with the sure one.
    found = blend(np.eye(3), scores, 0.0, 1.0)
    assert found @ found.T == pytest.approx(
        np.array([[1, 0.52, 0.6], [0.52, 1, 0.6], [0.6, 0.6, 1]]), abs=1e-6
    )


def test_certain_scores_alone_decide_without_a_raw_share_and_nothing_breaks():
    rest = np.array([[1.0, 0], [0, 1], [0, 0]])
    found = blend(rest, np.array([[1, 0], [1, 0], [1, 0]], dtype=np.float32), 0.0, 1.0)
    assert found == pytest.approx(np.array([[0, 0, 1, 0]] * 3), abs=1e-6)


def test_the_rest_is_a_vector_without_what_all_records_share():
    vectors = np.array([[3.0, 1], [1, 1], [2, 4]])
    assert center_of(vectors) == pytest.approx([2, 2])
    half = 0.5**0.5
    expected = np.array([[half, -half], [-half, -half], [0, 1]])
    assert residual(vectors, center_of(vectors)) == pytest.approx(expected, abs=1e-6)


def test_scores_are_sharpened_until_they_are_as_sure_as_they_are_right():
    # Nine of ten are right where the scores say 3 to 1: 3^2 = 9 to 1 is what they are.
    scores = np.tile(np.array([[0.75, 0.25]], dtype=np.float32), (1000, 1))
    labels = np.array([0] * 900 + [1] * 100)
    assert fit_sharpness(scores, labels, np.ones(1000)) == pytest.approx(2, abs=0.01)
    # All the wrong ones are hardly believed: 19 to 1, the power 2.68.
    weights = np.where(labels == 0, 1.0, 9 / 19)
    assert fit_sharpness(scores, labels, weights) == pytest.approx(np.log(19) / np.log(3), abs=0.02)


def test_a_few_labels_that_all_agree_make_no_score_certain():
    scores = np.array([[0.75, 0.25]] * 3, dtype=np.float32)
    assert 2 < fit_sharpness(scores, np.zeros(3, dtype=np.int64), np.ones(3)) < 3.5


@pytest.mark.parametrize(
    ("sharpness", "expected"), [(1, [0.6, 0.3, 0.1]), (2, [36 / 46, 9 / 46, 1 / 46]), (0.5, None)]
)
def test_sharper_scores_are_powers_that_sum_to_1(sharpness, expected):
    found = sharpen(np.array([[0.6, 0.3, 0.1], [1, 0, 0]], dtype=np.float32), sharpness)
    assert found.sum(axis=1) == pytest.approx([1, 1])
    if expected is not None:
        assert found[0] == pytest.approx(expected, abs=1e-6)
        assert found[1] == pytest.approx([1, 0, 0], abs=1e-6)


def test_softmax_of_large_numbers_is_finite():
    found = softmax(np.array([[1000, 1000 - np.log(3)], [-1000, -1000]], dtype=np.float32))
    assert found == pytest.approx(np.array([[0.75, 0.25], [0.5, 0.5]]), abs=1e-4)


def test_words_stand_beside_a_vector_at_half_its_length():
    found = with_words(np.array([[1.0, 0], [0, 1]]), np.array([[0, 1], [0, 0]], dtype=np.float32))
    length = np.sqrt(1.25)
    assert found == pytest.approx(np.array([[1 / length, 0, 0, 0.5 / length], [0, 1, 0, 0]]), abs=1e-6)


# ---- records to come -------------------------------------------------------------------------


def test_a_new_record_gets_the_class_of_the_known_ones_around_it(scorer):
    new = np.array([[0.9, 0.435], [-0.6, -0.8]], dtype=np.float32)
    names, scores = model_of(scorer).scores(Records(new))
    assert names == ("right", "left")
    assert scores.argmax(axis=1).tolist() == [0, 1]
    assert scores.sum(axis=1) == pytest.approx(1, abs=1e-5)


def test_only_the_nearest_known_records_speak_for_a_new_one(monkeypatch):
    monkeypatch.setattr(blend_model, "NEW_RECORD_NEIGHBORS", 2)
    scorer = Scorer("raw", landmarks=KNOWN.astype(np.float16), scores=SCORES)
    # Cosines to the first two are 1 and 0.8.
    expected = (0.9 + 0.8**3 * 0.8) / (1 + 0.8**3)
    assert scorer(KNOWN[:1])[0, 0] == pytest.approx(expected, abs=1e-3)


def test_scores_of_many_records_are_those_of_each_alone(scorer, monkeypatch):
    new = np.random.default_rng(0).normal(size=(9, 2)).astype(np.float32)
    new /= np.linalg.norm(new, axis=1, keepdims=True)
    whole = scorer(new)
    monkeypatch.setattr(blend_model, "_BLOCK", 2)
    assert scorer(new) == pytest.approx(whole, abs=1e-6)


def test_several_scorers_count_the_same():
    sure = Scorer("raw", weight=np.zeros((2, 2), np.float32), bias=np.array([50, -50], np.float32))
    unsure = Scorer("raw", weight=np.zeros((2, 2), np.float32), bias=np.zeros(2, np.float32))
    _, scores = model_of(sure, unsure).scores(Records(KNOWN))
    assert scores == pytest.approx(np.array([[0.75, 0.25]] * 4))


def test_known_records_come_out_near_the_vectors_they_were_given(monkeypatch):
    monkeypatch.setattr(blend_model, "NEW_RECORD_NEIGHBORS", 2)
    model = model_of(Scorer("raw", landmarks=KNOWN.astype(np.float16), scores=SCORES))
    stored = blend(residual(KNOWN, model.center), SCORES, 0.5, 2.0)
    found = model.transform(Records(KNOWN))
    assert (found * stored).sum(axis=1).min() > 0.99
    assert np.linalg.norm(found, axis=1) == pytest.approx(1, abs=1e-5)


def test_a_model_of_before_there_was_a_center_goes_on_as_it_began(scorer, tmp_path):
    model = model_of(scorer, center=None)
    found = load_model(saved(tmp_path / "v1", model)).transform(Records(KNOWN))
    _, scores = model.scores(Records(KNOWN))
    sharp = sharpen(scores, 2.0)
    # Half the raw vector beside the scores less their mean, to unit length.
    by_hand = np.hstack([0.5 * KNOWN, sharp - 0.5])
    by_hand /= np.linalg.norm(by_hand, axis=1, keepdims=True)
    assert found == pytest.approx(by_hand, abs=1e-5)


def test_fewer_known_records_than_neighbours_asked_for_do():
    scorer = Scorer("raw", landmarks=KNOWN[:1].astype(np.float16), scores=SCORES[:1])
    assert scorer(KNOWN[2:]) == pytest.approx(SCORES[[0, 0]])


def test_it_is_no_affine_map(scorer):
    assert model_of(scorer).affine() is None


# ---- texts -----------------------------------------------------------------------------------


def test_only_words_make_it_read_texts(scorer):
    assert model_of(scorer).needs_texts is False
    model_of(scorer).transform(Records(KNOWN))  # with no text in sight
    words = WordView.fit(TEXTS)
    with_them = model_of(
        Scorer(
            "words", weight=np.zeros((2, 2 + len(words.components)), np.float32), bias=np.zeros(2, np.float32)
        ),
        words=words,
    )
    assert with_them.needs_texts is True
    with pytest.raises(NotReadyError, match="reads texts, and these vectors came without any"):
        with_them.transform(Records(KNOWN))


def test_texts_are_read_once_for_all_views():
    calls = []

    def read():
        calls.append(1)
        return TEXTS[:4]

    tuned = SimpleNamespace(transform=lambda records, report: records.vectors * -1)
    view = views_of(Records(KNOWN, read), WordView.fit(TEXTS), tuned)
    raw, words, both = view("raw"), view("words"), view("encoder words")
    assert len(calls) == 1
    assert raw is view("raw")
    assert (words[:, :2] > 0).tolist() == (
        both[:, :2] < 0
    ).tolist()  # the encoder's vectors, not the raw ones
    assert words[:, 2:] == pytest.approx(both[:, 2:], abs=1e-6)


# ---- on disk ---------------------------------------------------------------------------------


def test_a_model_comes_back_as_it_was_saved(scorer, tmp_path):
    model = model_of(scorer, about={"chosen": "propagation"})
    loaded = load_model(saved(tmp_path / "v1", model))
    assert isinstance(loaded, BlendModel)
    new = np.array([[0.6, -0.8], [-0.28, 0.96]], dtype=np.float32)
    assert np.array_equal(loaded.transform(Records(new)), model.transform(Records(new)))
    assert (loaded.names, loaded.about) == (("right", "left"), {"chosen": "propagation"})


def test_a_model_with_words_comes_back_with_them(tmp_path):
    words = WordView.fit(TEXTS)
    raw = np.tile(KNOWN, (36, 1))
    records = Records(raw, lambda: TEXTS)
    landmarks = views_of(records, words, None)("words").astype(np.float16)
    model = model_of(
        Scorer("words", landmarks=landmarks, scores=np.tile(SCORES, (36, 1))),
        Scorer("raw", weight=np.array([[3, 0], [-3, 0]], np.float32), bias=np.zeros(2, np.float32)),
        words=words,
    )
    loaded = load_model(saved(tmp_path / "v1", model))
    assert loaded.needs_texts is True
    assert loaded.transform(records) == pytest.approx(model.transform(records), abs=5e-3)


@pytest.mark.parametrize("name", ["blend.json", "blend.safetensors"])
@pytest.mark.parametrize("harm", ["gone", "cut", "other"])
def test_damaged_files_are_told_in_words(scorer, tmp_path, name, harm):
    folder = saved(tmp_path / "v1", model_of(scorer))
    path = folder / name
    if harm == "gone":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:30] if harm == "cut" else b"{}")
    with pytest.raises(BadFileError, match=r"^The model in .*v1 cannot be read: .*\. Tune again\.$"):
        load_model(folder)


@pytest.mark.parametrize("key", ["names", "views", "raw_share", "sharpness", "words", "encoder", "about"])
def test_a_missing_entry_is_told_in_words(scorer, tmp_path, key):
    folder = saved(tmp_path / "v1", model_of(scorer))
    about = json.loads((folder / "blend.json").read_text())
    del about[key]
    (folder / "blend.json").write_text(json.dumps(about))
    with pytest.raises(BadFileError, match=f"cannot be read: '{key}'. Tune again"):
        load_model(folder)
