"""Long work as a page shows it: progress with its unit, time left, stop and resume."""

from __future__ import annotations

import time
from collections.abc import Callable

import streamlit as st

from embtune.jobs.runner import retry, sweep
from embtune.project import Project
from embtune.store.jobs import JobRow
from embtune.work.mapping import METHODS

TITLES = {
    "import": "Importing",
    "import refinery": "Bringing over from refinery",
    "embed": "Embedding",
    "map": "Drawing the map",
    "tune": "Tuning",
    "evaluate": "Measuring",
    "changes": "Finding what changed",
    "learning_curve": "Drawing the learning curve",
    "base_models": "Comparing base models",
    "clusters": "Finding clusters",
    "duplicates": "Comparing all records",
    "heuristics": "Running heuristics",
    "weak supervision": "Labelling by the heuristics",
    "export": "Exporting",
    "export model": "Writing the model",
}


def running_job(project: Project, kind: str) -> JobRow | None:
    """Return the job of that kind that is waiting or under way."""
    return next((job for job in project.jobs(active=True) if job.kind == kind), None)


def last_job(project: Project, kind: str) -> JobRow | None:
    """Return the newest job of that kind."""
    return next((job for job in project.jobs(limit=30) if job.kind == kind), None)


def job_title(job: JobRow) -> str:
    """Return what a job does, in two or three words."""
    base = TITLES.get(job.kind, job.kind)
    if job.kind == "map":
        method = job.parameters.get("method", "pca")
        return f"{base} ({METHODS.get(method, method)} of {job.parameters.get('embedding', 'raw')})"
    return base


def duration(seconds: float | None) -> str:
    """Return a span of time as people say it: "12 s", "2 min", "1.5 h"."""
    if seconds is None:
        return ""
    if seconds < 60:
        return f"{max(1, round(seconds))} s"
    if seconds < 5400:
        return f"{round(seconds / 60)} min"
    return f"{seconds / 3600:.1f} h"


def ago(at: float) -> str:
    """Return how long ago a time was."""
    passed = time.time() - at
    return "just now" if passed < 45 else f"{duration(passed)} ago"


def progress_text(job: JobRow) -> str:
    """Return one line: done of total unit, pace, time left."""
    message = job.message or job.state
    parts = [] if message.casefold() == TITLES.get(job.kind, "").casefold() else [message]
    if job.total:
        parts.append(f"{job.done:,.0f} of {job.total:,.0f} {job.unit}")
    rate = job.per_second
    if rate and job.unit == "records" and job.state == "running":
        parts.append(f"{rate:,.0f} records/s")
    left = job.seconds_left
    if left is not None:
        parts.append(f"{'at most ' if job.kind == 'tune' else ''}{duration(left)} left")
    return " · ".join(parts)


def job_card(
    project: Project, job_id: int, *, more: Callable[[JobRow], None] | None = None, key: str = ""
) -> None:
    """Show a job live; the whole page runs again when it ends. `more` draws below, from the job's detail."""

    @st.fragment(run_every=0.7)
    def live() -> None:
        sweep(project.db)
        job = project.job(job_id)
        if not job.active:
            st.rerun()
        with st.container(border=True):
            left, right = st.columns([5, 1], vertical_alignment="center")
            with left:
                share = min(1.0, job.done / job.total) if job.total else 0.0
                st.progress(share, text=f"**{job_title(job)}** · {progress_text(job)}")
            with right:
                st.button(
                    "Stopping …" if job.cancel_requested else "Stop",
                    key=f"stop_{key}{job.id}",
                    disabled=job.cancel_requested,
                    on_click=project.cancel,
                    args=(job.id,),
                    width="stretch",
                )
            if more is not None:
                more(job)

    live()


def ended_card(project: Project, job: JobRow, *, primary: bool = False) -> None:
    """Show how a job ended if that needs a word: failed, cancelled or interrupted, with a way on.

    `primary` makes the way on the page's primary action.
    """
    if job.state not in ("failed", "cancelled", "interrupted"):
        return
    title = job_title(job)
    done = f" at {job.done:,.0f} of {job.total:,.0f} {job.unit}" if job.total else ""
    text = {
        "failed": f"{title} failed: {job.error}",
        "cancelled": f"{title} was stopped{done}.",
        "interrupted": f"{title} was interrupted{done}: its process ended. What was whole is kept.",
    }[job.state]
    left, right = st.columns([5, 1], vertical_alignment="center")
    with left:
        if job.state == "failed":
            st.error(text, icon=":material/error:")
        else:
            st.warning(text, icon=":material/pause_circle:")
    with right:
        again = "Resume" if job.kind == "embed" and job.state != "failed" else "Try again"
        st.button(
            again,
            key=f"retry_{job.id}",
            on_click=retry,
            args=(project, job.id),
            width="stretch",
            type="primary" if primary else "secondary",
        )
