"""Records that stand for many: nearest to the centres of a corpus, or far from all chosen before."""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import NDArray

_MOST_FITTED = 50_000


def centres_of(vectors: NDArray[np.float32], k: int, *, seed: int = 0) -> NDArray[np.float32]:
    """Find k centres of vectors by k-means, neighbouring centres one after the other.

    Parameters
    ----------
    vectors
        Shape (n, d), rows of unit length; at most 50,000 of them, drawn by `seed`, are looked at.
    k
        How many; cut to n.

    Returns
    -------
    centres
        Shape (k, d), of unit length. The first has the most records; each next one is the nearest that is
        left, so that going through them changes the subject as little as can be.
    """
    from sklearn.cluster import MiniBatchKMeans

    if len(vectors) > _MOST_FITTED:
        vectors = vectors[np.random.default_rng(seed).choice(len(vectors), _MOST_FITTED, replace=False)]
    k = min(k, len(vectors))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # equal records: fewer clusters than asked for, and no harm in it
        fitted = MiniBatchKMeans(k, n_init=1, batch_size=4096, max_iter=30, random_state=seed).fit(vectors)
    centres = fitted.cluster_centers_.astype(np.float32)
    centres /= np.maximum(np.linalg.norm(centres, axis=1, keepdims=True), 1e-12)
    sizes = np.bincount(fitted.labels_, minlength=k)
    order = [int(sizes.argmax())]
    left = np.ones(k, dtype=bool)
    left[order[0]] = False
    while left.any():
        cosine = np.where(left, centres @ centres[order[-1]], -np.inf)
        order.append(int(cosine.argmax()))
        left[order[-1]] = False
    ordered: NDArray[np.float32] = centres[order]
    return ordered


def nearest_to_centres(
    vectors: NDArray[np.float32], centres: NDArray[np.float32], rows: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
    """Order rows so that the one nearest to each centre comes first, then each centre's second, and so on.

    Parameters
    ----------
    vectors, centres
        Shapes (n, d) and (k, d), rows of unit length.
    rows
        Shape (m,), those to order; each belongs to the centre nearest to it.

    Returns
    -------
    rows, centre, rank, cosine
        All (m,): `rank` is 1 for the nearest one of its centre.
    """
    cosine = vectors[rows] @ centres.T
    centre = cosine.argmax(axis=1)
    best = cosine[np.arange(len(rows)), centre]
    by_centre = np.lexsort((rows, -best, centre))
    starts = np.searchsorted(centre[by_centre], np.arange(len(centres)))
    rank = np.empty(len(rows), dtype=np.int64)
    rank[by_centre] = np.arange(len(rows)) - starts[centre[by_centre]] + 1
    order = np.lexsort((centre, rank))
    return rows[order], centre[order], rank[order], best[order]


def farthest_first(
    vectors: NDArray[np.float32],
    rows: NDArray[np.int64],
    n: int,
    *,
    known: NDArray[np.int64] | None = None,
    seed: int = 0,
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Choose rows one by one, each the farthest from all known and all chosen before.

    Parameters
    ----------
    vectors
        Shape (n_all, d), rows of unit length.
    rows
        Shape (m,), those to choose from; at most 50,000 of them, drawn by `seed`, are looked at.
    n
        How many; cut to m.
    known
        Rows that are covered already; at most 2,000 of them, drawn by `seed`, are looked at. Without any,
        the first one chosen is the most central.

    Returns
    -------
    rows, cosine
        Both (n,): the cosine is to the nearest one known or chosen before, nan for a first one without any.

    Notes
    -----
    The greedy k-center of Gonzalez (1985), doi:10.1016/0304-3975(85)90224-5; as core-set selection for
    labelling in Sener and Savarese (2018), arXiv:1708.00489.
    """
    generator = np.random.default_rng(seed)
    if len(rows) > _MOST_FITTED:
        rows = np.sort(generator.choice(rows, _MOST_FITTED, replace=False))
    if known is not None and len(known) > 2_000:
        known = generator.choice(known, 2_000, replace=False)
    mine = vectors[rows]
    n = min(n, len(rows))
    chosen = np.empty(n, dtype=np.int64)
    at_choice = np.full(n, np.nan, dtype=np.float32)
    if known is not None and len(known):
        closest = (mine @ vectors[known].T).max(axis=1)
    else:
        closest = np.full(len(rows), np.nan, dtype=np.float32)
    for i in range(n):
        first = i == 0 and (known is None or not len(known))
        at = int((mine @ mine.mean(axis=0)).argmax()) if first else int(closest.argmin())
        chosen[i], at_choice[i] = at, closest[at]
        cosine = mine @ mine[at]
        closest = cosine if first else np.maximum(closest, cosine)
        closest[chosen[: i + 1]] = np.inf  # each is chosen once
    return rows[chosen], at_choice
