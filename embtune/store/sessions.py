"""Sessions: ordered lists of records to label or review, with a cursor."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from embtune.store.database import Database
from embtune.store.tables import actions, session_items, sessions, votes


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


@dataclass(frozen=True)
class SessionItem:
    """One place in a session; `state` is "labelled", "skipped" or "to do"."""

    position: int
    row: int
    cosine: float | None
    state: str


_ANSWERED = sa.and_(session_items.c.action_id.is_not(None), actions.c.undone_at.is_(None))
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
) -> int:
    """Write a session with its whole list; return its number."""
    now = time.time()
    with db.write() as connection:
        result = connection.execute(
            sessions.insert().values(
                project_id=project_id,
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
                {"session_id": key[0], "position": i, "row": int(row), "cosine": value}
                for i, (row, value) in enumerate(zip(rows, cosine, strict=True))
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
        sa.select(*plain, counted.c.n_items, counted.c.n_labelled, counted.c.n_skipped)
        .select_from(sessions.join(counted, counted.c.session_id == sessions.c.id))
        .where(sessions.c.project_id == project_id)
        .order_by(sessions.c.updated_at.desc())
    )
    if session_id is not None:
        query = query.where(sessions.c.id == session_id)
    with db.read() as connection:
        return [SessionRow(*row) for row in connection.execute(query)]


def list_items(
    db: Database, session_id: int, *, start: int = 0, stop: int | None = None
) -> list[SessionItem]:
    """The items of a session in its order, from position `start` to `stop` (not included)."""
    state = sa.case((_ANSWERED, "labelled"), (session_items.c.skipped, "skipped"), else_="to do")
    query = (
        sa.select(session_items.c.position, session_items.c.row, session_items.c.cosine, state)
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
        sa.select(session_items.c.position, session_items.c.row, session_items.c.cosine)
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
        return [SessionItem(*row, "to do") for row in connection.execute(query)]


def recent_answers(db: Database, session_id: int, *, limit: int) -> list[tuple[int, int, int | None, float]]:
    """List (action id, position, label id, time) of the answers that stand, newest first."""
    query = (
        sa.select(actions.c.id, session_items.c.position, actions.c.label_id, actions.c.created_at)
        .select_from(session_items.join(actions, actions.c.id == session_items.c.action_id))
        .where(session_items.c.session_id == session_id, actions.c.undone_at.is_(None))
        .order_by(actions.c.id.desc())
        .limit(limit)
    )
    with db.read() as connection:
        return [tuple(row) for row in connection.execute(query)]


def settle_answers(db: Database, project_id: int, session_id: int, positions: Sequence[int]) -> None:
    """Tie places to the newest answer given there that stands, after an undo or a redo."""
    here = sa.and_(session_items.c.session_id == session_id, session_items.c.position.in_(positions))
    given = (
        sa.select(session_items.c.position, actions.c.id, actions.c.detail)
        .select_from(
            session_items.join(
                votes, sa.and_(votes.c.project_id == project_id, votes.c.row == session_items.c.row)
            ).join(actions, actions.c.id == votes.c.action_id)
        )
        .where(here, actions.c.source == "session", actions.c.undone_at.is_(None))
        .order_by(actions.c.id)
    )
    with db.write() as connection:
        newest = {
            position: action_id
            for position, action_id, detail in connection.execute(given)
            if detail.get("session") == session_id
        }
        for position in positions:
            connection.execute(
                session_items.update()
                .where(session_items.c.session_id == session_id, session_items.c.position == position)
                .values(action_id=newest.get(position))
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
    connection.execute(
        session_items.update()
        .where(session_items.c.session_id == session_id, session_items.c.position.in_(positions))
        .values(action_id=action_id)
    )
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
