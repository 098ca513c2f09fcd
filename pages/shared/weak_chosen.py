"""Which run of weak supervision is looked at, kept in this visit and in the address; how runs are named."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime

import streamlit as st

from embtune.heuristics.base import ABSTAIN
from embtune.project import Project
from embtune.store.weak_runs import WeakRun
from embtune.work.heuristic_corpus import labels_to_learn_from
from embtune.work.refinery import MODEL as REFINERY
from pages.shared.jobs import ago

_KEY = "weak_run"
_ADDRESS = "run"


def shown_run(project: Project, runs: Sequence[WeakRun]) -> WeakRun:
    """Return the run to look at: the one chosen in this visit or by the address, else the newest."""
    kept = st.session_state.get(_KEY)
    if kept is not None and kept[0] == (project.id, project.task.id):
        wanted = str(kept[1])
    else:
        wanted = st.query_params.get(_ADDRESS, "")
    found = next((one for one in runs if str(one.id) == wanted), None)
    if found is None:
        st.query_params.pop(_ADDRESS, None)
        return runs[0]
    show_run(project, found.id)
    return found


def show_run(project: Project, number: int) -> None:
    """Look at that run from now on."""
    st.session_state[_KEY] = ((project.id, project.task.id), number)
    st.query_params[_ADDRESS] = str(number)


def forget_shown() -> None:
    """Look at the newest run again."""
    st.session_state.pop(_KEY, None)
    st.query_params.pop(_ADDRESS, None)


def title_of(project: Project, name: str) -> str:
    """Return a label model's title; of an imported run, where it came from."""
    if name == REFINERY:
        return "Imported from refinery"
    known = project.weak.models().get(name)
    return name if known is None else known.title


def finished(run: WeakRun) -> float:
    """When a run ended, in seconds since 1970; of an imported one, where it was made."""
    return float(run.metrics.get("finished_at") or run.created_at)


def at(moment: float) -> str:
    """Return a moment as people write it."""
    then = datetime.fromtimestamp(moment).astimezone()
    return ago(moment) if time.time() - moment < 3600 else f"{then:%Y-%m-%d %H:%M}"


def threshold_of(run: WeakRun) -> float:
    """Return the confidence from which a run's labels count as sure."""
    return float(run.parameters.get("threshold", 0.7))


def trusted(run: WeakRun) -> str | None:
    """Say on what figures can be believed, as in "12 manual labels kept aside"; None if on nothing."""
    n = run.metrics.get("n_measured_on", 0)
    return f"{n:,} {run.metrics.get('measured_on')}" if n else None


def changed_since(project: Project, run: WeakRun) -> str | None:
    """Say what a run would hear now that it did not; None if nothing, or if it was imported."""
    if run.model == REFINERY:
        return None
    parts = []
    now = {(one.id, one.version) for one in project.heuristics.all() if one.selected}
    if now != {(one.get("id"), one.get("version")) for one in run.heuristics}:
        parts.append("the selected heuristics")
    if int((labels_to_learn_from(project) != ABSTAIN).sum()) != run.metrics.get("n_manual"):
        parts.append("the manual labels")
    if not parts:
        return None
    return f"{' and '.join(parts)} have changed since this run.".capitalize()
