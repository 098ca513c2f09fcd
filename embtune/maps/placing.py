"""Give new records a place on a map that is there, and leave the others where they are."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embtune.errors import BadInputError
from embtune.progress import Report, silent

N_NEIGHBORS = 15
_BLOCK = 1024
_BISECTIONS = 40

Places = NDArray[np.float32]


def place_by_neighbors(
    known: NDArray[np.floating],
    xy: NDArray[np.floating],
    new: NDArray[np.floating],
    *,
    k: int = N_NEIGHBORS,
    report: Report = silent,
) -> Places:
    """Put each new record between its nearest known ones.

    Parameters
    ----------
    known
        Shape (n, d), vectors of the records on the map, rows of unit length.
    xy
        Shape (n, 2), where they are.
    new
        Shape (m, d), vectors of the records to place.
    k
        Known neighbours that decide; cut to n.
    report
        Told after every block, in records.

    Returns
    -------
    Places
        Shape (m, 2): the mean of the neighbours' places, each weighted as in UMAP: the nearest by 1, the
        others by exp(-(distance - nearest) / s), s such that the weights sum to log2(k + 1).

    Raises
    ------
    BadInputError
        If the shapes do not fit or no record is known.

    Notes
    -----
    How UMAP starts records that it did not see: McInnes, Healy and Melville (2018), arXiv:1802.03426.
    """
    _check(known, xy, new)
    at = np.asarray(xy, dtype=np.float64)
    everything = np.asarray(known, dtype=np.float32)
    k = min(k, len(everything))
    out = np.empty((len(new), 2), dtype=np.float32)
    for start in range(0, len(new), _BLOCK):
        cosine = np.asarray(new[start : start + _BLOCK], dtype=np.float32) @ everything.T
        rows = np.argpartition(-cosine, k - 1, axis=1)[:, :k]
        weights = _weights(1.0 - np.take_along_axis(cosine, rows, axis=1).astype(np.float64))
        out[start : start + len(rows)] = (at[rows] * weights[:, :, None]).sum(axis=1)
        report(start + len(rows), len(new), "records", "placing on the map")
    return out


def place_by_directions(
    known: NDArray[np.floating], xy: NDArray[np.floating], new: NDArray[np.floating]
) -> Places:
    """Project new records on the directions of a PCA map.

    Parameters
    ----------
    known
        Shape (n, d), the vectors that the map was made of: these and no others.
    xy
        Shape (n, 2), their PCA.
    new
        Shape (m, d), vectors of the records to place.

    Returns
    -------
    Places
        Shape (m, 2), where that PCA puts them.

    Raises
    ------
    BadInputError
        If the shapes do not fit or no record is known.
    """
    _check(known, xy, new)
    vectors = np.asarray(known, dtype=np.float32)
    center = vectors.mean(axis=0, dtype=np.float64)
    at = np.asarray(xy, dtype=np.float64)
    # xy = X v for centred X, and X'X v = |X v|^2 v: so the directions come back out of X' xy.
    spread = (at**2).sum(axis=0)
    directions = (vectors.T @ at.astype(np.float32)).astype(np.float64) - np.outer(center, at.sum(axis=0))
    directions /= np.where(spread > 0, spread, 1.0)
    placed: Places = ((np.asarray(new, dtype=np.float64) - center) @ directions).astype(np.float32)
    return placed


def _weights(distance: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return weights that sum to 1, shape (m, k), of distances (m, k)."""
    beyond = np.maximum(distance - distance.min(axis=1, keepdims=True), 0.0)
    low, high = np.full(len(distance), 1e-8), np.full(len(distance), 1e3)
    target = math.log2(distance.shape[1] + 1)
    for _ in range(_BISECTIONS):
        middle = np.sqrt(low * high)
        too_wide = np.exp(-beyond / middle[:, None]).sum(axis=1) > target
        high = np.where(too_wide, middle, high)
        low = np.where(too_wide, low, middle)
    weights = np.exp(-beyond / np.sqrt(low * high)[:, None])
    result: NDArray[np.float64] = weights / weights.sum(axis=1, keepdims=True)
    return result


def _check(known: NDArray[Any], xy: NDArray[Any], new: NDArray[Any]) -> None:
    if xy.shape != (len(known), 2) or not len(known):
        raise BadInputError(
            f"The map has the shape {xy.shape}; {len(known)} known vectors need one place each."
        )
    if known.ndim != 2 or new.ndim != 2 or known.shape[1] != new.shape[1]:
        raise BadInputError(f"The vectors have the shapes {known.shape} and {new.shape}: widths must agree.")
