"""What heuristics are worth: how much they cover, how far they agree, how often they are right."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from embtune.errors import UnknownChoiceError
from embtune.evaluation.wilson import wilson
from embtune.heuristics.base import ABSTAIN

Labels = NDArray[np.int64]
Mask = NDArray[np.bool_]

PARTS = ("hits", "overlaps", "conflicts", "adds", "known", "right", "wrong")
"""The sets of records behind the counts; see `rows_where`."""

# A vote is of a kind: a sum of these. Then a column of `_HAS` tells which kinds a count takes in.
_SEVERAL, _DIFFERS, _KNOWN, _RIGHT = 1, 2, 4, 8
_N_KINDS = 16
_HAS = np.array(
    [[1, *(kind & bit != 0 for bit in (_SEVERAL, _DIFFERS, _KNOWN, _RIGHT))] for kind in range(_N_KINDS)],
    np.int64,
)


@dataclass(frozen=True)
class Counts:
    """Records of n on which a heuristic voted, all or those that it gave one label.

    Attributes
    ----------
    hits
        It voted.
    overlaps
        Another heuristic voted, too.
    conflicts
        Another voted otherwise.
    n_known, n_right
        There is a manual label; and the vote is the same.
    """

    n: int
    hits: int
    overlaps: int
    conflicts: int
    n_known: int
    n_right: int

    @property
    def coverage(self) -> float:
        """Share of the records it voted on; 0 if there is no record."""
        return self.hits / self.n if self.n else 0.0

    @property
    def adds(self) -> int:
        """Records that no other heuristic voted on."""
        return self.hits - self.overlaps

    @property
    def n_wrong(self) -> int:
        """Records whose manual label is another one."""
        return self.n_known - self.n_right

    @property
    def precision(self) -> float | None:
        """Share of its votes that is right, where a manual label tells; None if none does."""
        return self.n_right / self.n_known if self.n_known else None

    @cached_property
    def interval(self) -> tuple[float, float]:
        """Wilson's 95 % interval of the precision; (0, 1) if nothing is known."""
        return wilson(self.n_right, self.n_known)


@dataclass(frozen=True)
class Statistics(Counts):
    """The counts of one heuristic, and of each label it voted for, by number."""

    by_label: dict[int, Counts] = field(default_factory=dict)


def statistics(votes: Labels, known: Labels) -> list[Statistics]:
    """Count for every heuristic what it covers, shares with others, and gets right.

    Parameters
    ----------
    votes
        Shape (n, m), int64: label numbers, `ABSTAIN` where heuristic j has no opinion.
    known
        Shape (n,): the manual labels, `ABSTAIN` elsewhere.

    Returns
    -------
    list of Statistics
        One a heuristic, in order.

    Raises
    ------
    ValueError
        If the shapes do not fit.

    Notes
    -----
    As Snorkel's `LFAnalysis` counts them (Ratner et al. 2017, doi:10.14778/3157794.3157797), in records
    instead of shares.
    """
    _check(votes, known)
    n = len(votes)
    by_heuristic = np.ascontiguousarray(votes.T)
    several, differs = _shared(by_heuristic)
    flags = several * _SEVERAL + differs * _DIFFERS + (known != ABSTAIN) * _KNOWN
    found = []
    for column in by_heuristic:
        rows = np.flatnonzero(column != ABSTAIN)
        given = column[rows]
        labels = _distinct(given)
        kind = flags[rows] + (given == known[rows]) * _RIGHT
        place = np.searchsorted(labels, given) * _N_KINDS + kind
        counted = np.bincount(place, minlength=len(labels) * _N_KINDS).reshape(-1, _N_KINDS) @ _HAS
        split = {int(label): Counts(n, *line) for label, line in zip(labels, counted.tolist(), strict=True)}
        hits, overlaps, conflicts, n_known, n_right = counted.sum(axis=0).tolist()
        found.append(Statistics(n, hits, overlaps, conflicts, n_known, n_right, split))
    return found


def rows_where(votes: Labels, j: int, what: str, known: Labels) -> NDArray[np.int64]:
    """Return the rows behind one of heuristic j's counts, ascending.

    Parameters
    ----------
    what
        One of `PARTS`: "hits", "overlaps", "conflicts", "adds" (no other voted), "known" (there is a manual
        label), "right", "wrong".

    Raises
    ------
    UnknownChoiceError
        If there is no such part.
    ValueError
        If the shapes do not fit.
    """
    _check(votes, known)
    given = votes[:, j]
    hit = given != ABSTAIN
    several, differs = _shared(votes.T)
    true = known != ABSTAIN
    masks = {
        "hits": hit,
        "overlaps": hit & several,
        "conflicts": hit & differs,
        "adds": hit & ~several,
        "known": hit & true,
        "right": hit & true & (given == known),
        "wrong": hit & true & (given != known),
    }
    if what not in masks:
        raise UnknownChoiceError("part", what, PARTS)
    return np.flatnonzero(masks[what])


def _shared(by_heuristic: Labels) -> tuple[Mask, Mask]:
    """Tell which records have several votes, and which have votes that differ; of votes (m, n), both (n,)."""
    n = by_heuristic.shape[1]
    n_votes = np.zeros(n, np.int32)
    lowest, highest = np.full(n, np.iinfo(np.int64).max), np.full(n, ABSTAIN, np.int64)
    for column in by_heuristic:
        voted = column != ABSTAIN
        n_votes += voted
        np.minimum(lowest, column, out=lowest, where=voted)
        np.maximum(highest, column, out=highest)  # abstaining is below any label
    several: Mask = n_votes > 1
    return several, several & (lowest != highest)


def _distinct(values: Labels) -> Labels:
    """Return each value once, ascending; label numbers are small as a rule, and then it is quick."""
    if len(values) and values.min() >= 0 and values.max() < 1_000_000:
        return np.flatnonzero(np.bincount(values))
    return np.unique(values)


def _check(votes: Labels, known: Labels) -> None:
    if votes.ndim != 2 or known.shape != (len(votes),):
        raise ValueError(f"The votes have the shape {votes.shape} and the manual labels {known.shape}.")
