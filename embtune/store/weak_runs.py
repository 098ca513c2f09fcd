"""Runs of weak supervision."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from embtune.store.database import Database
from embtune.store.journal import mark_undone, put_detail
from embtune.store.tables import actions
from embtune.store.tables_heuristics import weak_runs


@dataclass(frozen=True)
class WeakRun:
    """One run: what it heard, what was measured, and the action that holds its annotations.

    `stands` tells whether its annotations are in force: at most one run's of a task are. `replaces` is the
    run whose place it took when it came in force; `replaced_by` the one that took its own place, None if it
    stands or was taken back for its own sake.
    """

    id: int
    task_id: int
    model: str
    parameters: dict[str, Any]
    heuristics: list[dict[str, Any]]
    metrics: dict[str, Any]
    n_labelled: int
    file: str | None
    action_id: int | None
    created_by: str
    seconds: float
    created_at: float
    stands: bool = False
    replaces: int | None = None
    replaced_by: int | None = None


_OF_ITS_ACTION = ("stands", "replaces", "replaced_by")
_RUN = [weak_runs.c[name] for name in WeakRun.__dataclass_fields__ if name not in _OF_ITS_ACTION]


def list_weak_runs(db: Database, project_id: int, task_id: int) -> list[WeakRun]:
    """The runs of a label task, newest first."""
    with db.read() as connection:
        return weak_runs_within(connection, project_id, task_id)


def weak_runs_within(connection: sa.Connection, project_id: int, task_id: int) -> list[WeakRun]:
    """The same, within the caller's transaction."""
    stands = sa.and_(actions.c.id.is_not(None), actions.c.undone_at.is_(None))
    query = (
        sa.select(*_RUN, stands, *(actions.c.detail[name].as_integer() for name in _OF_ITS_ACTION[1:]))
        .select_from(weak_runs.outerjoin(actions, actions.c.id == weak_runs.c.action_id))
        .where(weak_runs.c.project_id == project_id, weak_runs.c.task_id == task_id)
        .order_by(weak_runs.c.id.desc())
    )
    return [WeakRun(*tuple(row)) for row in connection.execute(query)]


def insert_weak_run(connection: sa.Connection, project_id: int, task_id: int, **values: Any) -> int:
    """Keep a run within the caller's transaction; return its number, which is never given twice."""
    result = connection.execute(
        weak_runs.insert().values(project_id=project_id, task_id=task_id, created_at=time.time(), **values)
    )
    key = result.inserted_primary_key
    assert key is not None
    return int(key[0])


def set_in_force(connection: sa.Connection, project_id: int, task_id: int, number: int | None) -> None:
    """Let one run's annotations stand and no other's, or none's, within the caller's transaction."""
    runs = [run for run in weak_runs_within(connection, project_id, task_id) if run.action_id is not None]
    taken = None
    for run in runs:
        if run.stands and run.id != number:
            _mark(connection, project_id, run, undone=True)
            _note(connection, project_id, run, "replaced_by", number)
            taken = run.id
    wanted = next((run for run in runs if run.id == number), None)
    if wanted is None:
        return
    if not wanted.stands:
        _mark(connection, project_id, wanted, undone=False)
        _note(connection, project_id, wanted, "replaced_by", None)
    if taken is not None or not wanted.stands:
        _note(connection, project_id, wanted, "replaces", taken)


def follow_action(
    connection: sa.Connection, project_id: int, task_id: int, action_id: int, *, undone: bool
) -> None:
    """Keep at most one run in force where an action was undone or redone in the caller's transaction.

    If it is a run's: redone it takes the place of the run in force, undone it leaves its place to the run
    that it took it from. Of other actions nothing follows.
    """
    runs = {run.id: run for run in weak_runs_within(connection, project_id, task_id)}
    mine = next((run for run in runs.values() if run.action_id == action_id), None)
    if mine is None:
        return
    if undone:
        before = runs.get(mine.replaces or 0)
        if before is not None and before.replaced_by == mine.id:
            _mark(connection, project_id, before, undone=False)
            _note(connection, project_id, before, "replaced_by", None)
    else:
        _note(connection, project_id, mine, "replaces", None)
        _note(connection, project_id, mine, "replaced_by", None)
        set_in_force(connection, project_id, task_id, mine.id)


def replaced_actions(db: Database, project_id: int, task_id: int) -> set[int]:
    """Numbers of the actions that were taken back only because another run took their run's place."""
    return {
        run.action_id
        for run in list_weak_runs(db, project_id, task_id)
        if run.action_id is not None and run.replaced_by is not None
    }


def _mark(connection: sa.Connection, project_id: int, run: WeakRun, *, undone: bool) -> None:
    assert run.action_id is not None
    mark_undone(connection, project_id, run.action_id, undone=undone)


def _note(connection: sa.Connection, project_id: int, run: WeakRun, key: str, value: int | None) -> None:
    assert run.action_id is not None
    if getattr(run, key) != value:
        put_detail(connection, project_id, run.action_id, key, value)
