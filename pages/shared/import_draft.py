"""The file that is about to be imported and the choices made for it: kept over pages and reloads."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import streamlit as st

from embtune.errors import EmbtuneError
from embtune.project import Project
from embtune.work.uploads import find_upload, keep_upload, upload_token

CHOICES = ("text", "labels", "reference", "confidence", "many", "into", "name")


def key(name: str) -> str:
    """Return a widget's key; it changes with every file, so that nothing of the last one stays."""
    return f"projects_{name}_{st.session_state.get('projects_form', 0)}"


def take_upload() -> None:
    """Keep the file that the uploader has just got."""
    uploaded = st.session_state.get(key("upload"))
    if uploaded is None:
        return
    try:
        _choose(keep_upload(uploaded.name, uploaded), uploaded.name)
    except EmbtuneError as error:
        st.session_state["projects_error"] = str(error)


def take_path() -> None:
    """Keep the path that was typed."""
    # Enter and leaving the field may both arrive: by the second the form is another one.
    typed = st.session_state.get(key("path"), "").strip().strip("\"'")
    if typed:
        path = Path(typed).expanduser().absolute()
        _choose(path, path.name)


def chosen_file() -> Path | None:
    """Return this visit's file, else the one in the address."""
    if "projects_file" not in st.session_state and "file" in st.query_params:
        path = find_upload(st.query_params["file"]) or Path(st.query_params["file"])
        if path.is_absolute():
            st.session_state["projects_file"] = (str(path), path.name)
        else:  # an upload that was imported since, or is too old
            st.query_params.pop("file")
    if "projects_file" not in st.session_state:
        return None
    path = Path(st.session_state["projects_file"][0])
    st.query_params["file"] = upload_token(path) or str(path)
    return path


def file_name() -> str:
    """Return the chosen file's name as the person knows it."""
    return str(st.session_state["projects_file"][1])


def forget_file() -> None:
    """Start over: no file, and none of the choices made for it."""
    for name in ("projects_file", "projects_error", "projects_draft", "projects_waiting"):
        st.session_state.pop(name, None)
    for name in ("file", *CHOICES):
        st.query_params.pop(name, None)
    st.session_state["projects_form"] = st.session_state.get("projects_form", 0) + 1


def chosen(name: str, default: Any) -> Any:
    """Return what was chosen for a widget before, on this page or in the address; else the default.

    It is given to the widget as its first value. Setting the value by session state instead would be
    lost whenever the run that sets it is cut short by the next one.
    """
    draft = st.session_state.setdefault("projects_draft", {})
    if name not in draft and name in st.query_params:
        draft[name] = st.query_params[name] == "True" if name == "many" else st.query_params[name]
    return draft.get(name, default)


def keep(name: str, options: Sequence[str] | None = None) -> None:
    """Keep a choice where another page and a reload leave it; of a list, its option's name."""
    if key(name) not in st.session_state:  # the form was left meanwhile: a quick click can come first
        return
    value = st.session_state[key(name)]
    if options is not None:
        value = options[value - 1] if value else ""
    st.session_state.setdefault("projects_draft", {})[name] = value
    st.query_params[name] = str(value)


def await_import(project: Project) -> None:
    """Set the file aside while a job imports it: if that fails, the form comes back with it."""
    before = st.session_state.get("project")
    st.session_state["projects_waiting"] = (st.session_state.pop("projects_file"), project.name, before)
    st.session_state.pop("projects_error", None)
    st.query_params.pop("file", None)


def awaited_project() -> str | None:
    """Return the name of the project into which this visit's job imports."""
    waiting = st.session_state.get("projects_waiting")
    return waiting[1] if waiting else None


def take_back(error: str) -> None:
    """Bring the form back after its job failed, with the reason and the project that was open before."""
    file, _, before = st.session_state.pop("projects_waiting")
    st.session_state["projects_file"] = file
    if before is not None and "project" not in st.session_state:
        st.session_state["project"] = before
    st.session_state["projects_error"] = error


def _choose(path: Path, name: str) -> None:
    forget_file()
    st.session_state["projects_file"] = (str(path), name)
