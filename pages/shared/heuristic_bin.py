"""Heuristics that were deleted, to be brought back."""

from __future__ import annotations

import streamlit as st

from embtune.errors import EmbtuneError
from embtune.project import Project
from pages.shared.heuristic_drafts import open_slot
from pages.shared.heuristic_list import NOTE
from pages.shared.layout import plain

DELETED = "heuristics_deleted"


def deleted_just_now(project: Project) -> None:
    """Offer to bring back what was deleted just now."""
    done = st.session_state.get(DELETED)
    if done is None or done[0] != project.id:
        return
    _, number, name = done

    def undo() -> None:
        st.session_state.pop(DELETED, None)
        try:
            project.heuristics.undelete(number)
            open_slot(project, str(number))
        except EmbtuneError as error:
            st.session_state[NOTE] = plain(str(error))

    with st.container(border=True, horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(f"Deleted **{plain(name)}**.", width="content")
        st.button("Undo", key="heuristics_undelete", icon=":material/undo:", on_click=undo)
        st.button(
            "",
            key="heuristics_deleted_seen",
            icon=":material/close:",
            type="tertiary",
            help="Leave it deleted",
            on_click=lambda: st.session_state.pop(DELETED, None),
        )


def deleted_ones(project: Project) -> None:
    """List what was deleted, to bring it back."""
    gone = project.heuristics.deleted()
    if not gone:
        return
    with st.popover(f"Deleted {len(gone):,}", icon=":material/delete:", type="tertiary"):
        for one in gone[-20:]:
            with st.container(horizontal=True, vertical_alignment="center", gap="small"):
                st.markdown(plain(one.name), width=260)
                st.button(
                    "Bring back",
                    key=f"heuristics_back_{one.id}",
                    on_click=_bring_back,
                    args=(project, one.id),
                )


def _bring_back(project: Project, number: int) -> None:
    try:
        project.heuristics.undelete(number)
    except EmbtuneError as error:
        st.session_state[NOTE] = plain(str(error))
        return
    done = st.session_state.get(DELETED)
    if done is not None and done[1] == number:
        st.session_state.pop(DELETED)
    open_slot(project, str(number))
