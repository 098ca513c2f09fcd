"""The label set, and changes of it that can be taken back."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from embtune.errors import ConflictError
from embtune.store.database import Database
from embtune.store.projects import raise_revision
from embtune.store.tables import actions, labels, records, session_items, tasks, trained_on, versions, votes


@dataclass(frozen=True)
class Label:
    """A class name of a task's label set."""

    id: int
    name: str
    position: int
    color: str
    hotkey: str | None
    description: str
    task_id: int


@dataclass(frozen=True)
class LabelRow(Label):
    """A label as it is stored, which may have been merged into another or deleted."""

    merged_into: int | None
    deleted: bool

    @property
    def in_use(self) -> bool:
        """Whether it is part of the label set."""
        return not self.deleted and self.merged_into is None


@dataclass(frozen=True)
class Change:
    """One column of one label, before and after; a new label's `deleted` goes from True to False."""

    label_id: int
    column: str
    before: Any
    after: Any

    def as_list(self) -> list[Any]:
        """Plain values, for the journal."""
        return [self.label_id, self.column, self.before, self.after]

    def reversed(self) -> Change:
        """Return the change that takes this one back."""
        return Change(self.label_id, self.column, self.after, self.before)


@dataclass(frozen=True)
class LabelUse:
    """What hangs on labels: annotations that stand (by source), and who learned or was answered with them."""

    by_source: dict[str, int]
    n_records: int
    n_reference: int
    n_sessions: int
    versions: tuple[str, ...]


_LABEL = [labels.c[name] for name in Label.__dataclass_fields__]
_ROW = [labels.c[name] for name in LabelRow.__dataclass_fields__]
_IN_USE = sa.and_(sa.not_(labels.c.deleted), labels.c.merged_into.is_(None))
_WORDS = {
    "name": "was renamed",
    "position": "was moved",
    "color": "was recoloured",
    "hotkey": "got another hotkey",
    "description": "was described anew",
    "merged_into": "was merged or taken out of a merge",
    "deleted": "was deleted or brought back",
}


def list_labels(db: Database, project_id: int, task_id: int | None = None) -> list[Label]:
    """The label set in its order; with no task, the labels of all tasks that there are."""
    query = sa.select(*_LABEL).where(labels.c.project_id == project_id, _IN_USE)
    if task_id is not None:
        query = query.where(labels.c.task_id == task_id)
    else:
        query = query.where(labels.c.task_id.in_(sa.select(tasks.c.id).where(sa.not_(tasks.c.deleted))))
    with db.read() as connection:
        return [Label(*row) for row in connection.execute(query.order_by(labels.c.position, labels.c.id))]


def label_rows(connection: sa.Connection, project_id: int) -> dict[int, LabelRow]:
    """Every label of a project by number, also those merged or deleted."""
    query = sa.select(*_ROW).where(labels.c.project_id == project_id)
    return {row[0]: LabelRow(*row) for row in connection.execute(query)}


def labels_ever(db: Database, project_id: int) -> dict[int, str]:
    """Names of all labels by number, also of those deleted or merged since."""
    query = sa.select(labels.c.id, labels.c.name).where(labels.c.project_id == project_id)
    with db.read() as connection:
        return {row[0]: row[1] for row in connection.execute(query)}


def label_targets(db: Database, project_id: int) -> dict[int, int | None]:
    """Map every label that was merged to the one it became, and every deleted one to None."""
    query = sa.select(*_ROW).where(labels.c.project_id == project_id, sa.not_(_IN_USE))
    with db.read() as connection:
        return targets_of({row[0]: LabelRow(*row) for row in connection.execute(query)})


def under_labels_of_now(
    labels: NDArray[np.int64], targets: Mapping[int, int | None], none: int = -1
) -> NDArray[np.int64]:
    """Return label numbers with merged ones as what they became and deleted ones as `none`. Shape (n,)."""
    now = labels.copy()
    for label_id, target in targets.items():
        now[labels == label_id] = none if target is None else target
    return now


def targets_of(rows: Mapping[int, LabelRow]) -> dict[int, int | None]:
    """Map every label among these that is not in use to the one it counts as, None if to none."""
    return {label_id: _target(rows, label_id) for label_id, row in rows.items() if not row.in_use}


def _target(rows: Mapping[int, LabelRow], label_id: int) -> int | None:
    at: int | None = label_id
    seen: set[int] = set()
    while at is not None and at in rows and not rows[at].in_use:
        if at in seen:
            return None
        seen.add(at)
        at = None if rows[at].deleted else rows[at].merged_into
    return at


def insert_label(
    connection: sa.Connection,
    project_id: int,
    task_id: int,
    *,
    name: str,
    position: int,
    color: str,
    hotkey: str | None,
    description: str = "",
) -> int:
    """Add a label within the caller's transaction; return its number. See `refuse_twins`."""
    result = connection.execute(
        labels.insert().values(
            project_id=project_id,
            task_id=task_id,
            name=name,
            position=position,
            color=color,
            hotkey=hotkey,
            description=description,
            created_at=time.time(),
        )
    )
    key = result.inserted_primary_key
    assert key is not None
    raise_revision(connection, project_id)
    return int(key[0])


def apply_changes(connection: sa.Connection, project_id: int, changes: Sequence[Change]) -> None:
    """Set the columns of labels within the caller's transaction.

    Raises
    ------
    ConflictError
        As `changed` says; nothing is written then.
    """
    before = label_rows(connection, project_id)
    after = changed(before, changes)
    columns = [name for name in LabelRow.__dataclass_fields__ if name not in ("id", "task_id")]
    for label_id, row in after.items():
        if row != before[label_id]:
            values = {name: getattr(row, name) for name in columns}
            connection.execute(labels.update().where(labels.c.id == label_id).values(values))
    raise_revision(connection, project_id)


def changed(rows: Mapping[int, LabelRow], changes: Sequence[Change]) -> dict[int, LabelRow]:
    """Return the labels as they would be after the changes.

    A label that comes back while its hotkey went to another comes back without one.

    Raises
    ------
    ConflictError
        If a column no longer has the value it had before, a name or hotkey would stand twice, or a label
        would be merged into one that is gone or into itself.
    """
    after = dict(rows)
    for change in changes:
        row = after.get(change.label_id)
        if row is None:
            raise ConflictError("The label does not exist any more.")
        if getattr(row, change.column) != change.before:
            raise ConflictError(
                f"The label {row.name!r} {_WORDS[change.column]} since: take that back first."
            )
        after[change.label_id] = replace(row, **{change.column: change.after})
    touched = {change.label_id for change in changes}
    for label_id in touched:
        row = after[label_id]
        if row.deleted and row.merged_into is not None:
            was = "merged" if rows[label_id].merged_into is not None else "deleted"
            raise ConflictError(f"The label {row.name!r} was {was} since: take that back first.")
        if row.merged_into is not None and _target(after, label_id) is None:
            into = after[row.merged_into].name
            raise ConflictError(f"{row.name!r} cannot count as {into!r}, which was merged or deleted since.")
        if row.hotkey and row.in_use and not rows[label_id].in_use:
            taken = (o for o in after.values() if o.hotkey == row.hotkey and o.id != label_id)
            if any(o.in_use and o.task_id == row.task_id for o in taken):
                after[label_id] = replace(row, hotkey=None)
    refuse_twins(after, touched)
    return after


def refuse_twins(rows: Mapping[int, LabelRow], touched: Collection[int]) -> None:
    """Refuse two labels of one name or hotkey in a task, as far as those touched are concerned.

    Raises
    ------
    ConflictError
        Naming both.
    """
    used = [row for row in rows.values() if row.in_use]
    named: dict[tuple[int, str], list[LabelRow]] = {}
    keyed: dict[tuple[int, str | None], list[LabelRow]] = {}
    for row in used:
        named.setdefault((row.task_id, row.name.casefold()), []).append(row)
        keyed.setdefault((row.task_id, row.hotkey or None), []).append(row)
    for mine in (row for row in used if row.id in touched):
        if len(named[mine.task_id, mine.name.casefold()]) > 1:
            raise ConflictError(f"There would be two labels {mine.name!r}: rename the other one first.")
        for other in keyed[mine.task_id, mine.hotkey] if mine.hotkey else ():
            if other.id != mine.id:
                raise ConflictError(
                    f"{mine.name!r} and {other.name!r} would have the same key {mine.hotkey!r}: "
                    f"give {other.name!r} another one first."
                )


def is_deleted(connection: sa.Connection, label_id: int) -> bool:
    """Tell whether a label was deleted, within the caller's transaction."""
    return connection.scalar(sa.select(labels.c.deleted).where(labels.c.id == label_id)) is not False


def votes_standing(connection: sa.Connection, project_id: int, label_ids: Collection[int]) -> dict[int, int]:
    """Count for labels the annotations whose action is not undone; those without any are left out."""
    query = (
        sa.select(votes.c.label_id, sa.func.count())
        .select_from(votes.join(actions))
        .where(
            votes.c.project_id == project_id,
            votes.c.label_id.in_(list(label_ids)),
            actions.c.undone_at.is_(None),
        )
        .group_by(votes.c.label_id)
    )
    return {row[0]: row[1] for row in connection.execute(query)}


def references_by_label(connection: sa.Connection, project_id: int) -> dict[int, int]:
    """Count the records of each reference label, within the caller's transaction, in one pass over them."""
    query = (
        sa.select(records.c.reference_label_id, sa.func.count())
        .where(records.c.project_id == project_id, records.c.reference_label_id.is_not(None))
        .group_by(records.c.reference_label_id)
    )
    return {row[0]: row[1] for row in connection.execute(query)}


def references(connection: sa.Connection, project_id: int, label_ids: Collection[int]) -> int:
    """Count the records whose reference label is one of those."""
    query = sa.select(sa.func.count()).where(
        records.c.project_id == project_id, records.c.reference_label_id.in_(list(label_ids))
    )
    return connection.scalar(query) or 0


def label_use(db: Database, project_id: int, label_ids: Collection[int]) -> LabelUse:
    """Tell what hangs on labels, taken together."""
    ids = list(label_ids)
    standing = sa.and_(
        votes.c.project_id == project_id, votes.c.label_id.in_(ids), actions.c.undone_at.is_(None)
    )
    given = votes.join(actions)
    by_source = (
        sa.select(votes.c.source, sa.func.count()).select_from(given).where(standing).group_by(votes.c.source)
    )
    n_records = sa.select(sa.func.count(votes.c.row.distinct())).select_from(given).where(standing)
    learned = (
        sa.select(versions.c.name, versions.c.id)
        .select_from(trained_on.join(versions))
        .where(versions.c.project_id == project_id, trained_on.c.label_id.in_(ids))
        .distinct()
        .order_by(versions.c.id)
    )
    answered = (
        sa.select(sa.func.count(session_items.c.session_id.distinct()))
        .select_from(session_items.join(actions))
        .where(actions.c.project_id == project_id, actions.c.label_id.in_(ids), actions.c.undone_at.is_(None))
    )
    with db.read() as connection:
        return LabelUse(
            by_source={row[0]: row[1] for row in connection.execute(by_source)},
            n_records=connection.scalar(n_records) or 0,
            n_reference=references(connection, project_id, ids),
            n_sessions=connection.scalar(answered) or 0,
            versions=tuple(row[0] for row in connection.execute(learned)),
        )
