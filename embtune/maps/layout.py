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

from embtune.neighbors.compiled import compiled
from embtune.progress import Report, silent

NEGATIVES = 5  # random points pushed away for each neighbour pulled
LARGEST_STEP = 4.0
# A quarter of umap-learn's. It moves one edge after the other; where all move at once the pulls of a point's
# neighbours add up, and larger steps overshoot: the map comes out wider, its classes less pure.
FIRST_STEP = 0.25
_FIRST_OCTAVE, _LAST_OCTAVE = -24, 16  # squared distances told apart
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
    epoch, forces = compiled(_epoch), _force_table(a, b)
    n = len(start)
    rate = (graph.data / graph.data.max()).astype(np.float64)
    indptr, indices = graph.indptr.astype(np.int64), graph.indices.astype(np.int32)
    n_threads = max(1, min(os.cpu_count() or 1, 16, n // 500))
    # Equal shares of edges, not of points; several a thread, as not every core is free all the time.
    n_parts = 4 * n_threads if n_threads > 1 else 1
    cuts = np.searchsorted(indptr, np.linspace(0, indptr[-1], n_parts + 1)[1:-1])
    bounds = [0, *cuts.tolist(), n]
    old, new = start.astype(np.float32).copy(), start.astype(np.float32).copy()
    with ThreadPoolExecutor(n_threads) as pool:
        for number in range(n_epochs):
            step = FIRST_STEP * (1.0 - number / n_epochs)
            moves = [
                pool.submit(epoch, old, new, indptr, indices, rate, first, last, number, step, forces, seed)
                for first, last in pairwise(bounds)
            ]
            for move in moves:
                move.result()
            old, new = new, old
            report(number + 1, n_epochs, "epochs", "UMAP layout")
    return old


def _force_table(a: float, b: float) -> NDArray[np.float32]:
    """Tabulate pull and push, shape (m, 2), over squared distances: 64 to every doubling from 2^-24 to 2^16.

    Looked up and interpolated they are right to four digits in a fraction of the time of a power.
    """
    place = np.arange((_LAST_OCTAVE - _FIRST_OCTAVE) * 64 + 2)
    square = 2.0 ** (_FIRST_OCTAVE + place // 64) * (1 + place % 64 / 64)
    power = square**b
    pull = -2 * a * b * power / (square * (a * power + 1))
    push = 2 * b / ((0.001 + square) * (a * power + 1))
    return np.stack([pull, push], axis=1).astype(np.float32)


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
    forces: Any,
    seed: int,
) -> None:
    """Move the points first..last-1 once: read `old`, write `new`. Compiled; no Python object in the loop."""
    n = old.shape[0]
    # All in single precision: one stray double and the whole loop is computed in double.
    size = np.float32(step)
    twice = np.float32(2.0) * size
    clip = np.float32(LARGEST_STEP)
    # The upper bits of a float, exponent and six of the fraction, are its place in the table; the rest says
    # how far it is to the next.
    base = np.int32((127 + _FIRST_OCTAVE) * 64)
    end = np.int32(forces.shape[0] - 2)
    zero = np.int32(0)
    rest = np.int32(2**17 - 1)
    unit = np.float32(2.0**-17)
    for j in range(first, last):
        x0 = old[j, 0]
        y0 = old[j, 1]
        x = x0
        y = y0
        due = 0
        for edge in range(indptr[j], indptr[j + 1]):
            if np.floor((number + 1) * rate[edge]) > np.floor(number * rate[edge]):
                due += 1
                k = indices[edge]
                dx = x0 - old[k, 0]
                dy = y0 - old[k, 1]
                bits = np.float32(dx * dx + dy * dy).view(np.int32)
                place = min(max((bits >> 17) - base, zero), end)
                force = forces[place, 0]
                force += np.float32(bits & rest) * unit * (forces[place + 1, 0] - force)
                # Twice, as the edge is listed from both ends and each listing moves both.
                x += twice * min(max(force * dx, -clip), clip)
                y += twice * min(max(force * dy, -clip), clip)
        # SplitMix64's finishing steps make one good starting state per seed, epoch and point.
        state = np.uint64(seed) * np.uint64(0x9E3779B97F4A7C15)
        state += np.uint64(number) * np.uint64(n) + np.uint64(j)
        state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        state = (state ^ (state >> np.uint64(31))) | np.uint64(1)
        for _ in range(due * NEGATIVES):
            state ^= state << np.uint64(13)
            state ^= state >> np.uint64(7)
            state ^= state << np.uint64(17)
            k = np.int64(((state >> np.uint64(32)) * np.uint64(n)) >> np.uint64(32))
            if k != j:
                dx = x - old[k, 0]
                dy = y - old[k, 1]
                bits = np.float32(dx * dx + dy * dy).view(np.int32)
                place = min(max((bits >> 17) - base, zero), end)
                force = forces[place, 1]
                force += np.float32(bits & rest) * unit * (forces[place + 1, 1] - force)
                x += size * min(max(force * dx, -clip), clip)
                y += size * min(max(force * dy, -clip), clip)
        new[j, 0] = x
        new[j, 1] = y
