"""The import of a file in three steps, shown once there is a file: what it holds, its text, its labels."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import Any

import streamlit as st

from embtune.errors import EmbtuneError
from embtune.project import open_project
from embtune.records.survey import Survey, survey
from embtune.records.template import TextTemplate, suggest_template
from embtune.work.beginning import free_name, import_into, import_into_new
from pages.shared.import_draft import (
    await_import,
    chosen,
    chosen_file,
    file_name,
    forget_file,
    keep,
    key,
    take_path,
    take_upload,
)
from pages.shared.layout import plain
from pages.shared.refinery_import import ENDINGS as REFINERY_ENDINGS
from pages.shared.refinery_import import is_snapshot, refinery_form
from pages.shared.state import choose_project, project_names

ENDINGS = ["csv", "tsv", "txt", "json", "jsonl", "ndjson", "parquet"]
SMALL_BYTES = 2_000_000
MANY_LABELS = 500
NONE = "(none)"


def import_form() -> None:
    """Draw the form."""
    path = chosen_file()
    if path is None:
        _file_step()
        return
    try:
        if is_snapshot(file_name()):
            refinery_form(path)
            return
        found = _survey(str(path), *_stamp(path), file_name())
        suggested = suggest_template(found.table.columns, found.table.rows)
    except EmbtuneError as error:
        _bad_file(str(error))
        return
    _error()
    _preview(found)
    text = _text_step(found, suggested)
    options = _label_step(found, text)
    _target_step(path, found, text, options)


# ---- step 1: the file ------------------------------------------------------------------------


def _file_step() -> None:
    left, right = st.columns([3, 2], gap="large")
    with left:
        st.file_uploader(
            "Upload a file",
            type=ENDINGS + REFINERY_ENDINGS,
            key=key("upload"),
            on_change=take_upload,
        )
    with right:
        st.text_input(
            "or type its path on this computer",
            key=key("path"),
            placeholder="/home/me/news.csv",
            on_change=take_path,
        )
        st.caption(
            "Each row is a record; the first line, or the keys, name its fields. Coming from refinery? Give "
            "the snapshot that it exports, a zip."
        )
    _error()


def _bad_file(error: str) -> None:
    st.error(plain(error), icon=":material/error:")
    st.button("Choose another file", key="projects_other", on_click=forget_file, type="primary")


def _error() -> None:
    if "projects_error" in st.session_state:
        st.error(plain(st.session_state["projects_error"]), icon=":material/error:")


def _stamp(path: Path) -> tuple[float, int]:
    try:
        stat = path.stat()
    except OSError:
        return 0.0, 0
    return stat.st_mtime, stat.st_size


@st.cache_resource(max_entries=3, show_spinner="Reading the file …")
def _survey(path: str, changed: float, size: int, name: str) -> Survey:
    return survey(Path(path), name=name)


def _preview(found: Survey) -> None:
    table = found.table
    n = (
        f"{found.n_records:,} records"
        if found.n_records is not None
        else f"more than {len(table.rows):,} records"
    )
    left, right = st.columns([5, 1], vertical_alignment="center")
    facts = f"{table.format.upper()} · {_size(found.n_bytes)} · {n} · {len(table.columns):,} fields"
    left.html(_step(1, table.name, facts))
    right.button("Another file", key="projects_other", on_click=forget_file, width="stretch")
    rows = [{name: _short(row[name]) for name in table.columns[:30]} for row in table.rows[:50]]
    st.dataframe(rows, height=177, hide_index=True, key="projects_preview")
    for note in table.notes:
        st.caption(f":material/info: {plain(note)}")


# ---- step 2: the text ------------------------------------------------------------------------


def _text_step(found: Survey, suggested: str) -> str | None:
    """Return the template, or None while it cannot be used."""
    table = found.table
    left, right = st.columns([2, 3], gap="large")
    with left:
        st.html(_step(2, "Text", "what is read, embedded and shown"))
        text = st.text_input(
            "Text template",
            chosen("text", suggested),
            key=key("text"),
            label_visibility="collapsed",
            on_change=keep,
            args=("text",),
        )
        names = " ".join(f"<code>{{{escape(name)}}}</code>" for name in table.columns[:12])
        more = f" and {len(table.columns) - 12:,} more" if len(table.columns) > 12 else ""
        st.html(f"<div class='quiet'>Fields to use: {names}{more}</div>")
    with right:
        st.html("<span class='quiet'>So the first records will read</span>")
        try:
            template = TextTemplate.parse(text)
            template.check(table.columns)
        except EmbtuneError as error:
            st.error(plain(str(error)), icon=":material/error:")
            return None
        shown = [escape(template.render(row)) or "<i>empty: it will be skipped</i>" for row in table.rows[:3]]
        st.html("".join(f"<div class='projects-example'>{line}</div>" for line in shown))
    return text


# ---- step 3: labels --------------------------------------------------------------------------


def _label_step(found: Survey, text: str | None) -> dict[str, Any] | None:
    """Return the import's options about labels, or None while something is to be answered."""
    columns = list(found.table.columns)
    st.html(_step(3, "Labels", "if the file has any"))
    first, second, third = st.columns(3, gap="medium")
    with first:
        label = _field("labels", "Labels", columns)
        st.caption("Votes that train: Tune learns from them.")
    with second:
        reference = _field("reference", "Reference labels", columns)
        st.caption("Known to be true: they only measure.")
    confidence = None
    if label:
        with third:
            confidence = _field("confidence", "Confidence of the labels", columns)
            st.caption("From 0 to 1; without it, 1.")
    if label and label == reference:
        st.error(
            "One field cannot be both: labels train, and reference labels measure that.",
            icon=":material/error:",
        )
        return None
    for name in TextTemplate.parse(text).fields if text else ():
        if name in (label, reference):
            st.warning(
                f"The text contains {plain(repr(name))}: the embedding would know the answer.",
                icon=":material/warning:",
            )
    if not _many_accepted(found, [name for name in (label, reference) if name]):
        return None
    return {
        "label_field": label,
        "reference_field": reference,
        "confidence_field": confidence,
        "allow_many_labels": bool(st.session_state.get(key("many"), False)),
    }


def _many_accepted(found: Survey, fields: list[str]) -> bool:
    """Ask back about a label field with very many values; return whether the import may go on."""
    counts = {name: found.n_values(name) for name in fields}
    many = next((name for name, n in counts.items() if n > MANY_LABELS), None)
    # Of a big file only the first rows were counted: there the import itself may have found too many.
    unsure = found.n_records is None and bool(fields) and "projects_error" in st.session_state
    if many is None and not unsure:
        return True
    question = f"Accept a label field with more than {MANY_LABELS} different values"
    if many is not None:
        at_least = "at least " if found.n_records is None else ""
        st.warning(
            f"{plain(repr(many))} has {at_least}{counts[many]:,} different values; a label field has a few, "
            f"{MANY_LABELS} at most. Ids and titles are not labels.",
            icon=":material/help:",
        )
        question = f"Use it anyway: {at_least}{counts[many]:,} different values"
    agreed = st.checkbox(question, chosen("many", False), key=key("many"), on_change=keep, args=("many",))
    return agreed or many is None


def _field(name: str, title: str, columns: list[str]) -> str | None:
    return _select(name, title, NONE, columns)


def _select(name: str, title: str, first: str, others: list[str]) -> str | None:
    """Draw a choice whose first option means none of the others."""
    before = chosen(name, None)
    value = st.selectbox(
        title,
        range(len(others) + 1),
        index=others.index(before) + 1 if before in others else 0,
        format_func=lambda i: others[i - 1] if i else first,
        key=key(name),
        on_change=keep,
        args=(name, others),
    )
    return others[value - 1] if value else None


# ---- into which project ----------------------------------------------------------------------


def _target_step(path: Path, found: Survey, text: str | None, options: dict[str, Any] | None) -> None:
    names = project_names()
    left, middle, right = st.columns(3, vertical_alignment="bottom", gap="medium")
    existing = None
    if names:
        with left:
            existing = _select("into", "Into", "A new project", names)
    name = existing
    if existing is None:
        name = (middle if names else left).text_input(
            "Name of the new project",
            chosen("name", free_name(file_name(), names)),
            key=key("name"),
            max_chars=100,
            on_change=keep,
            args=("name",),
        )
    n = found.n_records
    go = (right if names else middle).button(
        f"Import {n:,} records" if n is not None else "Import records",
        type="primary",
        key="projects_import",
        disabled=text is None or options is None,
        width="stretch",
    )
    if go and text is not None and options is not None:
        _start(path, found, name, existing is not None, {"text": text, "name": file_name(), **options})


def _start(path: Path, found: Survey, name: str, existing: bool, options: dict[str, Any]) -> None:
    small = found.n_bytes < SMALL_BYTES
    try:
        with st.spinner("Importing …" if small else "Starting …"):
            if existing:
                project = open_project(name, create=False)
                import_into(project, path, wait=small, **options)
            else:
                project = import_into_new(name, path, wait=small, **options)
    except EmbtuneError as error:
        st.session_state["projects_error"] = str(error)
    else:
        if small:
            forget_file()
        else:
            await_import(project)
        st.session_state["projects_importing"] = False
        choose_project(project.name)
    st.rerun()


def _step(number: int, title: str, note: str) -> str:
    return (
        f"<span class='projects-step'>{number}</span> <b>{escape(title)}</b>"
        f" <span class='quiet'>&nbsp;{escape(note)}</span>"
    )


def _size(n_bytes: int) -> str:
    for unit, size in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if n_bytes >= size:
            return f"{n_bytes / size:.1f} {unit}"
    return f"{n_bytes} bytes"


def _short(value: Any, most: int = 200) -> Any:
    return value[: most - 1] + "…" if isinstance(value, str) and len(value) > most else value
