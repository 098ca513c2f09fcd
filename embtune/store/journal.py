"""The label set, and the append-only journal of votes with its undo."""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from embtune.store.database import Database
from embtune.store.many import insert_many
from embtune.store.projects import raise_revision
from embtune.store.tables import actions, judgements, labels, marks, tasks, votes

VOTES, LABEL_SET, MARK, JUDGEMENT = "votes", "label set", "mark", "judgement"
TASK, WEAK_RUN, EMBEDDING = "label task", "weak run", "embedding"
KINDS = (VOTES, LABEL_SET, MARK, JUDGEMENT, TASK, WEAK_RUN, EMBEDDING)
"""Kinds of actions: annotations, a change of the label set, flags and comments, similarity judgements, a
change of label tasks, another run of weak supervision in force, another embedding active."""


@dataclass(frozen=True)
class Action:
    """One step of a person or a job in the journal; undone as a whole.

    `detail["changes"]` are changes of the label set that came with it, whatever its kind.
    """

    id: int
    source: str
    annotator: str
    label_id: int | None
    n_records: int
    summary: str
    detail: dict[str, Any]
    created_at: float
    undone_at: float | None
    kind: str = VOTES
    task_id: int | None = None

    @property
    def place(self) -> str:
        """Where it was done, such as "map", "session" or "file"; `detail["from"]` comes first."""
        said = self.detail.get("from")
        if isinstance(said, str) and said:
            return said
        if self.kind in (LABEL_SET, TASK) or "changes" in self.detail:
            return "label set"
        if "session" in self.detail:
            return "session"
        if "file" in self.detail:
            return "file"
        if self.kind == JUDGEMENT:
            return "Neighbors"
        return {"lasso": "map", "manual": "by hand"}.get(self.source, self.source)


@dataclass(frozen=True)
class Vote:
    """One annotation about to be written: `answer` is "label", "none" (none of these) or "cleared"."""

    row: int
    label_id: int | None
    answer: str = "label"
    confidence: float = 1.0


_ACTION = [actions.c[name] for name in Action.__dataclass_fields__]


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
    task_id: int | None = None,
    kind: str = VOTES,
    n_records: int | None = None,
) -> int:
    """Write one action with all its votes within the caller's transaction; return its number.

    Votes need a `task_id`. `n_records` is how many records it is about, where that is not one per vote.
    """
    assert task_id is not None or not given
    now = time.time()
    result = connection.execute(
        actions.insert().values(
            project_id=project_id,
            task_id=task_id,
            kind=kind,
            source=source,
            annotator=annotator,
            label_id=label_id,
            n_records=len(given) if n_records is None else n_records,
            summary=summary,
            detail=detail,
            created_at=now,
        )
    )
    key = result.inserted_primary_key
    assert key is not None
    action_id = int(key[0])
    insert_many(
        connection,
        votes,
        ("project_id", "task_id", "row", "action_id", "answer", "label_id", "source", "annotator",
         "confidence", "created_at"),
        (
            (project_id, task_id, vote.row, action_id, vote.answer, vote.label_id, source, annotator,
             vote.confidence, now)
            for vote in given
        ),
    )  # fmt: skip
    raise_revision(connection, project_id)
    return action_id


def get_action(db: Database, project_id: int, action_id: int) -> Action | None:
    """Return one action of the journal."""
    query = sa.select(*_ACTION).where(actions.c.project_id == project_id, actions.c.id == action_id)
    with db.read() as connection:
        row = connection.execute(query).first()
    return Action(*row) if row else None


def list_actions(
    db: Database,
    project_id: int,
    *,
    limit: int,
    undone: bool | None = None,
    before: int | None = None,
    kind: str | None = None,
    annotator: str | None = None,
    label_ids: Collection[int] | None = None,
    task_id: int | None = None,
    since: float | None = None,
    until: float | None = None,
    n_at_least: int = 0,
    but: Collection[str] = (),
) -> list[Action]:
    """The newest actions first, of those that fit everything that is given.

    `undone` keeps those that are (or are not) undone, `before` those of lower numbers, `label_ids` those that
    gave or changed one of the labels, `n_at_least` those on as many records; `but` leaves out kinds.
    """
    query = sa.select(*_ACTION).where(actions.c.project_id == project_id)
    order = actions.c.id.desc()
    if undone is True:
        query, order = query.where(actions.c.undone_at.is_not(None)), actions.c.undone_at.desc()
    elif undone is False:
        query = query.where(actions.c.undone_at.is_(None))
    for column, wanted in ((actions.c.kind, kind), (actions.c.annotator, annotator)):
        if wanted is not None:
            query = query.where(column == wanted)
    if but:
        query = query.where(actions.c.kind.not_in(list(but)))
    if task_id is not None:  # flags and judgements belong to no task, and so to every one
        query = query.where(sa.or_(actions.c.task_id == task_id, actions.c.task_id.is_(None)))
    if before is not None:
        query = query.where(actions.c.id < before)
    if since is not None:
        query = query.where(actions.c.created_at >= since)
    if until is not None:
        query = query.where(actions.c.created_at < until)
    if n_at_least:
        query = query.where(actions.c.n_records >= n_at_least)
    if label_ids is not None:
        query = query.where(_about_labels(project_id, label_ids))
    with db.read() as connection:
        return [Action(*row) for row in connection.execute(query.order_by(order).limit(limit))]


def _about_labels(project_id: int, label_ids: Collection[int]) -> sa.ColumnElement[bool]:
    ids = list(label_ids)
    given = sa.select(votes.c.action_id).where(votes.c.project_id == project_id, votes.c.label_id.in_(ids))
    detail = sa.cast(actions.c.detail, sa.Text)
    # A change of the label set is kept as [number, "column", before, after].
    return sa.or_(
        actions.c.label_id.in_(ids), actions.c.id.in_(given), *(detail.like(f'%[{one}, "%') for one in ids)
    )


def list_annotators(db: Database, project_id: int) -> list[str]:
    """Everybody who did something, by name."""
    query = sa.select(actions.c.annotator).where(actions.c.project_id == project_id).distinct()
    with db.read() as connection:
        return sorted(connection.scalars(query))


def rows_of_action(db: Database, project_id: int, action_id: int) -> NDArray[np.int64]:
    """Rows of the records that an action voted on, marked or judged, in ascending order, each once."""
    columns = [votes.c.row, marks.c.row, judgements.c.row_a, judgements.c.row_b, judgements.c.row_c]
    parts = [
        sa.select(column).where(
            column.table.c.project_id == project_id, column.table.c.action_id == action_id
        )
        for column in columns
    ]
    with db.read() as connection:
        found = connection.scalars(sa.union_all(*parts)).all()
    return np.unique(np.array([row for row in found if row is not None], dtype=np.int64))


def answers_of_action(
    db: Database, project_id: int, action_id: int, rows: Collection[int] | None = None
) -> dict[int, tuple[str, int | None]]:
    """Map each row that an action voted on, or each of some, to its (answer, label number)."""
    query = sa.select(votes.c.row, votes.c.answer, votes.c.label_id).where(
        votes.c.project_id == project_id, votes.c.action_id == action_id
    )
    if rows is not None:
        query = query.where(votes.c.row.in_([int(row) for row in rows]))
    with db.read() as connection:
        return {row: (answer, label_id) for row, answer, label_id in connection.execute(query)}


def votes_of_actions(connection: sa.Connection, action_ids: Collection[int]) -> dict[tuple[int, int], int]:
    """Count the annotations of actions by (action, label), within the caller's transaction."""
    query = (
        sa.select(votes.c.action_id, votes.c.label_id, sa.func.count())
        .where(votes.c.action_id.in_(list(action_ids)), votes.c.label_id.is_not(None))
        .group_by(votes.c.action_id, votes.c.label_id)
    )
    return {(row[0], row[1]): row[2] for row in connection.execute(query)}


def answers_in_sessions(
    db: Database, project_id: int, rows: Collection[int], sessions: Collection[int]
) -> dict[int, tuple[str, int | None]]:
    """Map rows to the last (answer, label number) that stands of those given in some sessions."""
    query = (
        sa.select(votes.c.row, votes.c.answer, votes.c.label_id, actions.c.detail)
        .select_from(votes.join(actions))
        .where(
            votes.c.project_id == project_id,
            votes.c.row.in_([int(row) for row in rows]),
            votes.c.source == "session",
            actions.c.undone_at.is_(None),
        )
        .order_by(votes.c.id)
    )
    with db.read() as connection:
        return {
            row: (answer, label_id)
            for row, answer, label_id, detail in connection.execute(query)
            if detail.get("session") in sessions
        }


def put_detail(
    connection: sa.Connection, project_id: int, action_id: int, key: str, value: Any
) -> dict[str, Any]:
    """Keep something with an action within the caller's transaction; return all that is kept with it."""
    mine = sa.and_(actions.c.project_id == project_id, actions.c.id == action_id)
    detail: dict[str, Any] = dict(connection.scalar(sa.select(actions.c.detail).where(mine)) or {})
    detail[key] = value
    connection.execute(actions.update().where(mine).values(detail=detail))
    return detail


def mark_undone(connection: sa.Connection, project_id: int, action_id: int, *, undone: bool) -> bool:
    """Undo or redo an action within the caller's transaction; False if somebody else was faster."""
    now_is = actions.c.undone_at.is_(None) if undone else actions.c.undone_at.is_not(None)
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
    """Count the votes not undone of each source, in the label tasks that there are."""
    query = (
        sa.select(votes.c.source, sa.func.count())
        .select_from(votes.join(actions).join(tasks, tasks.c.id == votes.c.task_id))
        .where(votes.c.project_id == project_id, actions.c.undone_at.is_(None), sa.not_(tasks.c.deleted))
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
