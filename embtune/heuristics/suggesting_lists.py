"""The best terms of a label together, and the records most like its typical ones."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

MOST_TERMS = 40
_MOST_CENTRES = 24
_MOST_RECORDS = 3
_RADII = np.arange(0.90, 0.19, -0.05)


def best_list(
    holds: Any,
    worth: Array,
    *,
    fewest: int,
    lift: Array | None = None,
    voted: Mask | None = None,
    most: int = MOST_TERMS,
) -> tuple[list[int], Mask]:
    """Take term after term, each time the one that adds most, until none adds anything.

    Parameters
    ----------
    holds
        Sparse (t, n): the terms to choose from.
    worth
        Shape (n,): how likely each record has the label, less the precision asked for; so a term adds
        something where the records it brings are more precise than that.
    fewest
        New records that a term must bring.
    lift
        Shape (t,): what each record is worth beside that, given that it holds the term; 0 if not given.
    voted
        Shape (n,): records that are worth nothing new.

    Returns
    -------
    places, covered
        Places of the terms in the order taken, and which records hold any of them, shape (n,).
    """
    worth = worth.copy()
    new = np.ones(len(worth)) if voted is None else 1.0 - voted
    lift = np.zeros(holds.shape[0]) if lift is None else lift
    covered = np.zeros(len(worth), dtype=bool)
    left = np.ones(holds.shape[0], dtype=bool)
    taken: list[int] = []
    while len(taken) < most and left.any():
        n_new = holds @ new
        gain = np.where(left & (n_new >= fewest), holds @ worth + lift * n_new, -1.0)
        best = int(np.argmax(gain))
        if gain[best] <= 0:
            break
        left[best] = False
        taken.append(best)
        rows = holds.indices[holds.indptr[best] : holds.indptr[best + 1]]
        covered[rows] = True
        worth[rows] = 0
        new[rows] = 0
    return taken, covered


def typical(vectors: NDArray[Any], rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return up to 24 of some rows, those first that are most like the others."""
    own = np.asarray(vectors[rows], dtype=np.float32)
    found: NDArray[np.int64] = rows[np.argsort(-(own @ own.sum(axis=0)), kind="stable")[:_MOST_CENTRES]]
    return found


def best_radius(cosine: NDArray[np.float32], worth: Array) -> tuple[list[int], float, Mask]:
    """Take the records, and the one cosine, within which most is worth having.

    Parameters
    ----------
    cosine
        Shape (c, n): of each record that could be taken to all others.
    worth
        As for `best_list`.

    Returns
    -------
    places, at_least, covered
        Places of up to three records, the least cosine, and which records are near any of them, shape (n,).
    """
    best: tuple[float, list[int], float, Mask] = (0.0, [], 1.0, np.zeros(cosine.shape[1], dtype=bool))
    weights = worth.astype(np.float32)
    for at_least in _RADII.tolist():
        near = cosine >= at_least
        weighed = near.astype(np.float32)
        left = weights.copy()
        taken: list[int] = []
        total = 0.0
        for _ in range(_MOST_RECORDS):
            gain = weighed @ left
            place = int(np.argmax(gain))
            if gain[place] <= (0.1 * total if taken else 0.0):  # a further record must be worth its place
                break
            taken.append(place)
            total += float(gain[place])
            left[near[place]] = 0
        if total > best[0]:
            best = (total, taken, at_least, near[taken].any(axis=0))
    return best[1], round(best[2], 2), best[3]
