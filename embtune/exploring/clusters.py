"""Clusters of vectors: k-means, or by density."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embtune.errors import BadInputError
from embtune.progress import Report, silent

FEWEST, MOST = 4, 60
"""Clusters that are suggested: fewer say nothing, more are not read."""

AT_ONCE = 50_000
"""Up to so many rows k-means looks at all of them in every step; of more, at a part."""

MOST_BY_DENSITY = 100_000
"""Above, comparing densities takes hours."""

NO_CLUSTER = -1

_BATCH = 8192
_STEPS = 120
_DIMENSIONS = 20
_BLOCK = 65_536


def suggested_k(n: int) -> int:
    """Return a number of clusters for n rows: the root of n / 2, within 4 to 60, and never above n."""
    return max(1, min(n, MOST, max(FEWEST, round(math.sqrt(n / 2)))))


def suggested_size(n: int) -> int:
    """Return the least size of a cluster by density for n rows: a fifth of a percent, at least 5."""
    return max(2, min(n, max(5, round(n / 500))))


def k_means(vectors: NDArray[Any], k: int, *, seed: int = 0, report: Report = silent) -> NDArray[np.int64]:
    """Part rows into k clusters around their means.

    Parameters
    ----------
    vectors
        Shape (n, d), rows of unit length.
    k
        1 <= k <= n.
    seed
        Equal seeds give equal clusters.

    Returns
    -------
    NDArray
        Shape (n,), cluster numbers from 0, the largest cluster first. Fewer than k where rows are equal.

    Raises
    ------
    BadInputError
        If k is out of range.

    Notes
    -----
    Above `AT_ONCE` rows by mini-batches: Sculley (2010), doi:10.1145/1772690.1772862.
    """
    n = len(vectors)
    if not 1 <= k <= n:
        raise BadInputError(f"The number of clusters is {k:,}; with {n:,} records it must be 1 to {n:,}.")
    report(0, None, "", "clusters")
    if n <= AT_ONCE:
        return by_size(_all_at_once(np.asarray(vectors, dtype=np.float32), k, seed))
    return by_size(_in_batches(vectors, k, seed, report))


def by_density(
    vectors: NDArray[Any], least: int, *, seed: int = 0, report: Report = silent
) -> NDArray[np.int64]:
    """Find clusters as dense regions of at least `least` rows; rows between them belong to none.

    Parameters
    ----------
    vectors
        Shape (n, d), rows of unit length; above 20 dimensions their first 20 principal ones are looked at.
    least
        2 <= least <= n.

    Returns
    -------
    NDArray
        Shape (n,), cluster numbers from 0, the largest cluster first; `NO_CLUSTER` where there is none.

    Raises
    ------
    BadInputError
        If `least` is out of range, or there are more than 100,000 rows.

    Notes
    -----
    HDBSCAN: Campello, Moulavi and Sander (2013), doi:10.1007/978-3-642-37456-2_14.
    """
    from sklearn.cluster import HDBSCAN
    from sklearn.decomposition import PCA

    n = len(vectors)
    if n > MOST_BY_DENSITY:
        raise BadInputError(
            f"Clusters by density take at most {MOST_BY_DENSITY:,} records, and there are {n:,}: use k-means."
        )
    if not 2 <= least <= n:
        raise BadInputError(
            f"The least size of a cluster is {least:,}; with {n:,} records it must be 2 to {n:,}."
        )
    report(0, None, "", "clusters")
    matrix = np.asarray(vectors, dtype=np.float32)
    size = min(_DIMENSIONS, matrix.shape[1], n)
    if size < matrix.shape[1]:
        matrix = PCA(size, svd_solver="randomized", random_state=seed).fit_transform(matrix)
    # Few samples for the density itself: texts lie thinly, and more would leave most in no cluster.
    found = HDBSCAN(min_cluster_size=least, min_samples=min(5, least), copy=True).fit_predict(matrix)
    return by_size(found)


def by_size(ids: NDArray[Any]) -> NDArray[np.int64]:
    """Renumber clusters, the largest first, equal ones in their old order; negative numbers become -1."""
    known = ids >= 0
    out = np.full(len(ids), NO_CLUSTER, dtype=np.int64)
    old, place, counts = np.unique(ids[known], return_inverse=True, return_counts=True)
    new = np.empty(len(old), dtype=np.int64)
    new[np.argsort(-counts, kind="stable")] = np.arange(len(old))
    out[known] = new[place]
    return out


def _all_at_once(matrix: NDArray[np.float32], k: int, seed: int) -> NDArray[np.int64]:
    import warnings

    from sklearn.cluster import KMeans
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # fewer distinct rows than clusters
        found = KMeans(k, n_init=1, max_iter=50, tol=1e-3, random_state=seed).fit_predict(matrix)
    return np.asarray(found, dtype=np.int64)


def _in_batches(vectors: NDArray[Any], k: int, seed: int, report: Report) -> NDArray[np.int64]:
    from sklearn.cluster import MiniBatchKMeans

    n = len(vectors)
    rng = np.random.default_rng(seed)
    model = MiniBatchKMeans(k, n_init=1, batch_size=_BATCH, random_state=seed)
    for step in range(_STEPS):
        chosen = np.sort(rng.choice(n, _BATCH, replace=False))
        model.partial_fit(np.asarray(vectors[chosen], dtype=np.float32))
        report(step + 1, _STEPS, "steps", "clusters")
    out = np.empty(n, dtype=np.int64)
    for start in range(0, n, _BLOCK):
        out[start : start + _BLOCK] = model.predict(
            np.asarray(vectors[start : start + _BLOCK], dtype=np.float32)
        )
        report(min(start + _BLOCK, n), n, "records", "clusters")
    return out
