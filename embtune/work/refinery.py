"""Bring a refinery project over: all of it that has a place here, or nothing."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from embtune.errors import BadInputError, EmbtuneError
from embtune.heuristics.base import ABSTAIN
from embtune.labeling.labelset import HOTKEYS, hotkey_for
from embtune.progress import Report, silent
from embtune.store.heuristics import list_heuristics
from embtune.store.journal import Vote, insert_action
from embtune.store.labelset import list_labels
from embtune.store.lookup_lists import list_lookups
from embtune.store.weak_runs import insert_weak_run

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from embtune.project import Project
    from embtune.records.refinery import Heuristic, Slice, Snapshot, Task, WeakRun

MODEL = "refinery"
_LONGEST_TASK = 100  # characters of a task's name


def import_refinery(
    project: Project,
    source: Path | bytes,
    *,
    name: str | None = None,
    text: str | None = None,
    report: Report = silent,
) -> dict[str, Any]:
    """Fill an empty project with a refinery snapshot.

    If this fails half-way, what came over stays: only whoever made the project may throw it away, as
    `embtune.work.beginning.refinery_into_new` does.

    Parameters
    ----------
    source
        The snapshot's zip (or its JSON): a path, or the bytes of an upload.
    name
        Its file name; needed with bytes.
    text
        The text template; chosen by the fields if not given.

    Returns
    -------
    dict
        `report`: lines of {"what", "came", "left", "note", "said"}; `notes`: sentences; and the counts
        `n_records`, `n_labels`, `n_heuristics`, `n_lookup_lists`, `n_manual`, `n_weak`.

    Raises
    ------
    BadFileError
        If the file is no snapshot, damaged or hostile: in one sentence, before anything is written.
    TemplateError
        If its records cannot be read with that template: before anything is written, too.
    BadInputError
        If the project holds something already.
    """
    from embtune.records.refinery import checked, read_snapshot
    from embtune.records.refinery import report as told
    from embtune.records.template import TextTemplate

    refuse_filled(project)
    report(0, 6, "steps", "reading the snapshot")
    snapshot = read_snapshot(source, name=name)
    template = text or project.info.template
    if template is not None:
        TextTemplate.parse(template).check(snapshot.table.columns)
    filled = _Filling(project, snapshot)
    filled.records(text, report)
    report(2, 6, "steps", "label tasks and look-up lists")
    filled.tasks()
    filled.lists()
    report(3, 6, "steps", "labels")
    filled.votes()
    report(4, 6, "steps", "heuristics")
    filled.heuristics()
    report(5, 6, "steps", "slices and comments")
    filled.slices()
    filled.comments()
    lines = told(snapshot, checked(snapshot))
    return {
        "report": [
            {"what": one.what, "came": one.came, "left": one.left, "note": one.note, "said": str(one)}
            for one in lines
        ],
        "notes": [*snapshot.notes, *filled.notes],
        "n_records": project.n_records,
        "n_labels": sum(len(task.labels) for task in snapshot.classifying),
        "n_heuristics": len(snapshot.heuristics),
        "n_lookup_lists": len(snapshot.lists),
        "n_manual": sum(map(len, snapshot.manual.values())),
        "n_weak": sum(len(run.votes) for run in snapshot.weak_runs),
    }


def what_is_in(project: Project) -> str | None:
    """Name the first thing that a project holds, such as "records"; None if it is empty."""
    db = project.db
    held = {
        "records": project.n_records,
        "labels": list_labels(db, project.id),
        "label tasks": len(project.tasks) > 1,
        "look-up lists": list_lookups(db, project.id),
        "heuristics": list_heuristics(db, project.id, None),
        "slices": project.slices(),
    }
    return next((what for what, there in held.items() if there), None)


def refuse_filled(project: Project) -> None:
    """Raise BadInputError if a project holds something: a snapshot would mix with it."""
    held = what_is_in(project)
    if held is not None:
        raise BadInputError(
            f"Project {project.name!r} has {held} already: bring a refinery snapshot into a new project."
        )


class _Filling:
    """A snapshot on its way into an empty project."""

    def __init__(self, project: Project, snapshot: Snapshot) -> None:
        self._project, self._snapshot = project, snapshot
        self._views: dict[str, Project] = {}
        self._lists: dict[str, int] = {}
        self._rows: NDArray[np.int64] = np.empty(0, np.int64)
        self.notes: list[str] = []

    def records(self, text: str | None, report: Report) -> None:
        """Bring in the records, and note which row each became."""
        import json

        from embtune.records.identity import record_id

        rows = self._snapshot.table.rows
        report(1, 6, "steps", f"{len(rows):,} records")
        done = self._project.import_records(
            json.dumps(rows, ensure_ascii=False).encode(), name="snapshot.json", text=text
        )
        places = {key: row for row, key in enumerate(self._project.record_ids)}
        self._rows = np.array([places.get(record_id(row), ABSTAIN) for row in rows], dtype=np.int64)
        if done.n_known:
            self.notes.append(f"{done.n_known:,} records had the content of another and were joined with it.")
        if done.n_empty:
            self.notes.append(f"{done.n_empty:,} records have no text and were left out.")

    def tasks(self) -> None:
        """Make the label tasks that label whole records, with their labels."""
        for i, task in enumerate(self._snapshot.classifying):
            name = task.name.strip()[:_LONGEST_TASK] or "Labels"
            if i == 0:
                self._project.change_task(name=name)
                self._views[task.name] = self._project
            else:
                self._views[task.name] = self._project.add_task(name)
            self._labels(self._views[task.name], task)

    def _labels(self, view: Project, task: Task) -> None:
        own = {label.hotkey for label in task.labels}
        reserved: list[str] = []
        twice: list[str] = []
        for label in task.labels:
            key, known = label.hotkey, {one.hotkey for one in view.labels}
            if key is not None and (key not in HOTKEYS or key in known):
                (twice if key in known else reserved).append(f"{label.name} ({key})")
                key = None
            view.label_set.create(label.name, color=label.color, hotkey=key or hotkey_for(known | own))
        if reserved:
            self.notes.append(
                f"These keys mean something else here, so others were taken: {', '.join(reserved)}."
            )
        if twice:
            self.notes.append(
                f"These keys belong to another label, so others were taken: {', '.join(twice)}."
            )

    def lists(self) -> None:
        """Make the look-up lists."""
        for one in self._snapshot.lists:
            made = self._project.lookup_lists.add(one.name, one.terms, description=one.description)
            self._lists[one.name] = made.id

    def votes(self) -> None:
        """Write the manual labels of each person, and the weak labels as an earlier run."""
        for name, manual in self._snapshot.manual.items():
            view = self._views[name]
            for user in dict.fromkeys(manual.users):
                of = np.array([i for i, who in enumerate(manual.users) if who == user], dtype=np.int64)
                given = self._given(view, name, manual.rows[of], manual.labels[of], np.ones(len(of)))
                if given:
                    self._write(view, given, "manual", user, f"{len(given):,} manual labels of {user}")
        for run in self._snapshot.weak_runs:
            self._weak(self._views[run.task], run)

    def _given(
        self,
        view: Project,
        task: str,
        rows: NDArray[np.int64],
        labels: NDArray[np.int64],
        confidence: NDArray[Any],
    ) -> list[Vote]:
        ids = [view.label_named(label.name).id for label in self._snapshot.task(task).labels]
        last = {
            int(self._rows[row]): Vote(int(self._rows[row]), ids[label], "label", float(sure))
            for row, label, sure in zip(rows.tolist(), labels.tolist(), confidence.tolist(), strict=True)
            if self._rows[row] != ABSTAIN
        }
        return list(last.values())

    def _write(self, view: Project, given: Sequence[Vote], source: str, who: str, what: str) -> int:
        with view.db.write() as connection:
            return insert_action(
                connection,
                view.id,
                given,
                source=source,
                annotator=who,
                label_id=None,
                summary=f"Brought over {what} from refinery",
                detail={"file": self._snapshot.file},
                task_id=view.task.id,
            )

    def _weak(self, view: Project, run: WeakRun) -> None:
        from embtune.work.weak_runs import save_weak_labels

        votes = run.votes
        given = self._given(view, run.task, votes.rows, votes.labels, votes.confidence)
        if not given:
            return
        action = self._write(view, given, "weak supervision", view.annotator, f"{len(given):,} weak labels")
        labels = np.full(view.n_records, ABSTAIN, dtype=np.int64)
        confidence = np.zeros(view.n_records, dtype=np.float32)
        for vote in given:
            assert vote.label_id is not None
            labels[vote.row], confidence[vote.row] = vote.label_id, vote.confidence
        file = save_weak_labels(view, labels, confidence)
        with view.db.write() as connection:
            insert_weak_run(
                connection,
                view.id,
                view.task.id,
                model=MODEL,
                parameters={},
                heuristics=[{"name": name} for name in run.heuristics],
                metrics={"finished_at": run.finished_at},
                n_labelled=len(given),
                file=file,
                action_id=action,
                created_by=view.annotator,
                seconds=0.0,
            )

    def heuristics(self) -> None:
        """Make the heuristics; what stays code is switched off."""
        first = next(iter(self._views.values()), None)
        for one in self._snapshot.heuristics:
            view = self._views.get(one.task, first)
            if view is None:
                self.notes.append(f"The heuristic {one.name!r} did not come over: there is no task for it.")
                continue
            try:
                made = view.heuristics.add(
                    one.kind, one.name, description=one.description, **self._config(one)
                )
            except EmbtuneError as error:
                self.notes.append(f"The heuristic {one.name!r} did not come over: {error}")
                continue
            if one.kind == "code" or not one.selected:
                view.heuristics.select({made.id: False})

    def _config(self, one: Heuristic) -> dict[str, Any]:
        from embtune.records.refinery import Learner, Lookup

        config = one.config
        if isinstance(config, Lookup):
            return {
                "label": config.label,
                "lists": [self._lists[name] for name in config.lists],
                "terms": list(config.terms),
                "fields": list(config.fields),
                "match": config.match,
                "case": config.case,
            }
        if isinstance(config, Learner):
            return {
                "classifier": config.classifier,
                "embedding": "raw",
                "min_confidence": config.min_confidence,
                "labels": list(config.labels or ()),
            }
        return {"source": one.code}

    def slices(self) -> None:
        """Keep the slices that could be said in our words."""
        for one in self._snapshot.slices:
            if not one.lost:
                self._slice(one)

    def _slice(self, one: Slice) -> None:
        view = self._views.get(one.task or "", self._project)
        try:
            if one.rows is not None:
                rows = self._rows[list(one.rows)]
                view.save_slice(one.name, rows=rows[rows != ABSTAIN])
            else:
                view.save_slice(one.name, query=one.query)
        except EmbtuneError as error:
            self.notes.append(f"The slice {one.name!r} did not come over: {error}")

    def comments(self) -> None:
        """Write the comments under their authors' names."""
        for one in self._snapshot.comments:
            row = int(self._rows[one.row])
            if row != ABSTAIN:
                self._project.view(annotator=one.user).comment(row, one.text)
