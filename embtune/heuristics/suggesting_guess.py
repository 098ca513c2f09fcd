"""A first guess at the label of every record, from the labelled ones that are like it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float32]

_RIDGE = 1.0
_RIDGE_OF_WORDS = 0.2  # what is alike in words alone is so by less
_SHARPNESS = np.array([1.0, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64])


class Guesser:
    """Ridge regression on the labels, in its dual form: what is alike is compared once for all its fits.

    So a term that two labelled records hold can be judged by the hundred others that hold it.
    """

    def __init__(self, views: Any, rows: NDArray[np.int64], labels: NDArray[np.int64], n_labels: int) -> None:
        """Compare all records with the labelled ones.

        Parameters
        ----------
        views
            Shape (n, d): vectors, or a sparse matrix of words; rows of unit length.
        rows, labels
            Shape (m,): the labelled rows, and their labels as numbers below `n_labels`.
        """
        if isinstance(views, np.ndarray):
            matrix = np.asarray(views, dtype=np.float32)
            matrix = matrix - matrix.mean(axis=0)
            alike = matrix @ matrix[rows].T
            self._ridge = _RIDGE
        else:
            alike = np.asarray((views @ views[rows].T).todense(), dtype=np.float32)
            self._ridge = _RIDGE_OF_WORDS
        self._alike: Matrix = alike + 1.0  # the same for all, so that there is a constant
        self._between = self._alike[rows].astype(np.float64)
        self._labels = labels
        self._shares = np.eye(n_labels)[labels]

    def guess(self, places: NDArray[np.int64]) -> Matrix:
        """Return how likely each record has each label, shape (n, L), from some of the labelled rows.

        Notes
        -----
        The sharpness that gives the labels the highest likelihood, each by the others (the leave-one-out
        residuals of ridge regression are known in closed form), makes scores into probabilities.
        """
        shares, labels = self._shares[places], self._labels[places]
        base = shares.mean(axis=0)
        between = self._between[np.ix_(places, places)]
        inverse = np.linalg.inv(between + self._ridge * np.eye(len(places)))
        dual = inverse @ (shares - base)
        without = shares - dual / np.diag(inverse)[:, None]  # what the others say of each
        at = np.arange(len(places))
        losses = [-np.log(_probability(without, sharp)[at, labels] + 1e-9).mean() for sharp in _SHARPNESS]
        flat = -np.log(np.maximum(base[labels], 1e-9)).mean()
        if min(losses) >= flat:  # the records say nothing about the labels
            return np.tile(base.astype(np.float32), (len(self._alike), 1))
        scores = self._alike[:, places] @ dual.astype(np.float32) + base.astype(np.float32)
        found: Matrix = _probability(scores, _SHARPNESS[int(np.argmin(losses))])
        return found


def _probability(scores: NDArray[Any], sharp: float) -> NDArray[Any]:
    sharpened = np.asarray(scores * scores.dtype.type(sharp))
    sharpened -= sharpened.max(axis=1, keepdims=True)
    np.exp(sharpened, out=sharpened)
    sharpened /= sharpened.sum(axis=1, keepdims=True)
    return sharpened
