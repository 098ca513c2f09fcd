"""Suggestions from some records: a shape, a session, a slice."""

from __future__ import annotations

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from embtune.project import Project
from pages.shared.heuristic_drafts import slot_of_visit
from pages.shared.heuristic_sessions import switch

CHOICE = "heuristics_suggest_apart"
_GIVEN = "heuristics_apart"
_SESSIONS = 20  # the last used ones are offered


def button(project: Project, rows: NDArray[np.int64], name: str, *, key: str) -> None:
    """Draw a button that asks what sets these records apart; it changes to the Heuristics page."""
    if st.button(
        "Suggest heuristics",
        key=key,
        icon=":material/rule:",
        type="tertiary",
        help="Words, patterns and a radius that these records have in common, and others have not.",
    ):
        st.session_state[_GIVEN] = {"project": project.id, "name": name, "rows": rows.tolist()}
        st.session_state["heuristics_view"] = "suggested"
        st.session_state[CHOICE] = name
        slot = slot_of_visit(project)
        switch("heuristics", **({} if slot is None else {"heuristic": slot}))


def choose(project: Project) -> tuple[str, NDArray[np.int64]] | None:
    """Draw the choice of records to be told apart; return their name and rows, None for no choice."""
    given = st.session_state.get(_GIVEN, {})
    names: dict[str, tuple[str, int | str]] = {}
    if given.get("project") == project.id:
        names[given["name"]] = ("given", "")
    names |= {f"slice {one.name}": ("slice", one.name) for one in project.slices()}
    for one in project.sessions()[:_SESSIONS]:
        names.setdefault(f"session {one.name}", ("session", one.id))
    if not names:
        return None
    if st.session_state.get(CHOICE) not in names:
        st.session_state.pop(CHOICE, None)
    chosen = st.selectbox(
        "That sets apart",
        list(names),
        None,
        key=CHOICE,
        placeholder="all records with that label",
        help="What sets some records apart from all others: of a slice, a session, or a shape on the map.",
        width=260,
    )
    if chosen is None:
        return None
    kind, which = names[chosen]
    if kind == "given":
        return chosen, np.array(given["rows"], dtype=np.int64)
    if kind == "slice":
        return chosen, project.slice_rows(str(which))
    return chosen, np.array([item.row for item in project.sessions_book.items(int(which))], dtype=np.int64)
