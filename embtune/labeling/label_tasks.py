"""Label tasks: questions asked of every record, each with its own label set; a change is an action."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from embtune.errors import BadInputError
from embtune.labeling.label_impact import counted
from embtune.store import journal, tasks
from embtune.store.labelset import label_use, list_labels
from embtune.store.tasks import TaskChange

if TYPE_CHECKING:
    from embtune.project import Project
    from embtune.store.journal import Action


def add_task(project: Project, name: str, *, description: str = "") -> Project:
    """Add a label task, as one action; return the project under it.

    Raises
    ------
    BadInputError
        If the name is empty or taken.
    """
    name = _checked(name)
    with project.db.write() as connection:
        task_id = tasks.insert_task(connection, project.id, name, description=description.strip())
        change = TaskChange(task_id, "deleted", True, False)
        _note(project, connection, [change], f"Added the label task {name}", made=True)
    return project.view(task=name)


def change_task(project: Project, *, name: str | None = None, description: str | None = None) -> None:
    """Rename the task that the project is under, or describe it anew, as one action.

    Raises
    ------
    BadInputError
        If the name is empty or taken.
    """
    task = project.task
    wanted = {
        "name": task.name if name is None else _checked(name),
        "description": task.description if description is None else description.strip(),
    }
    changes = [
        TaskChange(task.id, column, getattr(task, column), value)
        for column, value in wanted.items()
        if getattr(task, column) != value
    ]
    if not changes:
        return
    renamed, described = (column in {change.column for change in changes} for column in wanted)
    summary = f"Renamed the label task {task.name} to {wanted['name']}"
    if described:
        summary = f"{summary}, and described it anew" if renamed else f"Described the label task {task.name}"
    with project.db.write() as connection:
        tasks.refuse_taken(connection, project.id, wanted["name"], but=task.id)
        tasks.apply_task_changes(connection, project.id, changes)
        _note(project, connection, changes, summary)


def delete_task(project: Project) -> None:
    """Take out the task that the project is under, with its labels, answers and sessions, as one action.

    Undo brings all of it back.

    Raises
    ------
    BadInputError
        If it is the only one, or reference labels or heuristics hang on it.
    """
    task = project.task
    with project.db.write() as connection:
        if len([row for row in tasks.task_rows(connection, project.id).values() if not row.deleted]) == 1:
            raise BadInputError("A project has at least one label task: rename this one instead.")
        why = tasks.why_kept(connection, project.id, task.id)
        if why is not None:
            raise BadInputError(why)
        use = tasks.task_use(connection, task.id)
        change = TaskChange(task.id, "deleted", False, True)
        tasks.apply_task_changes(connection, project.id, [change])
        _note(project, connection, [change], f"Deleted the label task {task.name}", n_records=use.n_records)


def task_impact(project: Project) -> str:
    """Say what hangs on the task that the project is under, before it is deleted."""
    task = project.task
    with project.db.read() as connection:
        use = tasks.task_use(connection, task.id)
    ids = [label.id for label in list_labels(project.db, project.id, task.id)]
    learned = label_use(project.db, project.id, ids)
    n_sessions = sum(one.task_id == task.id for one in project.sessions())
    parts = [counted(use.n_labels, "label")] if use.n_labels else []
    if use.n_annotations:
        parts.append(f"{counted(use.n_annotations, 'annotation')} on {counted(use.n_records, 'record')}")
    if n_sessions:
        parts.append(counted(n_sessions, "session"))
    if learned.versions:
        parts.append(f"{counted(len(learned.versions), 'version')} learned from it")
    return ", ".join(parts) or "nothing hangs on it yet"


def changes_of_tasks(action: Action) -> list[TaskChange]:
    """Return the changes of label tasks that an action is."""
    return [TaskChange.read(kept) for kept in action.detail.get("task_changes", [])]


def _note(
    project: Project,
    connection: Any,
    changes: Sequence[TaskChange],
    summary: str,
    *,
    n_records: int = 0,
    **detail: Any,
) -> None:
    """Write the action for changes already applied; it is of no task, so that every one shows it."""
    journal.insert_action(
        connection,
        project.id,
        [],
        source="manual",
        annotator=project.annotator,
        label_id=None,
        summary=summary,
        detail={"task_changes": [change.as_dict() for change in changes]} | detail,
        kind=journal.TASK,
        n_records=n_records,
    )


def _checked(name: str) -> str:
    name = name.strip()
    if not name or len(name) > 100 or not name.isprintable():
        raise BadInputError("A label task needs a name of 1 to 100 printable characters.")
    return name
