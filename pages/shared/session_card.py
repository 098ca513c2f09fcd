"""A session at work: its progress, the typing card, and what comes at its end."""

from __future__ import annotations

from collections.abc import Callable
from html import escape

import streamlit as st

from embtune.errors import EmbtuneError
from embtune.labeling.pace import Pace
from embtune.labeling.session_review import Summary
from embtune.project import Project
from embtune.store.sessions import SessionRow
from pages.shared.chips import label_chip, new_label_dialog
from pages.shared.layout import plain
from pages.shared.session_state import close_session, show_review
from pages.shared.spot_check import spot_check_card
from pages.shared.state import go_to_record
from pages.shared.typing_card import typing_card

LIVE = 50
"""The live figures are of so many answers."""


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
        if typing_card(project, session, on_neighbors=_neighbors):
            _until_model(project)
    else:
        st.markdown(
            "There is no label yet: add the first one, then give it to record after record with its key."
        )
        if st.button("Add a label", key="session_first_label", type="primary"):
            new_label_dialog(project)


@st.fragment(run_every=1.5)
def _until_model(project: Project) -> None:
    """Draw the page again as soon as the first model has something to say."""
    if not project.label_hints([0]).waiting:
        st.rerun()


def _header(project: Project, session: SessionRow) -> None:
    left = session.n_items - session.n_labelled - session.n_skipped
    quiet = [f"{session.n_labelled:,} of {session.n_items:,} labelled", f"{left:,} left"]
    if session.n_skipped:
        quiet.insert(1, f"{session.n_skipped:,} skipped")
    quiet += live(project.sessions_book.pace(session.id, LIVE))
    if project.annotator != project.settings.annotator:
        quiet.append(f"as {escape(project.annotator)}")
    back, about, review = st.columns([1.5, 9, 1.8], vertical_alignment="center", gap="small")
    with back:
        if st.button("Sessions", key="session_all", type="tertiary", icon=":material/arrow_back:"):
            close_session()
            st.rerun()
    about.html(f'<b>{escape(session.name)}</b><br><span class="quiet num">{" · ".join(quiet)}</span>')
    with review:
        if st.button("Review", key="session_review", icon=":material/table_rows:", width="stretch"):
            show_review(True)
            st.rerun()
    st.progress((session.n_labelled + session.n_skipped) / session.n_items)


def live(pace: Pace) -> list[str]:
    """Say how the last answers went: speed, context switches, and how often the model had said the same."""
    said = []
    if pace.per_minute is not None:
        switches = f"{pace.switches:,} context switch{'' if pace.switches == 1 else 'es'}"
        said += [f"{pace.per_minute:,.0f} a minute", f"{switches} in the last {pace.n:,}"]
    if pace.n_predicted >= 5 and pace.agreement is not None:
        said.append(f"{100 * pace.agreement:.0f} % as the model said")
    return said


def _neighbors(row: int) -> None:
    go_to_record(row)
    st.switch_page("pages/neighbors.py")


def _finished(project: Project, session: SessionRow) -> None:
    left = session.n_items - session.n_labelled - session.n_skipped
    book = project.sessions_book
    if session.kind == "spot check" and isinstance(session.origin.get("action"), int):
        spot_check_card(project, session.origin["action"], "session")
    with st.container(border=True):
        skipped = f", {session.n_skipped:,} skipped" if session.n_skipped else ""
        to_do = f", {left:,} still to do" if left else ""
        st.subheader("At the end of this session", anchor=False)
        st.markdown(f"{session.n_labelled:,} of {session.n_items:,} records labelled{skipped}{to_do}.")
        session_summary(project, book.summary(session.id))
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


def session_summary(project: Project, summary: Summary) -> None:
    """Draw how a session went, as its answers were typed: figures, and the labels given."""
    pace = summary.pace
    if not pace.n:
        return
    figures = {"records": f"{pace.n:,}"}
    if pace.per_minute is not None:
        figures |= {"minutes": f"{pace.minutes:.1f}", "a minute": f"{pace.per_minute:,.0f}"}
    if pace.switches_per_100 is not None:
        figures["context switches per 100"] = f"{pace.switches_per_100:.0f}"
    if pace.agreement is not None:
        figures["as the model said"] = f"{100 * pace.agreement:.0f} %"
    with st.container(horizontal=True, gap="large"):
        for name, value in figures.items():
            st.metric(name, value, width="content")
    chips = " ".join(
        f'{label_chip(project, name)} <span class="num">{n:,}</span>' for name, n in summary.labels.items()
    )
    st.html(f'<div style="line-height:2">{chips}</div>')


def _step(
    name: str, key: str, do: Callable[[int], object], session: SessionRow, shortcut: str | None = None
) -> None:
    def stepped() -> None:
        try:
            do(session.id)
        except EmbtuneError as error:
            st.session_state["session_note"] = plain(str(error))

    st.button(name, key=key, on_click=stepped, shortcut=shortcut)
