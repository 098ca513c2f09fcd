"""The right side of the map: what is inside the shape, and the label to give it."""

from __future__ import annotations

from collections.abc import Callable
from html import escape

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from embtune.labeling.accepting import label_still_open
from embtune.maps.selection import Selection
from embtune.project import Project
from embtune.store.journal import Action
from embtune.work.mapping import METHODS
from pages.shared import heuristic_apart
from pages.shared.chips import colors, new_label_dialog
from pages.shared.look_first import labelled, look_first, open_session


def panel(
    project: Project,
    embedding: str,
    method: str,
    selection: Selection,
    rows: NDArray[np.int64],
    forget: Callable[[], None],
    current: Callable[[], bool],
    *,
    idle: Callable[[], None] | None = None,
) -> None:
    """Draw the panel: what is inside and the labels; `idle`, or the three steps, while nothing is chosen."""
    labelled(project, "map")
    if selection.empty:
        if idle is not None:
            idle()
        else:
            _steps(project)
        return
    if not len(rows):
        st.markdown("**No record inside.** Draw around some points.")
        return

    def give(targets: NDArray[np.int64], name: str | None, still_open: NDArray[np.int64]) -> Action:
        action = label_still_open(
            project,
            targets,
            name,
            still_open,
            source="lasso",
            detail={"map": {"embedding": embedding, "method": method}, **selection.as_dict()},
        )
        forget()
        return action

    def take_out(row: int) -> None:
        st.session_state["map_selection"] = selection.without(row)
        st.session_state["map_drawn_on"] = st.session_state.get("map_mark")

    def beside() -> None:
        with st.container(horizontal=True, gap="small"):
            if st.button("New label", key="map_new_label", icon=":material/add:", type="tertiary"):
                new_label_dialog(project)
            if st.button("Label one by one", key="map_session", icon=":material/keyboard:", type="tertiary"):
                session = project.create_session(
                    rows,
                    f"Inside a shape on the {METHODS[method]} of {embedding}",
                    kind="shape",
                    origin={"embedding": embedding, "method": method, **selection.as_dict()},
                )
                open_session(session)
            heuristic_apart.button(project, rows, "the shape on the map", key="map_suggest")

    look_first(
        project,
        rows,
        embedding,
        key="map",
        on_label=give,
        on_take_out=take_out,
        current=current,
        beside=beside,
    )


def _steps(project: Project) -> None:
    st.markdown("### Draw around points that belong together")
    st.markdown(
        "1. Press the mouse on the map and draw a loop around a cloud.\n"
        "2. Read what is inside, and take out what does not fit.\n"
        "3. Click a label, or press its key. The points take its colour."
    )
    if not project.labels:
        st.markdown("The label set is empty: name the first thing you see on the map.")
        if st.button("New label", key="map_first_label", type="primary", icon=":material/add:"):
            new_label_dialog(project)
    else:
        chips = colors(project)
        counts = dict(zip(*np.unique(project.label_state().label_ids, return_counts=True), strict=True))
        lines = "".join(
            f'<div style="display:flex;justify-content:space-between;border-left:.45em solid '
            f'{chips[label.name]};padding:.1em .6em;margin:.15em 0"><span>{escape(label.name)} '
            f"<kbd>{escape(label.hotkey or '')}</kbd></span>"
            f'<span class="num">{counts.get(label.id, 0):,}</span></div>'
            for label in project.labels[:20]
        )
        st.html(lines)
        if st.button("New label", key="map_new_label_idle", icon=":material/add:", type="tertiary"):
            new_label_dialog(project)
    ready = project.readiness()
    if ready["enough"]:
        st.page_link("pages/tune.py", label="Enough labels: tune", icon=":material/arrow_forward:")
    else:
        for line in ready["missing"]:
            st.caption(line)
