"""The two things that leave the app: a table of records, and a model folder."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from embtune.errors import EmbtuneError, NotReadyError
from embtune.project import Project
from embtune.work.distilling import in_words, needs_distilling
from embtune.work.exporting import (
    WHICH,
    check_model_export,
    export_path,
    folder_bytes,
    mark_columns,
    model_export_path,
    zipped,
)
from embtune.work.slice_masks import slice_stamp
from pages.shared.jobs import ended_card, job_card, last_job, running_job
from pages.shared.layout import empty, first_choice, plain, told
from pages.shared.slice_choice import slice_choice

_FORMATS = {"csv": "CSV", "jsonl": "JSONL", "parquet": "Parquet"}
_MIME = {"csv": "text/csv", "jsonl": "application/jsonl", "parquet": "application/vnd.apache.parquet"}
_MODELS = {"sentence-transformer": "SentenceTransformer folder", "servable": "Quaterion servable"}
_MARKS = {
    "flagged": "`flagged` is true for records that somebody flagged.",
    "comments": "`comments` holds who said what of the record, several comments with | between them.",
}
_MOST_AT_ONCE = 20_000  # records; more are written by a job
_MOST_ZIPPED = 700_000_000  # bytes; the browser gets a zip out of the server's memory
_RECENT_SECONDS = 900

_DISTILLED = (
    "{version} compares a record with the other records of the project, which a text encoder cannot do by "
    "itself. So a small network learns to give the same vectors from the text alone, in about a minute, and "
    "what that loses is measured and said here."
)

_LOADING = {
    "sentence-transformer": (
        "from sentence_transformers import SentenceTransformer\n\n"
        "model = SentenceTransformer({path!r})\n"
        'vectors = model.encode(["A text of your own"])  # unit length, {like} {version} in embtune'
    ),
    "servable": (
        "from embtune.tuning import quaterion_compat  # before Quaterion; embtune must be installed\n"
        "from quaterion_models import SimilarityModel\n\n"
        "model = SimilarityModel.load({path!r})\n"
        'vectors = model.encode(["A text of your own"])  # pointing {like} {version} in embtune'
    ),
}


def records_form(project: Project) -> None:
    """A few choices, a preview of three lines, and the file."""
    st.subheader("Records with their labels", anchor=False)
    if not project.export_preview(n=0)[0]:
        empty("No record has a label yet.", to="map", action="Label groups on the map")
    row = st.container(horizontal=True, gap="medium")  # wraps where a column would cut
    with row:
        within = slice_choice(project, "export_slice")
    bounds = {} if within is None else {"slice": within}
    try:
        counts = {which: project.export_preview(n=0, which=which, **bounds)[0] for which in WHICH}
    except EmbtuneError as error:
        st.error(plain(str(error)), icon=":material/error:")
        return
    choices, ending = _choices(project, counts, row)
    choices |= bounds
    try:
        n, lines = project.export_preview(n=3, **choices)
    except EmbtuneError as error:
        st.error(plain(str(error)), icon=":material/error:")
        return
    if not n:
        st.caption(
            "No record fits these choices."
            if within is None
            else f"No record of the slice {plain(within)} fits these choices."
        )
        return
    # All columns small, so that the label is in sight beside long texts.
    narrow = {column: st.column_config.Column(width="small") for column in lines[0]}
    st.dataframe(lines, hide_index=True, height="content", key="export_preview", column_config=narrow)
    st.caption(f"The first {len(lines)} of {n:,} records · {len(lines[0])} columns")
    if added := mark_columns(project):
        st.caption("  \n".join(_MARKS[name] for name in added))
    _records_file(project, n, choices, ending)


def _choices(project: Project, counts: dict[str, int], row: DeltaGenerator) -> tuple[dict[str, Any], str]:
    with row:
        which = st.segmented_control(
            "Which records",
            list(counts),
            default="labelled" if counts["labelled"] else "all",
            required=True,
            format_func=lambda key: f"{key} {counts[key]:,}",
            key="export_which",
            persist_state="session",
        )
    names = [label.name for label in project.labels]
    labels: list[str] = []
    if which == "labelled" and names:
        kept = [name for name in st.session_state.get("export_labels", []) if name in names]
        if kept != st.session_state.get("export_labels", []):
            st.session_state["export_labels"] = kept  # of another project, or renamed
        labels = row.multiselect(
            "Labels",
            names,
            placeholder="all labels",
            key="export_labels",
            persist_state="session",
            width=300,
        )
    with row:
        ending = st.segmented_control(
            "Format",
            list(_FORMATS),
            default="csv",
            required=True,
            format_func=_FORMATS.__getitem__,
            key="export_format",
            persist_state="session",
        )
    choices: dict[str, Any] = {"which": which, "labels": labels or None}
    if which == "labelled" and project.readiness()["n_automatic"]:
        choices["min_confidence"] = st.slider(
            "Automatic labels from this confidence on",
            0.0,
            1.0,
            0.0,
            0.05,
            format="%.2f",
            key="export_confidence",
            persist_state="session",
            help="Labels that a person gave are always in.",
        )
    return choices, str(ending)


def _stamp(project: Project, choices: dict[str, Any]) -> list[Any]:
    """Return all that the file's content hangs on."""
    within = choices.get("slice")
    return [project.revision, choices] + ([slice_stamp(project, within)] if within else [])


def _records_file(project: Project, n: int, choices: dict[str, Any], ending: str) -> None:
    path = export_path(project, choices["which"], ending, stamp=_stamp(project, choices))
    label = f"Download {n:,} record{'' if n == 1 else 's'} ({_FORMATS[ending]})"
    if n <= _MOST_AT_ONCE:

        def written() -> bytes:
            project.export(path, format=ending, **choices)
            content = path.read_bytes()
            path.unlink(missing_ok=True)
            return content

        _download(label, written, path.name, _MIME[ending], key="export_download", primary=True)
        return
    parameters = {"out": str(path), "format": ending, **choices}
    job = running_job(project, "export")
    if job is not None:
        job_card(project, job.id, key="export_")
        return
    last = last_job(project, "export")
    if last is not None and last.parameters == parameters and last.state == "done" and path.is_file():
        _download(label, path.read_bytes, path.name, _MIME[ending], key="export_download", primary=True)
        st.code(str(path), language=None)
        return
    if last is not None and last.parameters == parameters:
        ended_card(project, last)
    if st.button(f"Prepare file of {n:,} records", type="primary", key="export_prepare"):
        with told():
            project.start("export", **parameters)
            st.rerun()


def model_form(project: Project) -> None:
    """Choose a version and a form, write it, and show how it is loaded."""
    st.subheader("The tuned model", anchor=False)
    names = [version.name for version in reversed(project.versions)]
    if not names:
        empty("There is no tuned version yet.", to="tune", action="Tune on your labels")
        return
    active = project.active_embedding
    row = st.container(horizontal=True, gap="medium")
    version = row.selectbox(
        "Version",
        names,
        index=first_choice("export_model_version", names, active if active in names else names[0]),
        key="export_model_version",
        bind="query-params",
        width=180,
    )
    with row:
        kind = str(
            st.segmented_control(
                "As",
                list(_MODELS),
                default="sentence-transformer",
                required=True,
                format_func=_MODELS.__getitem__,
                key="export_model_kind",
                persist_state="session",
            )
        )
    try:
        check_model_export(project, version)
    except NotReadyError as error:
        st.info(str(error), icon=":material/info:")
        return
    path = model_export_path(project, version, kind)
    if path.is_dir():
        _written(project, path, version, kind)
        return
    job = running_job(project, "export model")
    if job is not None:
        job_card(project, job.id, key="export_model_")
        return
    last = last_job(project, "export model")
    if last is not None and time.time() - (last.finished_at or 0) < _RECENT_SECONDS:
        ended_card(project, last)
    st.caption("Holds the text encoder and what was learned: nothing else is needed to use it.")
    if needs_distilling(project, version):
        known = project.distillation(version)
        st.caption(in_words(known) if known else _DISTILLED.format(version=version))
    if st.button(f"Write {version} as a {_MODELS[kind]}", key="export_model_start"):
        with told():
            project.start("export model", version=version, kind=kind, out=str(path))
            st.rerun()


def _written(project: Project, path: Path, version: str, kind: str) -> None:
    size = folder_bytes(path)
    st.markdown(f"{version} is written as a {_MODELS[kind]}, {size / 1e6:,.0f} MB, in this folder:")
    st.code(str(path), language=None, wrap_lines=True)
    known = project.distillation(version) if needs_distilling(project, version) else None
    if known is not None:
        st.markdown(plain(in_words(known)).replace(" %", "\u00a0%"))
    if size <= _MOST_ZIPPED:

        def archive() -> bytes:
            return zipped(path).read_bytes()

        _download("Download as zip", archive, f"{path.name}.zip", "application/zip", key="export_model_zip")
    st.caption("Load it like this:")
    like = "as" if known is None else "close to those of"
    st.code(_LOADING[kind].format(path=str(path), version=version, like=like), language="python")
    card = path / "README.md"
    if card.is_file():
        with st.expander("Model card", icon=":material/description:"):
            st.caption("README.md in the folder: data, labels, scores with intervals, and limits.")
            st.code(card.read_text(encoding="utf-8"), language="markdown", wrap_lines=True, height=420)


def _download(label: str, data: Any, name: str, mime: str, *, key: str, primary: bool = False) -> None:
    st.download_button(
        label,
        data,
        name,
        mime,
        key=key,
        on_click="ignore",
        type="primary" if primary else "secondary",
        icon=":material/download:",
    )
