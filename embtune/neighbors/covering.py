"""Records to look at next: the middle one of every region of the corpus that nobody has looked at yet."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

MOST_REGIONS = 400

_MOST_FITTED = 20_000
_CANDIDATES = 3  # for each centre to begin with, the best of which is taken
_ROUNDS = 8  # of k-means: then centres hardly move
_SAME = 1e-7  # squared distances below are of equal records
_KNOWN = 0.001  # how much a labelled record draws a centre to itself where records are weighted
_PER_LABEL = 8.0  # a region with one label is worth the ninth part of one without


def covering(
    vectors: NDArray[np.float32],
    labelled: NDArray[np.bool_],
    k: int,
    *,
    weights: NDArray[np.float32] | None = None,
    seed: int = 0,
) -> NDArray[np.int64]:
    """Order the unlabelled rows: first the middle one of each of k regions, the largest unseen region first.

    Parameters
    ----------
    vectors
        Shape (n, d), rows of unit length.
    labelled
        Shape (n,): the records that somebody looked at.
    k
        Regions, by k-means; `MOST_REGIONS` at most. They are fitted to 20,000 of more records, by `seed`.
    weights
        Shape (n,): how much there is to learn from each record; regions gather where that is much.

    Returns
    -------
    rows
        Shape (m,), all unlabelled ones: the regions' middles, then those next to the middles, and so on.

    Notes
    -----
    Zhdanov (2019), Diverse mini-batch active learning, arXiv:1901.05954: k-means weighted by uncertainty.
    """
    rows = np.flatnonzero(~labelled)
    k = max(1, min(k, MOST_REGIONS, len(vectors)))
    if len(rows) <= 1:
        return rows
    weight = np.ones(len(vectors), dtype=np.float32)
    if weights is not None:
        weight = np.where(labelled, np.float32(_KNOWN), weights).astype(np.float32)
    generator = np.random.default_rng(seed)
    fitted = np.arange(len(vectors))
    if len(fitted) > _MOST_FITTED:
        fitted = np.sort(generator.choice(fitted, _MOST_FITTED, replace=False))
    centres = _centres(vectors[fitted], weight[fitted], k, generator)
    k = len(centres)
    # The squared distance to each centre, without the part that is the same for all.
    away = (centres**2).sum(axis=1) - 2 * (vectors @ centres.T)
    region = away.argmin(axis=1)
    seen = np.bincount(region[labelled], minlength=k)
    worth = np.bincount(region, weight, minlength=k) / (1 + _PER_LABEL * seen)
    mine, near = region[rows], away[rows, region[rows]]
    by_region = np.lexsort((rows, near, mine))
    starts = np.searchsorted(mine[by_region], np.arange(k))
    rank = np.empty(len(rows), dtype=np.int64)
    rank[by_region] = np.arange(len(rows)) - starts[mine[by_region]]
    order: NDArray[np.int64] = rows[np.lexsort((rows, -worth[mine], rank))]
    return order


def _centres(
    vectors: NDArray[np.float32], weights: NDArray[np.float32], k: int, generator: np.random.Generator
) -> NDArray[np.float32]:
    """Find the centres of k regions of rows of unit length by k-means; fewer, if fewer rows differ.

    In one piece and not in batches: which record is the middle of its region is all that matters here.
    """
    from scipy import sparse

    n = len(vectors)
    at = [int(generator.choice(n, p=weights / weights.sum(dtype=np.float64)))] if weights.any() else [0]
    away = np.maximum(2 - 2 * (vectors @ vectors[at[0]]), 0)
    for _ in range(k - 1):
        total = np.cumsum(away * weights, dtype=np.float64)
        if total[-1] <= _SAME * n:
            break
        drawn = np.searchsorted(total, generator.random(_CANDIDATES) * total[-1]).clip(max=n - 1)
        then = np.minimum(np.maximum(2 - 2 * (vectors @ vectors[drawn].T), 0), away[:, None])
        best = int((weights @ then).argmin())
        away = then[:, best]
        at.append(int(drawn[best]))
    centres = vectors[at].astype(np.float32)
    for _ in range(_ROUNDS):
        region = ((centres**2).sum(axis=1) - 2 * (vectors @ centres.T)).argmin(axis=1)
        inside = sparse.csr_array((weights, (region, np.arange(n))), shape=(len(centres), n))
        size = np.bincount(region, weights, minlength=len(centres))[:, None]
        centres = np.where(size > 0, (inside @ vectors) / np.maximum(size, 1e-12), centres)
        centres = centres.astype(np.float32)
    return centres
