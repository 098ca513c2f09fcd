"""Accepting predictions: what a person looked through becomes their labels, in one action."""

import numpy as np
import pytest

from embtune.errors import BadInputError, ConflictError, NotReadyError
from embtune.labeling.accepting import label_still_open


@pytest.fixture
def begun(project):
    """Two labels in each of three classes: enough for a quick model."""
    for i, label in enumerate(project.labels):
        project.label([i, i + 3], label.name)
    return project


def test_accepted_predictions_are_a_persons_votes_and_one_action(begun):
    rows = np.array([40, 10, 25])
    said = begun.quick_predictions("active")[0][rows]
    action = begun.accept_predictions(rows)
    state = begun.label_state()
    assert state.label_ids[rows].tolist() == said.tolist()
    assert state.manual[rows].all()
    assert (action.n_records, action.summary) == (3, "Accepted 3 predictions")
    begun.undo(action.id)
    assert not begun.label_state().labelled[rows].any()


def test_what_the_person_saw_counts_and_not_what_a_newer_model_says(begun):
    first, second = begun.labels[0].id, begun.labels[1].id
    begun.accept_predictions([50, 20], shown=np.array([second, first]))
    assert begun.label_state().label_ids[[20, 50]].tolist() == [first, second]


def test_what_somebody_answered_since_is_kept_and_counted(begun):
    bob = begun.view(annotator="bob")
    first, second = begun.labels[0].id, begun.labels[1].id
    bob.label([20], "Gamma")
    bob.label([21], None)
    begun.label([22], "Alpha", source="model", confidence=0.9)
    action = begun.accept_predictions([20, 21, 22, 50], shown=np.array([first, first, second, second]))
    assert action.summary == "Accepted 2 predictions; left out 2 that a person labelled meanwhile"
    assert (action.n_records, action.label_id) == (2, second)
    names = [begun.record(row).label for row in (20, 21, 22, 50)]
    assert names == ["Gamma", "none of these", "Beta", "Beta"]


def test_an_answer_that_comes_just_before_the_writing_is_kept_too(begun, monkeypatch):
    bob = begun.view(annotator="bob")
    write = begun.db.write

    def slow_write():
        monkeypatch.setattr(begun.db, "write", write)
        bob.label([20], "Gamma")
        return write()

    monkeypatch.setattr(begun.db, "write", slow_write)
    assert begun.accept_predictions([20, 50]).n_records == 1
    assert begun.record(20).label == "Gamma"


def test_nothing_is_written_where_somebody_answered_all_of_it(begun):
    begun.view(annotator="bob").label([20, 21], "Gamma")
    before = len(begun.history())
    with pytest.raises(ConflictError, match="A person labelled all of these already"):
        begun.accept_predictions([20, 21])
    with pytest.raises(ConflictError, match="A person labelled all of these meanwhile"):
        label_still_open(begun, [20, 21], "Alpha", [20, 21])
    assert len(begun.history()) == before


def test_what_was_open_keeps_a_newer_answer_and_what_was_not_is_changed(begun):
    begun.label([20], "Beta")
    begun.view(annotator="bob").label([21], "Gamma")
    action = label_still_open(begun, [20, 21, 22], "Alpha", [21, 22], source="lasso", detail={"from": "map"})
    assert [begun.record(row).label for row in (20, 21, 22)] == ["Alpha", "Gamma", "Alpha"]
    assert action.summary == "Labelled 2 records Alpha; left out 1 that a person labelled meanwhile"
    assert (action.source, action.detail) == ("lasso", {"left_out": 1, "from": "map"})
    begun.undo(action.id)
    assert [begun.record(row).label for row in (20, 21, 22)] == ["Beta", "Gamma", None]
    assert label_still_open(begun, [23], None, [23]).summary == "Labelled 1 record none of these"
    assert begun.record(23).label == "none of these"


def test_a_label_that_was_deleted_meanwhile_is_not_given(begun, monkeypatch):
    kept = begun.label_named("Gamma")
    begun.label_set.delete("Gamma")
    monkeypatch.setattr(
        type(begun), "label_named", lambda self, name: kept
    )  # as a page drawn before it has it
    with pytest.raises(ConflictError, match="deleted meanwhile"):
        label_still_open(begun, [23], "Gamma", [23])


def test_a_record_named_twice_is_one_vote(begun):
    assert begun.accept_predictions([30, 30, 31]).n_records == 2


def test_nothing_is_accepted_without_a_prediction(project):
    with pytest.raises(NotReadyError, match="Nothing is predicted yet"):
        project.accept_predictions([1, 2])
    assert project.history() == []


@pytest.mark.parametrize(
    ("rows", "options", "message"),
    [
        ([], {}, "No record was chosen"),
        ([1], {"source": "model"}, "no source of a person"),
        ([1, 2], {"shown": np.array([1])}, "1 labels were given for 2 records"),
        ([1], {"shown": np.array([99_999])}, "not in the label set"),
    ],
)
def test_bad_input_is_refused_whole(begun, rows, options, message):
    before = len(begun.history())
    with pytest.raises(BadInputError, match=message):
        begun.accept_predictions(rows, **options)
    assert len(begun.history()) == before
