"""Which project, label task and embedding the person is looking at, kept over pages and reloads."""

from __future__ import annotations

import contextlib

import streamlit as st
from streamlit.errors import StreamlitAPIException

import embtune
from embtune.project import Project
from embtune.project import project_names as names_of_all
from embtune.settings import get_settings
from pages.shared.layout import empty


@st.cache_resource(show_spinner=False, max_entries=4)
def _open(name: str, url: str) -> Project:
    return embtune.open(name, create=False)


_warm = False
"""Whether this process was warmed up: what is frozen is never collected, so twice would keep garbage."""


@st.cache_resource(show_spinner=False)
def warm_up() -> None:
    """Import what the label pages need, once, beside the first page: the first lasso must not wait for it."""
    import threading

    global _warm
    if _warm:  # the cache was cleared
        return
    _warm = True

    def load() -> None:
        import gc

        import pandas  # noqa: F401
        import plotly.graph_objects  # noqa: F401
        import sklearn.linear_model  # noqa: F401

        # Streamlit collects garbage after every run. What is loaded by now stays: looking through it each
        # time would take longer than to draw a page, and the next key would wait for it.
        gc.collect()
        gc.freeze()

    threading.Timer(1.0, load).start()


def project_names() -> list[str]:
    """Names of all projects, the last used first."""
    return names_of_all()


def current_project() -> Project | None:
    """Return the chosen project: this visit's, else the address's, else the last used one."""
    names = project_names()
    for name in (st.session_state.get("project"), st.query_params.get("project"), *names):
        if name in names:
            if st.session_state.get("project") != name:
                st.session_state["project"] = name
            if st.query_params.get("project") != name:
                st.query_params["project"] = name
            project = _open(name, get_settings().url)
            if not project.exists:  # deleted elsewhere, and another made under its name
                _open.clear()
                project = _open(name, get_settings().url)
            project = _as_annotator(_under_task(project))
            _forget_done(project)
            return project
    return None


def _forget_done(project: Project) -> None:
    """Let go of what the Records page can undo once another project or label task is looked at."""
    of = (project.id, project.task.id)
    if st.session_state.setdefault("records_done_of", of) != of:
        st.session_state["records_done_of"] = of
        for key in ("records_trail", "records_done"):
            st.session_state.pop(key, None)


def _under_task(project: Project) -> Project:
    """Return the project under the chosen label task: this visit's, else the address's, else its first."""
    tasks = project.tasks
    known = {task.name: task.id for task in tasks}
    kept = st.session_state.get("task_number")
    renamed = next((task.name for task in tasks if task.id == kept), None)
    wanted = (st.session_state.get("task"), renamed, st.query_params.get("task"), tasks[0].name)
    name = next(name for name in wanted if name in known)
    st.session_state["task"], st.session_state["task_number"] = name, known[name]
    if len(tasks) == 1:
        st.query_params.pop("task", None)
    elif st.query_params.get("task") != name:
        st.query_params["task"] = name
    return project.view(task=name)  # always: the one that is kept is under what was the first task then


def _as_annotator(project: Project) -> Project:
    """Return the project for whoever labels in this visit, if somebody gave their name."""
    name = st.session_state.get("annotator") or st.query_params.get("annotator")
    if not name:
        return project
    st.session_state["annotator"] = name
    if st.query_params.get("annotator") != name:
        st.query_params["annotator"] = name
    return project.view(annotator=name)


def choose_annotator(name: str) -> None:
    """Label under this name from now on, on every page; an empty one is the name from the settings."""
    st.session_state["annotator"] = name.strip()[:200]
    st.query_params.pop("annotator", None)


def choose_task(name: str) -> None:
    """Look at the project under another of its label tasks, on this page and the others."""
    st.session_state["task"] = name
    st.session_state.pop("task_number", None)


def choose_project(name: str) -> None:
    """Make a project the current one, on this page and the others."""
    _forget_views()
    st.session_state["project"] = name
    st.query_params["project"] = name
    project = current_project()
    if project is not None:
        project.touch()


def forget_project(name: str) -> None:
    """Let go of a project that was deleted; another one that is open stays open."""
    _open.clear()
    if st.session_state.get("project") == name:
        _forget_views()
        st.session_state.pop("project", None)
        st.query_params.pop("project", None)


def require_project(*, embedded: bool = False) -> Project:
    """Return the current project, or say the next step and end the page."""
    project = current_project()
    if project is None:
        empty("There is no project yet.", to="projects", action="Open the sample project, or import a file")
        st.stop()
    if project.n_records == 0:
        empty(f"**{project.name}** has no records yet.", to="projects", action="Import a file of records")
        st.stop()
    if embedded and project.find_embedding("raw") is None:
        from pages.shared.jobs import running_job

        job = running_job(project, "embed")
        if job is not None:
            from pages.shared.jobs import job_card

            st.markdown(f"**{project.name}** is being embedded. This page opens by itself when that is done.")
            job_card(project, job.id)
        else:
            empty(
                f"The {project.n_records:,} records of **{project.name}** are not embedded yet.",
                to="projects",
                action="Embed them on the Projects page",
            )
        st.stop()
    return project


def embedding_names(project: Project) -> list[str]:
    """Names of the embeddings, raw first."""
    return [row.name for row in project.embeddings]


def embedding_title(project: Project, name: str) -> str:
    """Show an embedding's name, starred if it is the active one."""
    return f"{name} ★" if name == project.active_embedding and name != "raw" else name


def go_to_record(row: int) -> None:
    """Remember a record for the Neighbors page."""
    st.session_state["neighbors_row"] = int(row)


def _forget_views() -> None:
    for key in [key for key in st.session_state if str(key).startswith(("map_", "neighbors_", "session_"))]:
        del st.session_state[key]
    for key in [key for key in st.session_state if str(key).endswith("_slice")]:
        st.session_state[key] = None  # its own may have one of that name
    for key in ("task", "task_number"):
        st.session_state.pop(key, None)
    for name in [name for name in st.query_params if name != "project"]:
        with contextlib.suppress(StreamlitAPIException):  # what is bound to a widget stays a setting of it
            del st.query_params[name]  # a row or a session of the other project
