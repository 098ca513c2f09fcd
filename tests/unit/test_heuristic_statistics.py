"""Coverage, overlaps, conflicts and precision, counted by hand."""

import numpy as np
import pytest

from embtune.errors import UnknownChoiceError
from embtune.evaluation.wilson import wilson
from embtune.heuristics.statistics import PARTS, rows_where, statistics

A, B, _ = 12, 13, -1

VOTES = np.array(
    [
        [A, A, _],  # two agree
        [A, B, _],  # two differ
        [A, _, _],  # one alone
        [_, _, _],
        [_, B, B],
        [A, A, B],  # the third differs
    ]
)
KNOWN = np.array([A, B, _, A, B, A])


@pytest.mark.parametrize(
    ("j", "hits", "overlaps", "conflicts", "adds", "n_known", "n_right"),
    [(0, 4, 3, 2, 1, 3, 2), (1, 4, 4, 2, 0, 4, 4), (2, 2, 2, 1, 0, 2, 1)],
)
def test_counts_are_those_of_a_hand_count(j, hits, overlaps, conflicts, adds, n_known, n_right):
    found = statistics(VOTES, KNOWN)[j]
    assert (found.hits, found.overlaps, found.conflicts, found.adds) == (hits, overlaps, conflicts, adds)
    assert (found.n_known, found.n_right, found.n_wrong) == (n_known, n_right, n_known - n_right)
    assert found.coverage == pytest.approx(hits / 6)
    assert found.precision == pytest.approx(n_right / n_known)
    assert found.interval == wilson(n_right, n_known)


def test_a_heuristic_of_several_labels_is_counted_label_by_label():
    found = statistics(VOTES, KNOWN)[1].by_label
    assert list(found) == [A, B]
    assert (found[A].hits, found[A].conflicts, found[A].n_known, found[A].n_right) == (2, 1, 2, 2)
    assert (found[B].hits, found[B].conflicts, found[B].n_known, found[B].n_right) == (2, 1, 2, 2)
    assert found[A].coverage == pytest.approx(2 / 6)


def test_without_manual_labels_precision_is_unknown():
    found = statistics(VOTES, np.full(6, -1))[0]
    assert found.precision is None
    assert found.interval == (0.0, 1.0)


def test_one_heuristic_alone_adds_all_it_hits():
    (found,) = statistics(VOTES[:, :1], KNOWN)
    assert (found.hits, found.overlaps, found.conflicts, found.adds) == (4, 0, 0, 4)


@pytest.mark.parametrize("votes", [np.zeros((6, 0), np.int64), np.full((6, 2), -1)])
def test_no_votes_are_no_hits(votes):
    assert [found.hits for found in statistics(votes, KNOWN)] == [0] * votes.shape[1]


def test_no_records_cover_nothing():
    (found,) = statistics(np.zeros((0, 1), np.int64), np.zeros(0, np.int64))
    assert (found.coverage, found.precision, found.by_label) == (0.0, None, {})


@pytest.mark.parametrize(
    ("j", "what", "rows"),
    [
        (0, "hits", [0, 1, 2, 5]),
        (0, "overlaps", [0, 1, 5]),
        (0, "conflicts", [1, 5]),
        (0, "adds", [2]),
        (0, "known", [0, 1, 5]),
        (0, "right", [0, 5]),
        (0, "wrong", [1]),
        (2, "conflicts", [5]),
    ],
)
def test_the_rows_behind_a_number(j, what, rows):
    assert rows_where(VOTES, j, what, KNOWN).tolist() == rows


def test_numbers_and_rows_agree_on_random_votes():
    generator = np.random.default_rng(3)
    votes = generator.integers(-1, 4, (300, 6)) * generator.integers(0, 2, (300, 6))
    votes[votes == 0] = -1
    known = generator.integers(-1, 4, 300)
    for j, found in enumerate(statistics(votes, known)):
        counts = (found.hits, found.overlaps, found.conflicts, found.adds)
        counts += (found.n_known, found.n_right, found.n_wrong)
        assert counts == tuple(len(rows_where(votes, j, what, known)) for what in PARTS)
        assert sum(part.hits for part in found.by_label.values()) == found.hits


def test_what_cannot_be_counted_is_refused():
    with pytest.raises(UnknownChoiceError, match="Unknown part 'most'"):
        rows_where(VOTES, 0, "most", KNOWN)
    with pytest.raises(ValueError, match=r"\(6, 3\) and the manual labels \(5,\)"):
        statistics(VOTES, KNOWN[:5])
