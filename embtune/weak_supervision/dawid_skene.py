"""Dawid and Skene's model: every heuristic has a confusion matrix, found together with the labels."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from embtune.weak_supervision.base import Matrix, Opinion
from embtune.weak_supervision.evidence import Evidence
from embtune.weak_supervision.majority import vote_shares
from embtune.weak_supervision.patterns import distinct_rows, what_is_voted

_STEPS = 10
_BELIEVED = 2.0  # records that are believed beforehand, at which a heuristic is as it is on average
_LEAN = 2.0  # how much oftener than on average it is believed to vote for what is true
_LEAST = 1e-3  # that it is silent


class DawidSkene:
    """Dawid–Skene by expectation maximisation; silence is an answer, and manual labels are fixed.

    Notes
    -----
    Dawid and Skene (1979), Maximum likelihood estimation of observer error-rates using the EM algorithm.
    Libraries for crowds take it that a worker who says nothing was not asked. Most heuristics have
    one label and speak where they see it: without their silence, all that is left is a worker who gives
    one answer to everything, which tells nothing. So silence is one more answer here.
    """

    name: ClassVar[str] = "dawid-skene"
    title: ClassVar[str] = "Dawid–Skene"
    about: ClassVar[str] = "Finds each heuristic's mistakes and the labels together; manual labels are fixed."
    votes: ClassVar[bool] = True
    vectors: ClassVar[bool] = False

    def missing(self, n_heuristics: int, n_classes: int) -> str | None:
        """Run anywhere."""
        return None

    def fit(self, evidence: Evidence) -> Opinion:
        """Run with the manual labels; and without any, for the records that have one."""
        held_out = _agreed(evidence, np.full_like(evidence.known, -1))[evidence.rows]
        return Opinion(_agreed(evidence, evidence.known), held_out)


def _agreed(evidence: Evidence, known: NDArray[np.int64]) -> Matrix:
    """Return class probabilities from the votes alone, shape (n, C); known labels shape the model."""
    n_classes, voted = evidence.n_classes, evidence.voted
    found = np.zeros((evidence.n, n_classes), dtype=np.float32)
    if not voted.any():
        return found
    patterns, at = distinct_rows(evidence.votes[voted])
    labels = known[voted]
    free = np.bincount(at[labels < 0], minlength=len(patterns))[:, None]
    fixed = np.zeros((len(patterns), n_classes))
    np.add.at(fixed, (at[labels >= 0], labels[labels >= 0]), 1)
    columns = what_is_voted(patterns)
    heuristic = np.array([j for j, _ in columns])
    says = np.stack([patterns[:, j] == place for j, place in columns], axis=1).astype(np.float64)
    silent = (patterns < 0).astype(np.float64)
    lean = 1 + _LEAN * (np.array([place for _, place in columns])[:, None] == np.arange(n_classes))
    average = (says.T @ (free[:, 0] + fixed.sum(axis=1)) / len(at))[:, None]
    share = np.zeros((len(patterns), n_classes))
    share[at] = vote_shares(evidence)[voted]
    for _ in range(_STEPS):
        counts = free * share + fixed
        total = counts.sum(axis=0)
        rate = (says.T @ counts + _BELIEVED * average * lean) / (total + _BELIEVED * lean)
        spoken = np.zeros((patterns.shape[1], n_classes))
        np.add.at(spoken, heuristic, rate)
        common = (total + 1) / (total + 1).sum()
        scores = says @ np.log(rate) + silent @ np.log(np.maximum(1 - spoken, _LEAST)) + np.log(common)
        share = np.exp(scores - scores.max(axis=1, keepdims=True))
        share /= share.sum(axis=1, keepdims=True)
    found[voted] = share[at]
    return found
