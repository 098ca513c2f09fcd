"""What a training learns of similarity beside labels: scored pairs, and triplets."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from embtune.errors import BadInputError


@dataclass(frozen=True)
class Judgements:
    """p scored pairs and t triplets of rows of a matrix of vectors."""

    pairs: NDArray[np.int64]
    """Shape (p, 2), rows; the smaller comes first."""

    scores: NDArray[np.float32]
    """Shape (p,), from 0 (different) to 1 (similar)."""

    triplets: NDArray[np.int64]
    """Shape (t, 3), rows: anchor, the one closer to it, the one farther from it."""

    @classmethod
    def empty(cls) -> Judgements:
        """Return no pairs and no triplets."""
        return cls(
            np.empty((0, 2), dtype=np.int64),
            np.empty(0, dtype=np.float32),
            np.empty((0, 3), dtype=np.int64),
        )

    def __len__(self) -> int:
        return len(self.pairs) + len(self.triplets)

    def check(self, n_rows: int | None = None) -> None:
        """Refuse arrays that do not fit each other.

        Parameters
        ----------
        n_rows
            Rows of the matrix, if its length is to be checked against.

        Raises
        ------
        BadInputError
            If a shape is wrong, a row is out of range or comes twice in a pair or triplet, or a score is
            not in [0, 1].
        """
        if self.pairs.shape != (len(self.scores), 2) or self.scores.ndim != 1:
            raise BadInputError(
                f"Pairs must have the shape (p, 2) and scores (p,), not {self.pairs.shape} and "
                f"{self.scores.shape}."
            )
        if self.triplets.ndim != 2 or self.triplets.shape[1] != 3:
            raise BadInputError(f"Triplets must have the shape (t, 3), not {self.triplets.shape}.")
        rows = np.concatenate([self.pairs.ravel(), self.triplets.ravel()])
        if len(rows) and (rows.min() < 0 or (n_rows is not None and rows.max() >= n_rows)):
            shown = "from 0 on" if n_rows is None else f"from 0 to {n_rows - 1:,}"
            raise BadInputError(
                f"Rows of judgements must be {shown}; they run from {rows.min():,} to {rows.max():,}."
            )
        for name, block in (("pair", self.pairs), ("triplet", self.triplets)):
            ordered = np.sort(block, axis=1)
            if (ordered[:, 1:] == ordered[:, :-1]).any():
                raise BadInputError(f"A {name} names the same row twice.")
        if not ((self.scores >= 0) & (self.scores <= 1)).all():
            raise BadInputError("Scores of pairs must be from 0 to 1.")


def without_contradictions(triplets: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return each triplet once, and none whose opposite is there too.

    Parameters
    ----------
    triplets
        Shape (t, 3): anchor, closer, farther. The opposite of (a, b, c) is (a, c, b).

    Returns
    -------
    ndarray
        Shape (at most t, 3), in ascending order.
    """
    said = {(a, b, c) for a, b, c in triplets.tolist()}
    kept = sorted((a, b, c) for a, b, c in said if (a, c, b) not in said)
    return np.array(kept, dtype=np.int64).reshape(-1, 3)
