"""The corpus as a map: see it, draw on it, label what is inside."""

from __future__ import annotations

from functools import partial

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from streamlit.delta_generator import DeltaGenerator

from embtune.maps.selection import MODES, Selection, clicked_point, shapes_of
from embtune.work.clustering import Clustering
from embtune.work.mapping import GUIDED
from pages.shared.clusters_panel import clicked_line, clusters_panel, forget_line, shown_clustering
from pages.shared.later_records import later_records
from pages.shared.layout import plain, told
from pages.shared.map_chart import clicked_cluster
from pages.shared.map_coloring import CLUSTER, coloring, coloring_choices
from pages.shared.map_drawing import outdated_map, waiting_for_map
from pages.shared.map_legend import later_legend, legend, visible_points
from pages.shared.map_movement import movement_chart, movement_panel, movement_toggle
from pages.shared.map_panel import panel
from pages.shared.map_view import CHART, draw
from pages.shared.slice_choice import map_slice, save_shape_as_slice
from pages.shared.state import embedding_names, embedding_title, require_project

METHODS = {"pca": "PCA", "umap": "UMAP", GUIDED: "Separate my labels"}
CHOICE_WIDTH = 165


def kept(name: str, default: str, choices: list[str]) -> str:
    """Return a choice that outlives the page: widgets forget theirs when another page is shown."""
    value = st.session_state.get(f"map_kept_{name}", st.query_params.get(name, default))
    return value if value in choices else default


def keep(name: str) -> None:
    """Remember what a widget was set to."""
    value = st.session_state.get(f"map_{name}")
    if value is not None:
        st.session_state[f"map_kept_{name}"] = value
        st.query_params[name] = value
    if name in ("embedding", "method"):
        forget_selection()


def forget_selection() -> None:
    """Drop the shapes. What the browser reported last stays known, so that it does not come back."""
    st.session_state.pop("map_selection", None)


def choose_rows(rows: NDArray[np.int64], name: str) -> None:
    """Select records at once, such as those of a slice."""
    st.session_state["map_selection"] = Selection.of(rows, name)
    st.session_state.pop("map_drawn_on", None)


@st.fragment
def map_fragment() -> None:
    """Controls, chart and panel; a lasso runs only this again."""
    embedding, method, color_by = controls()
    xy = project.map(embedding, method, make=method == "pca")
    if xy is None:
        waiting_for_map(project, embedding, method)
        method = "pca"
        xy = project.map(embedding, "pca")
    elif project.map_outdated(embedding, method):
        outdated_map(project, embedding, method)
    later_records(project, embedding, method)
    forget_if_other_map((project.id, embedding, method, project.find_map(embedding, method)))
    chart_side, panel_side = st.columns([2.35, 1], gap="medium")
    clusters = shown_clustering(project, embedding) if color_by == CLUSTER else None
    colors = coloring(project, color_by, embedding, clusters)
    if len(colors.codes) > len(xy):
        st.info(
            f"{len(colors.codes) - len(xy):,} records were imported after this embedding: "
            "embed again on the Projects page to see them here."
        )
    with panel_side:
        moving = movement_toggle(project, embedding, method)
    with chart_side:
        drag, mode = toolbar(disabled=moving, clusters=clusters is not None)
        if moving:
            show_movement(embedding, method, panel_side)
            return
        chart_place = st.container()
        later = np.arange(len(xy)) >= project.first_later(embedding, method)
        with st.container(horizontal=True, gap="small"):
            hidden, later_show = legend(colors), later_legend(int(later.sum()))
        visible = visible_points(colors, len(xy), hidden, None if later_show else later)
        within = map_slice(project, choose_rows)
        if within is not None:
            visible = visible & np.isin(np.arange(len(xy)), within)
        take_in_drawing(mode)
        take_in_click(xy, clusters)
        selection: Selection = st.session_state.get("map_selection", Selection())
        rows = selection.rows(xy, visible)
        with chart_place:
            mark = (embedding, method, color_by)
            draw(project, xy, colors, visible, drag, selection, mark, clusters=clusters, later=later)
    with panel_side:
        if selection.name:
            st.caption(f"“{plain(selection.name)}”, all of it")
        idle = None
        if color_by == CLUSTER:
            idle = partial(clusters_panel, project, embedding, clusters)
        panel(project, embedding, method, selection, rows, forget_selection, nothing_new_drawn, idle=idle)
        if not selection.empty:
            save_shape_as_slice(project, selection, embedding, method)


def controls() -> tuple[str, str, str]:
    """Draw the row above the map; return embedding, method and what to colour by."""
    names = embedding_names(project)
    choices = coloring_choices(project)
    current = {
        "embedding": kept("embedding", project.active_embedding, names),
        "color": kept("color", "label", choices),
    }
    why_not = project.why_not_guided()
    if why_not and project.find_map(current["embedding"], GUIDED) is not None:
        why_not = None  # an old one is there to see
    methods = [name for name in METHODS if name != GUIDED or not why_not]
    current["method"] = kept("method", first_method(), methods)
    for name, value in current.items():
        st.session_state[f"map_{name}"] = value
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.title("Map", anchor=False, width="content")
        st.segmented_control(
            "Embedding",
            names,
            key="map_embedding",
            label_visibility="collapsed",
            required=True,
            format_func=lambda name: embedding_title(project, name),
            on_change=keep,
            args=("embedding",),
        )
        st.segmented_control(
            "Map",
            methods,
            key="map_method",
            format_func=METHODS.get,
            label_visibility="collapsed",
            required=True,
            on_change=keep,
            args=("method",),
        )
        if why_not:  # a single choice of the control cannot be disabled
            st.button(METHODS[GUIDED], key="map_guided_off", disabled=True, help=why_not)
        st.space("stretch")
        st.selectbox(
            "Colour by",
            choices,
            key="map_color",
            format_func=lambda choice: f"colour by {choice}",
            label_visibility="collapsed",
            on_change=keep,
            args=("color",),
            width=CHOICE_WIDTH,
        )
        st.text_input(
            "Highlight text",
            key="map_highlight",
            placeholder="highlight text",
            label_visibility="collapsed",
            icon=":material/search:",
            width=CHOICE_WIDTH,
        )
    return current["embedding"], current["method"], current["color"]


def first_method() -> str:
    """UMAP once it is there; but the map does not change under a shape that was drawn on it."""
    if st.session_state.get("map_selection") is None or "map_first_method" not in st.session_state:
        ready = project.find_map(project.active_embedding, "umap") is not None
        st.session_state["map_first_method"] = "umap" if ready else "pca"
    return st.session_state["map_first_method"]


def toolbar(disabled: bool, clusters: bool = False) -> tuple[str, str]:
    """Draw the tools; return Plotly's name of the drag tool, and the drawing mode.

    With clusters there is a tool to click on one: while the lasso is in the hand, the chart hears no clicks.
    """
    tools = {"lasso": "lasso", "box": "select"} | ({"click": "pan"} if clusters else {})
    if st.session_state.get("map_tool") not in tools:
        st.session_state["map_tool"] = "lasso"
    st.session_state.setdefault("map_mode", "replace")
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        drag = st.segmented_control(
            "Tool",
            list(tools),
            key="map_tool",
            label_visibility="collapsed",
            required=True,
            disabled=disabled,
        )
        mode = st.segmented_control(
            "Drawing",
            list(MODES),
            key="map_mode",
            label_visibility="collapsed",
            required=True,
            disabled=disabled,
        )
        st.button(
            "Clear",
            type="tertiary",
            key="map_clear",
            help="Forget what was drawn; a double-click on the map does too",
            on_click=forget_selection,
            disabled=disabled,
        )
    return tools[drag], mode


def show_movement(embedding: str, method: str, panel_side: DeltaGenerator) -> None:
    """Play the way from raw to the version in place of the map; what was drawn comes back with the map."""
    st.session_state["map_seen"] = ()
    st.session_state.pop("map_drawn_on", None)
    moved = project.movement(embedding, method)
    if moved is None:
        waiting_for_map(project, "raw", method, "the movement shows when it is there")
        return
    movement_chart(project, moved, embedding, method)
    with panel_side:
        movement_panel(project, moved, embedding)


def forget_if_other_map(shown: tuple) -> None:
    """Drop a shape that was drawn on another map: here it would hold other records."""
    if st.session_state.get("map_shown_map") != shown:
        if "map_shown_map" in st.session_state:
            forget_selection()
        st.session_state["map_shown_map"] = shown


def nothing_new_drawn() -> bool:
    """Tell whether the browser has reported no drawing that the page has not taken in yet."""
    return shapes_of(st.session_state.get(CHART)) in ((), st.session_state.get("map_seen", ()))


def take_in_drawing(mode: str) -> None:
    """Turn what the browser reports into our own selection, each drawing once.

    A changed figure is a new chart to the browser: it forgets its drawing, and reports none, of itself.
    """
    shapes = shapes_of(st.session_state.get(CHART))
    if shapes == st.session_state.get("map_seen", ()):
        return
    st.session_state["map_seen"] = shapes
    if not shapes:  # a double click
        forget_selection()
        return
    before = st.session_state.get("map_selection", Selection())
    st.session_state["map_selection"] = before.draw(shapes, mode)
    st.session_state["map_drawn_on"] = st.session_state.get("map_mark") if mode == "replace" else None
    st.session_state.pop("map_message", None)


def take_in_click(xy: NDArray[np.float32], clusters: Clustering | None) -> None:
    """Select the cluster whose name, record or line in the list was clicked, each click once."""
    line = clicked_line() if clusters is not None else None
    if line is not None and clusters is not None:
        forget_line()
        if line < len(clusters.names):
            choose_records(clusters.rows(line), clusters.names[line])
    point = clicked_point(st.session_state.get(CHART)) if clusters is not None else None
    if point == st.session_state.get("map_clicked"):
        return
    st.session_state["map_clicked"] = point
    if point is None or clusters is None:
        return
    cluster = clicked_cluster(point, xy, clusters)
    if cluster is not None:
        choose_records(clusters.rows(cluster), clusters.names[cluster])


def choose_records(rows: NDArray[np.int64], name: str) -> None:
    """Select records at once, in place of what was drawn."""
    st.session_state["map_selection"] = Selection.of(rows, name)
    st.session_state["map_drawn_on"] = None
    st.session_state.pop("map_message", None)


project = require_project(embedded=True)
with told():
    map_fragment()
