"""Flags and comments on records: one row for each time somebody set or took one back."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from embtune.store.database import Database
from embtune.store.tables import actions, marks

FLAG, COMMENT = "flag", "comment"


@dataclass(frozen=True)
class Mark:
    """A flag or a comment in force on a record."""

    row: int
    kind: str
    text: str
    annotator: str
    created_at: float


def insert_marks(
    connection: sa.Connection,
    project_id: int,
    action_id: int,
    rows: Sequence[int],
    *,
    kind: str,
    text: str | None,
    annotator: str,
) -> None:
    """Write the marks of an action within the caller's transaction; a text of None takes them off."""
    now = time.time()
    connection.execute(
        marks.insert(),
        [
            {
                "project_id": project_id,
                "row": int(row),
                "action_id": action_id,
                "kind": kind,
                "text": text,
                "annotator": annotator,
                "created_at": now,
            }
            for row in rows
        ],
    )


def list_marks(db: Database, project_id: int) -> list[Mark]:
    """The marks in force, by row: the newest flag of a record, the newest comment of each annotator."""
    query = (
        sa.select(marks.c.row, marks.c.kind, marks.c.text, marks.c.annotator, marks.c.created_at)
        .select_from(marks.join(actions))
        .where(marks.c.project_id == project_id, actions.c.undone_at.is_(None))
        .order_by(marks.c.id)
    )
    newest: dict[tuple[int, str, str], tuple[str | None, str, float]] = {}
    with db.read() as connection:
        for row, kind, text, annotator, at in connection.execute(query):
            newest[row, kind, annotator if kind == COMMENT else ""] = (text, annotator, at)
    return [
        Mark(row, kind, text, annotator, at)
        for (row, kind, _), (text, annotator, at) in sorted(newest.items(), key=lambda item: item[0])
        if text is not None
    ]
