"""Weak supervision: the heuristics' votes become labels with a confidence, and how right those are."""

from __future__ import annotations

import time

import streamlit as st

from embtune.errors import EmbtuneError
from embtune.project import Project
from embtune.store.weak_runs import WeakRun
from pages.shared.heuristic_sessions import go_if_asked
from pages.shared.jobs import ended_card, job_card, last_job, running_job
from pages.shared.layout import empty, plain, title
from pages.shared.state import require_project
from pages.shared.weak_charts import distribution, reliability, thresholds
from pages.shared.weak_chosen import shown_run, threshold_of
from pages.shared.weak_confusion import confusion
from pages.shared.weak_form import JOB, NOTE, form
from pages.shared.weak_runs import compare_two, runs_list
from pages.shared.weak_truth import comparison, run_card, truth

_RECENT_SECONDS = 900
_ABOUT = (
    "The heuristics' votes become one label per record, with a confidence. No label that a person gave "
    "changes: weak labels stand where there is none."
)
# Side by side where there is room for it.
_CSS = """
<style>
  @media (max-width: 1200px) {
    :is(.st-key-weak_top, .st-key-weak_beside, .st-key-weak_matrix) [data-testid="stHorizontalBlock"] {
      flex-wrap: wrap;}
    :is(.st-key-weak_top, .st-key-weak_beside, .st-key-weak_matrix) [data-testid="stColumn"] {
      min-width: 100%;}
  }
</style>
"""


def page() -> None:
    """Draw the page."""
    project = require_project()
    go_if_asked()
    st.html(_CSS)
    title("Weak supervision", _ABOUT)
    if note := st.session_state.pop(NOTE, None):
        st.error(note, icon=":material/error:")
    runs = project.weak.runs()
    if _nothing_to_do(project, runs):
        return
    voting = running_job(project, "heuristics")
    if voting is not None:
        job_card(project, voting.id, key="weak_heuristics_")
    job = running_job(project, JOB)
    form(project, running=job is not None)
    if job is not None:
        job_card(project, job.id, key="weak_")
    else:
        last = last_job(project, JOB)
        if last is not None and time.time() - (last.finished_at or 0) < _RECENT_SECONDS:
            ended_card(project, last)
    if not runs:
        st.caption(
            "No run yet. It takes seconds; then you see here how right the labels are, beside a majority "
            "vote and beside a model of the manual labels alone."
        )
        return
    run = shown_run(project, runs)
    with st.container(key="weak_top"):
        left, right = st.columns([4, 5], gap="medium", vertical_alignment="center")
    with left:
        run_card(project, run, newest=run.id == runs[0].id)
    with right:
        truth(project, run, running=job is not None)
    comparison(project, run)
    try:
        _figures(project, run)
    except EmbtuneError as error:  # the run's file is gone
        st.error(plain(str(error)), icon=":material/error:")
    runs_list(project, runs, run, running=job is not None)
    compare_two(project, runs)


def _nothing_to_do(project: Project, runs: list[WeakRun]) -> bool:
    """Say what comes first where there is no label or no heuristic; tell whether that is so."""
    if not project.labels:
        empty(
            "Heuristics vote for labels, and there is no label yet.",
            to="label_set",
            action="Add the first labels",
        )
    elif not runs and not project.heuristics.all():
        empty(
            "There is no heuristic yet. Write what you noticed as rules, or take suggested ones; their votes "
            "are joined here.",
            to="heuristics",
            action="Write the first heuristic",
        )
    else:
        return False
    return True


def _figures(project: Project, run: WeakRun) -> None:
    left, right = st.columns(2, gap="medium")
    with left:
        thresholds(project, run)
    with right:
        reliability(project, run)
    threshold = threshold_of(run)
    with st.container(horizontal=True, vertical_alignment="center"):
        which = st.segmented_control(
            "Weak labels to count",
            ("all weak labels", f"from {threshold:.2f} on"),
            default="all weak labels",
            key="weak_counted",
            required=True,
            label_visibility="collapsed",
        )
    least = threshold if which != "all weak labels" else 0.0
    with st.container(key="weak_matrix"):
        left, right = st.columns([3, 2], gap="medium")
    with left:
        confusion(project, run, least)
    with right:
        distribution(project, run, least)


page()
