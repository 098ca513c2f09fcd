"""Label tasks: questions asked of every record, each with its own label set; changes can be taken back."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa

from embtune.errors import BadInputError, ConflictError
from embtune.store.database import Database
from embtune.store.projects import raise_revision
from embtune.store.tables import actions, labels, records, tasks, votes
from embtune.store.tables_heuristics import heuristics

_NAMED = 3  # heuristics, in a refusal
# Two rows of one project must not have the same name. That of a deleted task is put aside behind a character
# that no name may have, so that another task can take it.
_ASIDE = "\t"


@dataclass(frozen=True)
class Task:
    """A question asked of every record, such as "Topic" or "Tone"."""

    id: int
    name: str
    description: str
    position: int


@dataclass(frozen=True)
class TaskRow(Task):
    """A label task as it is stored, which may have been deleted."""

    deleted: bool


@dataclass(frozen=True)
class TaskChange:
    """One column of one task, before and after; a new task's `deleted` goes from True to False."""

    task_id: int
    column: str
    before: Any
    after: Any

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for the journal."""
        return {"task": self.task_id, "column": self.column, "before": self.before, "after": self.after}

    @classmethod
    def read(cls, kept: Mapping[str, Any]) -> TaskChange:
        """Return what `as_dict` gave."""
        return cls(kept["task"], kept["column"], kept["before"], kept["after"])

    def reversed(self) -> TaskChange:
        """Return the change that takes this one back."""
        return TaskChange(self.task_id, self.column, self.after, self.before)


@dataclass(frozen=True)
class TaskUse:
    """What hangs on a task: its labels, and the annotations that stand."""

    n_labels: int
    n_annotations: int
    n_records: int


_ROW = [tasks.c[name] for name in TaskRow.__dataclass_fields__]
_WORDS = {
    "name": "was renamed",
    "description": "was described anew",
    "deleted": "was deleted or brought back",
}


def list_tasks(db: Database, project_id: int) -> list[Task]:
    """The label tasks of a project in their order; there is always one."""
    with db.read() as connection:
        rows = [row for row in task_rows(connection, project_id).values() if not row.deleted]
    rows.sort(key=lambda row: (row.position, row.id))
    return [Task(row.id, row.name, row.description, row.position) for row in rows]


def tasks_ever(db: Database, project_id: int) -> dict[int, TaskRow]:
    """All tasks by number, also those that were deleted."""
    with db.read() as connection:
        return task_rows(connection, project_id)


def task_rows(connection: sa.Connection, project_id: int) -> dict[int, TaskRow]:
    """The same, within the caller's transaction."""
    query = sa.select(*_ROW).where(tasks.c.project_id == project_id)
    rows = (TaskRow(*row) for row in connection.execute(query))
    return {row.id: replace(row, name=row.name.partition(_ASIDE)[0]) for row in rows}


def insert_task(connection: sa.Connection, project_id: int, name: str, *, description: str = "") -> int:
    """Add a task within the caller's transaction; return its number.

    Raises
    ------
    BadInputError
        If there is a task of that name.
    """
    rows = task_rows(connection, project_id).values()
    _refuse_taken(rows, name)
    result = connection.execute(
        tasks.insert().values(
            project_id=project_id,
            name=name,
            description=description,
            position=1 + max((row.position for row in rows), default=-1),
            created_at=time.time(),
        )
    )
    raise_revision(connection, project_id)
    key = result.inserted_primary_key
    assert key is not None
    return int(key[0])


def refuse_taken(connection: sa.Connection, project_id: int, name: str, but: int) -> None:
    """Raise BadInputError if another task has the name, within the caller's transaction."""
    _refuse_taken(task_rows(connection, project_id).values(), name, but)


def apply_task_changes(connection: sa.Connection, project_id: int, changes: Sequence[TaskChange]) -> None:
    """Set the columns of tasks within the caller's transaction.

    Raises
    ------
    ConflictError
        As `changed_tasks` says; nothing is written then.
    """
    before = task_rows(connection, project_id)
    for task_id, row in changed_tasks(before, changes).items():
        if row != before[task_id]:
            name = f"{row.name}{_ASIDE}{task_id}" if row.deleted else row.name
            values = {"name": name, "description": row.description, "deleted": row.deleted}
            connection.execute(tasks.update().where(tasks.c.id == task_id).values(values))
    raise_revision(connection, project_id)


def changed_tasks(rows: Mapping[int, TaskRow], changes: Sequence[TaskChange]) -> dict[int, TaskRow]:
    """Return the tasks as they would be after the changes.

    Raises
    ------
    ConflictError
        If a column no longer has the value it had before, two tasks would have one name, or none were left.
    """
    after = dict(rows)
    for change in changes:
        row = after.get(change.task_id)
        if row is None:
            raise ConflictError("The label task does not exist any more.")
        if getattr(row, change.column) != change.before:
            raise ConflictError(
                f"The label task {row.name!r} {_WORDS[change.column]} since: take that back first."
            )
        after[change.task_id] = replace(row, **{change.column: change.after})
    left = [row for row in after.values() if not row.deleted]
    if not left:
        raise ConflictError("A project has at least one label task: rename this one instead.")
    for row in left:
        if any(one.id != row.id and one.name.casefold() == row.name.casefold() for one in left):
            raise ConflictError(f"There would be two label tasks {row.name!r}: rename the other one first.")
    return after


def why_kept(connection: sa.Connection, project_id: int, task_id: int) -> str | None:
    """Say what keeps a task from being taken out, within the caller's transaction; None if nothing does.

    Reference labels do, for a record has one of one task only, and heuristics, which would go on voting.
    """
    mine = sa.select(labels.c.id).where(labels.c.task_id == task_id)
    n = connection.scalar(
        sa.select(sa.func.count()).where(
            records.c.project_id == project_id, records.c.reference_label_id.in_(mine)
        )
    )
    if n:
        return f"{n:,} record{' has' if n == 1 else 's have'} a reference label of this task: keep the task."
    of_task = sa.and_(heuristics.c.task_id == task_id, heuristics.c.deleted.is_(False))
    names = list(connection.scalars(sa.select(heuristics.c.name).where(of_task).order_by(heuristics.c.id)))
    if names:
        n, more = len(names), len(names) - _NAMED
        told = ", ".join(repr(name) for name in names[:_NAMED]) + (f" and {more:,} more" if more > 0 else "")
        return (
            f"{n:,} heuristic{' votes' if n == 1 else 's vote'} in this task ({told}): delete them, on "
            "Heuristics, before you delete the task."
        )
    return None


def task_use(connection: sa.Connection, task_id: int) -> TaskUse:
    """Count what hangs on a task, within the caller's transaction."""
    in_use = sa.and_(labels.c.task_id == task_id, sa.not_(labels.c.deleted), labels.c.merged_into.is_(None))
    standing = (
        sa.select(sa.func.count(), sa.func.count(votes.c.row.distinct()))
        .select_from(votes.join(actions))
        .where(votes.c.task_id == task_id, actions.c.undone_at.is_(None))
    )
    n_labels = connection.scalar(sa.select(sa.func.count()).select_from(labels).where(in_use))
    n_annotations, n_records = connection.execute(standing).one()
    return TaskUse(n_labels or 0, n_annotations, n_records)


def _refuse_taken(rows: Any, name: str, but: int | None = None) -> None:
    for row in rows:
        if row.id != but and not row.deleted and row.name.casefold() == name.casefold():
            raise BadInputError(f"There is a label task {name!r} already.")
