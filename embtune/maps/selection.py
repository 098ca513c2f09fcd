"""What a person chose on a map: a set of records, shapes that add or take away; resolved to records."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embtune.maps.shapes import points_in_polygon

MODES = ("replace", "add", "remove")


@dataclass(frozen=True)
class Shape:
    """A closed polygon in the map's coordinates; `adds` is false for one that takes records out."""

    x: tuple[float, ...]
    y: tuple[float, ...]
    adds: bool = True

    @property
    def polygon(self) -> NDArray[np.float64]:
        """The vertices, shape (m, 2)."""
        return np.column_stack([self.x, self.y])


@dataclass(frozen=True)
class Selection:
    """Records picked at once (a cluster, say), shapes in the order they were drawn, and records taken out.

    `picked` holds row numbers as the bytes of an int64 array, so that selections can be compared; `name` says
    where they come from.
    """

    shapes: tuple[Shape, ...] = ()
    left_out: frozenset[int] = field(default=frozenset())
    picked: bytes = b""
    name: str = ""

    @classmethod
    def of(cls, rows: NDArray[np.int64], name: str = "") -> Selection:
        """Return a selection of explicit rows."""
        return cls(picked=np.unique(rows).astype(np.int64).tobytes(), name=name)

    @property
    def picked_rows(self) -> NDArray[np.int64]:
        """The rows picked at once, ascending."""
        return np.frombuffer(self.picked, dtype=np.int64)

    @property
    def empty(self) -> bool:
        """Whether nothing was drawn or picked."""
        return not self.shapes and not self.picked

    def draw(self, new: Sequence[Shape], mode: str) -> Selection:
        """Return the selection after new shapes were drawn in a mode of `MODES`."""
        if mode == "replace":
            return Selection(tuple(new))
        adds = mode == "add"
        return replace(self, shapes=(*self.shapes, *(replace(shape, adds=adds) for shape in new)))

    def without(self, row: int) -> Selection:
        """Return the selection with one record taken out."""
        return replace(self, left_out=self.left_out | {row})

    def rows(self, xy: NDArray[Any], visible: NDArray[np.bool_] | None = None) -> NDArray[np.int64]:
        """Resolve to row numbers, ascending.

        Parameters
        ----------
        xy
            Shape (n, 2), the map.
        visible
            Shape (n,): records that are hidden on the map are never selected.
        """
        inside = np.zeros(len(xy), dtype=np.bool_)
        picked = self.picked_rows
        inside[picked[picked < len(xy)]] = True
        for shape in self.shapes:
            hit = points_in_polygon(xy, shape.polygon)
            inside = inside | hit if shape.adds else inside & ~hit
        if visible is not None:
            inside &= visible
        if self.left_out:
            inside[[row for row in self.left_out if row < len(inside)]] = False
        return np.flatnonzero(inside)

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for the journal."""
        return {
            "shapes": [{"x": list(s.x), "y": list(s.y), "adds": s.adds} for s in self.shapes],
            "left_out": sorted(self.left_out),
        } | ({"picked": self.name or "records", "n_picked": len(self.picked_rows)} if self.picked else {})


def shapes_of(event: Mapping[str, Any] | None) -> tuple[Shape, ...]:
    """Read the lassos and boxes out of a Plotly selection event; one with fewer than 3 vertices is none."""
    selection = (event or {}).get("selection") or {}
    shapes = [_shape(lasso["x"], lasso["y"]) for lasso in selection.get("lasso") or ()]
    for box in selection.get("box") or ():
        (x0, x1), (y0, y1) = box["x"][:2], box["y"][:2]
        shapes.append(_shape((x0, x1, x1, x0), (y0, y0, y1, y1)))
    return tuple(shape for shape in shapes if len(shape.x) >= 3)


def clicked_point(event: Mapping[str, Any] | None) -> tuple[float, float] | None:
    """Read where a point was clicked out of a Plotly selection event; None if it was not a click."""
    points = ((event or {}).get("selection") or {}).get("points") or ()
    if not points or shapes_of(event):
        return None
    return float(points[0]["x"]), float(points[0]["y"])


def _shape(x: Iterable[float], y: Iterable[float]) -> Shape:
    return Shape(tuple(float(v) for v in x), tuple(float(v) for v in y))
