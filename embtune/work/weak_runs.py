"""The files of weak supervision's runs: a label and a confidence for every record."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from embtune.errors import NotReadyError
from embtune.heuristics.base import ABSTAIN
from embtune.store.journal import Vote, insert_action, put_detail
from embtune.store.weak_runs import WeakRun, insert_weak_run, set_in_force
from embtune.work import stored_labels
from embtune.work.heuristic_states import Heuristic

if TYPE_CHECKING:
    from embtune.project import Project
    from embtune.weak_supervision.running import WeakResult

SOURCE = "weak supervision"


def write_run(
    project: Project,
    result: WeakResult,
    chosen: Sequence[Heuristic],
    parameters: dict[str, Any],
    metrics: dict[str, Any],
    seconds: float,
) -> WeakRun:
    """Keep a run and its annotations in place of those of the run in force, in one transaction.

    Its annotations are of records without a person's answer; its file has what it says of all.

    Raises
    ------
    NotReadyError
        If there is nothing to annotate.
    """
    says = result.labels != ABSTAIN
    rows = np.flatnonzero(says & ~project.label_state().manual)
    if not len(rows):
        raise NotReadyError(
            "Every record that would get a label has a person's answer: there is nothing left to label."
            if says.any()
            else "No record got a label: the selected heuristics have no votes."
        )
    n = len(rows)
    labels, confidence = result.labels[rows].tolist(), result.confidence[rows].tolist()
    # All of it before the transaction: nobody else can write while that is open.
    given = [
        Vote(row, label, "label", sure)
        for row, label, sure in zip(rows.tolist(), labels, confidence, strict=True)
    ]
    run: dict[str, Any] = {
        "model": result.model,
        "parameters": parameters,
        "heuristics": [
            {"id": one.id, "name": one.name, "kind": one.kind, "version": one.version} for one in chosen
        ],
        "metrics": metrics,
        "n_labelled": n,
        "file": save_weak_labels(project, result.labels, result.confidence),
        "created_by": project.annotator,
        "seconds": seconds,
    }
    with project.db.write() as connection:
        action = insert_action(
            connection,
            project.id,
            given,
            source=SOURCE,
            annotator=project.annotator,
            label_id=None,
            summary=f"Weak supervision labelled {n:,} record{'' if n == 1 else 's'}",
            detail={"from": SOURCE, "model": result.model},
            task_id=project.task.id,
        )
        number = insert_weak_run(connection, project.id, project.task.id, action_id=action, **run)
        put_detail(connection, project.id, action, "run", number)
        set_in_force(connection, project.id, project.task.id, number)
    return project.weak.get(number)


def save_weak_labels(project: Project, labels: NDArray[np.int64], confidence: NDArray[np.float32]) -> str:
    """Write what a run says of every record, each shape (n,); return the file as the database names it."""
    return stored_labels.save(project, SOURCE, labels, confidence)


def weak_labels(project: Project, run: WeakRun) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Label numbers, -1 where it says nothing, and confidences of a run; see `stored_labels.load`."""
    return stored_labels.load(project, ("weak labels", run.id), run.file, what="The labels of this run")
