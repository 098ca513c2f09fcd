"""What the names of classes say of records, before labels say it better."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float32]

NEAREST = 15
"""So many records next to a class's name, of no label yet, count as if they were a little of the class."""

_SHARPNESS = 20.0  # of cosines, as sentence encoders are trained with
_NEAR = 0.2  # of a label, each record next to the name
_FEWEST_EACH = 4  # times the records must be more than what all names together take


@dataclass(frozen=True)
class NameHints:
    """The names of C classes, and the records next to each.

    Attributes
    ----------
    names
        Shape (C, d), of unit length.
    rows, labels
        Shape (h,): records next to a name, and whose name it is.
    """

    names: Matrix
    rows: NDArray[np.int64]
    labels: NDArray[np.int64]

    def weights(self, labels: NDArray[np.int64], kept: NDArray[Any], n_classes: int) -> tuple[Matrix, Matrix]:
        """Return how much each near record (h, M) and each name (C, M) counts beside labels, shape (m,).

        `kept`, shape (m, M), is how much each label counts for each of M models. A name counts like one label
        where there is none, and like 1 / (1 + k) ** 2 beside k labels of its class.
        """
        known = np.zeros((n_classes, kept.shape[1]), dtype=np.float32)
        np.add.at(known, labels, kept)
        alone = (1.0 / (1.0 + known) ** 2).astype(np.float32)
        return (np.float32(_NEAR) * alone[self.labels]).astype(np.float32), alone

    def alike(self, vectors: NDArray[Any]) -> Matrix:
        """Return the log share of each name in what a record is like, shape (n, C)."""
        scores = np.float32(_SHARPNESS) * (np.asarray(vectors, dtype=np.float32) @ self.names.T)
        scores -= scores.max(axis=1, keepdims=True)
        found: Matrix = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
        return found


def name_hints(vectors: NDArray[Any], names: Matrix, rows: NDArray[np.int64]) -> NameHints:
    """Find the records next to each name that have no label.

    Parameters
    ----------
    vectors, names
        Shapes (n, d) and (C, d), rows of unit length.
    rows
        Shape (m,): the labelled rows.
    """
    n, n_classes = len(vectors), len(names)
    k = max(1, min(NEAREST, n // (_FEWEST_EACH * n_classes)))
    cosine = np.asarray(vectors, dtype=np.float32) @ names.T
    near = np.argpartition(-cosine, min(k, n) - 1, axis=0)[:k]
    of = np.broadcast_to(np.arange(n_classes), near.shape)
    free = ~np.isin(near, rows)
    return NameHints(names, near[free].astype(np.int64), of[free].astype(np.int64))
