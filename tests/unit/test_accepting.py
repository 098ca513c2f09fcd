"""Accepting predictions: what a person looked through becomes their labels, in one action."""

import numpy as np
import pytest

from embtune.errors import BadInputError, NotReadyError


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
