"""Label tasks: questions asked of every record, each with its own label set."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from embtune.errors import BadInputError
from embtune.store import tasks

if TYPE_CHECKING:
    from embtune.project import Project


def add_task(project: Project, name: str, *, description: str = "") -> Project:
    """Add a label task; return the project under it.

    Raises
    ------
    BadInputError
        If the name is empty or taken.
    """
    name = _checked(name)
    tasks.insert_task(project.db, project.id, name, description=description.strip())
    return project.view(task=name)


def change_task(project: Project, *, name: str | None = None, description: str | None = None) -> None:
    """Rename the task that the project is under, or describe it anew.

    Raises
    ------
    BadInputError
        If the name is empty or taken.
    """
    task = project.task
    tasks.update_task(
        project.db,
        project.id,
        task.id,
        name=task.name if name is None else _checked(name),
        description=task.description if description is None else description.strip(),
    )


def delete_task(project: Project) -> None:
    """Remove the task that the project is under, with its labels, its sessions and what was undone in it.

    Heuristics of it that were thrown away go with it.

    Raises
    ------
    BadInputError
        If it is the only one, or annotations, reference labels or heuristics hang on it.
    """
    for file in tasks.delete_task(project.db, project.id, project.task.id):
        with contextlib.suppress(OSError):  # the task is gone; a file that stays does no harm
            project.path(file).unlink(missing_ok=True)


def _checked(name: str) -> str:
    name = name.strip()
    if not name or len(name) > 100 or not name.isprintable():
        raise BadInputError("A label task needs a name of 1 to 100 printable characters.")
    return name
