"""New heuristics on their way into the database: all that are given, or none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from embtune.errors import BadInputError
from embtune.heuristics.base import Config
from embtune.store import heuristics as store
from embtune.work.heuristic_kinds import kind_for
from embtune.work.heuristic_states import checked
from embtune.work.heuristic_values import clean_description, clean_name, free_name, numbered, says

if TYPE_CHECKING:
    from embtune.project import Project

_TOLD = ("kind", "name", "description")  # of a heuristic; all else is its configuration


def config_of_values(project: Project, kind: str, values: Mapping[str, Any]) -> Config:
    """Return a configuration out of plain values, labels and lists by name or number."""
    return checked(project, kind_for(project, kind), numbered(project, values))


def insert_many(project: Project, given: Sequence[Mapping[str, Any]]) -> list[int]:
    """Check every heuristic, and only then write them, in one transaction; return their numbers.

    Parameters
    ----------
    given
        Of each its `kind`, perhaps `name` and `description`, and its configuration.

    Raises
    ------
    UnknownChoiceError
        If there is no such kind, label or list.
    BadInputError
        Naming the value that cannot be used, or if a name is taken; with several, which one it is.
    """
    taken = [row.name for row in store.list_heuristics(project.db, project.id, project.task.id)]
    rows: list[dict[str, Any]] = []
    for one in given:
        kind = one.get("kind")
        if not isinstance(kind, str):
            raise BadInputError(f"The kind of a heuristic is a word such as 'lookup', not {kind!r}.")
        config = config_of_values(project, kind, {key: one[key] for key in one if key not in _TOLD})
        if one.get("name") is None:
            name = free_name(says(project, kind_for(project, kind), config), taken)
        else:
            name = clean_name(one["name"])
        taken.append(name)
        rows.append(
            {
                "kind": kind,
                "name": name,
                "description": clean_description(one.get("description", "")),
                "config": config.model_dump(mode="json"),
            }
        )
    with project.db.write() as connection:
        return [
            store.insert_heuristic(
                connection, project.id, project.task.id, created_by=project.annotator, **row
            )
            for row in rows
        ]
