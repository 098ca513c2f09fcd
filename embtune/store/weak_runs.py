"""Runs of weak supervision."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from embtune.store.database import Database
from embtune.store.tables import actions
from embtune.store.tables_heuristics import weak_runs


@dataclass(frozen=True)
class WeakRun:
    """One run: what it heard, what was measured, and the action that holds its annotations.

    `stands` tells whether its annotations are in force: at most one run's of a task are.
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


_RUN = [weak_runs.c[name] for name in WeakRun.__dataclass_fields__ if name != "stands"]


def list_weak_runs(db: Database, project_id: int, task_id: int) -> list[WeakRun]:
    """The runs of a label task, newest first."""
    with db.read() as connection:
        return weak_runs_within(connection, project_id, task_id)


def weak_runs_within(connection: sa.Connection, project_id: int, task_id: int) -> list[WeakRun]:
    """The same, within the caller's transaction."""
    stands = sa.and_(actions.c.id.is_not(None), actions.c.undone_at.is_(None))
    query = (
        sa.select(*_RUN, stands.label("stands"))
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
