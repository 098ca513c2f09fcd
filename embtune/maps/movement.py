"""From one map of some records to another: laid over each other, in steps, and who changed sides."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embtune.errors import BadInputError

REGION_NEIGHBORS = 15


@dataclass(frozen=True)
class Crossings:
    """Which of n records lie in another class's region after a movement than before it.

    Attributes
    ----------
    before, after
        Shape (n,): the class of the region that each record lies in.
    crossed
        Shape (n,): whether the two differ.
    into_own, out_of_own
        Shape (n,): crossed, of a known class, and that class's region was reached, or was left.
    """

    before: NDArray[np.int64]
    after: NDArray[np.int64]
    crossed: NDArray[np.bool_]
    into_own: NDArray[np.bool_]
    out_of_own: NDArray[np.bool_]


def procrustes(moving: NDArray[Any], fixed: NDArray[Any]) -> NDArray[np.float32]:
    """Lay one map over another: shifted, turned, mirrored and scaled, and nothing else.

    Parameters
    ----------
    moving, fixed
        Both (n, 2), the same records in the same order.

    Returns
    -------
    xy
        Shape (n, 2): `moving`, as near to `fixed` as such a change brings it, with the mean and the spread
        (root mean square distance from the mean) of `fixed`. A map whose points all coincide stays a point.

    Raises
    ------
    BadInputError
        If the maps are not both (n, 2).

    Notes
    -----
    Orthogonal Procrustes, Schönemann (1966), doi:10.1007/BF02289451. The scale makes the spreads equal; the
    one of least squares would shrink a map the more, the less the two agree.
    """
    a, b = _both(moving, fixed)
    if not len(a):
        return a.astype(np.float32)
    mean = b.mean(axis=0)
    a, b = a - a.mean(axis=0), b - mean
    u, _, vt = np.linalg.svd(a.T @ b)
    size = np.linalg.norm(a)
    laid: NDArray[np.float64] = a @ (u @ vt) * (np.linalg.norm(b) / size if size > 0 else 1.0) + mean
    return np.asarray(laid, dtype=np.float32)


def frames(before: NDArray[Any], after: NDArray[Any], n: int = 12) -> NDArray[np.float32]:
    """Cut the way from one map to another into pictures.

    Parameters
    ----------
    before, after
        Both (m, 2), the same records in the same order.
    n
        Pictures, 2 or more.

    Returns
    -------
    xy
        Shape (n, m, 2): the first is `before`, the last `after`; every record goes straight, all slowly at
        both ends (3t² - 2t³).

    Raises
    ------
    BadInputError
        If the maps are not both (m, 2), or n is below 2.
    """
    a, b = _both(before, after)
    if n < 2:
        raise BadInputError(f"n is {n}; a movement has at least 2 pictures, its start and its end.")
    t = np.linspace(0.0, 1.0, n)
    share = (t * t * (3 - 2 * t))[:, None, None]
    return ((1 - share) * a + share * b).astype(np.float32)


def region_neighbors(classes: NDArray[np.int64]) -> int:
    """Return how many labelled neighbours make a region: 15, or half a mean class where labels are few."""
    known = classes[classes >= 0]
    if not len(known):
        return REGION_NEIGHBORS
    return int(np.clip(len(known) // (2 * len(np.unique(known))), 1, REGION_NEIGHBORS))


def regions(xy: NDArray[Any], classes: NDArray[np.int64], k: int = REGION_NEIGHBORS) -> NDArray[np.int64]:
    """Tell in which class's region of a map each record lies.

    Parameters
    ----------
    xy
        Shape (n, 2), the map.
    classes
        Shape (n,), the class of each record, -1 where it has none.
    k
        Neighbours asked; cut to the other records with a class.

    Returns
    -------
    region
        Shape (n,): the commonest class among the k nearest other records that have one. Of equally common
        ones, the one with the nearest record. -1 where no other record has a class.

    Raises
    ------
    BadInputError
        If there are not as many classes as points, or k is below 1.
    """
    from scipy.spatial import cKDTree

    points, known = np.asarray(xy, dtype=np.float64), np.asarray(classes, dtype=np.int64)
    if points.ndim != 2 or points.shape[1] != 2 or len(points) != len(known):
        raise BadInputError(f"The map has the shape {points.shape}, but there are {len(known)} classes.")
    if k < 1:
        raise BadInputError(f"k is {k}; ask at least 1 neighbour.")
    n = len(points)
    rows = np.flatnonzero(known >= 0)
    region = np.full(n, -1, dtype=np.int64)
    asked = min(k + 1, len(rows))  # one more: a labelled record finds itself
    if not asked:
        return region
    found = cKDTree(points[rows]).query(points, asked)[1].reshape(n, asked)
    near = rows[found]
    itself = near == np.arange(n)[:, None]
    # Without itself; where it is not among them, without the farthest.
    itself[~itself.any(axis=1), -1] = len(rows) > k
    names, votes = np.unique(known[near], return_inverse=True)
    votes = votes.reshape(n, asked)
    counts = np.zeros((n, len(names)))
    every = np.arange(n)
    for place in range(asked):
        # A hair more for the nearer ones settles ties, and never outweighs a vote.
        counts[every, votes[:, place]] += np.where(itself[:, place], 0.0, 1.0 + 2.0 ** -(place + 12))
    best = counts.argmax(axis=1)
    any_vote = counts[every, best] > 0
    region[any_vote] = names[best[any_vote]]
    return region


def crossings(
    before: NDArray[np.int64], after: NDArray[np.int64], known: NDArray[np.int64] | None = None
) -> Crossings:
    """Tell who crossed into another class's region, and whether that was right.

    Parameters
    ----------
    before, after
        Both (n,), as `regions` gives them for the two maps; -1 for no region.
    known
        Shape (n,), what is known of each record's class, -1 for nothing.
    """
    a, b = np.asarray(before, dtype=np.int64), np.asarray(after, dtype=np.int64)
    own = np.full(len(a), -1, dtype=np.int64) if known is None else np.asarray(known, dtype=np.int64)
    if not a.shape == b.shape == own.shape:
        raise BadInputError(f"The regions have the shapes {a.shape} and {b.shape}, the classes {own.shape}.")
    crossed = (a != b) & (a >= 0) & (b >= 0)
    return Crossings(
        before=a,
        after=b,
        crossed=crossed,
        into_own=crossed & (own >= 0) & (b == own),
        out_of_own=crossed & (own >= 0) & (a == own),
    )


def sample(strata: NDArray[np.int64], n: int, *, seed: int = 0) -> NDArray[np.int64]:
    """Choose records so that every stratum keeps its share.

    Parameters
    ----------
    strata
        Shape (m,), the stratum of each record.
    n
        How many to choose; with m or more all are.
    seed
        Of the draw within a stratum.

    Returns
    -------
    rows
        Shape (min(n, m),), ascending. Shares are rounded by largest remainder.
    """
    groups = np.asarray(strata)
    m = len(groups)
    if n >= m:
        return np.arange(m)
    _, member, counts = np.unique(groups, return_inverse=True, return_counts=True)
    exact = counts * (max(n, 0) / m)
    take = np.floor(exact).astype(np.int64)
    missing = max(n, 0) - int(take.sum())
    take[np.argsort(take - exact, kind="stable")[:missing]] += 1
    shuffled = np.random.default_rng(seed).permutation(m)
    ordered = shuffled[np.argsort(member[shuffled], kind="stable")]
    place = np.arange(m) - np.repeat(np.cumsum(counts) - counts, counts)
    return np.sort(ordered[place < np.repeat(take, counts)])


def _both(one: NDArray[Any], other: NDArray[Any]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    a, b = np.asarray(one, dtype=np.float64), np.asarray(other, dtype=np.float64)
    if a.ndim != 2 or a.shape[1] != 2 or a.shape != b.shape:
        raise BadInputError(f"The two maps have the shapes {a.shape} and {b.shape}; both must be (n, 2).")
    return a, b
