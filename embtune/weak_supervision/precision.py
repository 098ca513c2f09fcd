"""Votes weighted by how often each heuristic was right on manual labels."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from embtune.weak_supervision.base import Matrix, Opinion, cross_fitted
from embtune.weak_supervision.evidence import Evidence

_PRIOR_HITS = 4.0  # how many hits the mean precision of all heuristics counts
_START = (2.0, 1.0)  # right and wrong hits that are believed before any is seen
_BOUNDS = (0.02, 0.98)


class Precision:
    """Votes weighted by the log-odds of their estimated precision."""

    name: ClassVar[str] = "precision"
    title: ClassVar[str] = "Vote by precision"
    about: ClassVar[str] = (
        "A vote counts the more, the more often its heuristic was right with that label on manual labels."
    )
    votes: ClassVar[bool] = True
    vectors: ClassVar[bool] = False

    def missing(self, n_heuristics: int, n_classes: int) -> str | None:
        """Run anywhere."""
        return None

    def fit(self, evidence: Evidence) -> Opinion:
        """Estimate precisions, cross-fitted, and add up log-odds."""
        return cross_fitted(lambda known: _weighted(evidence, known), evidence)


def precisions(votes: NDArray[np.int64], known: NDArray[np.int64], n_classes: int) -> NDArray[np.float64]:
    """Estimate how often each heuristic is right where it votes for each class, shape (m, C).

    Few hits are drawn to the mean precision of all heuristics, and that to 2 in 3.
    """
    m = votes.shape[1]
    rows, heuristics = np.nonzero((votes >= 0) & (known >= 0)[:, None])
    voted = votes[rows, heuristics]
    right = voted == known[rows]
    at = heuristics * n_classes + voted
    hits = np.bincount(at, minlength=m * n_classes).reshape(m, n_classes)
    good = np.bincount(at, weights=right, minlength=m * n_classes).reshape(m, n_classes)
    mean = (good.sum() + _START[0]) / (hits.sum() + sum(_START))
    found: NDArray[np.float64] = (good + _PRIOR_HITS * mean) / (hits + _PRIOR_HITS)
    return np.clip(found, *_BOUNDS)


def _weighted(evidence: Evidence, known: NDArray[np.int64]) -> Matrix:
    n_classes = evidence.n_classes
    precision = precisions(evidence.votes, known, n_classes)
    weight = np.log(precision * (n_classes - 1) / (1 - precision))
    rows, heuristics = np.nonzero(evidence.votes >= 0)
    voted = evidence.votes[rows, heuristics]
    scores = np.zeros((evidence.n, n_classes))
    np.add.at(scores, (rows, voted), weight[heuristics, voted] * evidence.confidence[rows, heuristics])
    scores = np.exp(scores - scores.max(axis=1, keepdims=True))
    scores /= scores.sum(axis=1, keepdims=True)
    scores[~evidence.voted] = 0
    return np.asarray(scores, dtype=np.float32)
