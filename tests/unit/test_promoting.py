"""The gate: which version may take the active embedding's place, and what people are told."""

import re
from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from embtune.tuning.blend_model import BlendModel, Scorer
from embtune.tuning.class_scores import label_folds
from embtune.tuning.recipes import RECIPES, auto
from embtune.tuning.recipes.base import Recipe, Tuned
from embtune.work import promoting
from embtune.work.measuring import Measure
from embtune.work.promoting import gate

TRUTH = np.arange(60) % 3  # the faint project's records are Alpha, Beta, Gamma in turns


def unit(vectors):
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def perfect():
    """Vectors that put each class on its own axis."""
    return np.eye(3, dtype=np.float32)[TRUTH]


def without_meaning(dimensions=8):
    return unit(np.random.default_rng(5).normal(size=(60, dimensions)))


@pytest.fixture
def labelled(faint_project, label_rows):
    """The faint project with its first 30 records labelled; the other 30 are measured by their reference."""
    label_rows(faint_project, range(30))
    return faint_project


@pytest.fixture
def made_of(monkeypatch):
    """A recipe that gives the vectors of a function, called with the raw ones."""

    def register(make):
        def fit(vectors, training, *, parameters, seed, device, corpus, report):
            size = vectors.shape[1]
            return Tuned(
                vectors=make(np.asarray(vectors)),
                parameters=dict(parameters),
                seed=seed,
                seconds=0.01,
                device=device.name,
                curve=(),
                best_epoch=0,
                stopped="",
                warnings=(),
                libraries={},
                model=BlendModel(
                    names=training.names,
                    scorers=(
                        Scorer("raw", weight=np.zeros((3, size), np.float32), bias=np.zeros(3, np.float32)),
                    ),
                    raw_share=1.0,
                    center=None,
                    sharpness=1.0,
                ),
                report={"chosen": "made up"},
            )

        monkeypatch.setitem(RECIPES, "made-up", Recipe("made-up", "Made up", "", "", (), fit))

    return register


# ---- by the project --------------------------------------------------------------------------


def test_a_version_with_better_neighbours_and_a_better_quick_model_becomes_active(labelled, made_of):
    made_of(lambda raw: perfect())
    result = labelled.tune("made-up")
    assert result["active"] is True
    assert labelled.active_embedding == "v1"
    assert re.fullmatch(
        r"Better than raw: top_5 \+[\d.]+ \(\+[\d.]+ to \+[\d.]+\) and accuracy of a quick model \+[\d.]+ "
        r"\(\+[\d.]+ to \+[\d.]+\) \(points with 95 % intervals, on 30 reference labels\)\.",
        result["reason"],
    )
    metrics = result["metrics"]
    assert metrics["top_k"]["5"] == 1.0
    assert metrics["accuracy"]["new"] == 1.0
    assert metrics["accuracy_difference"]["mean"] == pytest.approx(1 - metrics["accuracy"]["raw"], abs=1e-4)
    assert metrics["difference"]["mean"] == pytest.approx(1 - metrics["raw_top_k"]["5"], abs=1e-4)
    assert metrics["report"] == {"chosen": "made up"}


def test_a_version_that_is_worse_stays_aside_and_is_said_to_be(labelled, made_of):
    made_of(lambda raw: without_meaning())
    result = labelled.tune("made-up")
    assert (result["active"], labelled.active_embedding) == (False, "raw")
    assert result["reason"].startswith(
        "Not better than raw beyond doubt, because its neighbours are worse beyond doubt and a quick model "
        "on it is worse beyond doubt: top_5 -"
    )


def test_the_same_vectors_again_are_no_better(labelled, made_of):
    made_of(lambda raw: raw)
    result = labelled.tune("made-up")
    assert result["active"] is False
    assert result["reason"] == (
        "Not better than raw beyond doubt, because its neighbours are no better and a quick "
        "model on it is no better: top_5 +0.0 (+0.0 to +0.0) and accuracy of a quick model +0.0 (+0.0 to "
        "+0.0) (points with 95 % intervals, on 30 reference labels)."
    )


def test_better_neighbours_are_not_enough_where_the_quick_model_is_no_better(labelled, made_of):
    made_of(lambda raw: perfect())
    labelled.tune("made-up")
    assert labelled.active_embedding == "v1"
    # Every record's nearest are still of its own class, and no quick model can be better than all right.
    made_of(lambda raw: unit(perfect() + 0.1))
    result = labelled.tune("made-up")
    assert (result["active"], labelled.active_embedding) == (False, "v1")
    assert result["reason"].startswith(
        "Not better than v1 beyond doubt, because its neighbours are no better"
    )
    assert result["metrics"]["compared_with"] == "v1"
    assert result["metrics"]["difference_to_raw"]["low"] > 0


MEASURED = {
    "measured_on": "reference labels",
    "n_records": 30,
    "main_k": 10,
    "compared_with": "v1",
    "difference": {"mean": 0.2, "low": 0.1, "high": 0.3},
}


def test_a_lead_on_the_quick_model_by_chance_is_said_to_be_one():
    decided = promoting._decide(
        MEASURED | {"accuracy_difference": {"mean": 0.02, "low": -0.01, "high": 0.05}}
    )
    assert decided["active"] is False
    assert decided["reason"] == (
        "Not better than v1 beyond doubt, because a quick model on it is better by no more than "
        "chance may give: top_10 +20.0 (+10.0 to +30.0) and accuracy of a quick model +2.0 (-1.0 to +5.0) "
        "(points with 95 % intervals, on 30 reference labels)."
    )


def test_without_labels_for_a_quick_model_it_stays_aside():
    decided = promoting._decide(MEASURED)
    assert decided["active"] is False
    assert "because too few labels were left to compare a quick model: top_10 +20.0" in decided["reason"]


@pytest.mark.parametrize(
    ("mean", "low", "high", "said"),
    [
        (0.2, 0.1, 0.3, "better beyond doubt"),
        (0.2, 0.0, 0.4, "better by no more than chance may give"),
        (0.0, 0.0, 0.0, "no better"),
        (-0.2, -0.4, 0.1, "no better"),
        (-0.2, -0.3, -0.1, "worse beyond doubt"),
    ],
)
def test_a_difference_is_said_in_the_same_words_everywhere(mean, low, high, said):
    assert promoting.said_of({"mean": mean, "low": low, "high": high}) == said


def test_the_verdict_over_a_version_begins_its_sentence(labelled, made_of):
    made_of(lambda raw: perfect())
    labelled.tune("made-up")
    verdict = promoting.verdict_of(labelled.version("v1"))
    assert verdict.short == "better than raw"
    assert verdict.sentence == labelled.version("v1").gate["reason"]
    assert verdict.sentence.startswith("Better than raw: ")


def test_a_verdict_kept_by_an_older_release_is_said_in_the_words_of_now(labelled, made_of):
    made_of(lambda raw: raw)
    labelled.tune("made-up")
    version = labelled.version("v1")
    now = promoting.verdict_of(version)
    old = replace(version, gate=version.gate | {"reason": "Not better beyond doubt, so raw stays active."})
    assert promoting.verdict_of(old) == now
    scant = replace(old, metrics={"measured_on": "reference labels", "top_k": {"5": 0.5}})
    assert promoting.verdict_of(scant).sentence == (
        "Not better than raw beyond doubt. Not better beyond doubt, so raw stays active."
    )


# ---- what it is measured on ------------------------------------------------------------------


def test_records_that_were_trained_on_are_not_measured(labelled):
    metrics, _ = gate(labelled, perfect(), np.arange(40))
    assert metrics["n_records"] == 20


def test_what_the_active_version_was_trained_on_is_not_measured_either(labelled, made_of):
    made_of(lambda raw: perfect())
    labelled.tune("made-up")  # on records 0 to 29
    metrics, _ = gate(labelled, perfect(), np.arange(30, 40))
    assert metrics["n_records"] == 20
    assert metrics["compared_with"] == "v1"


def test_records_that_came_while_it_trained_are_not_measured(labelled):
    metrics, _ = gate(labelled, perfect()[:50], np.arange(30))
    assert metrics["n_records"] == 20


def test_too_few_labels_to_measure_are_told_and_the_version_can_be_used_by_hand(
    plain_project, made_of, label_rows
):
    made_of(lambda raw: perfect())
    label_rows(plain_project, range(12))
    result = plain_project.tune("made-up")
    assert result["active"] is False
    assert re.match(
        r"Not measured, so not made active: Nothing can be measured on \d labels kept aside from training in "
        r"\d class(es)?: it takes at least 10 in 2\. Label more records\. You can make it active by hand\.$",
        result["reason"],
    )
    assert result["metrics"]["measured_on"] is None
    plain_project.activate("v1")
    assert plain_project.active_embedding == "v1"


def test_labels_kept_aside_measure_where_there_is_no_reference(plain_project, label_rows):
    label_rows(plain_project, range(60))
    aside = np.flatnonzero(plain_project.kept_aside())
    metrics, _ = gate(plain_project, perfect(), np.setdiff1d(np.arange(60), aside))
    assert (metrics["measured_on"], metrics["n_records"]) == ("labels kept aside from training", len(aside))
    # Each class is on a point of its own: what is missing are classes of fewer than six.
    others = np.bincount(TRUTH[aside])[TRUTH[aside]] - 1
    assert metrics["top_k"]["5"] == pytest.approx(np.minimum(1, others / 5).mean(), abs=1e-4)


# ---- the automatic recipe, on the button -------------------------------------------------------


def test_the_button_makes_a_version_with_reasons(labelled, monkeypatch):
    monkeypatch.setattr(auto, "label_folds", partial(label_folds, repeats=1))
    result = labelled.tune(parameters={"budget": 5})
    assert result["recipe"] == "auto"
    version = labelled.version(result["version"])
    assert version.gate["reason"] == result["reason"]
    assert version.metrics["report"]["chosen"] == result["report"]["chosen"]
    assert version.metrics["report"]["reason"].endswith(".")
    assert labelled.vectors("v1").shape == (60, 768 + 3)
    assert result["metrics"]["difference"]["mean"] > 0


def test_a_gate_of_many_classes_with_a_label_or_two_each_is_quiet():
    rng = np.random.default_rng(0)
    labels = np.arange(90) % 30
    vectors = unit(np.eye(30)[labels] + 0.05 * rng.normal(size=(90, 30)))
    names = tuple(map(str, range(30)))
    measure = Measure("reference labels", np.arange(30, 90), labels[30:], names, np.arange(30), labels[:30])
    found = promoting._accuracies({"new": vectors, "raw": vectors[::-1].copy()}, measure)
    assert found["new"].shape == (60,)
    assert found["new"].mean() == 1.0


def test_promoted_by_hand_twice_it_still_knows_what_was_active_before(labelled, made_of):
    made_of(lambda raw: without_meaning())
    labelled.tune("made-up")
    assert labelled.active_embedding == "raw"
    labelled.activate("v1")
    labelled.activate("v1")
    assert labelled.before_active() == "raw"
    assert labelled.version("v1").gate["by_hand"]["before"] == "raw"


def test_an_active_version_without_vectors_for_newer_records_is_compared_on_the_older_ones(labelled, made_of):
    from embtune.embedding.matrix import save_matrix

    made_of(lambda raw: without_meaning())
    labelled.tune("made-up")
    labelled.activate("v1")
    row = labelled.require_embedding("v1")
    file = labelled.folder("embeddings") / "short.npy"
    save_matrix(file, np.asarray(labelled.vectors("v1"))[:50])
    from embtune.store.artifacts import put_embedding

    put_embedding(
        labelled.db,
        labelled.id,
        name="v1",
        model=row.model,
        model_path=row.model_path,
        dim=row.dim,
        n_rows=50,
        file=labelled.relative(file),
        detail=row.detail,
    )
    made_of(lambda raw: perfect())
    made = labelled.tune("made-up")
    assert made["metrics"]["n_records"] == 20  # 30 are trained on, and 10 have no vector under v1
    assert made["active"] is True
