"""Accept predictions: records that a person looked through get the label the model gave them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from embtune.errors import BadInputError, NotReadyError
from embtune.labeling.state import MANUAL_SOURCES
from embtune.store import journal
from embtune.store.journal import Action, Vote

if TYPE_CHECKING:
    from embtune.project import Project, Records


def accept_predictions(
    project: Project,
    chosen: Records,
    *,
    embedding: str = "active",
    shown: NDArray[np.int64] | None = None,
    source: str = "session",
    detail: dict[str, Any] | None = None,
) -> Action:
    """Label records as they were predicted, as one action.

    Parameters
    ----------
    chosen
        Record ids or row numbers.
    embedding
        Whose quick model predicts.
    shown
        Shape (len(chosen),): the label numbers that the person saw, where a newer model may say otherwise.
    source
        A person's: "manual", "lasso" or "session". The last means that each was looked at.

    Raises
    ------
    NotReadyError
        If there is no prediction for one of them yet.
    BadInputError
        If nothing was chosen, a label is not of the task, or the source is not a person's.
    """
    rows = project.rows_of(chosen)
    if not len(rows):
        raise BadInputError("No record was chosen, so nothing was labelled.")
    if source not in MANUAL_SOURCES:
        raise BadInputError(f"{source!r} is no source of a person who looked: {sorted(MANUAL_SOURCES)}.")
    if shown is None:
        found = project.quick_predictions(embedding)
        if found is None:
            raise NotReadyError("Nothing is predicted yet: label a few records of two labels first.")
        if rows.max() >= len(found[0]):
            raise NotReadyError("Some records are newer than the embedding: embed again.")
        shown = found[0][rows]
    elif len(shown) != len(rows):
        raise BadInputError(f"{len(shown):,} labels were given for {len(rows):,} records.")
    known = {label.id for label in project.labels}
    if not set(np.unique(shown).tolist()) <= known:
        raise BadInputError("A predicted label is not in the label set any more: look again.")
    rows, first = np.unique(rows, return_index=True)
    given = np.asarray(shown)[first]
    one = int(given[0]) if (given == given[0]).all() else None
    n = f"{len(rows):,} prediction{'' if len(rows) == 1 else 's'}"
    with project.db.write() as connection:
        action_id = journal.insert_action(
            connection,
            project.id,
            [Vote(row, label_id) for row, label_id in zip(rows.tolist(), given.tolist(), strict=True)],
            source=source,
            annotator=project.annotator,
            label_id=one,
            summary=f"Accepted {n}",
            detail={"accepted": len(rows)} | (detail or {}),
            task_id=project.task.id,
        )
    written = journal.get_action(project.db, project.id, action_id)
    assert written is not None
    return written
