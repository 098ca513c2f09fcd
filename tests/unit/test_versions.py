"""Tuning through the façade: what is trained on, what is measured, and which version goes live."""

import pytest

from embtune.errors import BadInputError, NotReadyError, TooFewLabelsError, UnknownChoiceError
from embtune.store.artifacts import rows_trained_on
from embtune.tuning.recipes import RECIPES
from embtune.tuning.recipes.base import Recipe


@pytest.fixture
def project(faint_project):
    return faint_project


def test_a_version_that_is_better_becomes_active(project, axes, label_rows):
    label_rows(project, range(0, 30))
    result = project.tune("axes")
    assert (result["version"], result["recipe"], result["active"]) == ("v1", "axes", True)
    assert result["reason"].startswith("Better than raw: top_5 +")
    assert project.active_embedding == "v1"
    assert project.vectors("best") is project.vectors("v1")
    version = project.version("best")
    assert (version.name, version.labels["n"], version.labels["by_source"]) == ("v1", 30, {"manual": 30})
    assert version.labels["counts"] == {"Alpha": 10, "Beta": 10, "Gamma": 10}
    assert version.metrics["top_k"]["10"] > version.metrics["raw_top_k"]["10"]
    assert version.curve == [{"epoch": 1, "train_loss": 0.5}]
    assert project.status()["versions"][0]["active"] is True


def test_a_version_that_is_not_better_stays_aside_with_the_reason(project, axes, label_rows):
    label_rows(project, range(0, 30))
    result = project.tune("axes", parameters={"keep": "noise"})
    assert result["active"] is False
    assert result["reason"].startswith(
        "Not better than raw beyond doubt, because its neighbours are worse beyond doubt and a quick model"
    )
    assert project.active_embedding == "raw"
    assert project.version("v1").gate == {"active": False, "reason": result["reason"], "before": "raw"}
    same = project.tune("axes", parameters={"keep": "all"})
    assert (same["version"], same["active"]) == ("v2", False)
    assert same["metrics"]["difference"] == {"mean": 0.0, "low": 0.0, "high": 0.0}


def test_promote_and_roll_back(project, axes, label_rows):
    label_rows(project, range(0, 30))
    project.tune("axes")
    project.activate("raw")
    assert project.active_embedding == "raw"
    with pytest.raises(NotReadyError, match=r"active embedding of project 'demo' is raw, .* name one of v1"):
        project.version("best")
    project.activate("v1")
    assert project.active_embedding == "v1"
    with pytest.raises(UnknownChoiceError, match=r"Unknown embedding 'v2'\. Choose one of: raw, v1"):
        project.activate("v2")
    with pytest.raises(BadInputError, match="'v1' is the active embedding: make another one active"):
        project.delete_version("v1")
    project.activate("raw")
    files = [project.path(project.require_embedding("v1").file), project.path(project.version("v1").folder)]
    project.delete_version("v1")
    assert [path.exists() for path in files] == [False, False]
    assert [row.name for row in project.embeddings] == ["raw"]


def test_trained_records_are_never_measured_and_reference_labels_never_trained_on(project, axes, label_rows):
    label_rows(project, range(0, 30))
    result = project.tune("axes")
    assert axes[0].rows.tolist() == list(range(30))
    assert [row for row, _ in rows_trained_on(project.db, project.id, "v1")] == list(range(30))
    assert result["metrics"]["n_records"] == 30
    label_rows(project, range(30, 36))
    again = project.tune("axes")
    assert again["metrics"]["n_records"] == 24
    assert again["metrics"]["compared_with"] == "v1"
    unseen = project.evaluate(embedding="v1", ks=[5], leave_out="v1", maps=False)
    assert (unseen["n_records"], unseen["n_trained_on"]) == (30, 0)
    assert project.evaluate(embedding="v1", ks=[5], maps=False)["n_trained_on"] == 30


def test_a_reference_label_that_contradicts_trains_nothing(project, axes):
    project.label(range(0, 10), "Alpha")
    project.label(range(10, 20), "Beta")
    project.tune("axes")
    assert axes[0].names == ("Alpha", "Beta")
    assert axes[0].labels.tolist() == [0] * 10 + [1] * 10


def test_labels_kept_aside_are_not_trained_on(plain_project, axes, label_rows):
    label_rows(plain_project, range(60))
    plain_project.tune("axes")
    assert not plain_project.kept_aside()[axes[0].rows].any()
    readiness = plain_project.readiness()
    assert readiness["n"] == len(axes[0].rows) == 60 - readiness["n_kept_aside"]


def test_weak_labels_enter_from_the_least_confidence_on(project, axes, label_rows):
    label_rows(project, range(0, 12))
    label_rows(project, range(12, 18), source="model", confidence=0.7)
    label_rows(project, range(18, 24), source="weak supervision", confidence=0.69)
    project.tune("axes")
    assert axes[0].rows.tolist() == list(range(18))
    assert axes[0].weights.tolist() == pytest.approx([1.0] * 12 + [0.7] * 6)
    project.tune("axes", min_confidence=0.5)
    assert axes[1].rows.tolist() == list(range(24))


def test_weak_labels_weigh_their_confidence_or_as_much_as_manual_ones(project, axes, label_rows):
    label_rows(project, range(0, 12))
    label_rows(project, [12], source="weak supervision", confidence=0.75)
    project.tune("axes")
    project.tune("axes", weight_by_confidence=False)
    weighed, alike = (dict(zip(one.rows.tolist(), one.weights.tolist(), strict=True)) for one in axes)
    assert (weighed[12], alike[12]) == (0.75, 1)
    assert {weighed[row] for row in range(12)} == {1}
    for name, how in (("v1", True), ("v2", False)):
        version = project.version(name)
        assert version.parameters["weight_by_confidence"] is version.labels["weight_by_confidence"] is how


def test_what_a_tuning_refuses(project, axes):
    with pytest.raises(TooFewLabelsError, match="at least 2 classes with 2 labels each: there are no labels"):
        project.tune("axes")
    project.label([0, 1, 2], "Alpha")
    with pytest.raises(TooFewLabelsError, match="there are 3 in 'Alpha'; 1 more such class is missing"):
        project.tune("axes")
    with pytest.raises(
        UnknownChoiceError, match=r"Unknown recipe 'magic'\. Choose one of: auto, axes, propagate"
    ):
        project.tune("magic")
    with pytest.raises(UnknownChoiceError, match=r"Unknown parameter of axes 'width'\. Choose one of: keep"):
        project.tune("axes", parameters={"width": 3})
    with pytest.raises(NotReadyError, match="has no tuned version yet: tune it first"):
        project.version("best")
    assert project.versions == []


def test_a_class_of_one_is_left_out_with_a_warning(project, axes, label_rows):
    label_rows(project, range(0, 30, 3))
    label_rows(project, range(1, 30, 3))
    project.label([2], "Gamma")
    result = project.tune("axes")
    assert result["warnings"] == ["Left out 'Gamma': it has 1 label, and a class needs at least 2."]
    assert axes[0].names == ("Alpha", "Beta")


def test_readiness_asks_for_as_many_labels_as_the_recipe_needs(project):
    project.label([0], "Alpha")
    project.label([1], "Beta")
    automatic = project.readiness(recipe="auto")
    assert (automatic["enough"], automatic["missing"]) == (True, [])
    assert automatic["advice"][0] == "Alpha has only 1 record; 5 or more make the result steadier."
    triplets = project.readiness(recipe="quaterion-triplet")
    assert triplets["enough"] is False
    assert triplets["missing"] == [
        "Tuning needs at least 2 labels with 2 records each; none has that many now."
    ]
    assert triplets["advice"][0] == "Alpha has 1 record and is left out; give it at least 5."


def test_too_few_labels_to_measure_leave_a_version_aside(plain_project, axes, label_rows):
    label_rows(plain_project, range(12))
    result = plain_project.tune("axes")
    assert result["active"] is False
    assert result["reason"].startswith("Not measured, so not made active: Nothing can be measured on")
    assert result["metrics"]["measured_on"] is None


def test_labels_and_records_may_change_while_it_trains(project, axes, monkeypatch, label_rows):
    label_rows(project, range(0, 30))
    plain = RECIPES["axes"].fit

    def meanwhile(*given, **options):
        last = next(action for action in project.history() if action.kind == "votes")
        project.book.rename_label("Alpha", "Anfang")
        project.undo(last.id)
        project.import_records(
            b"title,body,topic\nBeta late,One,Beta\n", name="late.csv", reference_field="topic"
        )
        return plain(*given, **options)

    monkeypatch.setitem(
        RECIPES, "axes", Recipe("axes", "Axes", "", "", RECIPES["axes"].parameters, meanwhile)
    )
    result = project.tune("axes")
    version = project.version(result["version"])
    assert version.labels["by_source"] == {"manual": 30}
    assert len(rows_trained_on(project.db, project.id, "v1")) == 30
    assert result["metrics"]["n_records"] == 30
    since = project.labels_since("v1")
    assert (since.new, since.changed, since.gone) == (0, 0, 10)


def test_labels_of_classes_with_a_single_one_are_not_counted_as_removed(project, label_rows):
    label_rows(project, [0, 3, 6, 1, 4, 2])  # three Alpha, two Beta, one Gamma
    project.tune("propagate")
    assert not project.labels_since("v1")


def test_judgements_alone_make_a_version_and_their_records_count_as_seen(home, tmp_path):
    import json

    import numpy as np

    import embtune

    rng = np.random.default_rng(0)
    np.save(tmp_path / "vectors.npy", rng.normal(size=(24, 8)).astype(np.float32))
    project = embtune.open("judged")
    rows = [{"t": f"text {i}"} for i in range(24)]
    project.import_records(json.dumps(rows).encode(), name="t.json", text="{t}")
    project.embed(vectors=tmp_path / "vectors.npy")
    for i in range(0, 12, 2):
        project.judge_pair(i, i + 1, 1.0 if i % 4 == 0 else 0.0)
    assert project.readiness(recipe="quaterion")["enough"]
    made = project.tune("quaterion", parameters={"max_epochs": 2})
    seen = rows_trained_on(project.db, project.id, made["version"])
    assert [row for row, _ in seen] == list(range(12))
    assert {label for _, label in seen} == {0}
    assert not project.labels_since("v1")


def test_labels_of_another_task_are_not_new_to_a_version(project, axes, label_rows):
    label_rows(project, range(12))
    project.tune("axes", parameters={"keep": "signal"})
    project.activate("v1")
    tone = project.add_task("Tone")
    label_rows(tone, range(48))
    assert tone.version("v1").labels["task"] == project.task.id
    assert not tone.labels_since("v1")
    assert tone.next_step().page != "tune"
    label_rows(project, range(12, 48))
    assert project.labels_since("v1").new == 36
    assert project.next_step().page == "tune"
