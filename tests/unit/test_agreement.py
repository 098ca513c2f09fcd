"""Annotators side by side: kappa by hand, whose answer counts, and what settles a difference."""

import numpy as np
import pytest

from embtune.errors import BadInputError, NotFoundError, NotReadyError
from embtune.evaluation.agreement import agreement_of


@pytest.fixture
def two(project):
    """Ann answers rows 0 to 9, Bob 0 to 7: they differ on rows 2 and 5."""
    ann, bob = project.view(annotator="ann"), project.view(annotator="bob")
    ann.label(range(0, 5), "Alpha")
    ann.label(range(5, 10), "Beta")
    bob.label([0, 1, 3, 4, 5], "Alpha")
    bob.label([2, 6, 7], "Beta")
    return ann, bob


def test_kappa_matches_the_hand_count():
    # 10 records: alike on 7. Shares of label 1: 6/10 and 5/10, of label 2: 4/10 and 5/10.
    first = np.array([1, 1, 1, 1, 1, 1, 2, 2, 2, 2])
    second = np.array([1, 1, 1, 1, 2, 2, 2, 2, 2, 1])
    found = agreement_of(first, second)
    assert (found.n, found.n_same, found.share) == (10, 7, 0.7)
    expected = 0.6 * 0.5 + 0.4 * 0.5
    assert found.kappa == pytest.approx((0.7 - expected) / (1 - expected))


@pytest.mark.parametrize(
    ("first", "second", "kappa"),
    [
        ([1, 2, 3], [1, 2, 3], 1.0),
        ([1, 1, 2, 2], [1, 2, 1, 2], 0.0),
        ([1, 2], [2, 1], -1.0),
        ([4, 4], [4, 4], None),
    ],
)
def test_kappa_of_plain_cases(first, second, kappa):
    found = agreement_of(np.array(first), np.array(second)).kappa
    assert found is None if kappa is None else found == pytest.approx(kappa)


def test_nothing_to_compare_is_refused():
    with pytest.raises(BadInputError, match="got 0 and 0 answers"):
        agreement_of(np.array([], dtype=int), np.array([], dtype=int))


def test_agreement_counts_what_both_answered(two):
    ann, _ = two
    (pair,) = ann.agreement()
    assert (pair.first, pair.second, pair.n, pair.n_same) == ("ann", "bob", 8, 6)
    # Ann: 5 Alpha, 3 Beta; Bob: 5 Alpha, 3 Beta, of 8.
    expected = (5 / 8) ** 2 + (3 / 8) ** 2
    assert pair.kappa == pytest.approx((6 / 8 - expected) / (1 - expected))
    assert ann.answered_by() == {"ann": 10, "bob": 8}
    assert ann.differing_rows().tolist() == [2, 5]
    assert ann.answers_on([5])[0].answers == {"ann": "Beta", "bob": "Alpha"}


def test_of_an_annotator_the_newest_answer_that_is_not_undone_counts(two):
    ann, bob = two
    action = bob.label([2], "Alpha")
    assert ann.differing_rows().tolist() == [5]
    ann.undo(action.id)
    assert ann.differing_rows().tolist() == [2, 5]
    ann.book.clear([5])
    assert ann.agreement()[0].n == 7


def test_a_label_that_was_merged_counts_for_the_one_it_became(two):
    ann, _ = two
    ann.label_set.merge("Beta", into="Alpha")
    assert ann.differing_rows().tolist() == []
    assert ann.agreement()[0].kappa is None


def test_votes_of_a_model_are_nobodys_answer(project):
    project.label(range(5), "Alpha", source="import", annotator="file")
    project.label(range(5), "Beta")
    assert project.answered_by() == {"me": 5}


def test_settling_is_one_key_and_leaves_the_agreement_as_it_was(two):
    ann, _ = two
    judge = ann.view(annotator="judge")
    book = judge.sessions_book
    session = book.create_of("annotators")
    items = book.items(session)
    assert [item.row for item in items] == [2, 5]
    assert items[0].why == "ann: Alpha; bob: Beta"
    book.answer(session, 0, "Beta")
    assert judge.record(2).label == "Beta"
    assert ann.differing_rows().tolist() == [5]
    assert [(pair.first, pair.second, pair.n_same) for pair in ann.agreement()] == [("ann", "bob", 6)]
    judge.undo()
    assert ann.differing_rows().tolist() == [2, 5]
    book.answer(session, 0, "Beta")
    ann.label([2], "Gamma")  # somebody says otherwise after it was settled
    assert ann.differing_rows().tolist() == [2, 5]


@pytest.mark.parametrize("positions", [[0], [0, 1]])
def test_a_correction_of_what_was_settled_settles_it_too(two, positions):
    ann, _ = two
    judge = ann.view(annotator="judge")
    book = judge.sessions_book
    session = book.create_of("annotators")
    for position in (0, 1):
        book.answer(session, position, "Beta")
    book.correct(session, positions, "Gamma")
    assert judge.record(2).label == "Gamma"
    assert ann.differing_rows().tolist() == []
    assert list(ann.answered_by()) == ["ann", "bob"]  # the judge's answers are nobody's own


def test_a_second_opinion_holds_what_the_other_answered_and_i_did_not(two):
    _, bob = two
    session = bob.sessions_book.create_of("second", of="ann")
    found = bob.session(session)
    assert found.origin["blind"] is True
    assert sorted(item.row for item in bob.sessions_book.items(session)) == [8, 9]
    with pytest.raises(NotFoundError, match="'eve' has labelled"):
        bob.sessions_book.create_of("second", of="eve")
    with pytest.raises(BadInputError, match="another name"):
        bob.sessions_book.create_of("second", of="bob")


def test_a_second_opinion_needs_somebody_elses_labels(project):
    project.label(range(5), "Alpha")
    with pytest.raises(NotReadyError, match="Only 'me' has labelled"):
        project.sessions_book.create_of("second")


def test_a_blind_review_tells_nothing_of_what_was_not_answered(two):
    _, bob = two
    book = bob.sessions_book
    session = book.create_of("second", of="ann")
    assert book.label_counts(session) == {}
    assert book.review(session, "Beta")[0] == 0
    book.answer(session, 0, "Gamma")
    assert book.label_counts(session) == {"Gamma": 1}
