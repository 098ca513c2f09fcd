"""Votes as arrays: read once, then only what is new."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from embtune.store.database import Database
from embtune.store.labelset import label_targets
from embtune.store.tables import actions, labels, votes

UNLABELLED = -1
NONE_OF_THESE = -2

_BLOCK = 50_000


@dataclass(frozen=True)
class Votes:
    """m annotations, oldest first; every array has shape (m,).

    Attributes
    ----------
    ids, actions
        Numbers of the annotation and of the action it came with.
    rows
        Rows of the records.
    labels
        The label's number, `NONE_OF_THESE`, or `UNLABELLED` for a vote that clears.
    sources
        Place in the list of sources that was given.
    confidence
        In [0, 1].
    """

    ids: NDArray[np.int64]
    actions: NDArray[np.int64]
    rows: NDArray[np.int64]
    labels: NDArray[np.int64]
    sources: NDArray[np.int64]
    confidence: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.ids)

    @classmethod
    def of(cls, table: NDArray[np.float64]) -> Votes:
        """Take the columns of an array of shape (m, 6), in the order of the attributes."""
        whole = table[:, :5].astype(np.int64)
        ids, from_actions, rows, labels, sources = (np.ascontiguousarray(column) for column in whole.T)
        return cls(ids, from_actions, rows, labels, sources, table[:, 5].astype(np.float32))

    def keep(self, chosen: NDArray[np.bool_]) -> Votes:
        """Return those of a mask of shape (m,)."""
        return Votes(*(getattr(self, name)[chosen] for name in self.__dataclass_fields__))

    def followed_by(self, newer: Votes) -> Votes:
        """Return these and then those."""
        return Votes(
            *(
                np.concatenate([getattr(self, name), getattr(newer, name)])
                for name in self.__dataclass_fields__
            )
        )


@dataclass(frozen=True)
class JournalState:
    """How much a project's journal holds, undone actions too; the labels there are, and what is undone."""

    n_votes: int
    last_action: int
    labels: frozenset[int]
    undone: frozenset[int]


def journal_state(db: Database, project_id: int, task_id: int) -> JournalState:
    """Look at the journal of a project's label task without reading its votes."""
    mine = sa.and_(
        actions.c.project_id == project_id, actions.c.task_id == task_id, actions.c.kind == "votes"
    )
    counts = sa.select(
        sa.func.coalesce(sa.func.sum(actions.c.n_records), 0), sa.func.coalesce(sa.func.max(actions.c.id), 0)
    ).where(mine)
    label_set = sa.select(labels.c.id).where(labels.c.task_id == task_id)
    undone = sa.select(actions.c.id).where(mine, actions.c.undone_at.is_not(None))
    with db.read() as connection:
        n_votes, last_action = connection.execute(counts).one()
        return JournalState(
            n_votes=n_votes,
            last_action=last_action,
            labels=frozenset(connection.scalars(label_set)),
            undone=frozenset(connection.scalars(undone)),
        )


def read_votes(
    db: Database, project_id: int, task_id: int, sources: Sequence[str], *, newer_than: int = 0
) -> Votes:
    """Read the votes of a label task, undone ones too: all, or those of annotation numbers above one."""
    query = sa.select(
        votes.c.id,
        votes.c.action_id,
        votes.c.row,
        sa.case(
            (votes.c.answer == "none", NONE_OF_THESE),
            else_=sa.func.coalesce(votes.c.label_id, UNLABELLED),
        ),
        sa.case({name: i for i, name in enumerate(sources)}, value=votes.c.source, else_=0),
        votes.c.confidence,
    ).where(votes.c.task_id == task_id)
    query = query.order_by(votes.c.id)
    if newer_than:
        # The sum keeps the database from the index by project, which would visit every old vote.
        query = query.where(votes.c.id > newer_than, votes.c.project_id + 0 == project_id)
    else:
        query = query.where(votes.c.project_id == project_id)
    parts = [np.empty((0, 6))]
    with db.read() as connection:
        cursor = connection.execute(query).cursor
        # Plain tuples from the driver: building a row object per vote would take most of the time.
        while cursor is not None and (block := cursor.fetchmany(_BLOCK)):
            parts.append(np.array(block, dtype=np.float64))
    return Votes.of(np.concatenate(parts))


class VoteLog:
    """The votes of a label task in memory, kept up with the database by reading only what is new."""

    def __init__(self, project_id: int, task_id: int, sources: Sequence[str]) -> None:
        self._project_id = project_id
        self._task_id = task_id
        self._sources = sources
        self._known: tuple[JournalState, Votes] | None = None

    def live(self, db: Database) -> Votes:
        """Return the votes that are not undone, oldest first, under the labels of now.

        A vote for a label that was merged counts for the one it became; one for a label that was deleted
        does not count any more, so that an older one may count again.
        """
        return _under_labels_of_now(self._stored(db), label_targets(db, self._project_id))

    def _stored(self, db: Database) -> Votes:
        known = self._known
        state = journal_state(db, self._project_id, self._task_id)
        if known is None:
            every = read_votes(db, self._project_id, self._task_id, self._sources)
        else:
            before, every = known
            newest = int(every.ids[-1]) if len(every) else 0
            fresh = read_votes(db, self._project_id, self._task_id, self._sources, newer_than=newest)
            # Votes written between the two queries belong to the next call.
            fresh = fresh.keep(fresh.actions <= state.last_action)
            if (
                len(fresh) == state.n_votes - before.n_votes
                and before.labels <= state.labels  # votes go with a label whose row goes
            ):
                every = every.followed_by(fresh) if len(fresh) else every
            else:
                every = read_votes(db, self._project_id, self._task_id, self._sources)
        every = every.keep(every.actions <= state.last_action)
        self._known = (state, every)
        if not state.undone:
            return every
        return every.keep(~np.isin(every.actions, np.fromiter(state.undone, np.int64, len(state.undone))))


def _under_labels_of_now(every: Votes, targets: dict[int, int | None]) -> Votes:
    if not targets or not len(every):
        return every
    now, counts = every.labels.copy(), np.ones(len(every), dtype=bool)
    for label_id, target in targets.items():
        given = every.labels == label_id
        if target is None:
            counts[given] = False
        else:
            now[given] = target
    every = replace(every, labels=now)
    return every if counts.all() else every.keep(counts)
