"""Similarity judgements: what people said of pairs and triplets of records, one row for each time."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from embtune.errors import BadInputError
from embtune.store.database import Database
from embtune.store.tables import actions, judgements

PAIR, TRIPLET = "pair", "triplet"


@dataclass(frozen=True)
class NewJudgement:
    """One judgement about to be written.

    A `pair` is rows a and b with a score, None to take back what was said of them; a `triplet` is anchor,
    closer and farther.
    """

    kind: str
    row_a: int
    row_b: int
    row_c: int | None = None
    score: float | None = None

    def checked(self) -> NewJudgement:
        """Return it, if it can be written.

        Raises
        ------
        BadInputError
            If a record is named twice, or the score is out of range.
        """
        if self.kind == TRIPLET:
            if len({self.row_a, self.row_b, self.row_c}) < 3:
                raise BadInputError("Anchor, closer and farther must be three different records.")
        elif self.row_a == self.row_b:
            raise BadInputError("A record cannot be judged against itself: name two different records.")
        elif self.score is not None and not 0 <= self.score <= 1:
            raise BadInputError(f"The score is {self.score}; it must be from 0 (different) to 1 (similar).")
        return self


@dataclass(frozen=True)
class StoredJudgement:
    """One judgement as it was written."""

    id: int
    action_id: int
    kind: str
    row_a: int
    row_b: int
    row_c: int | None
    score: float | None
    annotator: str
    created_at: float


_STORED = [judgements.c[name] for name in StoredJudgement.__dataclass_fields__]


def insert_judgements(
    connection: sa.Connection,
    project_id: int,
    action_id: int,
    given: Sequence[NewJudgement],
    *,
    annotator: str,
) -> None:
    """Write the judgements of an action within the caller's transaction."""
    now = time.time()
    connection.execute(
        judgements.insert(),
        [
            {
                "project_id": project_id,
                "action_id": action_id,
                "kind": one.kind,
                "row_a": one.row_a,
                "row_b": one.row_b,
                "row_c": one.row_c,
                "score": one.score,
                "annotator": annotator,
                "created_at": now,
            }
            for one in given
        ],
    )


def list_judgements(db: Database, project_id: int) -> list[StoredJudgement]:
    """The judgements whose action is not undone, oldest first."""
    query = (
        sa.select(*_STORED)
        .select_from(judgements.join(actions))
        .where(judgements.c.project_id == project_id, actions.c.undone_at.is_(None))
        .order_by(judgements.c.id)
    )
    with db.read() as connection:
        return [StoredJudgement(*row) for row in connection.execute(query)]


def judgements_stamp(db: Database, project_id: int) -> tuple[int, int, float]:
    """Return what is the same as long as `list_judgements` is: whoever only labels does not change it.

    Every new judgement raises the first value, every undo the last two, and every redo lowers the second.
    """
    newest = sa.select(sa.func.max(judgements.c.id)).where(judgements.c.project_id == project_id)
    undone = sa.select(sa.func.count(), sa.func.max(actions.c.undone_at)).where(
        actions.c.project_id == project_id, actions.c.undone_at.is_not(None)
    )
    with db.read() as connection:
        n, last = connection.execute(undone).one()
        return connection.scalar(newest) or 0, n, last or 0.0


def action_of_judgement(db: Database, project_id: int, judgement_id: int | None) -> int | None:
    """Return the action that a judgement came with, or the last that stands; None if there is none."""
    mine = judgements.c.project_id == project_id
    if judgement_id is not None:
        query = sa.select(judgements.c.action_id).where(mine, judgements.c.id == judgement_id)
    else:
        query = (
            sa.select(sa.func.max(judgements.c.action_id))
            .select_from(judgements.join(actions))
            .where(mine, actions.c.undone_at.is_(None))
        )
    with db.read() as connection:
        return connection.scalar(query)
