"""The map's chart, drawn anew only where something has changed; what part of it is looked at is kept then."""

from __future__ import annotations

from html import escape
from pathlib import Path

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from embtune.maps.selection import Selection
from embtune.project import Project
from embtune.work.clustering import Clustering
from pages.shared.map_chart import HOVER_UP_TO, View, map_figure
from pages.shared.map_coloring import Coloring

CHART = "map_chart"
_KEEPER = "map_keeper"

_mount = st.components.v2.component(
    "embtune_map_view", js=Path(__file__).with_suffix(".js").read_text(encoding="utf-8")
)


def draw(
    project: Project,
    xy: NDArray[np.float32],
    colors: Coloring,
    visible: NDArray[np.bool_],
    drag: str,
    selection: Selection,
    mark: tuple[str, ...],
    *,
    clusters: Clustering | None,
    later: NDArray[np.bool_],
) -> None:
    """Draw the chart; while the browser itself still shows the drawn shape, the figure stays as it was.

    `mark` tells one chart from another: embedding, method and what it is coloured by.
    """
    words = st.session_state.get("map_highlight", "").strip()
    found = None
    if words:
        found = np.array([record.row for record in project.search(words, limit=2000)], dtype=np.int64)
        found = found[found < len(xy)]
    mark = (*mark, clusters.id if clusters else None, project.revision)
    mark = (*mark, visible.tobytes() if len(xy) < 10_000 else visible.sum(), drag, words)
    in_browser = st.session_state.get("map_drawn_on") == mark
    shown = Selection() if in_browser else selection
    which = repr(st.session_state.get("map_shown_map"))
    if (mark, shown) != (st.session_state.get("map_mark"), st.session_state.get("map_shown")):
        st.session_state["map_seen"] = ()
        st.session_state["map_looked_at"] = which, _looked_at(which)
    st.session_state["map_mark"], st.session_state["map_shown"] = mark, shown
    texts = None
    if len(xy) <= HOVER_UP_TO:
        texts = project.cached("hover", project.n_records, lambda: _hover_texts(project))
    st.plotly_chart(
        map_figure(
            xy,
            colors,
            visible=visible,
            drawn=shown,
            drag=drag,
            texts=texts,
            found=found,
            clusters=clusters,
            later=later,
            view=st.session_state["map_looked_at"][1],
        ),
        key=CHART,
        on_select="rerun",
        selection_mode=("lasso", "box") if clusters is None else ("lasso", "box", "points"),
        width="stretch",
        # "Reset" would go to where this chart began: with what is kept, no more than a part of the map.
        config={
            "displaylogo": False,
            "scrollZoom": True,
            "doubleClick": "autosize",
            "modeBarButtonsToRemove": ["resetScale2d"],
        },
    )
    _keeper(which)
    note = f"{int(visible.sum()):,} points · scroll to zoom · double-click clears the shape"
    if drag == "pan":
        note += " · click selects a cluster"
    if found is not None:
        note += f" · {len(found):,}{' or more' if len(found) >= 2000 else ''} contain “{words}”"
    st.caption(note)


@st.fragment
def _keeper(which: str) -> None:
    """Hear which part of the map is looked at; a fragment of its own, so that nothing is drawn for it."""
    st.html(f"<style>div:has(> .st-key-{_KEEPER}_box) {{display: none;}}</style>")
    with st.container(key=f"{_KEEPER}_box"):
        _mount(
            key=_KEEPER,
            data={"chart": CHART, "map": which},
            default={"view": None},
            on_view_change=lambda: None,
        )


def _looked_at(which: str) -> View | None:
    """Return the part of this map that the browser showed last; None for all of it."""
    view = (st.session_state.get(_KEEPER) or {}).get("view")
    if not view or view.get("map") != which:  # nothing was moved since the page was opened
        before, kept = st.session_state.get("map_looked_at", ("", None))
        return kept if before == which else None
    if "x" not in view:
        return None
    (x0, x1), (y0, y1) = view["x"], view["y"]
    return (float(x0), float(x1)), (float(y0), float(y1))


def _hover_texts(project: Project) -> list[str]:
    """A line of each text, for the pointer; angle brackets would be read as markup."""
    return [
        escape(record.text[:90] + ("…" if len(record.text) > 90 else ""))
        for record in project.records(np.arange(project.n_records))
    ]
