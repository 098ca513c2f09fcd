"""Records on which all heuristics say the same: there are far fewer such patterns than records."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def distinct_rows(matrix: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Return the distinct rows of a matrix (n, m), m >= 1, and which of them each row is, shape (n,)."""
    whole = np.ascontiguousarray(matrix)
    rows: NDArray[Any] = whole.view(np.dtype((np.void, whole.itemsize * whole.shape[1]))).ravel()
    _, first, at = np.unique(rows, return_index=True, return_inverse=True)
    return whole[first], at.ravel()


def what_is_voted(votes: NDArray[np.int64]) -> list[tuple[int, int]]:
    """List heuristic and class of all votes that occur, in order; votes have the shape (n, m), -1 is none."""
    return [
        (j, place) for j in range(votes.shape[1]) for place in np.unique(votes[:, j]).tolist() if place >= 0
    ]
