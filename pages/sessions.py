"""Sessions: the list, one record at a time, or the review of all answers."""

from __future__ import annotations

from html import escape

import streamlit as st

from embtune.labeling.session_kinds import kind_title
from embtune.project import Project
from embtune.store.sessions import SessionRow
from pages.shared.jobs import ago
from pages.shared.layout import plain, title
from pages.shared.new_session import new_session, who_labels
from pages.shared.session_card import session_card
from pages.shared.session_comparison import agreement, comparison
from pages.shared.session_review import session_review
from pages.shared.session_state import open_session, opened_session, reviewing
from pages.shared.state import require_project

SHOWN = 20


def session_list(project: Project) -> None:
    """List the sessions, the last used first, and make new ones."""
    sessions = project.sessions()
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        with st.container(width="stretch"):
            title("Sessions", "Records in an order, one label after the other.")
        who_labels(project)
    going = any(session.cursor < session.n_items for session in sessions[:1])
    new_session(project, expanded=not sessions, primary=not going)
    if not sessions:
        st.caption("There is no session yet. It can be left at any time, and goes on where it was.")
    tasks = {task.id: task.name for task in project.tasks}
    more = st.session_state.get("session_shown", SHOWN)
    for i, session in enumerate(sessions[:more]):
        session_line(project, session, tasks, first=i == 0)
    if len(sessions) > more:
        st.button(
            f"Show {len(sessions) - more:,} older ones",
            key="session_more",
            type="tertiary",
            on_click=lambda: st.session_state.update(session_shown=len(sessions)),
        )
    comparison(project)
    agreement(project)


def session_line(project: Project, session: SessionRow, tasks: dict[int, str], *, first: bool) -> None:
    """Draw one session with what can be done with it."""
    done = session.n_labelled + session.n_skipped
    about = [kind_title(session.kind)]
    if session.origin.get("embedding"):
        about.append(f"under {session.origin['embedding']}")
    if len(tasks) > 1 and session.task_id in tasks:
        about.append(f"task {tasks[session.task_id]}")
    if session.annotator != project.annotator:
        about.append(f"made by {session.annotator}")
    with st.container(border=True, horizontal=True, vertical_alignment="center", gap="medium"):
        with st.container(gap="xsmall", width="stretch"):
            skipped = f", {session.n_skipped:,} skipped" if session.n_skipped else ""
            st.html(
                f"<div><b>{escape(session.name)}</b></div>"
                f'<div class="quiet num">{session.n_labelled:,} of {session.n_items:,} labelled{skipped}'
                f" · {escape(' · '.join(about))} · used {ago(session.updated_at)}</div>"
            )
            st.progress(done / session.n_items)
        finished = session.cursor >= session.n_items
        st.button(
            "Open" if finished else "Continue" if done else "Start",
            key=f"session_go_{session.id}",
            type="primary" if first and not finished else "secondary",
            on_click=open_session,
            args=(session.id,),
        )
        st.button(
            "Review",
            key=f"session_look_{session.id}",
            on_click=open_session,
            args=(session.id,),
            kwargs={"review": True},
        )
        with st.popover("", icon=":material/more_vert:", help="Rename or delete"):
            name = st.text_input("Name", session.name, key=f"session_name_{session.id}", max_chars=200)
            st.button(
                "Rename",
                key=f"session_rename_{session.id}",
                on_click=lambda: project.sessions_book.rename(session.id, name),
            )
            if st.button("Delete …", key=f"session_delete_{session.id}", icon=":material/delete:"):
                delete_dialog(project, session)


@st.dialog("Delete this session")
def delete_dialog(project: Project, session: SessionRow) -> None:
    """Ask before a session is forgotten."""
    st.markdown(f"“{plain(session.name)}” is forgotten. The {session.n_labelled:,} labels given in it stay.")
    delete = project.sessions_book.delete
    if st.button(
        "Delete session", key="session_delete_sure", type="primary", on_click=delete, args=(session.id,)
    ):
        st.rerun()


def page() -> None:
    """Draw the page."""
    project = require_project()
    session = opened_session(project)
    if session is None:
        session_list(project)
    elif reviewing():
        session_review(project, session)
    else:
        session_card(project, session.id)


page()
