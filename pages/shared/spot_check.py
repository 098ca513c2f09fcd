"""Spot checks as pages show them: the button that starts one, and what it found."""

from __future__ import annotations

import streamlit as st

from embtune.errors import EmbtuneError
from embtune.labeling.spot_check import SpotCheck
from embtune.project import Project
from embtune.store.journal import VOTES, Action
from pages.shared.layout import plain
from pages.shared.session_state import open_session

BULK = 20
"""An action on more records than these is worth a spot check."""


def worth_checking(action: Action) -> bool:
    """Tell whether an action gave labels to many records, and stands."""
    many = action.n_records > BULK and not action.summary.startswith("Cleared")
    return action.kind == VOTES and action.undone_at is None and many


def spot_check_button(project: Project, action: Action, key: str, found: SpotCheck | None = None) -> None:
    """Draw the button that starts a spot check of an action, or goes on with it."""
    going = found is not None and not found.complete
    name = "Go on checking" if going else "Check 10 more" if found else "Spot-check 10"
    if st.button(
        name,
        key=f"{key}_check_{action.id}",
        icon=":material/fact_check:",
        type="tertiary",
        help="Ten of its records, drawn at random, one key each: how many are wrong?",
    ):
        try:
            open_session(project.spot_check(action.id))
        except EmbtuneError as error:
            st.toast(plain(str(error)), icon=":material/error:")
            return
        st.switch_page("pages/sessions.py")


def spot_check_text(found: SpotCheck) -> str:
    """Return what a spot check found, in Markdown, coloured by how bad it is."""
    if not found.n_wrong:
        tone = "green" if found.complete else "gray"
    else:
        tone = "red" if found.low > 0.05 else "orange"
    return f":{tone}[Spot check: {found.sentence}]"


def spot_check_card(project: Project, action_id: int, key: str) -> None:
    """Show what the spot check of an action found, with the ways on: check more, or undo the action."""
    found = project.spot_check_result(action_id)
    action = project.book.action(action_id)
    if found is None:
        return
    with st.container(border=True):
        st.markdown(f"{spot_check_text(found)}  \n:gray[of “{plain(action.summary)}”]")
        if action.undone_at is not None:
            st.caption("The action was undone.")
            return
        with st.container(horizontal=True, gap="small", vertical_alignment="center"):
            st.button(
                "Undo the action",
                key=f"{key}_undo_{action.id}",
                icon=":material/undo:",
                on_click=project.undo,
                args=(action.id,),
            )
            spot_check_button(project, action, key, found)
