"""What was done last on the Records page, and its way back."""

from __future__ import annotations

import streamlit as st

from embtune.project import Project
from embtune.store.journal import Action


def note_done(action: Action) -> None:
    """Remember an action: it is said under the table, and can be undone there."""
    st.session_state["records_done"] = action.summary
    st.session_state.setdefault("records_trail", []).append(action.id)


def say_done(text: str) -> None:
    """Say something that was done and is no action."""
    st.session_state["records_done"] = text


def last_done() -> tuple[str, bool]:
    """Return what was done last, in words, and whether there is something to undo."""
    return st.session_state.get("records_done", ""), bool(st.session_state.get("records_trail"))


def undo_last(project: Project) -> None:
    """Take back what was done last here; once more, what was done before that.

    Raises
    ------
    EmbtuneError
        If that cannot be taken back any more; the next undo then takes what was done before it.
    """
    trail: list[int] = st.session_state.get("records_trail", [])
    if trail:
        number = trail.pop()
        say_done("")
        undone = project.undo(number)
        say_done(f"Took back: {undone.summary}" if undone is not None else "")
