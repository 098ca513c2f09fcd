"""What each annotator said: their newest answer on every record."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from embtune.store.database import Database
from embtune.store.labelset import label_targets
from embtune.store.tables import actions, votes
from embtune.store.votes import NONE_OF_THESE, UNLABELLED

ARBITRATION = "arbitration"
"""Key in an action's detail: this answer settles a difference between others."""


@dataclass(frozen=True)
class Answers:
    """The newest answer of each annotator on each record, as arrays of shape (m,).

    Attributes
    ----------
    annotators
        Names, in alphabetical order.
    rows, who, labels
        Row of the record, place in `annotators`, and the label's number or `NONE_OF_THESE`.
    settled
        Rows whose newest answer was given to settle a difference; such answers are no annotator's own.
    """

    annotators: tuple[str, ...]
    rows: NDArray[np.int64]
    who: NDArray[np.int64]
    labels: NDArray[np.int64]
    settled: NDArray[np.int64]


def answers_by_annotator(db: Database, project_id: int, task_id: int, sources: Collection[str]) -> Answers:
    """Read the newest answers of a label task that came from those sources and are not undone."""
    mine = sa.and_(
        votes.c.project_id == project_id,
        votes.c.task_id == task_id,
        votes.c.source.in_(sorted(sources)),
        actions.c.undone_at.is_(None),
    )
    given = votes.join(actions, actions.c.id == votes.c.action_id)
    with db.read() as connection:
        names = sorted(
            connection.scalars(sa.select(votes.c.annotator).select_from(given).where(mine).distinct())
        )
        if not names:
            none = np.empty(0, dtype=np.int64)
            return Answers((), none, none, none, none)
        settling = sa.select(actions.c.id).where(
            actions.c.project_id == project_id,
            actions.c.task_id == task_id,
            actions.c.source == "session",
            actions.c.detail[ARBITRATION].as_integer() == 1,
        )
        settling_ids = np.array(connection.scalars(settling).all(), dtype=np.int64)
        query = (
            sa.select(
                votes.c.row,
                sa.case({name: i for i, name in enumerate(names)}, value=votes.c.annotator, else_=0),
                sa.case(
                    (votes.c.answer == "none", NONE_OF_THESE),
                    else_=sa.func.coalesce(votes.c.label_id, UNLABELLED),
                ),
                votes.c.action_id,
            )
            .select_from(given)
            .where(mine)
            .order_by(votes.c.id)
        )
        table = np.array([tuple(row) for row in connection.execute(query)], dtype=np.int64).reshape(-1, 4)
    rows, who, labels, given_by = (np.ascontiguousarray(column) for column in table.T)
    settles = np.isin(given_by, settling_ids)
    for label_id, target in label_targets(db, project_id).items():
        labels[labels == label_id] = UNLABELLED if target is None else target
    last_on_row = _last_of(rows)
    settled = rows[last_on_row & settles & (labels != UNLABELLED)]
    own = ~settles
    rows, who, labels = rows[own], who[own], labels[own]
    newest = _last_of(rows * len(names) + who) & (labels != UNLABELLED)
    return Answers(tuple(names), rows[newest], who[newest], labels[newest], np.sort(settled))


def _last_of(keys: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Tell for each place whether its key does not come again after it. Shape (m,)."""
    _, from_the_end = np.unique(keys[::-1], return_index=True)
    found = np.zeros(len(keys), dtype=bool)
    found[len(keys) - 1 - from_the_end] = True
    return found
