"""Whole columns of a project, read in one go: texts, fields, and where votes came from."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa

from embtune.store.database import Database
from embtune.store.tables import actions, records

_BLOCK = 20_000


def iter_texts(db: Database, project_id: int, *, start: int, stop: int) -> Iterator[list[str]]:
    """The texts of rows `start` to `stop` (not included), by row, in blocks."""
    for block in _blocks(db, project_id, records.c.text, start, stop):
        yield [row[0] for row in block]


def iter_fields(db: Database, project_id: int, *, start: int, stop: int) -> Iterator[list[dict[str, Any]]]:
    """The imported fields of rows `start` to `stop` (not included), by row, in blocks."""
    plain = sa.cast(records.c.fields, sa.Text)  # parsed here: a result processor per row takes longer
    for block in _blocks(db, project_id, plain, start, stop):
        yield json.loads(f"[{','.join(row[0] for row in block)}]")


def _blocks(db: Database, project_id: int, column: Any, start: int, stop: int) -> Iterator[list[Any]]:
    query = (
        sa.select(column)
        .where(records.c.project_id == project_id, records.c.row >= start, records.c.row < stop)
        .order_by(records.c.row)
    )
    with db.read() as connection:
        cursor = connection.execute(query).cursor
        while cursor is not None and (block := cursor.fetchmany(_BLOCK)):
            yield list(block)


def action_origins(db: Database, project_id: int) -> list[tuple[int, str]]:
    """(number, annotator) of every action, by number: the order in which they were done."""
    query = (
        sa.select(actions.c.id, actions.c.annotator)
        .where(actions.c.project_id == project_id)
        .order_by(actions.c.id)
    )
    with db.read() as connection:
        return [(number, name) for number, name in connection.execute(query)]
