"""Coming from refinery: what a snapshot holds, the import into a new project, and the report afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

import streamlit as st

from embtune.errors import EmbtuneError
from embtune.project import Project
from embtune.records.refinery import Line, read_snapshot, report
from embtune.records.template import TextTemplate, suggest_template
from embtune.work.beginning import IMPORT_REFINERY, free_name, refinery_into_new
from embtune.work.uploads import drop_upload
from pages.shared.charts import as_csv
from pages.shared.import_draft import chosen, file_name, forget_file, keep, key
from pages.shared.jobs import last_job
from pages.shared.layout import plain
from pages.shared.state import choose_project, project_names

ENDINGS = ["zip"]
_JUST_NOW = "projects_refinery"
_CELL = "padding:.1rem .7em .1rem 0;vertical-align:top;"


@dataclass(frozen=True)
class _Found:
    """What a snapshot holds, for the form."""

    name: str
    n_records: int
    columns: tuple[str, ...]
    text: str
    lines: tuple[Line, ...]
    notes: tuple[str, ...]


def is_snapshot(name: str) -> bool:
    """Tell by its name whether a file is to be read as a refinery snapshot."""
    return name.lower().endswith((".zip", "snapshot_data.json"))


def refinery_form(path: Path) -> None:
    """Say what the snapshot at a path holds, and bring it over into a new project.

    Raises
    ------
    BadFileError
        If it is no whole snapshot.
    """
    found = _look(str(path), *_stamp(path), file_name())
    if "projects_error" in st.session_state:
        st.error(plain(st.session_state["projects_error"]), icon=":material/error:")
    with st.container(horizontal=True, vertical_alignment="center"):
        st.html(
            f"<b>{escape(found.name)}</b> <span class='quiet'>&nbsp; a refinery project of "
            f"{found.n_records:,} records</span>",
            width="stretch",
        )
        st.button("Another file", key="projects_other", on_click=forget_file)
    left, middle, right = st.columns([3, 3, 2], vertical_alignment="bottom", gap="medium")
    text = left.text_input(
        "Text template", chosen("text", found.text), key=key("text"), on_change=keep, args=("text",)
    )
    name = middle.text_input(
        "Name of the new project",
        chosen("name", free_name(found.name, project_names())),
        key=key("name"),
        max_chars=100,
        on_change=keep,
        args=("name",),
    )
    wrong = _wrong(text, found)
    if wrong is not None:
        st.error(plain(wrong), icon=":material/error:")
    go = right.button(
        f"Bring over {found.n_records:,} records",
        type="primary",
        key="projects_import",
        disabled=wrong is not None,
        width="stretch",
    )
    if go:
        _start(path, name, text)
    with st.container(border=True):
        _lines(found.lines, found.notes, "projects_refinery_preview", done=False)


def _start(path: Path, name: str, text: str) -> None:
    try:
        with st.spinner("Bringing the project over …"):
            project, _ = refinery_into_new(name, path, name=file_name(), text=text)
    except EmbtuneError as error:
        st.session_state["projects_error"] = str(error)
    else:
        drop_upload(path)
        forget_file()
        st.session_state["projects_importing"] = False
        st.session_state[_JUST_NOW] = project.id
        choose_project(project.name)
    st.rerun()


def _wrong(text: str, found: _Found) -> str | None:
    try:
        TextTemplate.parse(text).check(found.columns)
    except EmbtuneError as error:
        return str(error)
    return None


def _stamp(path: Path) -> tuple[float, int]:
    try:
        stat = path.stat()
    except OSError:
        return 0.0, 0
    return stat.st_mtime, stat.st_size


@st.cache_resource(max_entries=2, show_spinner="Reading the snapshot …")
def _look(path: str, changed: float, size: int, name: str) -> _Found:
    snapshot = read_snapshot(Path(path), name=name)
    columns = tuple(snapshot.table.columns)
    return _Found(
        name=snapshot.name,
        n_records=len(snapshot.table.rows),
        columns=columns,
        text=suggest_template(columns, snapshot.table.rows),
        lines=report(snapshot),
        notes=tuple(snapshot.notes),
    )


def brought_over(project: Project) -> None:
    """Show the report of a project that came from refinery: open right after it, folded later."""
    job = last_job(project, IMPORT_REFINERY)
    if job is None or job.state != "done" or not job.result:
        return
    result = job.result
    fresh = st.session_state.get(_JUST_NOW) == project.id
    n = [
        (result["n_records"], "record"),
        (result["n_labels"], "label"),
        (result["n_manual"], "manual label"),
        (result["n_weak"], "weak label"),
        (result["n_heuristics"], "heuristic"),
        (result["n_lookup_lists"], "look-up list"),
    ]
    said = ", ".join(f"{count:,} {word if count == 1 else word + 's'}" for count, word in n if count)
    with st.expander(f"Brought over from refinery: {said}", expanded=fresh, key="projects_refinery_report"):
        lines = [Line(one["what"], one["came"], one["left"], one["note"]) for one in result["report"]]
        _lines(lines, result["notes"], "projects_refinery_lines", done=True)
        with st.container(horizontal=True):
            st.page_link("pages/heuristics.py", label="Run the heuristics", icon=":material/rule:")
            st.page_link(
                "pages/weak_supervision.py", label="See its weak labels", icon=":material/how_to_vote:"
            )


def _lines(lines: Sequence[Line], notes: Sequence[str], name: str, *, done: bool) -> None:
    """Draw what comes over at the left, what does not at the right, and both as data to download."""
    left, right = st.columns(2, gap="large")
    came = [(one.came, one) for one in lines if one.came or not one.left]
    lost = [(one.left, one) for one in lines if one.left]
    left.html(_listed("Came over" if done else "Comes over", came))
    right.html(_listed("Did not" if done else "Does not", lost) if lost else "")
    for note in notes:
        right.caption(f":material/info: {plain(note)}")
    rows = [{"what": one.what, "came over": one.came, "did not": one.left, "note": one.note} for one in lines]
    st.download_button(
        "Report (CSV)",
        as_csv(rows),
        "refinery-report.csv",
        "text/csv",
        key=name,
        on_click="ignore",
        type="tertiary",
        icon=":material/download:",
    )


def _listed(heading: str, lines: Sequence[tuple[int, Line]]) -> str:
    rows = "".join(
        f"<tr><td class='num' style='{_CELL}text-align:right'>{n:,}</td>"
        f"<td style='{_CELL}'>{escape(one.what)}"
        + (f" <span class='quiet'>{escape(one.note)}</span>" if one.note else "")
        + "</td></tr>"
        for n, one in lines
    )
    return f"<b>{heading}</b><table style='border:0;margin-top:.2rem'>{rows}</table>"
