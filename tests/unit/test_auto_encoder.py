"""The automatic recipe where it may tune the encoder: when it does, on which labels, and what it says."""

import numpy as np
import pytest

from embtune.progress import silent
from embtune.tuning import timed_encoder
from embtune.tuning.data import TrainingSet
from embtune.tuning.encoder_model import EncoderModel
from embtune.tuning.model import Corpus, Records, load_model, save_model
from embtune.tuning.recipes import RECIPES, auto
from embtune.tuning.trying import Clock
from tests.unit.test_encoder_training import CPU, base, one_thread, raw, sentences

__all__ = ["base", "one_thread"]  # fixtures

PER_CLASS = 60


@pytest.fixture(scope="module")
def corpus(base):
    texts, labels = sentences(PER_CLASS)
    # Words in turns, so that the first records hold all classes.
    order = np.arange(len(texts)).reshape(3, -1).T.ravel()
    texts, labels = [texts[i] for i in order], labels[order]
    return texts, labels, raw(base, texts)


def labelled(labels, n):
    return TrainingSet(
        rows=np.arange(n),
        labels=labels[:n].astype(np.int64),
        weights=np.ones(n, dtype=np.float32),
        names=("sea", "sport", "money"),
    )


def fit(base, corpus, n, *, report=silent, **parameters):
    texts, labels, vectors = corpus
    return RECIPES["auto"].fit(
        vectors,
        labelled(labels, n),
        parameters=parameters,
        seed=0,
        device=CPU,
        corpus=Corpus(texts=lambda rows: texts, model_path=base, records_per_second=1e6),
        report=report,
    )


@pytest.fixture(scope="module")
def tuned(base, corpus):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(timed_encoder, "_TEXTS_READ", 400)
        return fit(base, corpus, 120, budget=600)


def test_an_encoder_that_held_out_labels_are_for_is_tuned_anew_on_all_labels(tuned):
    assert tuned.report["encoder"] == (
        "The text encoder was tuned on 81 labels; the others decided that it is used, "
        "and it was tuned anew on all 120."
    )
    assert "tuned encoder" in tuned.report["chosen"]
    assert tuned.report["n_held_out"] == 39


def test_vectors_hold_words_and_scores_and_part_the_unlabelled(tuned, corpus):
    _, labels, vectors = corpus
    assert tuned.vectors.shape == (180, tuned.model.center.size + 3)
    assert np.linalg.norm(tuned.vectors, axis=1) == pytest.approx(1, abs=1e-5)
    names, scores = tuned.model.scores(Records(vectors, lambda: corpus[0], CPU))
    assert names == ("sea", "sport", "money")
    assert (scores.argmax(axis=1) == labels)[120:].mean() > 0.5


def test_it_is_saved_with_its_encoder_and_takes_later_records(tuned, corpus, tmp_path):
    texts, _, vectors = corpus
    (tmp_path / "v1").mkdir()
    save_model(tmp_path / "v1", tuned)
    later = load_model(tmp_path / "v1").transform(Records(vectors[:6], lambda: texts[:6], CPU))
    assert (later * tuned.vectors[:6]).sum(axis=1).min() > 0.9


def test_without_time_to_tune_anew_the_first_one_stays(base, corpus):
    texts, labels, vectors = corpus
    first = timed_encoder.TunedEncoder(EncoderModel(base), "It was tuned.", seconds=100.0, n_labels=80)
    found = timed_encoder.on_all_labels(
        first,
        "if time allows",
        Clock(90),
        Records(vectors, lambda: texts, CPU),
        labelled(labels, 120),
        CPU,
        Corpus(texts=lambda rows: texts, model_path=base),
        0,
        silent,
    )
    assert found.model is first.model
    assert found.about == "It was tuned. To tune it anew on all 120 would have taken about 150 s more."


def test_of_many_labels_a_thousand_judge_and_the_encoder_that_saw_the_others_stays(base, corpus, monkeypatch):
    monkeypatch.setattr(timed_encoder, "_MOST_HELD_OUT", 6)
    monkeypatch.setattr(timed_encoder, "_TEXTS_READ", 114)
    told = fit(base, corpus, 120, budget=600, encoder="yes").report
    assert told["encoder"].startswith("The text encoder was tuned on 114 labels; the others decided")
    assert "anew" not in told["encoder"]
    assert told["n_held_out"] == 6


def test_where_the_encoder_is_not_used_every_label_decides_between_the_others(base, corpus, monkeypatch):
    monkeypatch.setattr(timed_encoder, "_TEXTS_READ", 1)
    decide = auto._decide
    # As if the labels that the encoder has not seen had been against it.
    monkeypatch.setattr(auto, "_decide", lambda trying, words, _: decide(trying, words, False))
    told = fit(base, corpus, 120, budget=600).report
    assert "encoder" not in told["chosen"]
    assert told["n_held_out"] == 120
    assert told["encoder"].endswith("the others decided whether it is used.")


def test_few_labels_leave_the_encoder_alone(base, corpus):
    told = fit(base, corpus, 99, budget=600).report["encoder"]
    assert told == "The text encoder was not tuned: that takes 100 labels or more, and there are 99."


def test_a_short_budget_says_how_long_it_would_take(base, corpus, monkeypatch):
    texts, labels, vectors = corpus
    slow = Corpus(texts=lambda rows: texts, model_path=base, records_per_second=10.0)
    told = RECIPES["auto"].fit(
        vectors,
        labelled(labels, 120),
        parameters={"budget": 60},
        seed=0,
        device=CPU,
        corpus=slow,
        report=silent,
    )
    # 81 labels gone through 20 times at 8 times the cost of encoding, and 180 texts encoded, at 10 a second.
    assert "it would take about 1,314 s here, and the time budget is 60 s" in told.report["encoder"]


@pytest.mark.parametrize(
    ("n", "epochs"), [(10_854, 1), (2_000, 1), (1_999, 2), (261, 8), (100, 20), (60, 20)]
)
def test_few_labels_are_gone_through_more_often(n, epochs):
    assert timed_encoder._epochs(n) == epochs
