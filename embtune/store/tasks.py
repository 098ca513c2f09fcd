"""Label tasks: questions asked of every record, each with its own label set."""

from __future__ import annotations

import time
from dataclasses import dataclass

import sqlalchemy as sa

from embtune.errors import BadInputError
from embtune.store.database import Database
from embtune.store.projects import raise_revision
from embtune.store.tables import actions, labels, records, tasks, votes
from embtune.store.tables_heuristics import heuristic_runs, heuristics, weak_runs

_NAMED = 3  # heuristics, in a refusal


@dataclass(frozen=True)
class Task:
    """A question asked of every record, such as "Topic" or "Tone"."""

    id: int
    name: str
    description: str
    position: int


_TASK = [tasks.c[name] for name in Task.__dataclass_fields__]


def list_tasks(db: Database, project_id: int) -> list[Task]:
    """The label tasks of a project in their order; there is always one."""
    query = sa.select(*_TASK).where(tasks.c.project_id == project_id).order_by(tasks.c.position, tasks.c.id)
    with db.read() as connection:
        return [Task(*row) for row in connection.execute(query)]


def insert_task(db: Database, project_id: int, name: str, *, description: str = "") -> int:
    """Add a task; return its number."""
    with db.write() as connection:
        mine = tasks.c.project_id == project_id
        _refuse_taken(connection, project_id, name)
        last = connection.scalar(sa.select(sa.func.max(tasks.c.position)).where(mine))
        result = connection.execute(
            tasks.insert().values(
                project_id=project_id,
                name=name,
                description=description,
                position=0 if last is None else last + 1,
                created_at=time.time(),
            )
        )
        raise_revision(connection, project_id)
        key = result.inserted_primary_key
        assert key is not None
        return int(key[0])


def update_task(db: Database, project_id: int, task_id: int, *, name: str, description: str) -> None:
    """Set a task's name and description."""
    with db.write() as connection:
        _refuse_taken(connection, project_id, name, but=task_id)
        connection.execute(
            tasks.update().where(tasks.c.id == task_id).values(name=name, description=description)
        )
        raise_revision(connection, project_id)


def delete_task(db: Database, project_id: int, task_id: int) -> list[str]:
    """Remove a task with its label set; return the files of votes that are of no use now.

    Raises
    ------
    BadInputError
        If it is the only one, or annotations that stand, reference labels or heuristics hang on it.
    """
    with db.write() as connection:
        n = connection.scalar(
            sa.select(sa.func.count()).select_from(tasks).where(tasks.c.project_id == project_id)
        )
        if n == 1:
            raise BadInputError("A project has at least one label task: rename this one instead.")
        n_votes = connection.scalar(
            sa.select(sa.func.count())
            .select_from(votes.join(actions))
            .where(votes.c.task_id == task_id, actions.c.undone_at.is_(None))
        )
        if n_votes:
            raise BadInputError(
                f"{n_votes:,} annotation{'' if n_votes == 1 else 's'} given in this task still count"
                f"{'s' if n_votes == 1 else ''}: undo what gave them, on History, before you delete the task."
            )
        mine = sa.select(labels.c.id).where(labels.c.task_id == task_id)
        n_known = connection.scalar(
            sa.select(sa.func.count()).where(
                records.c.project_id == project_id, records.c.reference_label_id.in_(mine)
            )
        )
        if n_known:
            raise BadInputError(
                f"{n_known:,} record{' has' if n_known == 1 else 's have'} a reference label of this task, "
                "which would be lost: keep the task."
            )
        _refuse_heuristics(connection, task_id)
        files = _files(connection, task_id)
        connection.execute(votes.delete().where(votes.c.task_id == task_id))
        connection.execute(labels.delete().where(labels.c.task_id == task_id))
        connection.execute(tasks.delete().where(tasks.c.id == task_id))
        raise_revision(connection, project_id)
        return files


def _refuse_heuristics(connection: sa.Connection, task_id: int) -> None:
    mine = sa.and_(heuristics.c.task_id == task_id, heuristics.c.deleted.is_(False))
    names = list(connection.scalars(sa.select(heuristics.c.name).where(mine).order_by(heuristics.c.id)))
    if names:
        n, more = len(names), len(names) - _NAMED
        told = ", ".join(repr(name) for name in names[:_NAMED]) + (f" and {more:,} more" if more > 0 else "")
        raise BadInputError(
            f"{n:,} heuristic{' votes' if n == 1 else 's vote'} in this task ({told}), which would be lost: "
            "delete them, on Heuristics, before you delete the task."
        )


def _files(connection: sa.Connection, task_id: int) -> list[str]:
    ran = (
        sa.select(heuristic_runs.c.file)
        .select_from(heuristic_runs.join(heuristics))
        .where(heuristics.c.task_id == task_id, heuristic_runs.c.file.is_not(None))
    )
    weak = sa.select(weak_runs.c.file).where(weak_runs.c.task_id == task_id, weak_runs.c.file.is_not(None))
    return [*connection.scalars(ran), *connection.scalars(weak)]


def _refuse_taken(connection: sa.Connection, project_id: int, name: str, but: int | None = None) -> None:
    query = sa.select(tasks.c.id, tasks.c.name).where(tasks.c.project_id == project_id)
    for task_id, known in connection.execute(query):
        if task_id != but and known.casefold() == name.casefold():
            raise BadInputError(f"There is a label task {name!r} already.")
