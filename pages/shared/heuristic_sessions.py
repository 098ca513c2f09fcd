"""The records behind a figure of heuristics or weak supervision, opened as a session and one can go back."""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from embtune.project import Project
from embtune.store.sessions import SessionRow

_GO, _LAST = "figure_go", "figure_session"
_OPENED_AS = "opened as"
_PASSED_SECONDS = 3600.0
_KEPT_IN_ADDRESS = ("project", "task", "annotator")


def open_records(
    project: Project,
    rows: NDArray[np.int64],
    name: str,
    *,
    origin: dict[str, Any],
    why: Callable[[], list[str]],
    review: bool = False,
) -> None:
    """Open the records behind a figure as a session as soon as the page runs again (`go_if_asked`).

    It is the one that was opened before if it holds the same records. Others that were opened so go if
    nothing was answered in them: this visit's last one, and those that nobody used for an hour.

    Parameters
    ----------
    rows
        The records in their order; nothing happens if there are none.
    origin
        What they stand for.
    why
        Makes one line per record, for a session that is new.
    """
    if not len(rows):
        return
    name = name[:200]
    origin = origin | {"records": zlib.crc32(rows.tobytes()), _OPENED_AS: name}
    number = None
    for one in project.sessions():
        if one.origin == origin and one.task_id == project.task.id:
            number = one.id
        elif _is_litter(one):
            project.sessions_book.delete(one.id)
    if number is None:
        number = project.create_session(rows, name, origin=origin, why=why())
    st.session_state[_LAST] = number
    go_to_session(number, review=review)


def _is_litter(one: SessionRow) -> bool:
    if one.origin.get(_OPENED_AS) != one.name or one.n_labelled or one.n_skipped:
        return False  # somebody worked in it, or gave it a name
    return one.id == st.session_state.get(_LAST) or time.time() - one.updated_at > _PASSED_SECONDS


def go_to_session(number: int, *, review: bool = False) -> None:
    """Open a session as soon as the page runs again; callbacks cannot change the page."""
    st.session_state[_GO] = (number, review)


def go_if_asked() -> None:
    """Change to the session that was asked for; clear the address of what a way back from one left there."""
    found = st.session_state.pop(_GO, None)
    if found is None:
        for name in ("session", "view"):
            st.query_params.pop(name, None)
        return
    number, review = found
    st.session_state.pop("session_task", None)
    st.session_state["session_open"], st.session_state["session_reviewing"] = number, review
    switch("sessions", session=number, **({"view": "review"} if review else {}))


def switch(page: str, **address: Any) -> None:
    """Change to another page at once, by the whole address that it would write itself.

    Every change of an address is a step that the browser goes back by: with the address made whole
    beforehand, one step leads back here.
    """
    kept = {name: st.query_params[name] for name in _KEPT_IN_ADDRESS if name in st.query_params}
    st.switch_page(
        f"pages/{page}.py", query_params=kept | {name: str(value) for name, value in address.items()}
    )
