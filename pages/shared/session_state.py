"""Which session is open and how it is looked at, kept in this visit and in the address."""

from __future__ import annotations

import streamlit as st

from embtune.errors import NotFoundError
from embtune.project import Project
from embtune.store.sessions import SessionRow
from pages.shared.state import choose_task


def opened_session(project: Project) -> SessionRow | None:
    """Return the session that is open: one opened in this visit, or the address's; None for the list.

    The label task of the page follows the session that is opened; a task that is chosen later closes it.
    """
    number = st.session_state.get("session_open")
    if number is None and st.query_params.get("session", "").isdecimal():
        number = int(st.query_params["session"])
        st.session_state["session_reviewing"] = st.query_params.get("view") == "review"
    if number is None:
        return None
    try:
        session = project.session(number)
        under = project.sessions_book.project_of(session)
    except NotFoundError:
        close_session()
        return None
    if under.task.id != project.task.id:
        if st.session_state.get("session_task") == under.task.id:
            close_session()
            return None
        choose_task(under.task.name)
        st.rerun()
    st.session_state["session_task"] = under.task.id
    _open(session.id, review=reviewing())
    return session


def open_session(session_id: int, *, review: bool = False) -> None:
    """Open a session at its cursor, or its review."""
    st.session_state.pop("session_task", None)
    _open(session_id, review=review)


def _open(session_id: int, *, review: bool) -> None:
    st.session_state["session_open"] = session_id
    st.query_params["session"] = str(session_id)
    show_review(review)


def show_review(on: bool) -> None:
    """Look at all answers of the open session, or at one record."""
    st.session_state["session_reviewing"] = on
    if on:
        st.query_params["view"] = "review"
    else:
        st.query_params.pop("view", None)


def reviewing() -> bool:
    """Tell whether the open session is looked at as a table."""
    return bool(st.session_state.get("session_reviewing"))


def close_session() -> None:
    """Go back to the list of sessions."""
    for key in ("session_open", "session_reviewing", "session_task"):
        st.session_state.pop(key, None)
    for name in ("session", "view"):
        st.query_params.pop(name, None)
