"""Flags and comments on records: one row for each time somebody set or took one back."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from embtune.store.database import Database
from embtune.store.many import insert_many
from embtune.store.tables import actions, marks

FLAG, COMMENT = "flag", "comment"
_MARK = "mark"  # the kind of their actions


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
    insert_many(
        connection,
        marks,
        ("project_id", "row", "action_id", "kind", "text", "annotator", "created_at"),
        ((project_id, int(row), action_id, kind, text, annotator, now) for row in rows),
    )


def marks_stamp(db: Database, project_id: int) -> tuple[int, int, float]:
    """Return what is the same as long as the marks in force are: whoever only labels does not change it.

    Every new mark raises the first value, every undo the last two, and every redo lowers the second.
    """
    newest = sa.select(sa.func.max(marks.c.id)).where(marks.c.project_id == project_id)
    undone = sa.select(sa.func.count(), sa.func.max(actions.c.undone_at)).where(
        actions.c.project_id == project_id, actions.c.kind == _MARK, actions.c.undone_at.is_not(None)
    )
    with db.read() as connection:
        n, last = connection.execute(undone).one()
        return connection.scalar(newest) or 0, n, last or 0.0


def read_marks(
    db: Database, project_id: int, *, newer_than: int = 0
) -> list[tuple[int, str, str | None, str, float]]:
    """Read (row, kind, text, annotator, time) of what stands, oldest first: all, or of numbers above one."""
    query = (
        sa.select(marks.c.row, marks.c.kind, marks.c.text, marks.c.annotator, marks.c.created_at)
        .select_from(marks.join(actions))
        .where(actions.c.undone_at.is_(None))
        .order_by(marks.c.id)
    )
    if newer_than:
        # The sum keeps the database from the index by project, which would visit every old mark.
        query = query.where(marks.c.id > newer_than, marks.c.project_id + 0 == project_id)
    else:
        query = query.where(marks.c.project_id == project_id)
    with db.read() as connection:
        return [(row, kind, text, who, at) for row, kind, text, who, at in connection.execute(query)]


@dataclass(frozen=True)
class Marks:
    """The marks in force.

    `by_row` has the newest comment of each annotator, by name, and then the newest flag; `flagged` are the
    rows with a flag, ascending.
    """

    by_row: dict[int, list[Mark]]
    flagged: NDArray[np.int64]


class MarkLog:
    """The marks of a project in memory, kept up with the database by reading only what is new."""

    def __init__(self, project_id: int) -> None:
        self._project_id = project_id
        self._known: tuple[tuple[int, int, float], Marks] | None = None

    def now(self, db: Database) -> Marks:
        """Return the marks in force."""
        known, stamp = self._known, marks_stamp(db, self._project_id)
        if known is not None and known[0] == stamp:
            return known[1]
        before, last = Marks({}, np.empty(0, dtype=np.int64)), 0
        if known is not None and known[0][1:] == stamp[1:]:  # none was undone or redone: there are only more
            before, last = known[1], known[0][0]
        # Marks written between the two queries are read once more by the next call, to the same end.
        found = _followed_by(before, read_marks(db, self._project_id, newer_than=last))
        self._known = (stamp, found)
        return found


def _followed_by(before: Marks, newer: list[tuple[int, str, str | None, str, float]]) -> Marks:
    """Return the marks after those that were set or taken back, oldest first."""
    changed: dict[int, dict[tuple[str, str], Mark]] = {}
    for row, kind, text, who, at in newer:
        if row not in changed:
            changed[row] = {_key(mark.kind, mark.annotator): mark for mark in before.by_row.get(row, ())}
        if text is None:
            changed[row].pop(_key(kind, who), None)
        else:
            changed[row][_key(kind, who)] = Mark(row, kind, text, who, at)
    by_row = {row: mine for row, mine in before.by_row.items() if row not in changed}
    by_row |= {row: [mine[key] for key in sorted(mine)] for row, mine in changed.items() if mine}
    touched = np.fromiter(changed, np.int64, len(changed))
    on = np.array([_key(FLAG, "") in mine for mine in changed.values()], dtype=np.bool_)
    flagged = np.union1d(np.setdiff1d(before.flagged, touched), touched[on])
    return Marks(dict(sorted(by_row.items())), flagged.astype(np.int64))


def _key(kind: str, annotator: str) -> tuple[str, str]:
    """Return what there is one mark of on a record: a flag, and a comment of each annotator."""
    return kind, annotator if kind == COMMENT else ""
