"""The map as a figure: one WebGL trace, grey beneath, labels on top; an image where points are many."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from embtune.labeling.labelset import UNLABELLED_COLOR, color_for
from embtune.maps.raster import Raster, rasterize
from embtune.maps.selection import Selection
from embtune.work.clustering import Clustering
from pages.shared.map_coloring import Coloring

# Above so many points a picture: to draw the points anew after each label takes a browser without a graphics
# card some seconds at 20,000, a picture takes tenths.
RASTER_FROM = 8_000
HOVER_UP_TO = 3_000
LATER_UP_TO = 3_000  # marks of records that came later; more of them are part of the picture, and fainter
HEIGHT = 600
View = tuple[tuple[float, float], tuple[float, float]]
_MOST_NAMES = 24
_NAME_ROOM = (0.17, 0.045)  # of the map's width and height
_NAME_SPOT = 11
_DIAMOND = 6  # pixels of the picture, from the middle to a corner


def map_figure(
    xy: NDArray[np.float32],
    colors: Coloring,
    *,
    visible: NDArray[np.bool_],
    drawn: Selection,
    drag: str,
    texts: list[str] | None = None,
    found: NDArray[np.int64] | None = None,
    clusters: Clustering | None = None,
    later: NDArray[np.bool_] | None = None,
    view: View | None = None,
) -> Any:
    """Draw the map.

    Parameters
    ----------
    xy
        Shape (n, 2).
    visible
        Shape (n,): points to draw.
    drawn
        Its shapes are shown dashed; pass an empty one while the browser itself still shows them. Records it
        picked keep their colour, the others turn grey.
    drag
        "lasso", "select" (a box), or "pan", with which points can be clicked.
    texts
        A short text per record, shown under the pointer; None for none.
    found
        Rows to ring: those that match a search.
    clusters
        Each gets a spot with its name, which can be clicked.
    later
        Shape (n,): records that came later, drawn as open diamonds on top of the others.
    view
        The part to show, as (low, high) of x and of y; all of it by default.
    """
    import pandas  # noqa: F401 -- plotly breaks on a pandas that another thread has half imported
    import plotly.graph_objects as go

    figure = go.Figure()
    rows = np.flatnonzero(visible)
    if drawn.picked:
        colors = colors.only(drawn.rows(xy))
    apart = np.zeros(len(rows), dtype=bool) if later is None else later[rows]
    if len(rows) <= RASTER_FROM:
        figure.add_trace(_points(go, xy, colors, rows[~apart], texts))
    elif apart.sum() <= LATER_UP_TO:
        _paint(figure, xy, colors, rows[~apart])
    else:
        _paint(figure, xy, colors, rows, apart)
    if 0 < apart.sum() <= LATER_UP_TO:
        figure.add_trace(_points(go, xy, colors, rows[apart], texts, later=True))
    if found is not None and len(found):
        ringed = found[visible[found]]
        figure.add_trace(
            go.Scattergl(
                x=xy[ringed, 0],
                y=xy[ringed, 1],
                mode="markers",
                hoverinfo="skip",
                marker={"size": 12, "symbol": "circle-open", "line": {"width": 2}, "color": "#D55E00"},
            )
        )
    if clusters is not None and not drawn.picked:
        figure.add_trace(_name_spots(go, xy, clusters, visible))
    for shape in drawn.shapes:
        path = "M" + " L".join(f"{x},{y}" for x, y in zip(shape.x, shape.y, strict=True)) + " Z"
        line = {"color": "#7A8599" if shape.adds else "#D55E00", "width": 1.6, "dash": "dash"}
        figure.add_shape(type="path", path=path, line=line, fillcolor="rgba(122,133,153,0.06)")
    low, high = xy[rows].min(axis=0), xy[rows].max(axis=0)
    pad = np.maximum((high - low) * 0.03, 1e-3)
    part = view or tuple((float(a), float(b)) for a, b in zip(low - pad, high + pad, strict=True))
    axis = {"showgrid": False, "zeroline": False, "showticklabels": False, "title": None, "fixedrange": False}
    figure.update_layout(
        height=HEIGHT,
        margin={"l": 0, "r": 0, "t": 0, "b": 0},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(127,140,160,0.06)",
        showlegend=False,
        dragmode=drag,
        newselection={"line": {"dash": "dash", "width": 1.6, "color": "#7A8599"}},
        xaxis={**axis, "range": list(part[0])},
        yaxis={**axis, "range": list(part[1])},
        modebar={"bgcolor": "rgba(0,0,0,0)", "color": "#8A93A3", "activecolor": "#0B5CAD"},
        hoverlabel={"align": "left"},
    )
    return figure


def cluster_centers(xy: NDArray[np.float32], clusters: Clustering) -> NDArray[np.float32]:
    """Return where each cluster's name stands, (number of clusters, 2): its member nearest the middle."""
    out = np.full((len(clusters.names), 2), np.nan, dtype=np.float32)
    ids = clusters.ids[: len(xy)]
    order = np.argsort(ids, kind="stable")
    starts = np.searchsorted(ids[order], np.arange(len(out) + 1))
    for i in range(len(out)):
        members = xy[order[starts[i] : starts[i + 1]]]
        if len(members):
            middle = np.median(members, axis=0)
            out[i] = members[np.argmin(((members - middle) ** 2).sum(axis=1))]
    return out


def clicked_cluster(point: tuple[float, float], xy: NDArray[np.float32], clusters: Clustering) -> int | None:
    """Return the cluster whose name or record was clicked; None for a record that is in none."""
    at = np.array(point, dtype=np.float32)
    centers = cluster_centers(xy, clusters)
    on_name = np.flatnonzero((np.abs(centers - at) < 1e-5).all(axis=1))
    if len(on_name):
        return int(on_name[0])
    nearest = int(np.argmin(((xy - at) ** 2).sum(axis=1)))
    found = int(clusters.ids[nearest])
    return found if found >= 0 else None


def _name_spots(go: Any, xy: Any, clusters: Clustering, visible: NDArray[np.bool_]) -> Any:
    """Draw a spot for each cluster that shows, the largest ones with the first two words of their name."""
    from html import escape

    shown = np.unique(clusters.ids[: len(xy)][visible])
    shown = shown[shown >= 0]
    centers = cluster_centers(xy, clusters)[shown]
    short = [escape(", ".join(clusters.names[i].split(", ")[:2])) for i in shown.tolist()]
    return go.Scatter(
        x=centers[:, 0],
        y=centers[:, 1],
        mode="markers+text",
        text=[
            f"<b>{name}</b>" if told else "" for name, told in zip(short, _apart(centers, xy), strict=True)
        ],
        textposition="top center",
        textfont={"size": 12, "color": "#ECEFF4" if st.context.theme.type == "dark" else "#20242C"},
        hovertext=[f"{escape(clusters.names[i])}<br>{clusters.sizes[i]:,} records" for i in shown.tolist()],
        hoverinfo="text",
        marker={
            "size": _NAME_SPOT,
            "color": [color_for(i) for i in shown.tolist()],
            "line": {"width": 2, "color": "#FFFFFF"},
        },
        selected={"marker": {"opacity": 1}},
        unselected={"marker": {"opacity": 1}},
    )


def _apart(centers: NDArray[np.float32], xy: NDArray[np.float32]) -> list[bool]:
    """Choose the names that can stand without touching another, the larger clusters' first."""
    room = np.ptp(xy, axis=0) * _NAME_ROOM
    taken: list[NDArray[np.float32]] = []
    out = []
    for center in centers:
        free = len(taken) < _MOST_NAMES and not any((np.abs(center - other) < room).all() for other in taken)
        if free:
            taken.append(center)
        out.append(free)
    return out


def _points(
    go: Any,
    xy: Any,
    colors: Coloring,
    rows: NDArray[np.int64],
    texts: list[str] | None,
    *,
    later: bool = False,
) -> Any:
    # Grey first, so that a label is never hidden beneath what has none.
    order = rows[np.argsort(colors.codes[rows] >= 0, kind="stable")]
    n = len(order)
    size = 8 if n <= 1000 else 6 if n <= 5000 else 4
    known = colors.codes[order] >= 0
    marker: dict[str, Any] = {"size": size, "line": {"width": 0}}
    if colors.values is not None:
        marker |= {
            "color": colors.values[order],
            "colorscale": "Cividis",
            "cmin": colors.low,
            "cmax": colors.high,
            "opacity": 0.85,
            "colorbar": {"title": {"text": colors.title}, "thickness": 10, "len": 0.5},
        }
    else:
        palette = [UNLABELLED_COLOR, *colors.colors]
        steps = max(1, len(palette) - 1)
        marker |= {
            "color": (colors.codes[order] + 1).astype(np.uint8 if len(palette) < 256 else np.int32),
            "colorscale": [[i / steps, color] for i, color in enumerate(palette)] if len(palette) > 1 else
            [[0, palette[0]], [1, palette[0]]],
            "cmin": 0,
            "cmax": steps,
            "opacity": np.where(known, 0.9, 0.5).astype(np.float32),
            "showscale": False,
        }  # fmt: skip
    if later:
        marker |= {
            "symbol": "diamond-open",
            "size": 11,
            "line": {"width": 2},
            "showscale": False,
            "opacity": 1,
        }
    hover: dict[str, Any] = {"hoverinfo": "skip"}
    if texts is not None:
        said = "<br>came later" if later else ""
        hover = {"text": [texts[row] + said for row in order.tolist()], "hoverinfo": "text"}
    return go.Scattergl(
        x=xy[order, 0],
        y=xy[order, 1],
        mode="markers",
        marker=marker,
        selected={"marker": {"opacity": 0.95}},
        unselected={"marker": {"opacity": 0.35}},
        **hover,
    )


@st.cache_data(show_spinner=False, max_entries=16)
def _picture(
    xy: NDArray[np.float32],
    codes: NDArray[np.int64],
    values: NDArray[np.float32] | None,
    colors: tuple[str, ...],
    later: NDArray[np.bool_] | None = None,
) -> Raster:
    """Paint points as small discs; kept, because a lasso draws the same picture again."""
    if values is not None:
        from plotly.colors import sample_colorscale

        table = np.array(
            [_rgb(c) for c in sample_colorscale("Cividis", np.linspace(0, 1, 32).tolist())], dtype=np.uint8
        )
        paint = table[np.clip((values * 31).astype(int), 0, 31)]
    else:
        paint = np.array([_rgb(c) for c in (*colors, UNLABELLED_COLOR)], dtype=np.uint8)[codes]
    width, height = 1250, 1000  # more than the screen shows, so that a first zoom stays sharp
    radius = 2 if len(xy) <= 60_000 else 1 if len(xy) <= 200_000 else 0
    pixel = np.ptp(xy, axis=0) / (width, height)
    apart = np.zeros(len(xy), dtype=bool) if later is None else later
    stamped = [
        _stamp(xy[rows], paint[rows], codes[rows] >= 0, spots * pixel)
        for rows, spots in ((~apart, _disc(radius)), (apart, _diamond()))
    ]
    # What came later lies on top whether it has a label or not.
    stamped[1][2][:] = True
    points, paints, on_top = (np.concatenate(parts) for parts in zip(*stamped, strict=True))
    return rasterize(points, paints, width=width, height=height, on_top=on_top)


def _stamp(xy: Any, paint: Any, on_top: Any, spots: Any) -> tuple[Any, Any, Any]:
    """Put the pixels of a mark around every point."""
    m = len(spots)
    return (xy[:, None] + spots[None]).reshape(-1, 2), np.repeat(paint, m, axis=0), np.repeat(on_top, m)


def _paint(
    figure: Any,
    xy: Any,
    colors: Coloring,
    rows: NDArray[np.int64],
    later: NDArray[np.bool_] | None = None,
) -> None:
    import plotly.graph_objects as go

    picture = _picture(
        xy[rows],
        colors.codes[rows],
        None
        if colors.values is None
        else (colors.values[rows] - colors.low) / max(colors.high - colors.low, 1e-9),
        colors.colors,
        later,
    )
    low, high = xy[rows].min(axis=0), xy[rows].max(axis=0)
    figure.add_layout_image(
        source="data:image/png;base64," + base64.b64encode(picture.png).decode(),
        xref="x",
        yref="y",
        x=picture.x_range[0],
        y=picture.y_range[1],
        sizex=picture.x_range[1] - picture.x_range[0],
        sizey=picture.y_range[1] - picture.y_range[0],
        sizing="stretch",
        layer="below",
    )
    # Two unseen points: without a trace the browser offers no lasso.
    figure.add_trace(
        go.Scatter(
            x=[low[0], high[0]], y=[low[1], high[1]], mode="markers", marker={"opacity": 0}, hoverinfo="skip"
        )
    )


def _disc(radius: int) -> NDArray[np.float64]:
    """Return the pixels of a filled circle around (0, 0), shape (m, 2)."""
    side = np.arange(-radius, radius + 1)
    x, y = np.meshgrid(side, side)
    inside = x**2 + y**2 <= (radius + 0.3) ** 2
    return np.column_stack([x[inside], y[inside]]).astype(np.float64)


def _diamond() -> NDArray[np.float64]:
    """Return the pixels of an open diamond around (0, 0), two of them thick; shape (m, 2)."""
    side = np.arange(-_DIAMOND, _DIAMOND + 1)
    x, y = np.meshgrid(side, side)
    line = np.isin(np.abs(x) + np.abs(y), (_DIAMOND - 1, _DIAMOND))
    return np.column_stack([x[line], y[line]]).astype(np.float64)


def _rgb(color: str) -> tuple[int, int, int]:
    if color.startswith("rgb"):
        r, g, b = (int(float(part)) for part in color[color.index("(") + 1 : -1].split(",")[:3])
        return r, g, b
    return int(color[1:3], 16), int(color[3:5], 16), int(color[5:7], 16)
