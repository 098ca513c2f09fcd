"""Outliers: records that lie far from all others."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

NEIGHBORS = 10


def outlier_scores(rows: NDArray[Any], cosine: NDArray[Any], k: int = NEIGHBORS) -> NDArray[np.float32]:
    """Score how odd every record is.

    Parameters
    ----------
    rows, cosine
        Shape (n, at least k): the nearest of every record, most similar first.
    k
        Neighbours that count.

    Returns
    -------
    NDArray
        Shape (n,): the mean cosine distance to the k nearest, as a multiple of the median record's. Higher is
        odder.

    Notes
    -----
    Ramaswamy, Rastogi and Shim (2000), doi:10.1145/335191.335437. To hold it against the neighbours' own
    distances, as the local outlier factor does, found fewer of the foreign texts in `benchmarks/finding.py`:
    what does not belong lies far from everything, and so do its neighbours.
    """
    n = len(rows)
    if not n or not cosine.shape[1]:
        return np.ones(n, dtype=np.float32)
    distance = np.maximum(1 - cosine[:, :k].astype(np.float64).mean(axis=1), 0)
    usual = float(np.median(distance)) or float(distance.mean()) or 1.0
    found: NDArray[np.float32] = (distance / usual).astype(np.float32)
    return found
