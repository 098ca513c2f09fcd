"""All answers of a session in one table, to be corrected in place."""

from __future__ import annotations

from dataclasses import replace
from html import escape

import numpy as np
import streamlit as st

from embtune.errors import EmbtuneError
from embtune.labeling.sessions import STATES
from embtune.project import Project, Record
from embtune.store.sessions import SessionItem, SessionRow
from pages.shared import heuristic_apart
from pages.shared.layout import plain
from pages.shared.record_list import Line, record_list
from pages.shared.session_state import close_session, show_review

PAGE = 50
ONLY = {"changed": "changed since", "disagrees": "the model disagrees"}


def session_review(project: Project, session: SessionRow) -> None:
    """Draw the table; a click on a label's key corrects, one on a text opens the record in its session."""
    left = session.n_items - session.n_labelled - session.n_skipped
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.button(
            "Sessions",
            key="review_all",
            type="tertiary",
            icon=":material/arrow_back:",
            on_click=close_session,
        )
        st.html(
            f'<b>{escape(session.name)}</b><span class="quiet num"> · {session.n_items:,} records: '
            f"{session.n_labelled:,} labelled, {session.n_skipped:,} skipped, {left:,} to do</span>",
            width="stretch",
        )
        items = project.sessions_book.items(session.id)
        heuristic_apart.button(
            project,
            np.array([item.row for item in items], dtype=np.int64),
            f"session {session.name}",
            key="review_suggest",
        )
        st.button(
            "Go on labelling" if session.cursor < session.n_items else "Back to the end",
            key="review_continue",
            type="primary",
            on_click=show_review,
            args=(False,),
        )
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        show = _filter(project, session, left)
        only = st.pills(
            "Only",
            list(ONLY),
            selection_mode="multi",
            key="review_only",
            format_func=ONLY.__getitem__,
            label_visibility="collapsed",
            on_change=_to_top,
            width="content",
        )
        st.space("stretch")
        first = st.session_state.get("review_first", 0)
        options = dict.fromkeys(only, True)
        try:
            n, items = project.sessions_book.review(
                session.id, show, start=first, stop=first + PAGE, **options
            )
            if not items and first:  # what matched grew fewer
                first = st.session_state["review_first"] = max(0, (n - 1) // PAGE * PAGE)
                n, items = project.sessions_book.review(
                    session.id, show, start=first, stop=first + PAGE, **options
                )
        except EmbtuneError as error:
            st.session_state["session_note"], n, items = plain(str(error)), 0, []
        _pager(first, n)
    if note := st.session_state.pop("session_note", None):
        st.error(note, icon=":material/error:")
    if not items:
        st.info("No record of this session is so.")
        return
    position_of = {item.row: item.position for item in items}

    def correct(row: int, label: str | None) -> None:
        try:
            project.sessions_book.correct(session.id, [position_of[row]], label)
        except EmbtuneError as error:
            st.session_state["session_note"] = plain(str(error))

    def resume(row: int) -> None:
        project.sessions_book.go_to(session.id, position_of[row])
        show_review(False)

    record_list(
        "review_list",
        project,
        [
            Line(
                _as_shown(session, item, record),
                item.cosine,
                item.position + 1,
                mark="" if item.state == "labelled" else item.state,
                tone="" if item.state == "to do" else "lost",
            )
            for item, record in zip(items, project.records([item.row for item in items]), strict=True)
        ],
        on_open=resume,
        on_label=correct,
        open_title="Open this record in the session",
    )


def _as_shown(session: SessionRow, item: SessionItem, record: Record) -> Record:
    """Return the record, without its label where that is hidden until an answer is given."""
    hidden = session.origin.get("blind") and item.state != "labelled"
    return replace(record, label=None, source=None) if hidden else record


def _filter(project: Project, session: SessionRow, left: int) -> str:
    """Let a person choose what the table shows: all, a state, or a label in force."""
    counts = dict(zip(STATES, (session.n_labelled, session.n_skipped, left), strict=True))
    shown = {"all": f"all {session.n_items:,}"} | {name: f"{name} {n:,}" for name, n in counts.items()}
    labels = project.sessions_book.label_counts(session.id)
    shown |= {name: f"{plain(name)} {n:,}" for name, n in labels.items() if name not in shown}
    names = list(shown)
    if st.session_state.get("review_show") not in names:
        st.session_state["review_show"] = "all"
    options = {"key": "review_show", "format_func": shown.__getitem__, "label_visibility": "collapsed"}
    if len(names) <= 12:
        chosen = st.segmented_control(
            "Show", names, required=True, on_change=_to_top, width="content", **options
        )
    else:
        chosen = st.selectbox("Show", names, on_change=_to_top, width=260, **options)
    return chosen or "all"


def _pager(first: int, n: int) -> None:
    if n <= PAGE:
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small", width="content"):
        _pager_buttons(first, n)


def _pager_buttons(first: int, n: int) -> None:
    st.html(f'<span class="num">{first + 1:,}–{min(first + PAGE, n):,} of {n:,}</span>', width="content")
    for name, to, icon in (
        ("earlier", first - PAGE, "chevron_left"),
        ("later", first + PAGE, "chevron_right"),
    ):
        st.button(
            "",
            key=f"review_{name}",
            icon=f":material/{icon}:",
            help=f"{name.capitalize()} ones",
            disabled=not 0 <= to < n,
            on_click=lambda to=to: st.session_state.update(review_first=to),
        )


def _to_top() -> None:
    st.session_state["review_first"] = 0
