"""Which points lie inside a drawn shape, and which records show what is in it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embtune.errors import BadInputError

Polygon = NDArray[np.floating[Any]]
"""Shape (m, 2): the vertices in order; the last is joined to the first."""


def points_in_polygon(xy: NDArray[Any], polygon: Polygon) -> NDArray[np.bool_]:
    """Tell which points a polygon encloses, by the even-odd rule.

    Parameters
    ----------
    xy
        Shape (n, 2). A point with NaN is never inside.
    polygon
        Shape (m, 2), in the same coordinates. Fewer than three vertices enclose nothing.

    Returns
    -------
    inside
        Shape (n,). A point exactly on an edge counts as inside on the polygon's left and lower edges and as
        outside on its right and upper ones, so that of two polygons with a common edge one has it.

    Raises
    ------
    BadInputError
        If an array has another shape, or a vertex is not a finite number.

    Notes
    -----
    Points are sorted by y once, so that each edge is compared only with the points at its height.
    """
    points = _coordinates("xy", xy)
    corners = _coordinates("polygon", polygon).astype(np.float64)
    inside = np.zeros(len(points), dtype=np.bool_)
    if len(corners) < 3:
        return inside
    if not np.isfinite(corners).all():
        bad = int(np.flatnonzero(~np.isfinite(corners).all(axis=1))[0])
        raise BadInputError(f"Vertex {bad + 1} of the polygon's {len(corners)} is not a finite number.")
    (x0, y0), (x1, y1) = corners.min(axis=0), corners.max(axis=0)
    near = np.flatnonzero(points_in_box(points, x0, x1, y0, y1))
    near = near[np.argsort(points[near, 1])]
    x, y = points[near, 0].astype(np.float64), points[near, 1].astype(np.float64)
    odd = np.zeros(len(near), dtype=np.bool_)
    ends = np.roll(corners, -1, axis=0)
    # A vertex belongs to the edge above it: a ray through it crosses once, not twice.
    firsts = np.searchsorted(y, np.minimum(corners[:, 1], ends[:, 1])).tolist()
    lasts = np.searchsorted(y, np.maximum(corners[:, 1], ends[:, 1])).tolist()
    for (ax, ay), (bx, by), first, last in zip(corners.tolist(), ends.tolist(), firsts, lasts, strict=True):
        if first < last:
            at = ax + (y[first:last] - ay) * ((bx - ax) / (by - ay))
            odd[first:last] ^= x[first:last] < at
    inside[near] = odd
    return inside


def points_in_box(xy: NDArray[Any], x0: float, x1: float, y0: float, y1: float) -> NDArray[np.bool_]:
    """Tell which points, shape (n, 2), lie in a box, its border included; corners in any order."""
    points = _coordinates("xy", xy)
    x, y = points[:, 0], points[:, 1]
    inside: NDArray[np.bool_] = (
        (x >= min(x0, x1)) & (x <= max(x0, x1)) & (y >= min(y0, y1)) & (y <= max(y0, y1))
    )
    return inside


def points_in_shapes(xy: NDArray[Any], polygons: Sequence[Polygon]) -> NDArray[np.bool_]:
    """Tell which points, shape (n, 2), lie in at least one of the polygons."""
    inside = np.zeros(len(xy), dtype=np.bool_)
    for polygon in polygons:
        inside |= points_in_polygon(xy, polygon)
    return inside


def central_and_odd(
    vectors: NDArray[Any], rows: NDArray[np.int64], n: int = 3
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Choose the records that stand for a selection, and those that fit it least.

    Parameters
    ----------
    vectors
        Shape (n_records, d), rows of unit length.
    rows
        Shape (m,), the selection.
    n
        At most so many of each.

    Returns
    -------
    central, odd
        Rows nearest to the selection's mean vector by cosine, nearest first; and those farthest, farthest
        first. No row is in both: of a selection below 2 n, the larger half is central.
    """
    chosen = np.asarray(rows, dtype=np.int64)
    inside = np.asarray(vectors[chosen], dtype=np.float32)
    cosine = inside @ inside.mean(axis=0) if len(chosen) else np.empty(0, dtype=np.float32)
    order = chosen[np.lexsort((chosen, -cosine))]
    n_central = min(n, (len(order) + 1) // 2)
    n_odd = min(n, len(order) - n_central)
    return order[:n_central], order[len(order) - n_odd :][::-1]


def _coordinates(name: str, values: NDArray[Any]) -> NDArray[Any]:
    array = np.asarray(values)
    if array.size == 0:
        return np.empty((0, 2), dtype=np.float32)
    if array.ndim != 2 or array.shape[1] != 2:
        raise BadInputError(f"{name} must have the shape (n, 2), one x and y a row; it has {array.shape}.")
    return array
