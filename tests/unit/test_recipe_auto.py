"""The automatic recipe, end to end on clusters of a few records: what it tries, chooses and tells."""

import json
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest

from embtune.errors import BadInputError, JobCancelledError, TooFewLabelsError, VectorsError
from embtune.progress import silent
from embtune.tuning import trying
from embtune.tuning.class_scores import label_folds
from embtune.tuning.data import TrainingSet
from embtune.tuning.model import Corpus, Records, load_model, save_model
from embtune.tuning.recipes import RECIPES, auto

CPU = SimpleNamespace(kind="cpu", name="a CPU")
DIMENSIONS = 16


def clusters(n_each=40, n_classes=3, noise=0.25, dimensions=DIMENSIONS):
    """Unit vectors around one random direction per class, in turns, and their classes."""
    rng = np.random.default_rng(0)
    centres = (
        np.eye(dimensions)[:n_classes]
        if n_classes <= dimensions
        else rng.normal(size=(n_classes, dimensions))
    )
    centres /= np.linalg.norm(centres, axis=1, keepdims=True)
    labels = np.arange(n_each * n_classes) % n_classes
    vectors = centres[labels] + noise * rng.normal(size=(len(labels), dimensions))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32), labels


def training_set(labelled, n_classes=3, weights=None):
    """Labels from {row: class}."""
    return TrainingSet(
        rows=np.array(list(labelled), dtype=np.int64),
        labels=np.array(list(labelled.values()), dtype=np.int64),
        weights=np.array(weights or [1.0] * len(labelled), dtype=np.float32),
        names=tuple(f"class {i}" for i in range(n_classes)),
    )


def in_turns(n, n_classes=3):
    return {row: row % n_classes for row in range(n)}


def fit(vectors, training, *, texts=None, seed=0, report=silent, **parameters):
    corpus = Corpus(texts=lambda rows: texts) if texts is not None else None
    return RECIPES["auto"].fit(
        vectors, training, parameters=parameters, seed=seed, device=CPU, corpus=corpus, report=report
    )


def predicted(result, vectors):
    return result.model.scores(Records(vectors))[1].argmax(axis=1)


@pytest.fixture(scope="module", autouse=True)
def three_folds():
    """Hold each label out once, where few labels would be ten times: it says the same and takes no time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(auto, "label_folds", partial(label_folds, repeats=1))
        yield


@pytest.fixture(scope="module")
def tuned():
    vectors, _ = clusters()
    return fit(vectors, training_set(in_turns(30)))


# ---- what comes out --------------------------------------------------------------------------


def test_the_vectors_are_unit_rows_that_gather_the_classes(tuned):
    _, labels = clusters()
    assert tuned.vectors.shape == (120, DIMENSIONS + 3)
    assert tuned.vectors.dtype == np.float32
    assert np.linalg.norm(tuned.vectors, axis=1) == pytest.approx(1, abs=1e-5)
    cosine = tuned.vectors @ tuned.vectors.T
    np.fill_diagonal(cosine, -2)
    assert (labels[np.argsort(-cosine, axis=1)[:, :30]] == labels[:, None]).mean() > 0.97


def test_the_report_says_what_was_tried_what_was_chosen_and_why(tuned):
    report = tuned.report
    names = [row["name"] for row in report["tried"]]
    assert names[:2] == ["propagation", "near propagation"]
    assert any(name.startswith("logistic regression (C = ") for name in names)
    assert any(name.startswith("the mean of propagation and logistic regression") for name in names)
    assert [row["name"] for row in report["tried"] if row["chosen"]] == [report["chosen"]]
    assert all(
        0 <= row["accuracy"] <= 1 and row["low"] <= row["difference"] <= row["high"]
        for row in report["tried"]
    )
    assert report["reason"].endswith(".")
    assert "of held-out labels" in report["reason"]
    assert (report["n_folds"], report["n_held_out"], report["not_tried"]) == (3, 30, [])
    assert report["encoder"] == "The text encoder was not tuned: the vectors came without one."
    assert json.loads(json.dumps(report)) == report
    assert tuned.model.about == {"chosen": report["chosen"], "reason": report["reason"]}


def test_the_result_tells_how_it_was_made(tuned):
    assert tuned.parameters == {"budget": 60, "encoder": "if time allows"}
    assert (tuned.device, tuned.seed, tuned.warnings) == ("a CPU", 0, ())
    assert 0 < tuned.seconds < 60


def test_the_same_seed_gives_the_same_vectors(tuned):
    vectors, _ = clusters()
    again = fit(vectors, training_set(in_turns(30)))
    assert np.array_equal(tuned.vectors, again.vectors)
    assert again.report["tried"] == tuned.report["tried"]


def test_new_records_and_known_ones_get_vectors_from_the_saved_model(tuned, tmp_path):
    vectors, _ = clusters()
    save_model(tmp_path / "v1", tuned)
    loaded = load_model(tmp_path / "v1")
    again = loaded.transform(Records(vectors))
    assert (again * tuned.vectors).sum(axis=1).min() > 0.9
    new = clusters(n_each=50)[0][120:]  # the later rows of a longer draw are other records
    found = loaded.scores(Records(new))[1].argmax(axis=1)
    assert (found == np.arange(30) % 3).mean() > 0.9


# ---- what it chooses -------------------------------------------------------------------------


def test_of_ways_that_are_equally_right_the_mean_is_used():
    vectors, _ = clusters(noise=0.05)
    result = fit(vectors, training_set(in_turns(30)))
    assert result.report["chosen"].startswith("the mean of propagation and logistic regression (C = ")
    assert result.report["reason"].endswith("where the labels do not part two ways, their mean is the safer.")
    assert len(result.model.scorers) == 2


def test_regression_is_used_where_the_labels_show_it_to_be_better():
    # The class is in one weak direction; what records have in common otherwise misleads their neighbours.
    rng = np.random.default_rng(0)
    labels = np.arange(300) % 2
    vectors = np.hstack([0.35 * (2 * labels[:, None] - 1), np.eye(12)[rng.integers(12, size=300)]])
    vectors += 0.05 * rng.normal(size=vectors.shape)
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    result = fit(vectors, training_set(in_turns(120, 2), n_classes=2))
    assert "logistic regression" in result.report["chosen"]
    assert result.report["reason"].endswith("the difference is beyond chance.")
    assert (predicted(result, vectors) == labels).mean() > 0.95


def test_words_are_looked_at_where_there_are_texts():
    vectors, _ = clusters()
    texts = [f"word{i % 3} other{i % 50} more{(i * 7) % 50} yet{(i * 11) % 40}" for i in range(120)]
    result = fit(vectors, training_set(in_turns(12)), texts=texts)
    assert result.model.needs_texts is True
    assert any("vectors and words" in row["name"] for row in result.report["tried"])


def test_a_budget_that_is_spent_leaves_propagation(monkeypatch):
    monkeypatch.setattr(trying, "SHARE_OF_TIME", -1.0)
    vectors, labels = clusters()
    result = fit(vectors, training_set(in_turns(12)), budget=5)
    assert result.report["chosen"] == "propagation"
    assert (
        result.report["reason"] == "Propagation was used: the time was too short to try anything against it."
    )
    assert "near propagation" in result.report["not_tried"]
    assert [row["name"] for row in result.report["tried"]] == ["propagation"]
    assert (predicted(result, vectors) == labels).mean() > 0.95


# ---- few and odd labels ----------------------------------------------------------------------


def test_two_classes_with_one_label_each_are_enough():
    vectors, labels = clusters(n_classes=2)
    result = fit(vectors, training_set({0: 0, 1: 1}, n_classes=2))
    assert (predicted(result, vectors) == labels).mean() > 0.95
    assert result.report["chosen"] == "propagation"
    assert result.report["reason"] == (
        "Propagation was used: no class has a second label yet that could be held out to compare ways."
    )


def test_a_hundred_and_fifty_classes_of_two_labels_are_learnt():
    vectors, labels = clusters(n_each=6, n_classes=150, noise=0.08, dimensions=48)
    result = fit(vectors, training_set(in_turns(300, 150), n_classes=150), budget=5)
    assert result.vectors.shape == (900, 48 + 150)
    assert (predicted(result, vectors) == labels).mean() > 0.9


def test_a_class_without_a_label_is_ignored():
    vectors, _ = clusters()
    result = fit(vectors, training_set({0: 0, 3: 0, 2: 2, 5: 2}))
    assert result.model.names == ("class 0", "class 2")
    assert result.warnings == ()


def test_a_class_with_one_label_among_larger_ones_is_found():
    vectors, labels = clusters()
    result = fit(vectors, training_set({row: c for row, c in in_turns(30).items() if c < 2 or row == 2}))
    assert (predicted(result, vectors) == labels)[labels == 2].mean() > 0.9


def test_a_class_with_far_more_labels_does_not_swallow_the_others():
    vectors, labels = clusters()
    given = {row: c for row, c in in_turns(105).items() if c == 0 or row < 9}
    result = fit(vectors, training_set(given))
    assert (predicted(result, vectors) == labels)[labels > 0].mean() > 0.9


def test_labels_that_are_hardly_sure_lose_against_sure_ones():
    vectors, labels = clusters()
    right, wrong = in_turns(30), {int(row): 0 for row in np.flatnonzero(labels == 1)[-8:]}
    rows = list(wrong)

    def share_of_class_1(wrong_weight):
        weights = [1.0] * 30 + [wrong_weight] * 8
        found = fit(vectors, training_set(right | wrong, weights=weights)).vectors[rows]
        return (found[:, DIMENSIONS + 1] > found[:, DIMENSIONS]).mean()

    assert share_of_class_1(0.01) > 0.8
    assert share_of_class_1(0.01) > share_of_class_1(1.0)


def test_every_record_labelled_leaves_nothing_unlabelled_to_ask():
    vectors, labels = clusters(n_each=10)
    result = fit(vectors, training_set(in_turns(30)))
    assert all(row["differs_elsewhere"] == 0 for row in result.report["tried"])
    assert (predicted(result, vectors) == labels).mean() > 0.95


# ---- what it refuses, and how it is watched ----------------------------------------------------


@pytest.mark.parametrize(
    ("labelled", "message"),
    [
        (
            {},
            "at least 2 classes with 1 label each: there are no labels yet; 2 more such classes are missing",
        ),
        ({3: 1, 4: 1}, "with 1 label each: there are 2 in 'class 1'; 1 more such class is missing"),
    ],
)
def test_labels_of_fewer_than_two_classes_are_refused(labelled, message):
    with pytest.raises(TooFewLabelsError, match=message):
        fit(clusters()[0], training_set(labelled))


def test_vectors_that_are_not_finite_are_refused():
    vectors, _ = clusters()
    vectors[7, 3] = np.nan
    with pytest.raises(VectorsError, match="Row 7 of the vectors holds values that are not finite"):
        fit(vectors, training_set({0: 0, 1: 1}))


def test_a_budget_out_of_range_is_refused():
    with pytest.raises(BadInputError, match="'budget' must be a whole number from 5 to 86400, not 0"):
        fit(clusters()[0], training_set({0: 0, 1: 1}), budget=0)


def test_what_was_tried_so_far_is_told_while_it_runs():
    told = []

    def report(done, total, unit, title, detail=None):
        told.append((unit, title, [row["name"] for row in (detail or {}).get("tried", [])]))

    fit(clusters()[0], training_set(in_turns(12)), report=report)
    tried = [names for _, _, names in told if names]
    assert tried[0] == ["near propagation over raw vectors"]
    assert len(tried[-1]) == 5
    assert "trying propagation over raw vectors" in {title for _, title, _ in told}


@pytest.mark.parametrize("calls", [1, 5, 40])
def test_a_cancel_comes_out_as_it_went_in(calls):
    count = 0

    def report(*_, **__):
        nonlocal count
        count += 1
        if count == calls:
            raise JobCancelledError("stopped")

    with pytest.raises(JobCancelledError, match="stopped"):
        fit(clusters()[0], training_set(in_turns(12)), report=report)
    assert count == calls


def test_nothing_is_printed(capfd):
    fit(clusters()[0], training_set(in_turns(12)))
    assert capfd.readouterr() == ("", "")
