"""Put an embedding on a plane: PCA at once, UMAP for the neighbourhoods."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embtune.errors import BadInputError, VectorsError
from embtune.neighbors.exact import as_float32_matrix, nearest
from embtune.progress import Report, silent

FEWEST_FOR_UMAP = 5  # below, a neighbourhood graph has nothing to say that PCA does not
_SMALL = 2000
_EPOCHS, _EPOCHS_SMALL = 150, 500
_START_HALF_WIDTH = 5.0
_DENSE_EIGEN = 512  # up to so many columns a full decomposition is quick


def pca_map(vectors: NDArray[Any], *, seed: int = 0) -> NDArray[np.float32]:
    """Project on the two directions of largest variance.

    Parameters
    ----------
    vectors
        Shape (n, d).
    seed
        Where the iteration for wide matrices (d > 512) starts; the result hardly depends on it.

    Returns
    -------
    xy
        Shape (n, 2), centred, the direction of larger variance first. In each direction the column
        of `vectors` with the largest weight has a positive one, so equal input gives equal signs.

    Raises
    ------
    VectorsError
        If `vectors` is not 2-D or has values that are not finite.
    """
    matrix = as_float32_matrix(vectors)
    n, d = matrix.shape
    xy = np.zeros((n, 2), dtype=np.float32)
    if n < 2 or d == 0:
        return xy
    centred = matrix - matrix.mean(axis=0, dtype=np.float64).astype(np.float32)
    with np.errstate(invalid="ignore", over="ignore"):
        covariance = centred.T @ centred
    if not np.isfinite(covariance).all():
        bad = np.flatnonzero(~np.isfinite(matrix).all(axis=1))
        where = f"row {bad[0]}" if len(bad) else "their covariance"
        raise VectorsError(f"The vectors have values that are not finite ({where}); embed them again.")
    if not covariance.any():
        return xy
    directions = _leading(covariance.astype(np.float64), min(2, d), seed)
    heaviest = np.abs(directions).argmax(axis=0)
    directions *= np.where(directions[heaviest, np.arange(directions.shape[1])] < 0, -1.0, 1.0)
    xy[:, : directions.shape[1]] = centred @ directions.astype(np.float32)
    return xy


def umap_map(
    vectors: NDArray[Any],
    *,
    n_neighbors: int = 15,
    min_dist: float = 0.1,
    seed: int = 0,
    knn: tuple[NDArray[np.int64], NDArray[np.float32]] | None = None,
    labels: NDArray[np.int64] | None = None,
    start: NDArray[np.float32] | None = None,
    report: Report = silent,
) -> NDArray[np.float32]:
    """Project so that neighbours stay neighbours, by UMAP over the exact cosine k-NN graph.

    Parameters
    ----------
    vectors
        Shape (n, d), rows of unit length. Fewer than five are projected by PCA.
    n_neighbors
        Size of a neighbourhood, the point itself counted, as umap-learn counts; cut to n.
    min_dist
        How close points may lie together on the map, in [0, 3).
    seed
        Equal seeds give equal maps, whatever the number of threads.
    knn
        Rows and cosines as `embtune.neighbors.exact.nearest` returns them, where they are known already,
        for at least n_neighbors - 1 neighbours.
    labels
        Shape (n,), the class of each record, -1 where it is not known: they guide the map, see
        `embtune.maps.guided`.
    start
        Shape (n, 2), where the points begin in place of their PCA, such as another map of the same records:
        so the two are alike in what did not change. Its scale and place do not matter.
    report
        Told through the search and after every epoch; what it raises stops the work.

    Returns
    -------
    xy
        Shape (n, 2), centred.

    Raises
    ------
    VectorsError
        If `vectors` is not 2-D or has values that are not finite.
    BadInputError
        If a parameter is out of range, or `knn`, `labels` or `start` does not fit.

    Notes
    -----
    McInnes, Healy and Melville (2018), arXiv:1802.03426, started from PCA (Kobak and Linderman 2021,
    doi:10.1038/s41587-020-00809-z, on why an informed start is what matters).
    """
    if n_neighbors < 2:
        raise BadInputError(f"n_neighbors is {n_neighbors}; it must be 2 or more, the point itself counted.")
    if not 0 <= min_dist < 3:
        raise BadInputError(f"min_dist is {min_dist}; it must be at least 0 and below 3.")
    matrix = as_float32_matrix(vectors)
    n = len(matrix)
    first = pca_map(matrix, seed=seed) if start is None or n < FEWEST_FOR_UMAP else _checked_start(start, n)
    if n < FEWEST_FOR_UMAP:
        return first
    k = min(n_neighbors, n) - 1
    if knn is None:
        rows, cosine = nearest(matrix, k, report=report)
    else:
        rows, cosine = _checked(knn, n, k)
    from embtune.maps.layout import curve, fuzzy_graph, optimize

    report(0, None, "", "UMAP: neighbourhood graph")
    graph = fuzzy_graph(rows, np.maximum(1.0 - cosine, 0.0))
    if labels is not None:
        from embtune.maps.guided import intersect_with_labels

        graph = intersect_with_labels(graph, labels)
    a, b = curve(min_dist)
    epochs = _EPOCHS_SMALL if n <= _SMALL else _EPOCHS
    xy = optimize(_spread(first, seed), graph, a=a, b=b, n_epochs=epochs, seed=seed, report=report)
    centred: NDArray[np.float32] = xy - xy.mean(axis=0)
    return centred


METHODS: dict[str, Callable[..., NDArray[np.float32]]] = {"pca": pca_map, "umap": umap_map}
"""Projections by name that need nothing but the vectors; each takes `seed`."""


def _leading(covariance: NDArray[np.float64], n: int, seed: int) -> NDArray[np.float64]:
    """Return the n eigenvectors of largest eigenvalue as columns, largest first."""
    if len(covariance) <= _DENSE_EIGEN:
        ascending: NDArray[np.float64] = np.linalg.eigh(covariance)[1]
        return ascending[:, ::-1][:, :n].copy()
    from scipy.sparse.linalg import eigsh

    first = np.random.default_rng(seed).normal(size=len(covariance))
    values, found = eigsh(covariance, k=n, which="LA", v0=first)
    ordered: NDArray[np.float64] = found[:, np.argsort(-values)]
    return ordered


def _spread(start: NDArray[np.float32], seed: int) -> NDArray[np.float32]:
    """Widen a start to the layout's scale and move equal points apart by a hair."""
    noise = np.random.default_rng(seed).normal(size=start.shape)
    widest = float(np.abs(start).max())
    if widest == 0:
        return (noise * _START_HALF_WIDTH / 2).astype(np.float32)
    return (start * (_START_HALF_WIDTH / widest) + noise * 1e-3).astype(np.float32)


def _checked(
    knn: tuple[NDArray[np.int64], NDArray[np.float32]], n: int, k: int
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    rows, cosine = np.asarray(knn[0]), np.asarray(knn[1])
    if rows.shape != cosine.shape or rows.ndim != 2 or len(rows) != n or rows.shape[1] < k:
        raise BadInputError(
            f"knn has the shapes {rows.shape} and {cosine.shape}; {n} vectors with {k} neighbours each need "
            f"({n}, {k}) or wider, twice."
        )
    return rows[:, :k], cosine[:, :k]


def _checked_start(start: NDArray[Any], n: int) -> NDArray[np.float32]:
    first = np.asarray(start, dtype=np.float32)
    if first.shape != (n, 2):
        raise BadInputError(f"The start has the shape {first.shape}; {n} vectors need ({n}, 2).")
    if not np.isfinite(first).all():
        raise BadInputError("The start has values that are not finite; leave it out, or draw that map again.")
    centred: NDArray[np.float32] = first - first.mean(axis=0)
    return centred
