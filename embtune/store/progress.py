"""When and by whom labels were given, read from the actions alone: far fewer than the votes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from embtune.store.database import Database
from embtune.store.tables import actions


@dataclass(frozen=True)
class ActionTimes:
    """The m actions of a label task that gave votes, oldest first; `annotators` has indices into `names`."""

    ids: NDArray[np.int64]
    at: NDArray[np.float64]
    annotators: NDArray[np.int64]
    names: tuple[str, ...]


def action_times(db: Database, project_id: int, task_id: int) -> ActionTimes:
    """Read them, undone ones too."""
    query = (
        sa.select(actions.c.id, actions.c.created_at, actions.c.annotator)
        .where(actions.c.project_id == project_id, actions.c.task_id == task_id, actions.c.kind == "votes")
        .order_by(actions.c.id)
    )
    with db.read() as connection:
        found = connection.execute(query).all()
    names = tuple(sorted({row[2] for row in found}))
    place = {name: i for i, name in enumerate(names)}
    return ActionTimes(
        np.array([row[0] for row in found], dtype=np.int64),
        np.array([row[1] for row in found], dtype=np.float64),
        np.array([place[row[2]] for row in found], dtype=np.int64),
        names,
    )
