"""Label what a person looked through, keeping what somebody else answered in the meantime.

A page is looked at for minutes; what is given to all of it must not go over an answer it did not show.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from embtune.errors import BadInputError, ConflictError, NotReadyError
from embtune.labeling.state import MANUAL_SOURCES, UNLABELLED
from embtune.store import journal
from embtune.store.journal import Action, Vote
from embtune.store.labelset import is_deleted
from embtune.store.projects import raise_revision

if TYPE_CHECKING:
    from embtune.project import Project, Records


MANY = 20
"""More labels than these are many: a page that shows few of them teaches little."""

REGIONS_PER_LABEL = 2.6
"""Regions of the corpus that the first records to look at come from, for each label."""

ENOUGH_TO_DOUBT = 50
"""Labels, or `REGIONS_PER_LABEL` for each of the set, from which on a model's doubts are worth following."""


def page_size(n_labelled: int, n_labels: int = 0) -> int:
    """Return how many records stand on a page: few while the model is young and learns from each."""
    if n_labels > MANY:
        return 100
    return 25 if n_labelled < 100 else 50 if n_labelled < 300 else 100


def worth_showing(n_labels: int) -> float:
    """Return how sure a prediction must be to be shown: hardly more than chance is no help."""
    return min(0.5, 1.2 / max(n_labels, 1))


def typical_rows(project: Project, *, seed: int = 0) -> NDArray[np.int64]:
    """Order the rows without an answer, shape (m,): those come first from which there is most to learn.

    That is the middle one of each region that nobody looked at, the largest region first; then the next ones.
    The regions are as many as were looked at and a page more. Where there are labels enough, they gather
    where the model doubts. Records without a vector come last.
    """
    from embtune.neighbors.covering import covering

    vectors = project.vectors("raw")
    state = project.label_state()
    n_labels = len(project.labels)
    answered = state.label_ids[: len(vectors)] != UNLABELLED
    n = int(answered.sum())
    first = round(REGIONS_PER_LABEL * n_labels)
    found = project.class_probabilities("raw") if n >= max(ENOUGH_TO_DOUBT, first) else None
    weights = None
    if found is not None and found[1].shape[1] > 1:
        best = np.partition(found[1], -2, axis=1)[:, -2:]
        weights = np.sqrt(np.clip(1 - (best[:, 1] - best[:, 0]), 0, 1)).astype(np.float32)
    rows = covering(vectors, answered, max(n + page_size(n, n_labels), first), weights=weights, seed=seed)
    later = np.flatnonzero(state.label_ids == UNLABELLED)
    return np.concatenate([rows, later[later >= len(vectors)]])


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

    Records that have a person's answer by now keep it; the summary says how many.

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
    ConflictError
        If a person answered every one of them already.
    """
    rows = _rows_of(project, chosen, source)
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
    with project.db.write() as connection:
        raise_revision(connection, project.id)  # from here on nobody else writes: what is open stays open
        left = ~project.label_state().manual[rows]
        n_out = int((~left).sum())
        if not left.any():
            raise ConflictError("A person labelled all of these already: look again. Nothing was accepted.")
        rows, given = rows[left], given[left]
        one = int(given[0]) if (given == given[0]).all() else None
        action_id = journal.insert_action(
            connection,
            project.id,
            [Vote(row, label_id) for row, label_id in zip(rows.tolist(), given.tolist(), strict=True)],
            source=source,
            annotator=project.annotator,
            label_id=one,
            summary=f"Accepted {_counted(len(rows), 'prediction')}{_left_out(n_out)}",
            detail={"accepted": len(rows)} | ({"left_out": n_out} if n_out else {}) | (detail or {}),
            task_id=project.task.id,
        )
    return project.book.action(action_id)


def label_still_open(
    project: Project,
    chosen: Records,
    label: str | None,
    still_open: Records,
    *,
    source: str = "manual",
    detail: dict[str, Any] | None = None,
) -> Action:
    """Give records a label (None: "none of these") as one action, except where somebody was faster.

    Parameters
    ----------
    chosen
        Record ids or row numbers.
    still_open
        Those of them that nobody had answered when the person looked: they are left out if they have a
        person's answer by now, and the summary says how many. The others are labelled whatever they have.
    source
        A person's: "manual", "lasso" or "session".

    Raises
    ------
    BadInputError
        If nothing was chosen, or the source is not a person's.
    ConflictError
        If nothing is left to be labelled, or the label was deleted.
    """
    rows = np.unique(_rows_of(project, chosen, source))
    were_open = np.isin(rows, project.rows_of(still_open))
    label_id = None if label is None else project.label_named(label).id
    with project.db.write() as connection:
        raise_revision(connection, project.id)
        if label_id is not None and is_deleted(connection, label_id):
            raise ConflictError(f"The label {label!r} was deleted meanwhile: nothing was labelled.")
        out = were_open & project.label_state().manual[rows]
        n_out = int(out.sum())
        rows = rows[~out]
        if not len(rows):
            raise ConflictError("A person labelled all of these meanwhile: look again. Nothing was labelled.")
        what = "none of these" if label is None else label
        answer = "none" if label is None else "label"
        action_id = journal.insert_action(
            connection,
            project.id,
            [Vote(row, label_id, answer) for row in rows.tolist()],
            source=source,
            annotator=project.annotator,
            label_id=label_id,
            summary=f"Labelled {_counted(len(rows), 'record')} {what}{_left_out(n_out)}",
            detail=({"left_out": n_out} if n_out else {}) | (detail or {}),
            task_id=project.task.id,
        )
    return project.book.action(action_id)


def _rows_of(project: Project, chosen: Records, source: str) -> NDArray[np.int64]:
    rows = project.rows_of(chosen)
    if not len(rows):
        raise BadInputError("No record was chosen, so nothing was labelled.")
    if source not in MANUAL_SOURCES:
        raise BadInputError(f"{source!r} is no source of a person who looked: {sorted(MANUAL_SOURCES)}.")
    return rows


def _counted(n: int, what: str) -> str:
    return f"{n:,} {what}{'' if n == 1 else 's'}"


def _left_out(n: int) -> str:
    return f"; left out {n:,} that a person labelled meanwhile" if n else ""
