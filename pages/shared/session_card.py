"""A session at work: its progress, the typing card, and what comes at its end."""

from __future__ import annotations

from collections.abc import Callable
from html import escape

import streamlit as st

from embtune.errors import EmbtuneError
from embtune.project import Project
from embtune.store.sessions import SessionRow
from pages.shared.chips import label_chip, new_label_dialog
from pages.shared.layout import plain
from pages.shared.session_state import close_session, show_review
from pages.shared.state import go_to_record
from pages.shared.typing_card import typing_card


@st.fragment
def session_card(project: Project, session_id: int) -> None:
    """Show the session at its cursor."""
    session = project.session(session_id)
    _header(project, session)
    if note := st.session_state.pop("session_note", None):
        st.error(note, icon=":material/error:")
    if session.cursor >= session.n_items:
        _finished(project, session)
    elif project.labels:
        typing_card(project, session, on_neighbors=_neighbors)
    else:
        st.markdown(
            "There is no label yet: add the first one, then give it to record after record with its key."
        )
        if st.button("Add a label", key="session_first_label", type="primary"):
            new_label_dialog(project)


def _header(project: Project, session: SessionRow) -> None:
    pace = project.sessions_book.pace(session.id)
    quiet = [f"{session.n_labelled:,} of {session.n_items:,} labelled"]
    if session.n_skipped:
        quiet.append(f"{session.n_skipped:,} skipped")
    if pace.per_minute is not None:
        times = "once" if pace.switches == 1 else f"{pace.switches} times"
        quiet += [f"{pace.per_minute:.0f} a minute", f"label changed {times} in the last {pace.n}"]
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        if st.button("Sessions", key="session_all", type="tertiary", icon=":material/arrow_back:"):
            close_session()
            st.rerun()
        st.html(
            f'<b>{escape(session.name)}</b><br><span class="quiet num">{" · ".join(quiet)}</span>',
            width="stretch",
        )
        if st.button("New label", key="session_new_label", type="tertiary", icon=":material/add:"):
            new_label_dialog(project)
        if st.button("Review", key="session_review", icon=":material/table_rows:"):
            show_review(True)
            st.rerun()
    st.progress((session.n_labelled + session.n_skipped) / session.n_items)


def _neighbors(row: int) -> None:
    go_to_record(row)
    st.switch_page("pages/neighbors.py")


def _finished(project: Project, session: SessionRow) -> None:
    left = session.n_items - session.n_labelled - session.n_skipped
    book = project.sessions_book
    with st.container(border=True):
        skipped = f", {session.n_skipped:,} skipped" if session.n_skipped else ""
        to_do = f", {left:,} still to do" if left else ""
        st.subheader("At the end of this session", anchor=False)
        st.markdown(f"{session.n_labelled:,} of {session.n_items:,} records labelled{skipped}{to_do}.")
        chips = " ".join(
            f'{label_chip(project, name)} <span class="num">{n:,}</span>'
            for name, n in book.label_counts(session.id).items()
        )
        if chips:
            st.html(f'<div style="line-height:2">{chips}</div>')
        with st.container(horizontal=True, gap="small"):
            if left:
                _step(f"Go on with the {left:,} left", "session_rest", book.go_to_first, session)
            if st.button("Review the answers", key="session_finished_review", type="primary"):
                show_review(True)
                st.rerun()
            if session.n_skipped:
                _step(
                    f"Go through the {session.n_skipped:,} skipped",
                    "session_skipped",
                    book.take_back_skips,
                    session,
                )
            _step("Undo the last answer", "session_undo", book.undo, session, shortcut="U")
            if st.button("Start another", key="session_another"):
                close_session()
                st.rerun()


def _step(
    name: str, key: str, do: Callable[[int], object], session: SessionRow, shortcut: str | None = None
) -> None:
    def stepped() -> None:
        try:
            do(session.id)
        except EmbtuneError as error:
            st.session_state["session_note"] = plain(str(error))

    st.button(name, key=key, on_click=stepped, shortcut=shortcut)
