"""Slices: filters kept by name, and lists of records kept by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from embtune.errors import BadInputError, NotFoundError
from embtune.filtering.query import leaves, parse
from embtune.store import slices as store
from embtune.store.slices import Slice
from embtune.work.conditions import Conditions
from embtune.work.slice_labels import asks_a_task, label_ids_in, under_names_of_now

if TYPE_CHECKING:
    from embtune.project import Project, Records


def slices(project: Project) -> list[Slice]:
    """The slices, by name; their filters name the labels as those are called now."""
    return [under_names_of_now(project, one) for one in store.list_slices(project.db, project.id)]


def find_slice(project: Project, name: str) -> Slice:
    """Return the slice of that name.

    Raises
    ------
    NotFoundError
        If there is none.
    """
    known = slices(project)
    for one in known:
        if one.name == name:
            return one
    raise NotFoundError(
        f"Project {project.name!r} has no slice {name!r}"
        + (
            f"; there are: {', '.join(one.name for one in known[:20])}."
            if known
            else ": save a filter as one."
        )
    )


def slice_rows(project: Project, name: str) -> NDArray[np.int64]:
    """Rows of the records that a slice holds now: by row for a filter, in the saved order for a list."""
    found = find_slice(project, name)
    if not found.is_static:
        return project.rows_matching({"slice": found.name})
    rows = store.slice_rows(project.db, found.id)
    return rows[rows < project.n_records]


def save_slice(
    project: Project,
    name: str,
    *,
    query: Mapping[str, Any] | None = None,
    rows: Records | None = None,
    replace: bool = False,
) -> Slice:
    """Keep a filter under a name, or a list of records.

    A filter keeps to the labels it names, whatever they are called later, and to the label task of now.

    Parameters
    ----------
    query
        A dynamic slice: what it holds follows the labels.
    rows
        A static one: these records, in this order. A query beside them only says where they came from.
    replace
        Put it in place of one of that name.

    Raises
    ------
    BadInputError
        If the name is empty or taken, the query cannot be used or asks for this very slice, or no record
        was given.
    """
    name = _checked(name)
    if query is None and rows is None:
        raise BadInputError("A slice needs a query or records.")
    tree = parse(query)
    kept = None
    if rows is not None:
        kept = project.rows_of(rows)
        kept = kept[np.sort(np.unique(kept, return_index=True)[1])]
        if not len(kept):
            raise BadInputError("A slice of chosen records needs at least one record.")
    elif any(leaf.kind == "slice" and name in _all_within(project, leaf.value) for leaf in leaves(tree)):
        raise BadInputError(f"The slice {name!r} would ask for itself: leave that condition out.")
    else:
        project.rows_matching(query)  # a filter that cannot be used is refused now, not by who uses it
    store.put_slice(
        project.db,
        project.id,
        name,
        query=dict(query or {}),
        task_id=project.task.id if asks_a_task(tree) else None,
        labels=label_ids_in(project, tree),
        rows=kept,
        created_by=project.annotator,
        replace=replace,
    )
    return next(one for one in slices(project) if one.name == name)


def rename_slice(project: Project, name: str, new_name: str) -> Slice:
    """Give a slice another name. Filters that ask for the old one no longer find it.

    Raises
    ------
    NotFoundError
        If there is no such slice.
    BadInputError
        If the new name is empty or taken.
    """
    new_name = _checked(new_name)
    store.rename_slice(project.db, project.id, find_slice(project, name).id, new_name)
    return find_slice(project, new_name)


def delete_slice(project: Project, name: str) -> None:
    """Forget a slice; its records stay.

    Raises
    ------
    NotFoundError
        If there is no such slice.
    """
    store.delete_slice(project.db, find_slice(project, name).id)


def slice_size(project: Project, name: str) -> int:
    """Count the records of a slice."""
    found = find_slice(project, name)
    if found.n_static is not None:
        return found.n_static
    return int(Conditions(project).of_slice(found).sum())


def _all_within(project: Project, name: str) -> set[str]:
    """The slice and all that its filter asks for, directly or not."""
    queries = {one.name: one.query for one in slices(project) if not one.is_static}
    found: set[str] = set()
    waiting = [name]
    while waiting:
        one = waiting.pop()
        if one not in found:
            found.add(one)
            waiting += [leaf.value for leaf in leaves(parse(queries.get(one))) if leaf.kind == "slice"]
    return found


def _checked(name: str) -> str:
    name = name.strip()
    if not name or len(name) > 100 or not name.isprintable():
        raise BadInputError("A slice needs a name of 1 to 100 printable characters.")
    return name
