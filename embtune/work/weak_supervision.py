"""Weak supervision of a label task: labels with a confidence out of its heuristics' votes."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from embtune.errors import BadInputError, ConflictError, NotFoundError, NotReadyError
from embtune.heuristics.base import ABSTAIN
from embtune.progress import Report, silent
from embtune.store import journal
from embtune.store.journal import Vote, insert_action
from embtune.store.weak_runs import WeakRun, insert_weak_run, list_weak_runs, weak_runs_within
from embtune.weak_supervision.base import LabelModel
from embtune.weak_supervision.models import DEFAULT, MODELS, model_of, why_not
from embtune.weak_supervision.running import THRESHOLD
from embtune.work.graphs import graph_of
from embtune.work.heuristic_corpus import (
    folds_of,
    labels_to_learn_from,
    manual_labels,
)
from embtune.work.heuristic_states import Heuristic
from embtune.work.weak_metrics import metrics_of
from embtune.work.weak_runs import save_weak_labels, weak_labels
from embtune.work.words_view import words_beside

if TYPE_CHECKING:
    from embtune.project import Project
    from embtune.weak_supervision.evidence import Evidence
    from embtune.weak_supervision.running import WeakResult

SOURCE = "weak supervision"
EMBEDDING = "raw"
# Kinds that vote on labelled records without knowing their labels: as good there as elsewhere.
_OUT_OF_FOLD = frozenset({"learner", "zero-shot", "llm"})


class WeakBook:
    """Weak supervision in one label task of a project."""

    def __init__(self, project: Project) -> None:
        self._project = project

    def models(self) -> dict[str, LabelModel]:
        """The label models, by name."""
        return dict(MODELS)

    def default_model(self) -> str:
        """Return what runs if no label model is named: majority vote while there is too little for better."""
        known = labels_to_learn_from(self._project)
        enough = len(np.unique(known[known != ABSTAIN])) > 1 and self._vectors() is not None
        return DEFAULT if enough else "majority"

    def why_not(self, model: str | None = None) -> str | None:
        """Say in one sentence why it cannot run now, or None if it can."""
        project = self._project
        model = model or self.default_model()
        chosen = [one for one in project.heuristics.all() if one.selected]
        stale = [one for one in chosen if not one.current]
        if stale:
            names = ", ".join(f"{one.name!r} ({one.state})" for one in stale[:5])
            more = f" and {len(stale) - 5} more" if len(stale) > 5 else ""
            return (
                f"These selected heuristics are not up to date: {names}{more}. Run them, or leave them out."
            )
        if len(project.labels) < 2:
            return "Weak supervision tells labels apart: make at least two."
        if not chosen and model_of(model).votes:
            return "No heuristic is selected: select some that have votes."
        return why_not(model, len(chosen), len(project.labels), has_vectors=self._vectors() is not None)

    def runs(self) -> list[WeakRun]:
        """The runs, newest first; the one whose labels are in force `stands`."""
        return list_weak_runs(self._project.db, self._project.id, self._project.task.id)

    def get(self, number: int) -> WeakRun:
        """Return one run.

        Raises
        ------
        NotFoundError
            If there is none of that number.
        """
        for one in self.runs():
            if one.id == number:
                return one
        raise NotFoundError(f"There is no run {number} of weak supervision in this label task.")

    def standing(self) -> WeakRun | None:
        """Return the run whose labels are in force; None if there is none."""
        return next((one for one in self.runs() if one.stands), None)

    def labels(self, number: int | None = None) -> tuple[NDArray[np.int64], NDArray[np.float32]] | None:
        """Label numbers (-1: none) and confidences of a run, each of shape (n,).

        By default of the one in force; None if there is none. Where a record has a manual label that was
        learned from, it is what the run would say without it.
        """
        run = self.standing() if number is None else self.get(number)
        return None if run is None or run.file is None else weak_labels(self._project, run)

    # ---- running ----------------------------------------------------------------------------

    def start(self, **options: Any) -> int:
        """Do what `run` does as a job; return its number."""
        reason = self.why_not(options.get("model"))
        if reason is not None:
            raise NotReadyError(reason)
        return self._project.start(SOURCE, **options)

    def run(
        self,
        model: str | None = None,
        *,
        threshold: float = THRESHOLD,
        everywhere: bool | None = None,
        seed: int = 0,
        report: Report = silent,
    ) -> dict[str, Any]:
        """Label records by the votes of the selected heuristics, as one action, in place of the last run's.

        No label that a person gave changes: weak labels stand where there is none.

        Parameters
        ----------
        model
            Name of a label model; `default_model()` if not given.
        threshold
            Confidence at which the comparison with other ways is made.
        everywhere
            Whether records without a vote get a label too, from models that can; by default they do.

        Returns
        -------
        dict
            `run`, `model`, `n_labelled`, `coverage` (of the records without a manual label, at the
            threshold), `sentence`, `winner`, `metrics`.

        Raises
        ------
        NotReadyError
            If a selected heuristic is not up to date, or the model cannot run here.
        """
        from embtune.weak_supervision.running import run_all

        name = model or self.default_model()
        if not 0 <= threshold <= 1:
            raise BadInputError(f"The threshold is {threshold}; it must be from 0 to 1.")
        model_of(name)
        reason = self.why_not(name)
        if reason is not None:
            raise NotReadyError(reason)
        project = self._project
        before = time.perf_counter()
        report(0, 4, "steps", "reading votes")
        matrix = project.heuristics.votes([one.id for one in project.heuristics.all() if one.selected])
        evidence = self._evidence(matrix.heuristics, matrix.labels, matrix.confidence, seed)
        report(1, 4, "steps", "label models")
        results, missing = run_all(evidence, everywhere=everywhere)
        if name not in results:
            raise NotReadyError(missing[name])
        report(2, 4, "steps", "comparing them on labels that nothing learned from")
        metrics = metrics_of(project, name, results, missing, threshold)
        report(3, 4, "steps", "writing the labels")
        number = self._write(
            name,
            results[name],
            matrix.heuristics,
            {"threshold": threshold, "everywhere": everywhere, "seed": seed},
            metrics,
            round(time.perf_counter() - before, 2),
        )
        return {
            "run": number,
            "model": name,
            "n_labelled": int((results[name].labels != ABSTAIN).sum()),
            "coverage": metrics["coverage"],
            "sentence": metrics["sentence"],
            "winner": metrics["winner"],
            "metrics": metrics,
        }

    def _vectors(self) -> NDArray[np.float32] | None:
        project = self._project
        row = project.find_embedding(EMBEDDING)
        if row is None or row.n_rows < project.n_records:
            return None
        return project.vectors(EMBEDDING)

    def _evidence(
        self,
        chosen: Sequence[Heuristic],
        votes: NDArray[np.int64],
        confidence: NDArray[np.float32],
        seed: int,
    ) -> Evidence:
        from embtune.weak_supervision.evidence import evidence_of

        project = self._project
        vectors = self._vectors()
        graph = None
        if vectors is not None:
            graph = graph_of(project, project.require_embedding(EMBEDDING), wait=True)
        return evidence_of(
            votes,
            confidence,
            labels_to_learn_from(project),
            folds_of(project),
            np.array([label.id for label in project.labels], dtype=np.int64),
            seen=np.array([one.kind not in _OUT_OF_FOLD for one in chosen], dtype=bool),
            vectors=vectors,
            graph=graph,
            beside=None if vectors is None or graph is None else words_beside(project, vectors),
            seed=seed,
        )

    def _write(
        self,
        name: str,
        result: WeakResult,
        chosen: Sequence[Heuristic],
        parameters: dict[str, Any],
        metrics: dict[str, Any],
        seconds: float,
    ) -> int:
        """Keep the run and its annotations, and take those of the run in force back: one transaction."""
        project = self._project
        rows = np.flatnonzero(result.labels != ABSTAIN)
        if not len(rows):
            raise NotReadyError("No record got a label: the selected heuristics have no votes.")
        file = save_weak_labels(project, result.labels, result.confidence)
        n = len(rows)
        with project.db.write() as connection:
            for run in weak_runs_within(connection, project.id, project.task.id):
                if run.stands and run.action_id is not None:
                    journal.mark_undone(connection, project.id, run.action_id, undone=True)
            action = insert_action(
                connection,
                project.id,
                [
                    Vote(row, label, "label", sure)
                    for row, label, sure in zip(
                        rows.tolist(),
                        result.labels[rows].tolist(),
                        result.confidence[rows].tolist(),
                        strict=True,
                    )
                ],
                source=SOURCE,
                annotator=project.annotator,
                label_id=None,
                summary=f"Weak supervision labelled {n:,} record{'' if n == 1 else 's'}",
                detail={"from": SOURCE, "model": name},
                task_id=project.task.id,
            )
            return insert_weak_run(
                connection,
                project.id,
                project.task.id,
                model=name,
                parameters=parameters,
                heuristics=[
                    {"id": one.id, "name": one.name, "kind": one.kind, "version": one.version}
                    for one in chosen
                ],
                metrics=metrics,
                n_labelled=n,
                file=file,
                action_id=action,
                created_by=project.annotator,
                seconds=seconds,
            )

    # ---- looking back -----------------------------------------------------------------------

    def put_in_force(self, number: int | None) -> WeakRun | None:
        """Let an earlier run's labels stand in place of those in force, or none (None).

        Raises
        ------
        ConflictError
            If its labels are not there any more.
        """
        project = self._project
        wanted = None if number is None else self.get(number)
        if wanted is not None and wanted.action_id is None:
            raise ConflictError(f"The labels of run {number} are not kept any more: run it again.")
        with project.db.write() as connection:
            for run in weak_runs_within(connection, project.id, project.task.id):
                if run.action_id is not None and run.stands != (run.id == number):
                    journal.mark_undone(connection, project.id, run.action_id, undone=run.stands)
        return None if wanted is None else self.get(wanted.id)

    def confusion(
        self, number: int | None = None, *, threshold: float = 0.0
    ) -> tuple[list[str], list[str], NDArray[np.int64]] | None:
        """Count records by manual and weak label; None if there is no run.

        Returns
        -------
        rows, columns, counts
            Names of the manual labels, of the weak ones and "no weak label", and counts of shape (C, C + 1).
        """
        from embtune.weak_supervision.thresholds import confusion

        found = self.labels(number)
        if found is None:
            return None
        labels, confidence = found
        project = self._project
        classes = np.array([label.id for label in project.labels], dtype=np.int64)
        counts = confusion(manual_labels(project), labels, classes, kept=confidence >= threshold - 1e-6)
        names = [label.name for label in project.labels]
        return names, [*names, "no weak label"], counts

    def cell_rows(
        self, manual: str, weak: str | None, number: int | None = None, *, threshold: float = 0.0
    ) -> NDArray[np.int64]:
        """Rows behind a cell of `confusion`; `weak` None is "no weak label"."""
        found = self.labels(number)
        if found is None:
            raise NotReadyError("There is no weak supervision in force: run it first.")
        labels, confidence = found
        labels = np.where(confidence >= threshold - 1e-6, labels, ABSTAIN)
        wanted = ABSTAIN if weak is None else self._project.label_named(weak).id
        mine = manual_labels(self._project) == self._project.label_named(manual).id
        return np.flatnonzero(mine & (labels == wanted))
