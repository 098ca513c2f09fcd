"""One project: what to do next, and what it holds."""

from __future__ import annotations

from html import escape
from typing import Any

import streamlit as st

from embtune.labeling.state import count_labels
from embtune.project import Project
from embtune.store.jobs import JobRow
from pages.shared.chips import chip, new_label_dialog
from pages.shared.jobs import ended_card, job_card, job_title, last_job, running_job
from pages.shared.layout import plain, told

_SHOWN_LABELS = 40


def next_step(project: Project) -> None:
    """Say where the project stands and draw the one action that follows; running work is shown live."""
    importing = running_job(project, "import")
    if importing is not None:
        job_card(project, importing.id, key="projects_")
        return
    newest = next(iter(project.jobs(limit=1)), None)
    if newest is not None and newest.kind == "import":
        ended_card(project, newest)
    if project.n_records == 0:
        with _row():
            st.markdown("No records yet: import a file of texts into this project.")
            st.button("Import a file", type="primary", key="projects_first_import", on_click=_open_import)
        return
    raw = project.find_embedding("raw")
    n_missing = project.n_records - (raw.n_rows if raw is not None else 0)
    imported = last_job(project, "import")
    if n_missing and imported is not None and imported.state == "done":
        _imported(imported)
    last = last_job(project, "embed")
    if last is not None and last.active:
        job_card(project, last.id, key="projects_")
    elif n_missing:
        _embed_step(project, n_missing, last)
    else:
        if last is not None and raw is not None and last.created_at > raw.created_at:
            ended_card(project, last)
        _ready(project, last)


def details(project: Project) -> None:
    """Draw records, labels and embeddings side by side."""
    with st.container(key="projects_details"):
        with st.container(border=True):
            _records(project)
        with st.container(border=True):
            _labels(project)
        with st.container(border=True):
            _embeddings(project)


def _open_import() -> None:
    st.session_state["projects_importing"] = True


def _row() -> Any:
    """Make a framed line: what there is to say at the left, the action at the right."""
    frame = st.container(border=True)
    return frame.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center")


def _imported(job: JobRow) -> None:
    result: dict[str, Any] = job.result or {}
    parts = [f"{result['n_new']:,} new records", f"{result['n_known']:,} already there"]
    if result["n_empty"]:
        parts.append(f"{result['n_empty']:,} skipped because their text is empty")
    if result["n_labels"]:
        parts.append(f"{result['n_labels']:,} labels")
    if result["n_reference"]:
        parts.append(f"{result['n_reference']:,} reference labels")
    st.markdown(f":material/check: {plain(result['file'])}: {', '.join(parts)}.")
    if result["notes"]:
        st.caption(plain(" ".join(result["notes"])))


# ---- embedding -------------------------------------------------------------------------------


def _embed_step(project: Project, n_missing: int, last: JobRow | None) -> None:
    if last is not None:
        ended_card(project, last, primary=last.state != "failed")
    if last is None or last.state in ("done", "failed"):
        with _row():
            st.markdown(
                "Next: turn every text into a vector, so that texts of like meaning lie close together."
            )
            st.button(
                f"Embed {n_missing:,} records",
                type="primary",
                key="projects_embed",
                on_click=_embed,
                args=(project,),
            )
    failed = last is not None and last.state == "failed"
    with st.expander("Another model, or vectors of your own", expanded=failed):
        _embed_options(project)


def _embed_options(project: Project, *, wide: bool = True) -> None:
    with st.form("projects_embed_options", border=False):
        left, right = st.columns(2, gap="medium") if wide else (st.container(), st.container())
        left.text_input(
            "Model: a sentence-transformers name, or the path of a folder",
            key="projects_model",
            placeholder=project.info.model,
        )
        right.text_input(
            "or vectors: the path of a .npy file, one row a record",
            key="projects_vectors",
            placeholder="/home/me/vectors.npy",
        )
        if st.form_submit_button("Embed with these"):
            model = st.session_state["projects_model"].strip()
            vectors = st.session_state["projects_vectors"].strip().strip("\"'")
            if model and vectors:
                st.error("Give a model or vectors, not both.", icon=":material/error:")
            else:
                _embed(project, model=model, vectors=vectors)
                st.rerun()


def _embed(project: Project, model: str = "", vectors: str = "") -> None:
    chosen = {"model": model, "vectors": vectors}
    with told():
        project.start("embed", **{name: value for name, value in chosen.items() if value})


def _ready(project: Project, embedded: JobRow | None) -> None:
    drawing = running_job(project, "map")
    last = last_job(project, "map")
    if last is not None and project.find_map("raw", "umap") is None:
        ended_card(project, last)
    pace = _pace(embedded) if embedded is not None and embedded.state == "done" else ""
    next_word = "Next: draw around points that belong together, and name them."
    if drawing is not None:
        next_word = f"{job_title(drawing)} goes on; the PCA map is there at once."
    with _row():
        st.markdown(f"**All {project.n_records:,} records are embedded{pace}.** {next_word}")
        if st.button("Open the map", type="primary", key="projects_open_map"):
            st.switch_page("pages/map.py")


def _pace(job: JobRow) -> str:
    result: dict[str, Any] = job.result or {}
    rate = result.get("records_per_second")
    return f", {rate:,.0f} records/s" if rate else ""


# ---- what it holds ---------------------------------------------------------------------------


def _records(project: Project) -> None:
    st.html(f"<b>{project.n_records:,} records</b>")
    fields = project.field_names
    shown = " ".join(f"<code>{escape(name)}</code>" for name in fields[:12])
    more = f" and {len(fields) - 12:,} more" if len(fields) > 12 else ""
    st.html(
        f"<div class='quiet'>text</div><code>{escape(project.info.template or '')}</code>"
        f"<div class='quiet projects-gap'>fields</div>{shown or '–'}{more}"
        "<div class='quiet projects-gap'>for example</div>"
        + "".join(
            f"<div class='projects-example'>{escape(record.text[:300])}</div>"
            for record in project.records(range(min(3, project.n_records)))
        )
    )


def _labels(project: Project) -> None:
    votes = count_labels(project.label_state().label_ids)
    known = count_labels(project.reference())
    n_labelled, n_known = sum(votes.values()), sum(known.values())
    left, right = st.columns([2, 1], vertical_alignment="center")
    left.html(f"<b>{len(project.labels):,} labels</b>")
    if right.button("Add label", key="projects_add_label", width="stretch"):
        new_label_dialog(project)
    labels = project.labels
    chips = " ".join(
        f"<span class='projects-label'>{chip(label.name, label.color)} "
        f"<span class='quiet num'>{votes.get(label.id, 0):,}</span></span>"
        for label in labels[:_SHOWN_LABELS]
    )
    more = f" and {len(labels) - _SHOWN_LABELS:,} more" if len(labels) > _SHOWN_LABELS else ""
    st.html(
        f"{chips}{more}"
        if labels
        else "<span class='quiet'>None yet. Labels can also be added on the map.</span>"
    )
    note = f"{n_labelled:,} of {project.n_records:,} records labelled"
    if n_known:
        note += f" · {n_known:,} have a reference label, which only measures"
    st.html(f"<div class='quiet'>{note}</div>")


def _embeddings(project: Project) -> None:
    rows = project.embeddings
    st.html(f"<b>{len(rows):,} embedding{'' if len(rows) == 1 else 's'}</b>")
    active = project.active_embedding
    lines = [
        f"<div><b>{escape(row.name)}</b>{' ★' if row.name == active and row.name != 'raw' else ''} "
        f"<span class='quiet'>{escape(row.model)} · {row.n_rows:,} × {row.dim:,}"
        f"{' · active' if row.name == active else ''}</span></div>"
        for row in rows
    ]
    st.html("".join(lines) or "<span class='quiet'>None yet.</span>")
    whole = rows and rows[0].n_rows == project.n_records
    if whole and not project.versions and running_job(project, "embed") is None:
        with st.expander("Embed again with another model"):
            _embed_options(project, wide=False)
