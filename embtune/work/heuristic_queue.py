"""Running heuristics as a job, and noticing those whose job never was or is gone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from embtune.errors import NotReadyError
from embtune.store import heuristics as store
from embtune.store.heuristics import HeuristicRow
from embtune.work import heuristic_runs
from embtune.work.heuristic_kinds import kind_for

if TYPE_CHECKING:
    from embtune.project import Project


def start(project: Project, choose: Callable[[], Sequence[HeuristicRow]]) -> int:
    """Queue the heuristics that `choose` returns and start their job; return its number.

    Raises
    ------
    NotReadyError
        If there is nothing to run.
    HeuristicError
        If the operator does not allow one of them.
    """
    from embtune.jobs.runner import sweep

    sweep(project.db)  # what waits for a process that died is to be run again
    rows = choose()
    if not rows:
        raise NotReadyError("Every heuristic is up to date: there is nothing to run.")
    for row in rows:
        heuristic_runs.refuse_forbidden(project, kind_for(project, row.kind))
    runs = store.insert_runs(project.db, {row.id: row.version for row in rows}, state=store.QUEUED)
    try:
        job = project.start("heuristics", which=[row.id for row in rows], runs=runs)
    except BaseException as error:
        why = (str(error) or type(error).__name__).rstrip(".")
        failed = {"state": store.FAILED, "error": f"Its run could not be started: {why}."}
        store.update_runs(project.db, dict.fromkeys(runs.values(), failed))
        raise
    store.update_runs(project.db, {number: {"job_id": job} for number in runs.values()})
    return job
