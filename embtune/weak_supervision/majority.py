"""Majority vote: every vote counts the same."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from embtune.weak_supervision.base import Matrix, Opinion, cross_fitted
from embtune.weak_supervision.evidence import Evidence


class Majority:
    """The label with most votes."""

    name: ClassVar[str] = "majority"
    title: ClassVar[str] = "Majority vote"
    about: ClassVar[str] = (
        "Every vote counts the same; of equal votes the label that is more common in all wins."
    )
    votes: ClassVar[bool] = True
    vectors: ClassVar[bool] = False

    def missing(self, n_heuristics: int, n_classes: int) -> str | None:
        """Run anywhere."""
        return None

    def fit(self, evidence: Evidence) -> Opinion:
        """Count votes; nothing is learned."""
        return cross_fitted(lambda _: vote_shares(evidence), evidence, learns=False)


def vote_shares(evidence: Evidence) -> Matrix:
    """Return each class's share of a record's votes, shape (n, C), with one vote dealt out beforehand.

    So three votes for a label say more than one, and equal votes go to the label voted for more in all.
    """
    n, n_classes = evidence.n, evidence.n_classes
    counts = np.zeros((n, n_classes), dtype=np.float32)
    rows, heuristics = np.nonzero(evidence.votes >= 0)
    np.add.at(counts, (rows, evidence.votes[rows, heuristics]), 1)
    common = counts.sum(axis=0) + 1
    shares = (counts + common / common.sum()) / (counts.sum(axis=1, keepdims=True) + 1)
    shares[~evidence.voted] = 0
    return np.asarray(shares, dtype=np.float32)
