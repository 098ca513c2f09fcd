"""The label set, and the append-only journal of votes with its undo."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from embtune.store.database import Database
from embtune.store.projects import raise_revision
from embtune.store.tables import actions, labels, votes


@dataclass(frozen=True)
class Label:
    """A class name of the project's label set."""

    id: int
    name: str
    position: int
    color: str
    hotkey: str | None
    description: str


@dataclass(frozen=True)
class Action:
    """One step of a person or a job in the journal; undone as a whole."""

    id: int
    source: str
    annotator: str
    label_id: int | None
    n_records: int
    summary: str
    detail: dict[str, Any]
    created_at: float
    undone_at: float | None


@dataclass(frozen=True)
class Vote:
    """One annotation about to be written: `answer` is "label", "none" (none of these) or "cleared"."""

    row: int
    label_id: int | None
    answer: str = "label"
    confidence: float = 1.0


_LABEL = [labels.c[name] for name in Label.__dataclass_fields__]
_ACTION = [actions.c[name] for name in Action.__dataclass_fields__]


def list_labels(db: Database, project_id: int) -> list[Label]:
    """The label set in its order."""
    query = sa.select(*_LABEL).where(labels.c.project_id == project_id).order_by(labels.c.position)
    with db.read() as connection:
        return [Label(*row) for row in connection.execute(query)]


def insert_label(
    connection: sa.Connection,
    project_id: int,
    *,
    name: str,
    position: int,
    color: str,
    hotkey: str | None,
    description: str = "",
) -> int:
    """Add a label within the caller's transaction; return its number."""
    result = connection.execute(
        labels.insert().values(
            project_id=project_id,
            name=name,
            position=position,
            color=color,
            hotkey=hotkey,
            description=description,
            created_at=time.time(),
        )
    )
    raise_revision(connection, project_id)
    key = result.inserted_primary_key
    assert key is not None
    return int(key[0])


def update_label(db: Database, project_id: int, label_id: int, **values: Any) -> None:
    """Set columns of a label."""
    with db.write() as connection:
        connection.execute(
            labels.update().where(labels.c.project_id == project_id, labels.c.id == label_id).values(**values)
        )
        raise_revision(connection, project_id)


def insert_action(
    connection: sa.Connection,
    project_id: int,
    given: Sequence[Vote],
    *,
    source: str,
    annotator: str,
    label_id: int | None,
    summary: str,
    detail: dict[str, Any],
) -> int:
    """Write one action with all its votes within the caller's transaction; return its number."""
    now = time.time()
    result = connection.execute(
        actions.insert().values(
            project_id=project_id,
            source=source,
            annotator=annotator,
            label_id=label_id,
            n_records=len(given),
            summary=summary,
            detail=detail,
            created_at=now,
        )
    )
    key = result.inserted_primary_key
    assert key is not None
    action_id = int(key[0])
    if given:
        connection.execute(
            votes.insert(),
            [
                {
                    "project_id": project_id,
                    "row": vote.row,
                    "action_id": action_id,
                    "answer": vote.answer,
                    "label_id": vote.label_id,
                    "source": source,
                    "annotator": annotator,
                    "confidence": vote.confidence,
                    "created_at": now,
                }
                for vote in given
            ],
        )
    raise_revision(connection, project_id)
    return action_id


def get_action(db: Database, project_id: int, action_id: int) -> Action | None:
    """Return one action of the journal."""
    query = sa.select(*_ACTION).where(actions.c.project_id == project_id, actions.c.id == action_id)
    with db.read() as connection:
        row = connection.execute(query).first()
    return Action(*row) if row else None


def list_actions(db: Database, project_id: int, *, limit: int, undone: bool | None = None) -> list[Action]:
    """The newest actions first; `undone` keeps only those that are (or are not) undone."""
    query = sa.select(*_ACTION).where(actions.c.project_id == project_id)
    order = actions.c.id.desc()
    if undone is True:
        query, order = query.where(actions.c.undone_at.is_not(None)), actions.c.undone_at.desc()
    elif undone is False:
        query = query.where(actions.c.undone_at.is_(None))
    with db.read() as connection:
        return [Action(*row) for row in connection.execute(query.order_by(order).limit(limit))]


def mark_undone(db: Database, project_id: int, action_id: int, *, undone: bool) -> bool:
    """Undo or redo an action; False if it was so already (somebody else was faster)."""
    now_is = actions.c.undone_at.is_(None) if undone else actions.c.undone_at.is_not(None)
    with db.write() as connection:
        result = connection.execute(
            actions.update()
            .where(actions.c.project_id == project_id, actions.c.id == action_id, now_is)
            .values(undone_at=time.time() if undone else None)
        )
        if result.rowcount:
            raise_revision(connection, project_id)
        return bool(result.rowcount)


def votes_by_id(
    db: Database, project_id: int, ids: Sequence[int] | None = None
) -> dict[int, tuple[str, float]]:
    """Map annotation id to (annotator, time) for every vote of the project, or for those few."""
    query = sa.select(votes.c.id, votes.c.annotator, votes.c.created_at).where(
        votes.c.project_id == project_id
    )
    if ids is not None:
        query = query.where(votes.c.id.in_(ids))
    with db.read() as connection:
        return {key: (annotator, at) for key, annotator, at in connection.execute(query)}


def count_by_source(db: Database, project_id: int) -> dict[str, int]:
    """Count the votes not undone of each source."""
    query = (
        sa.select(votes.c.source, sa.func.count())
        .select_from(votes.join(actions))
        .where(votes.c.project_id == project_id, actions.c.undone_at.is_(None))
        .group_by(votes.c.source)
    )
    with db.read() as connection:
        return {row[0]: row[1] for row in connection.execute(query)}


def record_history(db: Database, project_id: int, row: int) -> list[dict[str, Any]]:
    """Every vote on one record, undone ones too, newest first."""
    query = (
        sa.select(
            labels.c.name.label("label"),
            votes.c.answer,
            votes.c.source,
            votes.c.annotator,
            votes.c.confidence,
            votes.c.created_at,
            actions.c.undone_at,
        )
        .select_from(votes.join(actions).outerjoin(labels, labels.c.id == votes.c.label_id))
        .where(votes.c.project_id == project_id, votes.c.row == row)
        .order_by(votes.c.id.desc())
    )
    with db.read() as connection:
        return [dict(item._mapping) for item in connection.execute(query)]
