"""Weak supervision of a project: when it runs, what it writes, and how it is taken back."""

import numpy as np
import pytest

from embtune.errors import BadInputError, NotReadyError, UnknownChoiceError

# The project's 60 records: "Alpha story 0", "Beta story 0", "Gamma story 0", "Alpha story 1", …
NAMES = ("Alpha", "Beta", "Gamma")


@pytest.fixture
def voted(project):
    """Six labels a class, and one look-up for each class, which has run."""
    for i, name in enumerate(NAMES):
        project.label(range(i, 18, 3), name)
        project.heuristics.add("lookup", f"finds {name}", label=name, terms=[name.lower()])
    project.heuristics.run()
    return project


def test_it_does_not_run_without_votes_or_on_old_ones(voted):
    assert voted.weak.why_not() is None
    voted.heuristics.change("finds Beta", terms=["beta", "words"])
    assert "'finds Beta' (outdated)" in voted.weak.why_not()
    with pytest.raises(NotReadyError, match="finds Beta"):
        voted.weak.run()
    with pytest.raises(NotReadyError, match="finds Beta"):
        voted.weak.start()
    assert voted.weak.runs() == []
    voted.heuristics.select({"finds Beta": False})
    assert voted.weak.why_not() is None
    voted.heuristics.select({"finds Alpha": False, "finds Gamma": False})
    assert "No heuristic is selected" in voted.weak.why_not("majority")


@pytest.mark.parametrize("model", ["combined", "majority", "precision"])
def test_every_record_gets_its_label_and_no_label_of_a_person_changes(voted, model):
    wrong = voted.label(0, "Gamma", source="lasso")  # the votes say Alpha
    done = voted.weak.run(model)
    state = voted.label_state()
    names = {label.id: label.name for label in voted.labels}
    assert done["n_labelled"] == 60
    assert [names[i] for i in state.label_ids[18:].tolist()] == list(NAMES) * 14
    assert names[int(state.label_ids[0])] == "Gamma"
    assert state.manual[:18].all()
    assert not state.manual[18:].any()
    assert (state.confidence[18:] <= 1).all()
    assert voted.book.action(wrong.id).undone_at is None


def test_without_a_vote_majority_says_nothing(voted):
    voted.heuristics.select({"finds Gamma": False})
    voted.weak.run("majority")
    labels, confidence = voted.weak.labels()
    assert (labels >= 0).sum() == 40
    assert (labels[2::3] == -1).all()
    assert (confidence[2::3] == 0).all()


def test_another_run_takes_the_place_of_the_last_and_can_be_rolled_back(voted):
    first = voted.weak.run("majority")["run"]
    voted.heuristics.select({"finds Gamma": False})
    second = voted.weak.run("majority")["run"]
    assert [(one.id, one.stands) for one in voted.weak.runs()] == [(second, True), (first, False)]
    assert voted.label_state().labelled.sum() == 18 + 28  # Gammas without a manual label have none
    voted.weak.put_in_force(first)
    assert voted.weak.standing().id == first
    assert voted.label_state().labelled.all()
    voted.weak.put_in_force(None)
    assert voted.weak.labels() is None
    assert voted.label_state().labelled.sum() == 18


def test_undoing_it_in_the_history_takes_it_out_of_force(voted):
    voted.weak.run("majority")
    voted.undo()
    assert voted.weak.standing() is None
    assert voted.label_state().labelled.sum() == 18
    voted.redo()
    assert voted.weak.standing() is not None


def test_the_run_says_what_it_heard_and_what_it_is_worth(voted):
    voted.weak.run("majority", threshold=0.9)
    run = voted.weak.standing()
    assert [one["name"] for one in run.heuristics] == [f"finds {name}" for name in NAMES]
    metrics = run.metrics
    # Reference labels of the 42 records without a manual one; every vote is right.
    assert (metrics["measured_on"], metrics["n_measured_on"]) == ("reference labels", 42)
    assert metrics["distribution"]["Beta"]["manual"] == 6
    assert metrics["distribution"]["Beta"]["weak"] == 20
    assert metrics["curve"][0]["n_checked"] == 42
    assert metrics["curve"][0]["accuracy"] == 1.0
    assert {one["name"] for one in metrics["scores"]} >= {"majority", "manual"}
    assert "snorkel" in metrics["missing"] or any(one["name"] == "snorkel" for one in metrics["scores"])


def test_cells_of_the_confusion_matrix_open_their_records(voted):
    voted.label(0, "Gamma")
    voted.weak.run("majority")
    rows, columns, counts = voted.weak.confusion()
    assert (rows, columns) == (list(NAMES), [*NAMES, "no weak label"])
    assert counts.tolist() == [[5, 0, 0, 0], [0, 6, 0, 0], [1, 0, 6, 0]]
    assert voted.weak.cell_rows("Gamma", "Alpha").tolist() == [0]
    voted.heuristics.select({"finds Beta": False})
    voted.weak.run("majority")
    assert voted.weak.cell_rows("Beta", None).tolist() == [1, 4, 7, 10, 13, 16]


def test_filters_ask_what_it_says(voted):
    with pytest.raises(NotReadyError, match="no weak supervision in force"):
        voted.rows_matching({"weak": "Alpha"})
    voted.label(0, "Gamma")
    voted.weak.run("majority")
    assert voted.rows_matching({"weak": {"label": "Alpha"}}).tolist() == list(range(0, 60, 3))
    query = {"all": [{"weak": {"label": "Alpha"}}, {"label": "Gamma"}]}
    assert voted.rows_matching(query).tolist() == [0]


def test_tuning_takes_manual_labels_and_weak_ones_above_the_threshold(voted):
    from embtune.work.tuning import training_set

    voted.weak.run("majority")
    _, confidence = voted.weak.labels()
    assert 0.9 < confidence[18:].min() <= confidence.max() < 1  # of 18 that were all right
    assert len(training_set(voted, min_confidence=0.9).rows) == 60
    assert training_set(voted, min_confidence=1.0).rows.tolist() == list(range(18))


def test_a_threshold_or_model_that_is_none_is_refused(voted):
    with pytest.raises(BadInputError, match="from 0 to 1"):
        voted.weak.run(threshold=1.5)
    with pytest.raises(UnknownChoiceError, match="label model"):
        voted.weak.run("oracle")


def test_the_same_seed_gives_the_same_labels(voted):
    voted.weak.run()
    first = voted.weak.labels()
    voted.weak.run()
    second = voted.weak.labels()
    assert (first[0] == second[0]).all()
    assert np.allclose(first[1], second[1])
