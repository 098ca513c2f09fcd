"""Weak supervision of a label task: labels with a confidence out of its heuristics' votes."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from embtune.errors import BadInputError, ConflictError, NotFoundError, NotReadyError
from embtune.heuristics.base import ABSTAIN
from embtune.progress import Report, silent
from embtune.store.journal import WEAK_RUN, insert_action
from embtune.store.weak_runs import WeakRun, list_weak_runs, set_in_force, weak_runs_within
from embtune.weak_supervision.base import LabelModel
from embtune.weak_supervision.models import DEFAULT, MODELS, model_of, why_not
from embtune.weak_supervision.running import THRESHOLD
from embtune.work.heuristic_corpus import labels_to_learn_from, manual_labels
from embtune.work.weak_evidence import EMBEDDING, gather, n_newer, vectors_of
from embtune.work.weak_metrics import metrics_of
from embtune.work.weak_runs import SOURCE, weak_labels, write_run

if TYPE_CHECKING:
    from embtune.project import Project

_SEEDS = 2**32  # what numpy and scikit-learn can take


class WeakBook:
    """Weak supervision in one label task of a project."""

    def __init__(self, project: Project) -> None:
        self._project = project

    def models(self) -> dict[str, LabelModel]:
        """The label models, by name."""
        return dict(MODELS)

    def default_model(self) -> str:
        """Return what runs if no label model is named: majority vote while there is too little for better.

        With an embedding that some records are missing in it is not majority vote that runs, but none.
        """
        project = self._project
        embedded = project.find_embedding(EMBEDDING) is not None
        return DEFAULT if embedded and self._n_classes_known() > 1 else "majority"

    def _n_classes_known(self) -> int:
        known = labels_to_learn_from(self._project)
        return len(np.unique(known[known != ABSTAIN]))

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
        if newer := n_newer(project):
            return (
                f"{newer:,} record{' is' if newer == 1 else 's are'} newer than the embedding: embed "
                f"{'it' if newer == 1 else 'them'} on the Projects page."
            )
        reason = why_not(model, len(chosen), len(project.labels), has_vectors=vectors_of(project) is not None)
        if reason is None and model_of(model).vectors and self._n_classes_known() < 2:
            return f"{model_of(model).title}: label records of 2 classes first, for it learns from them."
        return reason

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
            `run`, `model`, `n_labelled` (records without a person's answer), `coverage` (of those, at the
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
        if not 0 <= seed < _SEEDS:
            raise BadInputError(f"The seed is {seed}; it must be from 0 to {_SEEDS - 1:,}.")
        model_of(name)
        reason = self.why_not(name)
        if reason is not None:
            raise NotReadyError(reason)
        project = self._project
        before = time.perf_counter()
        report(0, 4, "steps", "reading votes")
        matrix = project.heuristics.votes([one.id for one in project.heuristics.all() if one.selected])
        evidence = gather(project, matrix.heuristics, matrix.labels, matrix.confidence, seed)
        report(1, 4, "steps", "label models")
        results, missing = run_all(evidence, everywhere=everywhere)
        if name not in results:
            raise NotReadyError(missing[name])
        report(2, 4, "steps", "comparing them on labels that nothing learned from")
        metrics = metrics_of(project, name, results, missing, threshold)
        report(3, 4, "steps", "writing the labels")
        run = write_run(
            project,
            results[name],
            matrix.heuristics,
            {"threshold": threshold, "everywhere": everywhere, "seed": seed},
            metrics,
            round(time.perf_counter() - before, 2),
        )
        return {
            "run": run.id,
            "model": name,
            "n_labelled": run.n_labelled,
            "coverage": metrics["coverage"],
            "sentence": metrics["sentence"],
            "winner": metrics["winner"],
            "metrics": metrics,
        }

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
            runs = weak_runs_within(connection, project.id, project.task.id)
            before = next((run.id for run in runs if run.stands), None)
            set_in_force(connection, project.id, project.task.id, number)
            if number != before:
                self._note(connection, before, wanted)
        return None if wanted is None else self.get(wanted.id)

    def _note(self, connection: Any, before: int | None, wanted: WeakRun | None) -> None:
        """Write into the journal who put another run in force, within the caller's transaction."""
        if wanted is None:
            summary = f"Took run {before} of weak supervision out of force"
        else:
            instead = "" if before is None else f" in place of run {before}"
            summary = f"Put run {wanted.id} of weak supervision in force{instead}"
        insert_action(
            connection,
            self._project.id,
            [],
            source=SOURCE,
            annotator=self._project.annotator,
            label_id=None,
            summary=summary,
            detail={"run": None if wanted is None else wanted.id, "before": before, "from": SOURCE},
            task_id=self._project.task.id,
            kind=WEAK_RUN,
            n_records=0 if wanted is None else wanted.n_labelled,
        )

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
