"""Sessions: ordered lists of records to label or review, with a cursor."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from embtune.store.database import Database
from embtune.store.tables import actions, session_items, sessions, tasks, votes


@dataclass(frozen=True)
class SessionRow:
    """A session with its progress; `cursor` is the position shown next."""

    id: int
    name: str
    kind: str
    origin: dict[str, Any]
    annotator: str
    cursor: int
    created_at: float
    updated_at: float
    n_items: int
    n_labelled: int
    n_skipped: int
    task_id: int | None = None


@dataclass(frozen=True)
class SessionHead:
    """A session without its progress, which takes no counting."""

    id: int
    name: str
    kind: str
    origin: dict[str, Any]
    task_id: int | None
    n_items: int


@dataclass(frozen=True)
class SessionItem:
    """One place in a session; `state` is "labelled", "skipped" or "to do"."""

    position: int
    row: int
    cosine: float | None
    state: str
    why: str | None = None


_ANSWERED = sa.and_(session_items.c.action_id.is_not(None), actions.c.undone_at.is_(None))
_AT_ONCE = 500  # positions named in one query
_WITH_ACTIONS = session_items.outerjoin(actions, actions.c.id == session_items.c.action_id)


def create_session(
    db: Database,
    project_id: int,
    *,
    name: str,
    kind: str,
    origin: dict[str, Any],
    annotator: str,
    rows: Sequence[int],
    cosine: Sequence[float | None],
    task_id: int | None = None,
    why: Sequence[str | None] | None = None,
) -> int:
    """Write a session with its whole list; return its number."""
    now = time.time()
    with db.write() as connection:
        result = connection.execute(
            sessions.insert().values(
                project_id=project_id,
                task_id=task_id,
                name=name,
                kind=kind,
                origin=origin,
                annotator=annotator,
                created_at=now,
                updated_at=now,
            )
        )
        key = result.inserted_primary_key
        assert key is not None
        connection.execute(
            session_items.insert(),
            [
                {"session_id": key[0], "position": i, "row": int(row), "cosine": value, "why": reason}
                for i, (row, value, reason) in enumerate(
                    zip(rows, cosine, why or [None] * len(rows), strict=True)
                )
            ],
        )
    return int(key[0])


def list_sessions(db: Database, project_id: int, session_id: int | None = None) -> list[SessionRow]:
    """The sessions of a project, last used first; or the one of that number."""
    counts = (
        sa.select(
            session_items.c.session_id,
            sa.func.count().label("n_items"),
            sa.func.sum(sa.case((_ANSWERED, 1), else_=0)).label("n_labelled"),
            sa.func.sum(sa.case((sa.and_(session_items.c.skipped, sa.not_(_ANSWERED)), 1), else_=0)).label(
                "n_skipped"
            ),
        )
        .select_from(_WITH_ACTIONS)
        .group_by(session_items.c.session_id)
    )
    if session_id is not None:
        counts = counts.where(session_items.c.session_id == session_id)
    counted = counts.subquery()
    plain = [sessions.c[name] for name in list(SessionRow.__dataclass_fields__)[:8]]
    query = (
        sa.select(*plain, counted.c.n_items, counted.c.n_labelled, counted.c.n_skipped, sessions.c.task_id)
        .select_from(sessions.join(counted, counted.c.session_id == sessions.c.id))
        .where(sessions.c.project_id == project_id)
        .order_by(sessions.c.updated_at.desc())
    )
    if session_id is not None:
        query = query.where(sessions.c.id == session_id)
    else:  # those of a deleted task come back with it
        gone = sa.select(tasks.c.id).where(tasks.c.deleted)
        query = query.where(sa.or_(sessions.c.task_id.is_(None), sessions.c.task_id.not_in(gone)))
    with db.read() as connection:
        return [SessionRow(*row) for row in connection.execute(query)]


def session_head(db: Database, project_id: int, session_id: int) -> SessionHead | None:
    """A session as it was made."""
    last = sa.select(sa.func.max(session_items.c.position)).where(session_items.c.session_id == sessions.c.id)
    query = sa.select(
        *(sessions.c[name] for name in ("id", "name", "kind", "origin", "task_id")),
        sa.func.coalesce(last.scalar_subquery() + 1, 0).label("n_items"),
    ).where(sessions.c.project_id == project_id, sessions.c.id == session_id)
    with db.read() as connection:
        row = connection.execute(query).first()
    return SessionHead(**row._mapping) if row else None


def list_items(
    db: Database, session_id: int, *, start: int = 0, stop: int | None = None
) -> list[SessionItem]:
    """The items of a session in its order, from position `start` to `stop` (not included)."""
    state = sa.case((_ANSWERED, "labelled"), (session_items.c.skipped, "skipped"), else_="to do")
    query = (
        sa.select(
            session_items.c.position,
            session_items.c.row,
            session_items.c.cosine,
            state,
            session_items.c.why,
        )
        .select_from(_WITH_ACTIONS)
        .where(session_items.c.session_id == session_id, session_items.c.position >= start)
        .order_by(session_items.c.position)
    )
    if stop is not None:
        query = query.where(session_items.c.position < stop)
    with db.read() as connection:
        return [SessionItem(*row) for row in connection.execute(query)]


def list_to_do(db: Database, session_id: int, *, start: int = 0, limit: int = 1) -> list[SessionItem]:
    """The first places from `start` on that are neither answered nor skipped, in order."""
    query = (
        sa.select(session_items.c.position, session_items.c.row, session_items.c.cosine, session_items.c.why)
        .select_from(_WITH_ACTIONS)
        .where(
            session_items.c.session_id == session_id,
            session_items.c.position >= start,
            sa.not_(session_items.c.skipped),
            sa.or_(session_items.c.action_id.is_(None), actions.c.undone_at.is_not(None)),
        )
        .order_by(session_items.c.position)
        .limit(limit)
    )
    with db.read() as connection:
        return [SessionItem(*row[:3], "to do", row[3]) for row in connection.execute(query)]


def settle_answers(db: Database, project_id: int, session_id: int, positions: Sequence[int]) -> None:
    """Tie places to the newest answer given there that stands, after an undo or a redo.

    An answer to thousands of places at once takes a few tenths of a second.
    """
    here = session_items.c.session_id == session_id
    place = sa.select(session_items.c.row, session_items.c.position).where(here)
    with db.write() as connection:
        if len(positions) <= _AT_ONCE:
            place_of = dict(_pairs(connection, place, session_items.c.position, positions))
            given = sa.select(votes.c.row, votes.c.action_id).where(votes.c.project_id == project_id)
            answers = _pairs(connection, given, votes.c.row, list(place_of))
            standing = set(_standing(connection, session_id, sorted({answer for _, answer in answers})))
        else:
            place_of = dict(tuple(found) for found in connection.execute(place))
            standing = set(_standing(connection, session_id, None, project_id=project_id))
            given = sa.select(votes.c.row, votes.c.action_id)
            answers = _pairs(connection, given, votes.c.action_id, sorted(standing))
        newest: dict[int, int] = {}
        for row, action_id in answers:
            if action_id in standing and row in place_of:
                newest[place_of[row]] = max(action_id, newest.get(place_of[row], 0))
        _tie(connection, session_id, {position: newest.get(position) for position in positions})


# Step by step, not in one join: SQLite, which keeps no statistics, would begin it at the wrong end.
def _pairs(
    connection: sa.Connection, query: sa.Select[Any], column: sa.Column[Any], values: Sequence[int]
) -> list[tuple[int, int]]:
    """Run a query for the rows in which a column has one of many values."""
    found: list[tuple[int, int]] = []
    for start in range(0, len(values), _AT_ONCE):
        part = query.where(column.in_(values[start : start + _AT_ONCE]))
        found += [(row[0], row[1]) for row in connection.execute(part)]
    return found


def _standing(
    connection: sa.Connection, session_id: int, action_ids: Sequence[int] | None, *, project_id: int = 0
) -> list[int]:
    """List the actions given in a session that are not undone; of some, or of all in the project."""
    query = sa.select(actions.c.id, actions.c.id).where(
        actions.c.source == "session",
        actions.c.undone_at.is_(None),
        actions.c.detail["session"].as_integer() == session_id,
    )
    if action_ids is None:
        return list(connection.scalars(query.where(actions.c.project_id == project_id)))
    return [found for found, _ in _pairs(connection, query, actions.c.id, action_ids)]


def _tie(connection: sa.Connection, session_id: int, answers: Mapping[int, int | None]) -> None:
    """Set the action of each of those positions."""
    if answers:
        connection.execute(
            session_items.update()
            .where(
                session_items.c.session_id == session_id, session_items.c.position == sa.bindparam("place")
            )
            .values(action_id=sa.bindparam("answer")),
            [{"place": position, "answer": action_id} for position, action_id in answers.items()],
        )


def take_back_skips(db: Database, session_id: int) -> None:
    """Put every skipped place that has no answer back to do."""
    with db.write() as connection:
        connection.execute(
            session_items.update().where(session_items.c.session_id == session_id).values(skipped=False)
        )
        _touch(connection, session_id, None)


def move_cursor(db: Database, session_id: int, cursor: int) -> None:
    """Set the position shown next."""
    with db.write() as connection:
        _touch(connection, session_id, cursor)


def mark_skipped(db: Database, session_id: int, position: int, *, cursor: int) -> None:
    """Note that a record was skipped, and move on."""
    with db.write() as connection:
        connection.execute(
            session_items.update()
            .where(session_items.c.session_id == session_id, session_items.c.position == position)
            .values(skipped=True)
        )
        _touch(connection, session_id, cursor)


def mark_answered(
    connection: sa.Connection,
    session_id: int,
    positions: Sequence[int],
    action_id: int,
    *,
    cursor: int | None,
) -> None:
    """Tie items to the action that answered them, within the caller's transaction."""
    _tie(connection, session_id, dict.fromkeys(positions, action_id))
    _touch(connection, session_id, cursor)


def rename_session(db: Database, session_id: int, name: str) -> None:
    """Give a session another name."""
    with db.write() as connection:
        connection.execute(sessions.update().where(sessions.c.id == session_id).values(name=name))


def delete_session(db: Database, session_id: int) -> None:
    """Forget a session; the labels given in it stay."""
    with db.write() as connection:
        connection.execute(sessions.delete().where(sessions.c.id == session_id))


def _touch(connection: sa.Connection, session_id: int, cursor: int | None) -> None:
    values: dict[str, Any] = {"updated_at": time.time()}
    if cursor is not None:
        values["cursor"] = cursor
    connection.execute(sessions.update().where(sessions.c.id == session_id).values(**values))
