"""The sidebar of every page: project, label task, embedding, progress, jobs and undo."""

from __future__ import annotations

import streamlit as st

from embtune.errors import EmbtuneError
from embtune.jobs.runner import sweep
from embtune.project import Project
from pages.shared.jobs import ago, job_title, progress_text
from pages.shared.layout import plain
from pages.shared.state import (
    choose_project,
    choose_task,
    current_project,
    embedding_title,
    project_names,
)


def sidebar() -> None:
    """Draw the sidebar under the navigation."""
    with st.sidebar:
        project = current_project()
        if project is None:
            st.caption("No project yet.")
            return
        names = project_names()
        st.session_state["sidebar_project"] = project.name
        st.selectbox(
            "Project",
            names,
            key="sidebar_project",
            on_change=lambda: choose_project(st.session_state["sidebar_project"]),
        )
        _task(project)
        st.session_state["sidebar_with_page"] = True
        _live(project)


def _task(project: Project) -> None:
    """Switch between the label tasks of a project that has several."""
    tasks = [task.name for task in project.tasks]
    if len(tasks) < 2:
        return
    st.session_state["sidebar_task"] = project.task.name
    st.selectbox(
        "Label task",
        tasks,
        key="sidebar_task",
        on_change=lambda: choose_task(st.session_state["sidebar_task"]),
    )


@st.fragment(run_every=2)
def _live(project: Project) -> None:
    """Labels, last action and jobs, kept up to date while the page rests."""
    # Only when it runs by itself may it ask for the whole page: within a run of the page that would drop the
    # click that caused it.
    alone = not st.session_state.pop("sidebar_with_page", False)
    if (not project.exists or st.session_state.pop("sidebar_undone", False)) and alone:
        st.rerun()
    n = project.n_records
    if n:
        state = project.label_state()
        labelled, automatic = (int((state.labelled & of).sum()) for of in (state.given, ~state.given))
        beside = f" · {automatic:,} more by rules" if automatic else ""  # which is no end of the work
        st.progress(labelled / n, text=f"labelled **{labelled:,}** of {n:,}{beside}")
        if project.find_embedding("raw") is None:
            st.caption("not embedded yet")
        else:
            st.caption(f"active embedding **{embedding_title(project, project.active_embedding)}**")
    _last_action(project)
    _jobs(project, alone)


def _last_action(project: Project) -> None:
    """Show what was done last, whatever it was, and let it be undone."""
    if why := st.session_state.pop("sidebar_refused", None):
        st.warning(plain(why), icon=":material/block:")
    action = project.book.last()
    if action is not None:
        left, right = st.columns([5, 2], vertical_alignment="center", gap="small")
        left.caption(f"{plain(action.summary)}, {ago(action.created_at)}")
        right.button(
            "Undo",
            key="sidebar_undo",
            type="tertiary",
            icon=":material/undo:",
            on_click=_undo,
            args=(project, action.id),  # the one that is shown, whatever came after it
        )
        st.page_link("pages/history.py", label="History", icon=":material/history:")


def _undo(project: Project, action_id: int) -> None:
    try:
        project.undo(action_id)
    except EmbtuneError as error:
        st.session_state["sidebar_refused"] = str(error)
    st.session_state["sidebar_undone"] = True


def _jobs(project: Project, alone: bool) -> None:
    sweep(project.db)
    before = st.session_state.get("jobs_seen", [])
    running = project.jobs(active=True)
    for job in running:
        left, right = st.columns([5, 1], vertical_alignment="center", gap="small")
        share = min(1.0, job.done / job.total) if job.total else 0.0
        left.progress(share, text=f"{job_title(job)}  \n{progress_text(job)}")
        right.button(
            "",
            icon=":material/stop_circle:",
            key=f"sidebar_stop_{job.id}",
            help="Stop this job",
            on_click=project.cancel,
            args=(job.id,),
            type="tertiary",
        )
    now = [job.id for job in running]
    st.session_state["jobs_seen"] = now
    if set(before) - set(now) and alone:
        st.rerun()  # something ended: the page may have a new map, version or score to show
