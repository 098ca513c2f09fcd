"""What can be done with the records that are ticked: label, flag, read one by one, find similar ones."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from embtune.errors import EmbtuneError
from embtune.filtering.query import parse
from embtune.filtering.wording import wording
from embtune.labeling.accepting import label_still_open
from embtune.project import Project
from pages.shared.chips import label_buttons, new_label_dialog
from pages.shared.layout import plain, told
from pages.shared.look_first import labelled, look_first, open_session
from pages.shared.records_done import note_done
from pages.shared.records_state import View, clear_selection, select, selected

AT_ONCE = 20
"""More than these are looked at before they are labelled."""

_MOST_SIMILAR_TO = 200


def bulk_bar(
    project: Project,
    view: View,
    rows: NDArray,
    on_similar: Callable[[list[int]], None],
    slices: Callable[[], None],
) -> None:
    """Draw the line of what can be done with the selection; `slices` draws what keeps it under a name."""
    ticked = selected()
    n = len(ticked)
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="records_bulk"):
        st.markdown(f"**{n:,} selected**", width="content")
        if n < len(rows) or not np.isin(rows, ticked).all():
            st.button(
                f"Select all {len(rows):,} that match",
                key="records_select_all",
                type="tertiary",
                on_click=select,
                args=(rows, True),
            )
        if st.button(f"Label {n:,} …", key="records_label", type="primary"):
            label_dialog(project, view, ticked)
        all_flagged = bool(np.isin(ticked, project.flagged_rows()).all())
        st.button(
            "Unflag" if all_flagged else "Flag",
            key="records_flag",
            icon=":material/flag:",
            help="Take the flags off" if all_flagged else "Flag for a second look",
            on_click=_flag,
            args=(project, ticked, not all_flagged),
        )
        if st.button(
            "Label one by one",
            key="records_session",
            icon=":material/keyboard:",
            help="A session of these records, in this order",
        ):
            with told():
                open_session(_session(project, view, ticked))
        if project.find_embedding("raw") is not None:
            st.button(
                "Similar to these",
                key="records_similar",
                icon=":material/join_inner:",
                disabled=n > _MOST_SIMILAR_TO,
                help=f"Find records similar to these, {_MOST_SIMILAR_TO} at most",
                on_click=on_similar,
                args=(ticked.tolist(),),
            )
        slices()
        st.button("Clear", key="records_clear", type="tertiary", on_click=clear_selection)


def give(
    project: Project, rows: NDArray, label: str | None, view: View, still_open: NDArray | None = None
) -> object:
    """Label records as one action and say so under the table; nothing is ticked any more.

    Those of `still_open` keep what a person answered since; by default, what the page showed as open.
    """
    detail = {"query": view.query} if view.query else None
    if still_open is None:
        still_open = _shown_open(project, rows)
    action = label_still_open(project, rows, label, still_open, detail=detail)
    note_done(action)
    clear_selection()
    return action


@st.dialog("Label records", width="large")
def label_dialog(project: Project, view: View, rows: NDArray, label_id: int | None = None) -> None:
    """Look at what would be labelled, and label it; `label_id` is the label whose key was pressed."""
    if st.session_state.pop("records_dialog_done", False):
        st.rerun()

    def label(chosen: NDArray, name: str | None, still_open: NDArray) -> object:
        action = give(project, chosen, name, view, still_open)
        st.session_state["records_dialog_done"] = True
        return action

    if not project.labels:
        st.markdown("There is no label yet: close this and add the first one.")
        return
    wanted = next((one.name for one in project.labels if one.id == label_id), None)
    if wanted is not None:
        st.caption(f"You pressed the key of {plain(wanted)}. Look first, then press it again.")
    if project.find_embedding("raw") is not None:
        look_first(
            project,
            rows,
            "active",
            key="records_look",
            on_label=label,
            label=wanted,
            title="records selected",
        )
        return
    state = project.label_state()
    n_given = int(state.manual[rows].sum())
    if n_given:
        st.caption(f"A person labelled {n_given:,} of them already; they get the new label too.")
    st.markdown(f"**Label {len(rows):,} records** — click, or press the key")
    still_open = rows[~state.manual[rows]]

    def chosen(name: str | None) -> None:
        with told():
            label(rows, name, still_open)

    label_buttons(project, "records_give", chosen)


def after_many(project: Project) -> None:
    """Offer to undo or to check what was labelled after a look, until something else is done.

    Called each time the page is drawn, it notes what the page shows as open; see `give`.
    """
    st.session_state["records_drawn"] = (
        (project.id, project.task.id),
        project.label_state(),
        frozenset(st.session_state.get("records_trail", [])),
    )
    trail = st.session_state.get("records_trail", [])
    if trail and st.session_state.get("records_look_message") == trail[-1]:
        labelled(project, "records_look")


def _shown_open(project: Project, rows: NDArray) -> NDArray:
    """Return those of the rows that were open when the page was drawn.

    Without those labelled on it since: several steps may come from the browser at once, and what the person
    did a moment ago is no news to them.
    """
    of, state, done = st.session_state.get("records_drawn", (None, None, frozenset()))
    if of != (project.id, project.task.id):
        return rows[:0]
    known = rows[rows < len(state.manual)]
    still_open = known[~state.manual[known]]
    for action_id in set(st.session_state.get("records_trail", [])) - done:
        still_open = np.setdiff1d(still_open, project.rows_of_action(action_id))
    return still_open


def first_label(project: Project) -> None:
    """Offer to name the first label, where there is none."""
    if not project.labels and st.button("New label", key="records_new_label", icon=":material/add:"):
        new_label_dialog(project)


def _flag(project: Project, rows: NDArray, on: bool) -> None:
    try:
        note_done(project.flag(rows, on))
    except EmbtuneError as error:
        st.session_state["records_note"] = plain(str(error))


def _session(project: Project, view: View, rows: NDArray) -> int:
    name = wording(parse(view.query))
    return project.create_session(
        rows,
        f"{name[:1].upper()}{name[1:80]}" if view.query else "Chosen on the Records page",
        kind="slice",
        origin={"query": view.query or {}},
    )
