"""What a record's neighbourhood gained and lost from one embedding to another."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from embtune.neighbors.exact import ExactIndex


@dataclass(frozen=True)
class Neighborhood:
    """The k nearest neighbours of a row under one embedding, seen from another one.

    Attributes
    ----------
    rows, cosine
        Shape (k,), most similar first.
    other_ranks
        Shape (k,): rank of each under the other embedding, 1 is its nearest; 0 where it is not in it.
    kept
        Shape (k,): whether it is among the k nearest there too. The others are what one side has
        gained, the other lost.
    """

    rows: NDArray[np.int64]
    cosine: NDArray[np.float32]
    other_ranks: NDArray[np.int64]
    kept: NDArray[np.bool_]

    @property
    def n_changed(self) -> int:
        """How many are not among the k nearest of the other embedding."""
        return int((~self.kept).sum())


@dataclass(frozen=True)
class Share:
    """How many of `n` neighbours carry the query's label, and how many carry a label at all."""

    same: int
    labelled: int
    n: int


def neighborhood(index: ExactIndex, row: int, k: int) -> Neighborhood:
    """Return the k nearest neighbours of a row, compared with nothing: every rank elsewhere is 0.

    Raises
    ------
    BadInputError
        If k is below 1 or the row does not exist.
    """
    rows, cosine = index.query_row(row, k)
    return Neighborhood(rows, cosine, np.zeros(len(rows), dtype=np.int64), np.ones(len(rows), dtype=np.bool_))


def compare(left: ExactIndex, right: ExactIndex, row: int, k: int) -> tuple[Neighborhood, Neighborhood]:
    """Return the k nearest neighbours of a row under two embeddings, each with its ranks in the other.

    One index may have more rows than the other: records that came later.

    Raises
    ------
    BadInputError
        If k is below 1 or the row is not in both.
    """
    return _seen_from(left, right, row, k), _seen_from(right, left, row, k)


def label_share(label: int, labels: NDArray[np.int64]) -> Share:
    """Count the neighbours that carry a label.

    Parameters
    ----------
    label
        The query's label, 0 or more.
    labels
        Shape (k,): the neighbours' labels; negative where there is none.
    """
    return Share(int((labels == label).sum()), int((labels >= 0).sum()), len(labels))


def _seen_from(index: ExactIndex, other: ExactIndex, row: int, k: int) -> Neighborhood:
    rows, cosine = index.query_row(row, k)
    ranks = np.zeros(len(rows), dtype=np.int64)
    known = rows < other.n
    ranks[known] = other.ranks_of(row, rows[known])
    return Neighborhood(rows, cosine, ranks, (ranks >= 1) & (ranks <= k))
