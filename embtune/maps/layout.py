"""The UMAP layout: from a nearest-neighbour graph to points in the plane.

Written for maps in two dimensions. Every epoch all points move against a snapshot of the epoch before, each
with random numbers of its own: so the work is spread over threads and yet the result depends on the seed
alone. Numba keeps the compiled loop on disk, so that only the first map on a machine waits for the compiler.
"""

from __future__ import annotations

import math
import os
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embtune.progress import Report, silent

NEGATIVES = 5  # random points pushed away for each neighbour pulled
LARGEST_STEP = 4.0
_BISECTIONS = 40
_LEAST_BANDWIDTH = 1e-3  # of the mean distance: duplicates must not make a bandwidth of nothing


def fuzzy_graph(rows: NDArray[np.int64], distance: NDArray[np.float32]) -> Any:
    """Turn nearest neighbours into UMAP's symmetric graph of memberships.

    Parameters
    ----------
    rows, distance
        Both (n, k): the neighbours of each point, itself left out, nearest first, and how far
        they are (>= 0).

    Returns
    -------
    graph
        scipy CSR matrix (n, n), symmetric, weights in (0, 1].

    Notes
    -----
    Section 3.1 of McInnes, Healy and Melville (2018), arXiv:1802.03426: a point's nearest (not identical)
    neighbour is a full member, and the bandwidth is such that memberships sum to log2 of the number of
    neighbours, the point itself counted among them.
    """
    import scipy.sparse

    n, k = rows.shape
    far = distance.astype(np.float64)
    identical = far <= 0
    rho = np.where(identical, np.inf, far).min(axis=1)
    rho[~np.isfinite(rho)] = 0.0
    beyond = np.maximum(far - rho[:, None], 0.0)
    # Bisection on a logarithmic scale, all points at once.
    low, high = np.full(n, 1e-8), np.full(n, 1e3)
    target = math.log2(k + 1)
    for _ in range(_BISECTIONS):
        middle = np.sqrt(low * high)
        too_wide = np.exp(-beyond / middle[:, None]).sum(axis=1) > target
        high = np.where(too_wide, middle, high)
        low = np.where(too_wide, low, middle)
    typical = np.where(rho > 0, far.mean(axis=1), far.mean())
    bandwidth = np.maximum(np.sqrt(low * high), _LEAST_BANDWIDTH * typical)
    membership = np.exp(-beyond / bandwidth[:, None])
    one_way = scipy.sparse.csr_matrix(
        (membership.ravel(), rows.ravel(), np.arange(0, n * k + 1, k)), shape=(n, n)
    )
    other_way = one_way.T.tocsr()
    graph = (one_way + other_way - one_way.multiply(other_way)).tocsr()
    graph.eliminate_zeros()
    graph.sort_indices()
    return graph


@lru_cache(maxsize=16)
def curve(min_dist: float, spread: float = 1.0) -> tuple[float, float]:
    """Fit a, b of 1 / (1 + a d^(2b)): near 1 up to `min_dist`, then falling off as exp(-d / spread)."""
    from scipy.optimize import curve_fit

    d = np.linspace(0, 3 * spread, 300)
    wanted = np.where(d < min_dist, 1.0, np.exp(-(d - min_dist) / spread))
    (a, b), _ = curve_fit(lambda d, a, b: 1 / (1 + a * d ** (2 * b)), d, wanted)
    return float(a), float(b)


def optimize(
    start: NDArray[np.float32],
    graph: Any,
    *,
    a: float,
    b: float,
    n_epochs: int,
    seed: int,
    report: Report = silent,
) -> NDArray[np.float32]:
    """Move points so that neighbours in the graph come together and others keep apart.

    Parameters
    ----------
    start
        Shape (n, 2), where the points begin; some ten units wide.
    graph
        As `fuzzy_graph` makes it.
    a, b
        As `curve` fits them.
    n_epochs
        A neighbour of weight w is pulled in a share w / max(w) of the epochs.
    seed
        Equal seeds give equal maps, whatever the number of threads.
    report
        Told after every epoch; what it raises stops the work.

    Returns
    -------
    xy
        Shape (n, 2).
    """
    epoch = _compiled_epoch()
    n = len(start)
    rate = (graph.data / graph.data.max()).astype(np.float64)
    indptr, indices = graph.indptr.astype(np.int64), graph.indices.astype(np.int32)
    n_threads = max(1, min(os.cpu_count() or 1, 16, n // 500))
    # Equal shares of edges, not of points.
    cuts = np.searchsorted(indptr, np.linspace(0, indptr[-1], n_threads + 1)[1:-1])
    bounds = [0, *cuts.tolist(), n]
    old, new = start.astype(np.float32).copy(), start.astype(np.float32).copy()
    with ThreadPoolExecutor(n_threads) as pool:
        for number in range(n_epochs):
            step = 1.0 - number / n_epochs
            moves = [
                pool.submit(epoch, old, new, indptr, indices, rate, first, last, number, step, a, b, seed)
                for first, last in pairwise(bounds)
            ]
            for move in moves:
                move.result()
            old, new = new, old
            report(number + 1, n_epochs, "epochs", "UMAP layout")
    return old


def _epoch(
    old: Any,
    new: Any,
    indptr: Any,
    indices: Any,
    rate: Any,
    first: int,
    last: int,
    number: int,
    step: float,
    a: float,
    b: float,
    seed: int,
) -> None:
    """Move the points first..last-1 once: read `old`, write `new`. Compiled; no Python object in the loop."""
    n = old.shape[0]
    # All in single precision: one stray double and the whole loop is computed in double.
    size = np.float32(step)
    pull = np.float32(-2.0 * a * b)
    push = np.float32(2.0 * b)
    a_ = np.float32(a)
    b_ = np.float32(b)
    clip = np.float32(LARGEST_STEP)
    for j in range(first, last):
        x = old[j, 0]
        y = old[j, 1]
        # SplitMix64's finishing steps make one good starting state per seed, epoch and point.
        state = np.uint64(seed) * np.uint64(0x9E3779B97F4A7C15)
        state += np.uint64(number) * np.uint64(n) + np.uint64(j)
        state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        state = (state ^ (state >> np.uint64(31))) | np.uint64(1)
        for edge in range(indptr[j], indptr[j + 1]):
            if np.floor((number + 1) * rate[edge]) <= np.floor(number * rate[edge]):
                continue
            k = indices[edge]
            for _ in range(2):
                dx = x - old[k, 0]
                dy = y - old[k, 1]
                square = dx * dx + dy * dy
                if square > 0:
                    power = square**b_
                    grad = pull * power / (square * (a_ * power + np.float32(1.0)))
                    x += size * min(max(grad * dx, -clip), clip)
                    y += size * min(max(grad * dy, -clip), clip)
            for _ in range(NEGATIVES):
                state ^= state << np.uint64(13)
                state ^= state >> np.uint64(7)
                state ^= state << np.uint64(17)
                k = np.int64((state >> np.uint64(33)) % np.uint64(n))
                if k == j:
                    continue
                dx = x - old[k, 0]
                dy = y - old[k, 1]
                square = dx * dx + dy * dy
                if square > 0:
                    grad = push / ((np.float32(0.001) + square) * (a_ * square**b_ + np.float32(1.0)))
                    x += size * min(max(grad * dx, -clip), clip)
                    y += size * min(max(grad * dy, -clip), clip)
        new[j, 0] = x
        new[j, 1] = y


@lru_cache(maxsize=1)
def _compiled_epoch() -> Any:
    import numba

    try:
        return numba.njit(_epoch, nogil=True, fastmath=True, cache=True)
    except RuntimeError:  # no folder to keep the compiled code in
        return numba.njit(_epoch, nogil=True, fastmath=True)
