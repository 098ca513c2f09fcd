"""Slices: named filters, or named lists of records."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from embtune.errors import BadInputError
from embtune.store.database import Database
from embtune.store.tables import slices


@dataclass(frozen=True)
class Slice:
    """A named part of the corpus: `query` decides anew what is in it, unless `is_static`.

    A static one holds the records that were in it when it was saved, `n_static` of them; its query, if it
    has one, says where they came from.

    `task_id` is the label task that the query asks, None if it asks none; `labels` are the numbers of the
    labels that it names.
    """

    id: int
    name: str
    query: dict[str, Any]
    n_static: int | None
    created_by: str
    created_at: float
    updated_at: float
    task_id: int | None = None
    labels: dict[str, int] = field(default_factory=dict)

    @property
    def is_static(self) -> bool:
        """Whether it is a list of records."""
        return self.n_static is not None


_SLICE = (
    slices.c.id,
    slices.c.name,
    slices.c.query,
    sa.func.length(slices.c.rows, type_=sa.Integer) // 8,
    *(slices.c.created_by, slices.c.created_at, slices.c.updated_at),
)


def list_slices(db: Database, project_id: int) -> list[Slice]:
    """The slices of a project, by name."""
    query = sa.select(*_SLICE).where(slices.c.project_id == project_id).order_by(slices.c.name)
    with db.read() as connection:
        return [_slice(*row) for row in connection.execute(query)]


def slice_rows(db: Database, slice_id: int) -> NDArray[np.int64]:
    """Return the records of a static slice, in the order they were given."""
    with db.read() as connection:
        stored = connection.scalar(sa.select(slices.c.rows).where(slices.c.id == slice_id))
    return np.frombuffer(stored or b"", dtype="<i8").astype(np.int64)


def put_slice(
    db: Database,
    project_id: int,
    name: str,
    *,
    query: dict[str, Any],
    task_id: int | None,
    labels: Mapping[str, int],
    rows: NDArray[np.int64] | None,
    created_by: str,
    replace: bool,
) -> None:
    """Keep a slice, see `Slice`; with `replace`, in place of one of that name.

    Raises
    ------
    BadInputError
        If there is one of that name and `replace` is off.
    """
    now = time.time()
    kept = {"query": query, "task": task_id, "labels": dict(labels)}
    values = {"query": kept, "rows": None if rows is None else rows.astype("<i8").tobytes()}
    with db.write() as connection:
        found = _named(connection, project_id, name)
        if found is not None and not replace:
            raise BadInputError(f"There is a slice {name!r} already: take another name, or replace it.")
        if found is not None:
            connection.execute(
                slices.update().where(slices.c.id == found).values(name=name, updated_at=now, **values)
            )
            return
        connection.execute(
            slices.insert().values(
                project_id=project_id,
                name=name,
                created_by=created_by,
                created_at=now,
                updated_at=now,
                **values,
            )
        )


def rename_slice(db: Database, project_id: int, slice_id: int, name: str) -> None:
    """Give a slice another name.

    Raises
    ------
    BadInputError
        If another one has it.
    """
    with db.write() as connection:
        if _named(connection, project_id, name) not in (None, slice_id):
            raise BadInputError(f"There is a slice {name!r} already: take another name.")
        connection.execute(
            slices.update().where(slices.c.id == slice_id).values(name=name, updated_at=time.time())
        )


def delete_slice(db: Database, slice_id: int) -> None:
    """Remove a slice; its records stay."""
    with db.write() as connection:
        connection.execute(slices.delete().where(slices.c.id == slice_id))


def _slice(*row: Any) -> Slice:
    found = Slice(*row)
    kept = found.query
    if "query" not in kept:  # saved before task and labels were kept beside it: no condition has that name
        return found
    return replace(found, query=kept["query"], task_id=kept["task"], labels=kept["labels"])


def _named(connection: sa.Connection, project_id: int, name: str) -> int | None:
    query = sa.select(slices.c.id, slices.c.name).where(slices.c.project_id == project_id)
    return next((row[0] for row in connection.execute(query) if row[1].casefold() == name.casefold()), None)
