"""Records: the rows of the corpus."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from embtune.store.database import Database
from embtune.store.many import insert_many
from embtune.store.tables import projects, records

_CHUNK = 900  # SQLite takes 999 bound values in its oldest supported builds


@dataclass(frozen=True)
class StoredRecord:
    """One record as stored; `row` is its line in every matrix."""

    row: int
    id: str
    text: str
    fields: dict[str, Any]
    reference_label_id: int | None


@dataclass(frozen=True)
class NewRecord:
    """A record about to be stored."""

    id: str
    text: str
    fields: dict[str, Any]
    reference_label_id: int | None = None


def count_records(db: Database, project_id: int) -> int:
    """Count the records of a project."""
    with db.read() as connection:
        return connection.scalar(n_records_of(project_id)) or 0


def n_records_of(project_id: Any) -> sa.Select[tuple[int]]:
    """Select the number of records of a project.

    Rows count from 0 and none is ever left out. So the last one tells, which an index has at hand, while
    counting a million takes longer than all else that a page does.
    """
    last = sa.func.coalesce(sa.func.max(records.c.row), -1)
    return sa.select(last + 1).where(records.c.project_id == project_id)


def row_numbers(connection: sa.Connection, project_id: int) -> dict[str, int]:
    """Map every record id of a project to its row."""
    query = sa.select(records.c.id, records.c.row).where(records.c.project_id == project_id)
    return {item[0]: item[1] for item in connection.execute(query)}


def insert_records(
    connection: sa.Connection, project_id: int, new: Sequence[NewRecord], *, first_row: int
) -> None:
    """Append records as rows `first_row`, `first_row + 1`, …, within the caller's transaction."""
    now = time.time()
    insert_many(
        connection,
        records,
        ("project_id", "row", "id", "text", "fields", "reference_label_id", "created_at"),
        (
            (project_id, row, one.id, one.text, one.fields, one.reference_label_id, now)
            for row, one in enumerate(new, first_row)
        ),
    )


def set_reference_labels(connection: sa.Connection, project_id: int, labels: dict[int, int]) -> None:
    """Set the reference label of rows that have none, within the caller's transaction."""
    if labels:
        connection.execute(
            records.update()
            .where(records.c.project_id == project_id, records.c.row == sa.bindparam("at_row"))
            .values(reference_label_id=sa.bindparam("label_id")),
            [{"at_row": row, "label_id": label_id} for row, label_id in labels.items()],
        )
        connection.execute(
            projects.update()
            .where(projects.c.id == project_id)
            .values(reference_revision=projects.c.reference_revision + 1)
        )


def reference_state(db: Database, project_id: int) -> tuple[int, int]:
    """Return how often reference labels were set, and a row number: other values mean other labels."""
    query = sa.select(
        projects.c.reference_revision,
        sa.select(sa.func.max(records.c.row)).where(records.c.project_id == project_id).scalar_subquery(),
    ).where(projects.c.id == project_id)
    with db.read() as connection:
        row = connection.execute(query).first()
    return (int(row[0]), int(row[1] or 0)) if row else (0, 0)


def reference_labels(db: Database, project_id: int) -> NDArray[np.int64]:
    """Row and label number of every record that has a reference label, shape (m, 2)."""
    query = sa.select(records.c.row, records.c.reference_label_id).where(
        records.c.project_id == project_id, records.c.reference_label_id.is_not(None)
    )
    with db.read() as connection:
        found = [tuple(row) for row in connection.execute(query)]
    return np.array(found, dtype=np.int64).reshape(-1, 2)


def fetch_records(db: Database, project_id: int, rows: Sequence[int]) -> list[StoredRecord]:
    """Return the records of those rows, in that order; rows that do not exist are left out."""
    found: dict[int, StoredRecord] = {}
    with db.read() as connection:
        for chunk in _chunks([int(row) for row in rows]):
            query = sa.select(
                records.c.row, records.c.id, records.c.text, records.c.fields, records.c.reference_label_id
            ).where(records.c.project_id == project_id, records.c.row.in_(chunk))
            for row in connection.execute(query):
                found[row.row] = StoredRecord(*row)
    return [found[row] for row in map(int, rows) if row in found]


def fetch_texts(db: Database, project_id: int, *, start: int = 0, stop: int | None = None) -> list[str]:
    """Return the texts of rows `start` to `stop` (not included), by row."""
    query = sa.select(records.c.text).where(records.c.project_id == project_id, records.c.row >= start)
    if stop is not None:
        query = query.where(records.c.row < stop)
    with db.read() as connection:
        return list(connection.scalars(query.order_by(records.c.row)))


def fetch_ids(db: Database, project_id: int) -> list[str]:
    """Return every record id, by row."""
    query = sa.select(records.c.id).where(records.c.project_id == project_id).order_by(records.c.row)
    with db.read() as connection:
        return list(connection.scalars(query))


def fetch_field(db: Database, project_id: int, field: str) -> list[Any]:
    """Return one field of every record, by row; None where a record lacks it."""
    query = sa.select(records.c.fields).where(records.c.project_id == project_id).order_by(records.c.row)
    with db.read() as connection:
        return [fields.get(field) for fields in connection.scalars(query)]


def field_names(db: Database, project_id: int, *, sample: int = 200) -> list[str]:
    """Names of the fields seen in the first records, in order of appearance."""
    query = (
        sa.select(records.c.fields)
        .where(records.c.project_id == project_id)
        .order_by(records.c.row)
        .limit(sample)
    )
    names: dict[str, None] = {}
    with db.read() as connection:
        for fields in connection.scalars(query):
            names.update(dict.fromkeys(fields))
    return list(names)


def search_text(db: Database, project_id: int, words: str, *, limit: int) -> list[int]:
    """Rows whose text contains every one of the words, whatever their case, first rows first."""
    query = sa.select(records.c.row).where(records.c.project_id == project_id)
    for word in words.split():
        query = query.where(records.c.text.icontains(word, autoescape=True))
    with db.read() as connection:
        return list(connection.scalars(query.order_by(records.c.row).limit(limit)))


def search_ids(db: Database, project_id: int, prefix: str, *, limit: int) -> list[int]:
    """Rows whose id begins so, first rows first."""
    query = sa.select(records.c.row).where(
        records.c.project_id == project_id, records.c.id.istartswith(prefix.strip(), autoescape=True)
    )
    with db.read() as connection:
        return list(connection.scalars(query.order_by(records.c.row).limit(limit)))


def _chunks(rows: list[int]) -> Iterable[list[int]]:
    for start in range(0, len(rows), _CHUNK):
        yield rows[start : start + _CHUNK]
