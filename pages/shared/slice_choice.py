"""A slice as a choice: one small select on the pages that work within one, and the map's part in slices."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from embtune.errors import EmbtuneError
from embtune.maps.selection import Selection
from embtune.project import Project
from pages.shared.layout import plain

_WIDTH = 220


def slice_choice(
    project: Project,
    key: str,
    *,
    label: str = "Slice",
    everything: str = "all records",
    help: str | None = None,  # noqa: A002 -- Streamlit's word
    visible: bool = True,
) -> str | None:
    """Let the person choose a slice; None stands for all records, and for a project without slices.

    The choice is in the address under `key`. One that was deleted meanwhile is forgotten.
    """
    names = [one.name for one in project.slices()]
    if key not in st.session_state:
        st.session_state[key] = st.query_params.get(key)
    if st.session_state[key] not in (None, *names):
        st.session_state[key] = None
    chosen = None
    if names:
        chosen = _select(names, label, everything, key, help, visible)
    # Not bound to the widget: the address would keep the slice when the project changes with it.
    if chosen is None:
        st.query_params.pop(key, None)
    elif st.query_params.get(key) != chosen:
        st.query_params[key] = chosen
    return chosen


def _select(
    names: list[str],
    label: str,
    everything: str,
    key: str,
    help: str | None,  # noqa: A002
    visible: bool,
) -> str | None:
    return st.selectbox(
        label,
        names,
        index=None,
        placeholder=everything,
        key=key,
        persist_state="session",
        help=help,
        label_visibility="visible" if visible else "collapsed",
        width=_WIDTH,
    )


# ---- the map ---------------------------------------------------------------------------------------


def map_slice(
    project: Project, on_select: Callable[[NDArray[np.int64], str], None] | None = None
) -> NDArray[np.int64] | None:
    """Draw the map's choice of a slice; return the rows it holds, or None for all records.

    `on_select(rows, name)` is called when the person wants them selected, not only shown. A slice that cannot
    be answered now, or holds nothing, is said in a sentence and shows all records.
    """
    name = slice_choice(project, "map_slice", everything="all slices", visible=False)
    if name is None:
        return None
    try:
        rows = project.slice_rows(name)
    except EmbtuneError as error:
        st.caption(plain(str(error)))
        return None
    if not len(rows):
        st.caption(f"The slice {plain(name)} holds no record now.")
        return None
    if on_select is not None:
        st.button(
            f"Select {len(rows):,}",
            key="map_slice_select",
            type="tertiary",
            help="Select the records of this slice",
            on_click=on_select,
            args=(rows, name),
        )
    return rows


def save_shape_as_slice(
    project: Project, selection: Selection, embedding: str, method: str, key: str = "map"
) -> None:
    """Draw the button that keeps what is drawn under a name: what is inside, now and later.

    A cluster or slice that was picked whole, with nothing drawn, is kept as the list of its records.
    """
    opened = st.session_state.get(f"{key}_slice_opened", 0)  # a new name closes the popover
    with st.popover(
        "Save as slice", icon=":material/bookmark_add:", type="tertiary", key=f"{key}_save_{opened}"
    ):
        st.caption(
            "A slice is a part of the records under a name, for sessions, tuning, measuring and export."
            + (
                " It holds what lies inside the shape, also of labels that are hidden."
                if selection.shapes
                else ""
            )
        )
        name = st.text_input("Name", key=f"{key}_slice_name_{opened}", max_chars=100)

        def save() -> None:
            given = st.session_state[f"{key}_slice_name_{opened}"]
            try:
                if selection.shapes:
                    project.save_slice(given, query=inside(selection, embedding, method))
                else:
                    project.save_slice(given, rows=without(selection))
            except EmbtuneError as error:
                st.session_state[f"{key}_slice_note"] = plain(str(error))
                return
            st.session_state[f"{key}_slice_opened"] = opened + 1
            st.toast(f"Saved the slice {plain(given.strip())}", icon=":material/bookmark_added:")

        st.button(
            "Save slice",
            type="primary",
            key=f"{key}_slice_save_{opened}",
            disabled=not name.strip() or selection.empty,
            on_click=save,
        )
        if note := st.session_state.pop(f"{key}_slice_note", None):
            st.error(note, icon=":material/error:")


def inside(selection: Selection, embedding: str, method: str) -> dict[str, Any]:
    """Return a drawing as a filter: shapes join or take away in the order they were drawn."""
    query: dict[str, Any] | None = {"records": without(selection).tolist()} if selection.picked else None
    at = 0
    shapes = selection.shapes
    while at < len(shapes):
        adds, polygons = shapes[at].adds, []
        while at < len(shapes) and shapes[at].adds == adds:  # one condition for all of a kind
            polygons.append([[x, y] for x, y in zip(shapes[at].x, shapes[at].y, strict=True)])
            at += 1
        drawn = {"inside": {"embedding": embedding, "method": method, "polygons": polygons}}
        if adds:
            query = drawn if query is None else {"any": [query, drawn]}
        elif query is not None:  # from nothing, nothing can be taken
            query = {"all": [query, {"not": drawn}]}
    if query is None:
        return {"any": []}  # no record
    if selection.left_out:
        query = {"all": [query, {"not": {"records": sorted(selection.left_out)}}]}
    return query


def without(selection: Selection) -> NDArray[np.int64]:
    """Return the rows that were picked at once and not taken out again."""
    picked = selection.picked_rows
    return picked[~np.isin(picked, sorted(selection.left_out))]
