"""Paint many points into one small picture, where a browser could not draw each."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embtune.errors import BadInputError
from embtune.maps.shapes import points_in_box

_FAINTEST = 0.35  # opacity of a pixel with a single point
_MARGIN = 0.02


@dataclass(frozen=True)
class Raster:
    """A picture of points and the part of the plane it shows.

    Attributes
    ----------
    png
        The picture, transparent where there are no points.
    x_range, y_range
        (low, high) in data coordinates: the outer edges of the first and last pixel.
    """

    png: bytes
    x_range: tuple[float, float]
    y_range: tuple[float, float]


def rasterize(
    xy: NDArray[Any],
    colors: NDArray[np.uint8],
    *,
    width: int = 900,
    height: int = 600,
    x_range: tuple[float, float] | None = None,
    y_range: tuple[float, float] | None = None,
    on_top: NDArray[np.bool_] | None = None,
) -> Raster:
    """Paint coloured points; where several meet, their mean colour, the more opaque the more there are.

    Parameters
    ----------
    xy
        Shape (n, 2). Points with NaN or outside of the ranges are not painted.
    colors
        Shape (n, 3), red, green, blue in 0..255.
    width, height
        Pixels.
    x_range, y_range
        (low, high) of the part to show; all points with a small margin by default.
    on_top
        Shape (n,): where such a point lies, the others beneath it are not seen. So a few labelled points are
        not lost among many grey ones.

    Returns
    -------
    raster
        The first row of its picture is the top, that is the high end of `y_range`.

    Raises
    ------
    BadInputError
        If there are not as many colours (or marks) as points, or a range or size is empty.
    """
    points = np.asarray(xy, dtype=np.float64).reshape(-1, 2)
    paint = np.asarray(colors)
    if paint.shape != (len(points), 3):
        raise BadInputError(
            f"{len(points)} points need colours of shape ({len(points)}, 3), not {paint.shape}."
        )
    if on_top is not None and len(on_top) != len(points):
        raise BadInputError(f"on_top has {len(on_top)} marks for {len(points)} points.")
    if width < 1 or height < 1:
        raise BadInputError(
            f"A picture of {width} x {height} pixels cannot be painted; both must be at least 1."
        )
    x_low, x_high = _range("x", x_range, points[:, 0])
    y_low, y_high = _range("y", y_range, points[:, 1])
    seen = np.flatnonzero(points_in_box(points, x_low, x_high, y_low, y_high))
    column = np.minimum(((points[seen, 0] - x_low) * (width / (x_high - x_low))).astype(np.int64), width - 1)
    line = np.minimum(((y_high - points[seen, 1]) * (height / (y_high - y_low))).astype(np.int64), height - 1)
    pixel = line * width + column
    # Few points on a large picture would be specks: they get a cross of five pixels each.
    wide = len(seen) < width * height / 20
    marks = (
        np.zeros(len(seen), dtype=np.bool_) if on_top is None else np.asarray(on_top, dtype=np.bool_)[seen]
    )
    picture = np.zeros((height, width, 4), dtype=np.uint8)
    for layer in (~marks, marks):
        if layer.any():
            _paint(picture, pixel[layer], paint[seen[layer]], wide)
    return Raster(_png(picture), (x_low, x_high), (y_low, y_high))


def _range(axis: str, given: tuple[float, float] | None, values: NDArray[np.float64]) -> tuple[float, float]:
    if given is not None:
        low, high = float(given[0]), float(given[1])
        if not (np.isfinite([low, high]).all() and low < high):
            raise BadInputError(f"{axis}_range is ({low}, {high}); its first number must be the smaller one.")
        return low, high
    finite = values[np.isfinite(values)]
    if not len(finite):
        return -1.0, 1.0
    low, high = float(finite.min()), float(finite.max())
    margin = (high - low) * _MARGIN or 1.0
    return low - margin, high + margin


def _paint(
    picture: NDArray[np.uint8], pixel: NDArray[np.int64], paint: NDArray[np.uint8], wide: bool
) -> None:
    height, width = picture.shape[:2]

    def total(weights: NDArray[np.uint8] | None) -> NDArray[np.float64]:
        summed = np.bincount(pixel, weights=weights, minlength=height * width).reshape(height, width)
        grid = summed.astype(np.float64)
        if wide:
            spread = grid.copy()
            spread[1:] += grid[:-1]
            spread[:-1] += grid[1:]
            spread[:, 1:] += grid[:, :-1]
            spread[:, :-1] += grid[:, 1:]
            return spread
        return grid

    count = total(None)
    painted = count > 0
    many = max(2.0, float(np.percentile(count[painted], 99)))
    density = np.minimum(np.log(np.maximum(count[painted], 1)) / np.log(many), 1.0)
    for channel in range(3):
        mean = total(paint[:, channel])[painted] / count[painted]
        picture[..., channel][painted] = np.rint(mean).astype(np.uint8)
    picture[..., 3][painted] = np.rint(255 * (_FAINTEST + (1 - _FAINTEST) * density)).astype(np.uint8)


def _png(picture: NDArray[np.uint8]) -> bytes:
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(picture).save(file, format="PNG", compress_level=3)
    return file.getvalue()
