"""The façade: everything a page, the command line or a script can do with one corpus."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from embtune.errors import BadInputError, NotFoundError, NotReadyError, UnknownChoiceError
from embtune.labeling import label_tasks, undoing
from embtune.labeling import spot_check as spot_checks
from embtune.labeling.journal import LabelBook
from embtune.labeling.judgements import Judgement, JudgementBook
from embtune.labeling.label_set import LabelSet
from embtune.labeling.sessions import SessionBook
from embtune.labeling.state import (
    NONE_OF_THESE,
    NONE_OF_THESE_NAME,
    SOURCES,
    LabelState,
    kept_aside,
    resolve,
)
from embtune.settings import Settings, get_settings
from embtune.store import artifacts, journal
from embtune.store import records as record_store
from embtune.store import sessions as session_store
from embtune.store import tasks as task_store
from embtune.store.database import Database, ensure_folder, get_database
from embtune.store.heuristics import list_heuristics
from embtune.store.jobs import JobRow, get_job, list_jobs
from embtune.store.labelset import Label, label_targets, labels_ever, list_labels, under_labels_of_now
from embtune.store.lookup_lists import list_lookups
from embtune.store.marks import COMMENT, FLAG, Mark, MarkLog, Marks
from embtune.store.projects import (
    ProjectCard,
    ProjectRow,
    create_project,
    delete_project,
    find_project,
    get_project,
    list_projects,
    revision_of,
    update_project,
)
from embtune.store.slices import Slice
from embtune.store.tasks import Task
from embtune.store.votes import VoteLog, Votes

if TYPE_CHECKING:
    from embtune.embedding.device import Device
    from embtune.embedding.encoder import Encoder
    from embtune.embedding.models import ResolvedModel
    from embtune.exploring.duplicates import DuplicateGroups
    from embtune.labeling.agreement import Difference, PairAgreement
    from embtune.neighbors.compare import Neighborhood
    from embtune.neighbors.exact import ExactIndex
    from embtune.tuning.judgements import Judgements
    from embtune.tuning.model import TunedModel
    from embtune.work.changes import Changes
    from embtune.work.clustering import Clustering, ClusterLine
    from embtune.work.comparison import Comparison
    from embtune.work.finding import LabelErrors
    from embtune.work.heuristics import HeuristicBook
    from embtune.work.importing import ImportResult
    from embtune.work.label_hints import Hints
    from embtune.work.looking import Look
    from embtune.work.lookup_lists import LookupBook
    from embtune.work.moving import Movement
    from embtune.work.neighborhoods import Shares
    from embtune.work.overview import NextStep, Progress, Standing
    from embtune.work.predicting import Calibration
    from embtune.work.versions import LabelsSince
    from embtune.work.weak_supervision import WeakBook

Records = Sequence[str] | Sequence[int] | NDArray[np.int64]

_STOP_SECONDS = 8.0  # a job that does not hear its cancel leaves by itself before that


@dataclass(frozen=True)
class Record:
    """A record with the label in force; `row` is its line in every matrix."""

    row: int
    id: str
    text: str
    fields: dict[str, Any]
    label: str | None
    source: str | None
    confidence: float
    reference_label: str | None
    flagged: bool = False
    comments: tuple[Mark, ...] = ()


@dataclass(frozen=True)
class Neighbor:
    """One neighbour of a record: cosine in [-1, 1], rank from 1."""

    rank: int
    record: Record
    cosine: float


def open_project(name: str, *, create: bool = True, task: str | None = None) -> Project:
    """Open a project by name; it is created on first use unless `create` is false.

    `task` names one of its label tasks; by default the first.
    """
    db = get_database()
    found = find_project(db, name)
    if found is None and not create:
        known = [count.name for count in list_projects(db)]
        raise NotFoundError(
            f"There is no project {name!r}. "
            + (f"There are: {', '.join(known)}." if known else "Import a file to make one.")
        )
    project = Project(db, found or create_project(db, name, model=get_settings().model))
    return project.view(task=task) if task is not None else project


def project_names() -> list[str]:
    """Names of all projects, the last used first; counting their labels would take long on every page."""
    return [found.name for found in list_projects(get_database())]


def project_cards() -> list[ProjectCard]:
    """All projects with their counts, the last used first."""
    db = get_database()
    return [
        ProjectCard(
            name=found.name,
            n_records=found.n_records,
            n_labelled=_n_labelled(db, found.id, found.revision, found.n_records),
            n_running_jobs=found.n_running_jobs,
            opened_at=found.opened_at,
        )
        for found in list_projects(db)
    ]


@lru_cache(maxsize=256)
def _n_labelled(db: Database, project_id: int, revision: int, n_records: int) -> int:
    # By revision: only a project whose labels changed is counted anew.
    first = task_store.list_tasks(db, project_id)[0]
    return int(resolve(VoteLog(project_id, first.id, SOURCES).live(db), n_records).labelled.sum())


# What does not hang on a label task, and so is kept once for all views of a project.
_SHARED = frozenset({"n", "ids", "fields", "field", "row of id", "texts", "columns", "vectors", "index"}) | {
    *("graph", "label names", "encoder", "model", "map", "aside", "hover", "marks", "annotations"),
    *("clustering", "near", "near duplicates", "outliers"),
    *("plain texts", "folds", "made of texts", "words beside", "text index", "reference rows"),
}


class Project:
    """One corpus with its labels, embeddings and models, under one of its label tasks.

    Safe to share between threads. What was computed from labels or vectors is kept until they change.
    """

    def __init__(
        self,
        db: Database,
        info: ProjectRow,
        *,
        task: Task | None = None,
        annotator: str | None = None,
        beside: Project | None = None,
    ) -> None:
        self.db = db
        self.id = info.id
        self.name = info.name
        self._annotator = annotator
        self._task_id = task.id if task else task_store.list_tasks(db, info.id)[0].id
        self._cache: dict[Any, Any] = beside._cache if beside else {}
        self._locks: dict[Any, threading.RLock] = beside._locks if beside else {}
        self._lock: threading.Lock = beside._lock if beside else threading.Lock()
        self.book = LabelBook(self)
        self.label_set = LabelSet(self)
        self.sessions_book = SessionBook(self)
        self.judgement_book = JudgementBook(self)

    @property
    def heuristics(self) -> HeuristicBook:
        """The heuristics of this label task; see `embtune.work.heuristics`."""
        from embtune.work.heuristics import HeuristicBook

        return HeuristicBook(self)

    @property
    def lookup_lists(self) -> LookupBook:
        """The look-up lists that heuristics share; see `embtune.work.lookup_lists`."""
        from embtune.work.lookup_lists import LookupBook

        return LookupBook(self)

    @property
    def weak(self) -> WeakBook:
        """Weak supervision: labels out of the heuristics' votes; see `embtune.work.weak_supervision`."""
        from embtune.work.weak_supervision import WeakBook

        return WeakBook(self)

    # ---- what it is -------------------------------------------------------------------------

    @property
    def settings(self) -> Settings:
        """The settings in force."""
        return get_settings()

    @property
    def annotator(self) -> str:
        """Who votes, unless a call says otherwise."""
        return self._annotator or self.settings.annotator

    def view(self, *, task: str | None = None, annotator: str | None = None) -> Project:
        """Return this project under another label task, or for another annotator; they share what they keep.

        Raises
        ------
        UnknownChoiceError
            If there is no such task.
        """
        known = {one.name: one for one in self.tasks}
        if task is not None and task not in known:
            raise UnknownChoiceError("label task", task, list(known))
        return Project(
            self.db,
            self.info,
            task=self.task if task is None else known[task],
            annotator=annotator or self._annotator,
            beside=self,
        )

    @property
    def tasks(self) -> list[Task]:
        """The label tasks in their order: questions asked of every record, each with its own labels."""
        return task_store.list_tasks(self.db, self.id)

    @property
    def task(self) -> Task:
        """The label task that this view is under.

        Raises
        ------
        NotFoundError
            If it was deleted meanwhile, or the project was.
        """
        for one in self.tasks:
            if one.id == self._task_id:
                return one
        raise NotFoundError(
            f"The label task of project {self.name!r} was deleted: open another."
            if self.exists
            else f"Project {self.name!r} was deleted."
        )

    def add_task(self, name: str, *, description: str = "") -> Project:
        """Add a label task; return the project under it."""
        return label_tasks.add_task(self, name, description=description)

    def task_impact(self) -> str:
        """What hangs on this view's label task, in words."""
        return label_tasks.task_impact(self)

    def tasks_ever(self) -> dict[int, task_store.TaskRow]:
        """All label tasks by number, also those that were deleted."""
        return task_store.tasks_ever(self.db, self.id)

    def change_task(self, *, name: str | None = None, description: str | None = None) -> None:
        """Rename this view's label task, or describe it anew."""
        label_tasks.change_task(self, name=name, description=description)

    def delete_task(self) -> None:
        """Take out this view's label task with its labels and answers; undo brings it back."""
        label_tasks.delete_task(self)

    @property
    def info(self) -> ProjectRow:
        """The project as the database has it now."""
        found = get_project(self.db, self.id)
        if found is None:
            raise NotFoundError(f"Project {self.name!r} was deleted.")
        return found

    @property
    def exists(self) -> bool:
        """Whether nobody has deleted it meanwhile."""
        return get_project(self.db, self.id) is not None

    def folder(self, *parts: str) -> Path:
        """Return a folder of this project's files, made if absent."""
        return ensure_folder(self.settings.home_path.joinpath("projects", str(self.id), *parts))

    def path(self, stored: str) -> Path:
        """Return the full path of a file named in the database."""
        return self.settings.home_path / stored

    def relative(self, path: Path) -> str:
        """Return a path as the database keeps it: relative to the home folder."""
        return str(path.relative_to(self.settings.home_path))

    def cached(self, key: Any, stamp: Any, make: Any) -> Any:
        """Return what `make()` gave for this key and stamp, computing it once.

        Threads that ask for other keys do not wait. `make` may ask for other keys, but not in a circle.
        """
        if (key if isinstance(key, str) else key[0]) not in _SHARED:
            key = (self._task_id, key)
        known = self._cache.get(key)
        if known is not None and known[0] == stamp:
            return known[1]
        with self._lock:
            lock = self._locks.setdefault(key, threading.RLock())
        with lock:
            known = self._cache.get(key)
            if known is not None and known[0] == stamp:
                return known[1]
            value = make()
            self._cache[key] = (stamp, value)
            return value

    @property
    def revision(self) -> int:
        """Counter that every change of labels or records raises."""
        found = revision_of(self.db, self.id)
        if found is None:
            raise NotFoundError(f"Project {self.name!r} was deleted.")
        return found

    def touch(self) -> None:
        """Note that the project was opened now."""
        update_project(self.db, self.id, opened_at=time.time())

    def delete(self) -> None:
        """Stop the project's jobs, and remove it with its labels, its models and its files."""
        import shutil

        for job in self.jobs(active=True):
            self.cancel(job.id)
        until = time.monotonic() + _STOP_SECONDS
        while self.jobs(active=True) and time.monotonic() < until:
            time.sleep(0.1)
        folder = self.folder()
        delete_project(self.db, self.id)
        shutil.rmtree(folder, ignore_errors=True)

    def status(self) -> dict[str, Any]:
        """Counts and names of all there is, as `embtune status --json` prints it."""
        state = self.label_state()
        return {
            "project": self.name,
            "n_records": self.n_records,
            "n_reference": int((self.reference() >= 0).sum()),
            "n_labelled": int(state.labelled.sum()),
            "annotations": self.cached(
                "annotations", self.revision, lambda: journal.count_by_source(self.db, self.id)
            ),
            "task": self.task.name,
            "tasks": [one.name for one in self.tasks],
            "labels": [label.name for label in self.labels],
            "template": self.info.template,
            "embeddings": [
                {"name": e.name, "model": e.model, "dim": e.dim, "n_records": e.n_rows, **e.detail}
                for e in self.embeddings
            ],
            "active_embedding": self.active_embedding,
            "versions": [
                {
                    "name": v.name,
                    "recipe": v.recipe,
                    "n_labels": v.labels.get("n"),
                    "metrics": v.metrics,
                    "active": v.name == self.active_embedding,
                }
                for v in self.versions
            ],
            "maps": [{"embedding": m.embedding, "method": m.method} for m in self.maps],
            "sessions": len(self.sessions()),
            "heuristics": dict(Counter(row.kind for row in list_heuristics(self.db, self.id, None))),
            "lookup_lists": len(list_lookups(self.db, self.id)),
            "judgements": {
                "pairs": sum(one.kind == "pair" for one in self.judgements()),
                "triplets": sum(one.kind == "triplet" for one in self.judgements()),
            },
        }

    # ---- records ----------------------------------------------------------------------------

    def import_records(self, source: Path | str | bytes, **options: Any) -> ImportResult:
        """Bring in a file of records; see `embtune.work.importing.import_records`."""
        from embtune.work.importing import import_records

        return import_records(self, Path(source) if isinstance(source, str) else source, **options)

    def import_sample(self) -> ImportResult:
        """Bring in the bundled sample: news in five topics, with reference labels and no votes."""
        import json

        from embtune.records.sample import SAMPLE_REFERENCE_FIELD, SAMPLE_TEMPLATE, sample_rows

        return self.import_records(
            json.dumps(sample_rows()).encode(),
            name="sample.json",
            text=SAMPLE_TEMPLATE,
            reference_field=SAMPLE_REFERENCE_FIELD,
        )

    @property
    def n_records(self) -> int:
        """How many records there are."""
        return int(self.cached("n", self.revision, lambda: record_store.count_records(self.db, self.id)))

    @property
    def record_ids(self) -> list[str]:
        """Every record's id, by row."""
        ids: list[str] = self.cached("ids", self.n_records, lambda: record_store.fetch_ids(self.db, self.id))
        return ids

    @property
    def field_names(self) -> list[str]:
        """Names of the imported fields."""
        names: list[str] = self.cached(
            "fields", self.n_records, lambda: record_store.field_names(self.db, self.id)
        )
        return names

    def field_values(self, field: str) -> list[Any]:
        """One imported field of every record, by row."""
        values: list[Any] = self.cached(
            ("field", field), self.n_records, lambda: record_store.fetch_field(self.db, self.id, field)
        )
        return values

    def rows_of(self, chosen: Records | str | int) -> NDArray[np.int64]:
        """Turn record ids, row numbers or a mask over all rows into row numbers.

        Raises
        ------
        NotFoundError
            Naming the first that does not exist.
        BadInputError
            If a mask has another length than there are records.
        """
        items = [chosen] if isinstance(chosen, (str, int, np.integer)) else chosen
        if isinstance(items, np.ndarray) and items.dtype.kind == "b":
            if items.shape != (self.n_records,):
                raise BadInputError(
                    f"The mask has the shape {items.shape}, but there are {self.n_records:,} records."
                )
            rows = np.flatnonzero(items)
        elif isinstance(items, np.ndarray) and items.dtype.kind in "iu":
            rows = items.astype(np.int64)
        elif any(isinstance(item, str) for item in items):
            index = self.cached(
                "row of id", self.n_records, lambda: {key: row for row, key in enumerate(self.record_ids)}
            )
            missing = next((item for item in items if str(item) not in index), None)
            if missing is not None:
                raise NotFoundError(f"Project {self.name!r} has no record {missing!r}.")
            rows = np.array([index[str(item)] for item in items], dtype=np.int64)
        else:
            rows = np.array([int(item) for item in items], dtype=np.int64)
        if len(rows) and (rows.min() < 0 or rows.max() >= self.n_records):
            bad = rows[(rows < 0) | (rows >= self.n_records)][0]
            raise NotFoundError(f"Project {self.name!r} has no row {bad}; it has {self.n_records:,} records.")
        return rows

    def records(self, chosen: Records) -> list[Record]:
        """Return those records, in that order, with the labels in force."""
        state = self.label_state()
        names = {label.id: label.name for label in self.labels}
        targets = label_targets(self.db, self.id)
        marks = self.marks()
        return [
            self._record(stored, state, names, targets, marks.get(stored.row, ()))
            for stored in record_store.fetch_records(self.db, self.id, self.rows_of(chosen).tolist())
        ]

    def record(self, chosen: str | int) -> Record:
        """Return one record by id or row."""
        return self.records(self.rows_of(chosen))[0]

    def _record(
        self,
        stored: record_store.StoredRecord,
        state: LabelState,
        names: Mapping[int, str],
        targets: Mapping[int, int | None],
        marks: Sequence[Mark],
    ) -> Record:
        label_id = int(state.label_ids[stored.row])
        source = int(state.sources[stored.row])
        known = stored.reference_label_id
        known = targets.get(known, known) if known is not None else None
        return Record(
            row=stored.row,
            id=stored.id,
            text=stored.text,
            fields=stored.fields,
            label=NONE_OF_THESE_NAME if label_id == NONE_OF_THESE else names.get(label_id),
            source=SOURCES[source] if source >= 0 else None,
            confidence=float(state.confidence[stored.row]),
            reference_label=names.get(known) if known is not None else None,
            flagged=any(mark.kind == FLAG for mark in marks),
            comments=tuple(mark for mark in marks if mark.kind == COMMENT),
        )

    def marks(self) -> dict[int, list[Mark]]:
        """Flags and comments in force, by row."""
        return self._marks().by_row

    def flagged_rows(self) -> NDArray[np.int64]:
        """Rows of the records with a flag, ascending."""
        return self._marks().flagged

    def _marks(self) -> Marks:
        log: MarkLog = self.cached("marks", 0, lambda: MarkLog(self.id))
        return log.now(self.db)

    def flag(self, chosen: Records | str | int, on: bool = True) -> journal.Action:
        """Flag records for a second look, or take the flag off; see `LabelBook.flag`."""
        return self.book.flag(chosen, on)

    def comment(self, chosen: str | int, text: str) -> journal.Action:
        """Write a comment on a record; see `LabelBook.comment`."""
        return self.book.comment(chosen, text)

    def search(self, words: str, *, limit: int = 50) -> list[Record]:
        """Records whose text contains all the words, whatever their case."""
        return (
            self.records(record_store.search_text(self.db, self.id, words, limit=limit))
            if words.strip()
            else []
        )

    def search_ids(self, prefix: str, *, limit: int = 50) -> list[Record]:
        """Records whose id begins so."""
        return (
            self.records(record_store.search_ids(self.db, self.id, prefix, limit=limit))
            if prefix.strip()
            else []
        )

    # ---- filters and slices -----------------------------------------------------------------

    def rows_matching(
        self, query: Mapping[str, Any] | None = None, *, sort: Mapping[str, Any] | None = None
    ) -> NDArray[np.int64]:
        """Rows of the records that a filter finds, in order; see `embtune.work.filtering`."""
        from embtune.work.filtering import rows_matching

        return rows_matching(self, query, sort=sort)

    def still_matching(
        self, query: Mapping[str, Any] | None, rows: NDArray[np.int64]
    ) -> NDArray[np.bool_] | None:
        """Tell which of some rows a filter still finds; None where a new model would have to say."""
        from embtune.work.filtering import still_matching

        return still_matching(self, query, rows)

    def matches_in(self, query: Mapping[str, Any] | None, texts: Sequence[str]) -> list[list[str]]:
        """Cut texts where a filter's words stand: every second piece is a match."""
        from embtune.work.filtering import matches_in

        return matches_in(self, query, texts)

    def similarities(
        self, query: Mapping[str, Any] | None, rows: NDArray[np.int64]
    ) -> NDArray[np.float32] | None:
        """Cosines of some rows to what a filter is similar to; None if to nothing."""
        from embtune.work.filtering import similarities

        return similarities(self, query, rows)

    def slices(self) -> list[Slice]:
        """The slices, by name: filters and lists of records that were kept."""
        from embtune.work.slices import slices

        return slices(self)

    def slice_rows(self, name: str) -> NDArray[np.int64]:
        """Rows of the records that a slice holds now; see `embtune.work.slices`."""
        from embtune.work.slices import slice_rows

        return slice_rows(self, name)

    def save_slice(self, name: str, **options: Any) -> Slice:
        """Keep a filter (`query=`) or a list of records (`rows=`) under a name; see `embtune.work.slices`."""
        from embtune.work.slices import save_slice

        return save_slice(self, name, **options)

    def rename_slice(self, name: str, new_name: str) -> Slice:
        """Give a slice another name."""
        from embtune.work.slices import rename_slice

        return rename_slice(self, name, new_name)

    def delete_slice(self, name: str) -> None:
        """Forget a slice; its records stay."""
        from embtune.work.slices import delete_slice

        delete_slice(self, name)

    # ---- labels -----------------------------------------------------------------------------

    @property
    def labels(self) -> list[Label]:
        """The label set in its order."""
        found: list[Label] = self.cached(
            "labels", self.revision, lambda: list_labels(self.db, self.id, self._task_id)
        )
        return found

    def label_named(self, name: str) -> Label:
        """Return the label of that name."""
        for label in self.labels:
            if label.name == name:
                return label
        raise UnknownChoiceError("label", name, [label.name for label in self.labels])

    def add_label(self, name: str, **options: Any) -> Label:
        """Add a class name to the label set; see `LabelBook.add_label`."""
        return self.book.add_label(name, **options)

    def label(self, chosen: Records | str | int, label: str | None, **options: Any) -> journal.Action:
        """Give records a label (None: "none of these") as one action; see `LabelBook.label`."""
        return self.book.label(chosen, label, **options)

    def accept_predictions(self, chosen: Records, **options: Any) -> journal.Action:
        """Label records as the quick model predicts, as one action; see `embtune.labeling.accepting`."""
        from embtune.labeling.accepting import accept_predictions

        return accept_predictions(self, chosen, **options)

    def label_from_file(self, source: Path | str | bytes, **options: Any) -> dict[str, Any]:
        """Add the votes of a file; see `embtune.work.label_files.label_from_table`."""
        from embtune.work.label_files import label_from_table

        options = {"name": None, "annotator": self.annotator, "label_source": "import"} | options
        return label_from_table(self, Path(source) if isinstance(source, str) else source, **options)

    def undo(self, action_id: int | None = None) -> journal.Action | None:
        """Take back an action as a whole, the annotator's last here by default; None if there is none."""
        return self.book.undo(action_id)

    def redo(self, action_id: int | None = None) -> journal.Action | None:
        """Bring back an undone action, the annotator's last undone here by default; None if there is none."""
        return self.book.redo(action_id)

    def history(self, limit: int = 50, *, label: str | None = None, **filters: Any) -> list[journal.Action]:
        """The newest actions first, undone ones too.

        Parameters
        ----------
        label
            Only what gave or changed a label, by the name it has or had.
        filters
            `before` (an action's number), `kind`, `annotator`, `since`, `until`, `undone`, `task_id`,
            `n_at_least` (records).
        """
        if label is not None:
            filters["label_ids"] = [i for i, name in labels_ever(self.db, self.id).items() if name == label]
        return journal.list_actions(self.db, self.id, limit=limit, **filters)

    def annotators(self) -> list[str]:
        """Everybody who did something in this project, by name."""
        return journal.list_annotators(self.db, self.id)

    def why_not(self, actions: Sequence[journal.Action]) -> dict[int, str]:
        """Say of actions that cannot be undone (or redone, once undone) why not, by action number."""
        return undoing.refusals(self, actions)

    def rows_of_action(self, action_id: int) -> NDArray[np.int64]:
        """Rows of the records that an action labelled, marked or judged."""
        return journal.rows_of_action(self.db, self.id, action_id)

    def spot_check(self, action_id: int) -> int:
        """Draw ten records of an action into a session, to see how many are wrong; return its number."""
        return spot_checks.spot_check(self, action_id)

    def spot_check_result(self, action_id: int) -> spot_checks.SpotCheck | None:
        """What the spot checks of an action found; None if there was none."""
        return spot_checks.spot_check_result(self, action_id)

    def spot_check_results(self, actions: Sequence[journal.Action]) -> dict[int, spot_checks.SpotCheck]:
        """The same for several actions, by action number; those never checked are left out."""
        return spot_checks.results(self, actions)

    def judge_pair(
        self, a: str | int, b: str | int, score: float | None, annotator: str | None = None
    ) -> journal.Action:
        """Say how similar two records are, 1 similar to 0 different; None takes it back.

        See `JudgementBook.pair`.
        """
        return self.judgement_book.pair(a, b, score, annotator=annotator)

    def judge_triplet(
        self, anchor: str | int, closer: str | int, farther: str | int, annotator: str | None = None
    ) -> journal.Action:
        """Say that one record is closer to the anchor than another is; see `JudgementBook.triplet`."""
        return self.judgement_book.triplet(anchor, closer, farther, annotator=annotator)

    def judgements(self) -> list[Judgement]:
        """The similarity judgements in force: what each annotator last said of a pair or triplet."""
        return self.judgement_book.in_force()

    def undo_judgement(self, judgement_id: int | None = None) -> journal.Action | None:
        """Take back a judgement with all that came in its action, the last one by default."""
        return self.judgement_book.undo(judgement_id)

    def import_judgements(self, source: Path | str | bytes, **options: Any) -> dict[str, Any]:
        """Add the judgements of a file, all or none; see `JudgementBook.import_file`."""
        return self.judgement_book.import_file(Path(source) if isinstance(source, str) else source, **options)

    def judgements_for_training(self) -> Judgements:
        """Gather the judgements a training may learn from; see `embtune.work.judging`."""
        from embtune.work.judging import judgements_for_training

        return judgements_for_training(self)

    def n_judgements_left_out(self) -> int:
        """How many judgements train nothing, because they touch records that are measured on."""
        from embtune.work.judging import n_judgements_left_out

        return n_judgements_left_out(self)

    def label_state(self) -> LabelState:
        """The label in force of every record."""
        state: LabelState = self.cached(
            "state",
            self.revision,
            lambda: resolve(self._votes().live(self.db), record_store.count_records(self.db, self.id)),
        )
        return state

    def live_votes(self) -> Votes:
        """The votes of this task that are not undone, oldest first."""
        return self._votes().live(self.db)

    def _votes(self) -> VoteLog:
        log: VoteLog = self.cached("votes", 0, lambda: VoteLog(self.id, self._task_id, SOURCES))
        return log

    def reference(self) -> NDArray[np.int64]:
        """Reference label number of every record, -1 where there is none. Shape (n,)."""

        def load() -> NDArray[np.int64]:
            given = self.cached(
                "reference rows",
                record_store.reference_state(self.db, self.id),
                lambda: record_store.reference_labels(self.db, self.id),
            )
            rows, now = given[:, 0], under_labels_of_now(given[:, 1], label_targets(self.db, self.id))
            now[~np.isin(now, [label.id for label in self.labels])] = -1
            out = np.full(self.n_records, -1, dtype=np.int64)
            out[rows] = now
            return out

        found: NDArray[np.int64] = self.cached("reference", self.revision, load)
        return found

    @property
    def measures_on_reference(self) -> bool:
        """Whether there are enough reference labels to measure on: ten in two classes."""
        known = self.reference()
        known = known[known >= 0]
        return len(known) >= 10 and len(np.unique(known)) >= 2

    def kept_aside(self) -> NDArray[np.bool_]:
        """Records whose labels measure and never train, in a project without reference labels. Shape (n,)."""
        found: NDArray[np.bool_] = self.cached("aside", self.n_records, lambda: kept_aside(self.record_ids))
        return found

    # ---- embeddings and neighbours ----------------------------------------------------------

    def embed(self, **options: Any) -> dict[str, Any]:
        """Make or extend the embedding `raw`; see `embtune.work.embedding.embed`."""
        from embtune.work.embedding import embed

        return embed(self, **options)

    @property
    def embeddings(self) -> list[artifacts.EmbeddingRow]:
        """The embeddings, raw first."""
        return artifacts.list_embeddings(self.db, self.id)

    def find_embedding(self, name: str) -> artifacts.EmbeddingRow | None:
        """Return the embedding of that name, if it exists."""
        return next((row for row in self.embeddings if row.name == name), None)

    def require_embedding(self, name: str) -> artifacts.EmbeddingRow:
        """Return an embedding by name, `active` or `best`, or say what to do.

        Raises
        ------
        NotReadyError, UnknownChoiceError
            If nothing is embedded yet, records are missing in it, or the name is unknown.
        """
        found = self.embeddings
        if not found:
            raise NotReadyError(
                f"Project {self.name!r} is not embedded yet: run `embtune embed` or press Embed on Projects."
            )
        wanted = self.active_embedding if name in ("active", "best") else name
        for row in found:
            if row.name == wanted:
                return row
        raise UnknownChoiceError("embedding", name, [row.name for row in found])

    @property
    def active_embedding(self) -> str:
        """Name of the embedding that pages start with: the promoted version, else raw."""
        return self.info.active_embedding

    def vectors(self, name: str = "raw") -> NDArray[np.float32]:
        """The matrix of an embedding: (n, d), rows of unit length, float32, in memory."""
        from embtune.embedding.matrix import open_matrix

        row = self.require_embedding(name)
        found: NDArray[np.float32] = self.cached(
            ("vectors", row.name),
            row.file,
            lambda: np.ascontiguousarray(open_matrix(self.path(row.file)), dtype=np.float32),
        )
        return found

    def index(self, name: str = "raw") -> ExactIndex:
        """The exact neighbour index of an embedding, built once."""
        from embtune.neighbors.exact import ExactIndex

        row = self.require_embedding(name)
        index: ExactIndex = self.cached(
            ("index", row.name), row.file, lambda: ExactIndex(self.vectors(row.name))
        )
        return index

    def neighbor_rows(
        self, chosen: str | int, k: int = 25, embedding: str = "raw"
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Rows and cosines of the k nearest other records, most similar first."""
        if k < 1:
            raise BadInputError(f"k is {k}; it must be at least 1.")
        row = int(self.rows_of(chosen)[0])
        index = self.index(embedding)
        if row >= index.n:
            raise NotReadyError(f"The record is newer than the embedding {embedding!r}: embed again.")
        return index.query_row(row, k)

    def neighbors(self, chosen: str | int, k: int = 25, embedding: str = "raw") -> list[Neighbor]:
        """The k records nearest to one by cosine, itself left out."""
        rows, cosines = self.neighbor_rows(chosen, k, embedding)
        return [
            Neighbor(rank, record, float(cosine))
            for rank, (record, cosine) in enumerate(zip(self.records(rows), cosines, strict=True), start=1)
        ]

    def compare_neighbors(
        self, chosen: str | int, k: int = 25, version: str | None = None
    ) -> tuple[Neighborhood, Neighborhood | None]:
        """The k nearest under raw and under a version, each with its ranks in the other."""
        from embtune.work.neighborhoods import compare_neighbors

        return compare_neighbors(self, chosen, k, version)

    def neighbor_shares(self, chosen: str | int, around: Neighborhood) -> Shares:
        """How many of a record's neighbours have its label; see `embtune.work.neighborhoods`."""
        from embtune.work.neighborhoods import neighbor_shares

        return neighbor_shares(self, chosen, around)

    def next_unlabelled(self, after: int = -1) -> int | None:
        """The next row without an answer, starting over at the first; None when all have one."""
        from embtune.work.neighborhoods import next_unlabelled

        return next_unlabelled(self, after)

    def search_by_meaning(self, text: str, *, k: int = 25, embedding: str = "raw") -> list[Neighbor]:
        """The k records nearest to a free text, encoded as the records were."""
        vector = self.encode_query(text, embedding)
        rows, cosines = self.index(embedding).query(vector, k)
        return [
            Neighbor(rank, record, float(cosine))
            for rank, (record, cosine) in enumerate(zip(self.records(rows), cosines, strict=True), start=1)
        ]

    def encode_query(self, text: str, embedding: str = "raw") -> NDArray[np.float32]:
        """Return the vector of a free text under an embedding, shape (d,)."""
        from embtune.embedding.device import pick_device
        from embtune.embedding.models import resolve_model

        row = self.require_embedding(embedding)
        if row.model_path is None:
            raise NotReadyError("These vectors are your own: a free text cannot be encoded like them.")
        encoder = self.encoder(resolve_model(self.model_path(row)), pick_device(self.settings.device))
        vector = encoder.encode([text])
        if row.name != "raw":
            from embtune.tuning.model import Records

            model = self.tuned_model(row.name)
            vector = model.transform(Records(vector, lambda: [text], pick_device(self.settings.device)))
        flat: NDArray[np.float32] = vector[0]
        return flat

    def encoder(self, model: ResolvedModel, device: Device) -> Encoder:
        """Load a text encoder, once per process."""
        from embtune.embedding.encoder import Encoder

        found: Encoder = self.cached(
            "encoder", (model.path, device.kind), lambda: Encoder.load(model, device)
        )
        return found

    def model_path(self, row: artifacts.EmbeddingRow) -> str:
        """Return where the base model of an embedding is now; its old folder may have moved."""
        from embtune.embedding.models import resolve_model

        if row.model_path and Path(row.model_path).is_dir():
            return row.model_path
        return resolve_model(row.model).path

    def tuned_model(self, version: str) -> TunedModel:
        """Load the model of a version, once while its files stay the same."""
        from embtune.tuning.model import load_model

        row = self.version(version)
        found: TunedModel = self.cached(
            ("model", row.name), row.folder, lambda: load_model(self.path(row.folder))
        )
        return found

    # ---- maps -------------------------------------------------------------------------------

    @property
    def maps(self) -> list[artifacts.MapRow]:
        """The maps that were made."""
        return artifacts.list_maps(self.db, self.id)

    def find_map(self, embedding: str, method: str) -> artifacts.MapRow | None:
        """Return a map's row, if that map was made from the embedding as it is now."""
        row = self.find_embedding(embedding)
        for made in self.maps:
            if row is not None and (made.embedding, made.method) == (embedding, method):
                same = made.n_rows >= row.n_rows and made.detail.get("vectors", row.file) == row.file
                return made if same else None
        return None

    def make_map(self, **options: Any) -> dict[str, Any]:
        """Make a 2-D map and keep it; see `embtune.work.mapping.make_map`."""
        from embtune.work.mapping import make_map

        return make_map(self, **options)

    def map(
        self, embedding: str = "raw", method: str = "pca", *, make: bool = True
    ) -> NDArray[np.float32] | None:
        """Coordinates of every record, (n, 2); made now if absent, or None with `make` off."""
        row = self.require_embedding(embedding)
        found = self.find_map(row.name, method)
        if found is None:
            if not make:
                return None
            self.make_map(embedding=row.name, method=method)
            found = self.find_map(row.name, method)
            assert found is not None
        from embtune.embedding.matrix import open_matrix

        file = found.file
        xy: NDArray[np.float32] = self.cached(
            ("map", row.name, method),
            file,
            lambda: np.asarray(open_matrix(self.path(file)), dtype=np.float32),
        )
        return xy

    def map_outdated(self, embedding: str, method: str) -> bool:
        """Whether a map that labels guided was made from other labels than there are now."""
        from embtune.work.mapping import map_outdated

        found = self.find_map(embedding, method)
        return found is not None and map_outdated(self, found)

    def why_not_guided(self) -> str | None:
        """Why labels cannot guide a map yet, in a sentence; None if they can."""
        from embtune.work.mapping import why_not_guided

        return why_not_guided(self)

    def movement(self, version: str, method: str = "umap") -> Movement | None:
        """How the records moved from the map of raw to a version's; None while one is not drawn."""
        from embtune.work.moving import movement

        return movement(self, version, method)

    def select(self, embedding: str, method: str, polygons: Iterable[NDArray[Any]]) -> NDArray[np.int64]:
        """Rows inside any of the polygons, each (m, 2) in the map's coordinates."""
        from embtune.maps.shapes import points_in_shapes

        xy = self.map(embedding, method)
        assert xy is not None
        return np.flatnonzero(points_in_shapes(xy, list(polygons)))

    # ---- finding what matters ---------------------------------------------------------------

    def clusters(
        self, embedding: str = "active", method: str = "kmeans", k: int | None = None, **options: Any
    ) -> Clustering | None:
        """Named clusters of an embedding; see `embtune.work.clustering.clusters`."""
        from embtune.work.clustering import clusters

        return clusters(self, embedding, method, k, **options)

    def clusterings(self) -> list[Clustering]:
        """The clusterings that are kept, newest first."""
        from embtune.work.clustering import clusterings

        return clusterings(self)

    def clustering(self, clustering_id: int) -> Clustering:
        """Return one clustering by its number."""
        from embtune.work.clustering import clustering

        return clustering(self, clustering_id)

    def cluster_rows(self, clustering_id: int, cluster_id: int) -> NDArray[np.int64]:
        """Rows of one cluster of one clustering."""
        from embtune.work.clustering import cluster_rows

        return cluster_rows(self, clustering_id, cluster_id)

    def cluster_lines(self, clustering: Clustering) -> list[ClusterLine]:
        """Size, labelled share and purity of each cluster, by the labels and predictions of now."""
        from embtune.work.clustering import cluster_lines

        return cluster_lines(self, clustering)

    def near_duplicates(
        self, threshold: float | None = None, *, embedding: str = "raw", make: bool = True
    ) -> DuplicateGroups | None:
        """Groups of records that are alike; see `embtune.work.finding.near_duplicates`."""
        from embtune.work.finding import near_duplicates

        return near_duplicates(self, threshold, embedding=embedding, make=make)

    def duplicate_groups(self, threshold: float | None = None) -> list[NDArray[np.int64]]:
        """Rows of every group of near-duplicates under raw, the largest first, representatives in front."""
        found = self.near_duplicates(threshold)
        return found.as_lists() if found is not None else []

    def duplicates_of(self, chosen: str | int, threshold: float = 0.95) -> NDArray[np.int64]:
        """Rows of the near-duplicates of one record, nearest first."""
        from embtune.work.finding import duplicates_of

        return duplicates_of(self, chosen, threshold)

    def label_group(
        self, chosen: str | int, label: str | None, threshold: float = 0.95, **options: Any
    ) -> journal.Action:
        """Label a record and its near-duplicates as one action; see `embtune.work.finding.label_group`."""
        from embtune.work.finding import label_group

        return label_group(self, chosen, label, threshold, **options)

    def outlier_scores(self, embedding: str = "active", *, make: bool = True) -> NDArray[np.float32] | None:
        """How odd every record is, shape (n,), higher is odder; see `embtune.work.finding.odd_scores`."""
        from embtune.work.finding import odd_scores

        return odd_scores(self, embedding, make=make)

    def label_errors(self, embedding: str = "active") -> LabelErrors:
        """Labels that are likely wrong, the most suspicious first; see `embtune.work.finding`."""
        from embtune.work.finding import label_errors

        return label_errors(self, embedding)

    def standing(self) -> Standing:
        """The labels in force by class, source and annotator."""
        from embtune.work.overview import standing

        return standing(self)

    def progress_over_time(self) -> Progress:
        """When the labels that stand now were given."""
        from embtune.work.overview import progress_over_time

        return progress_over_time(self)

    def next_step(self) -> NextStep:
        """What is worth doing now."""
        from embtune.work.overview import next_step

        return next_step(self)

    # ---- tuning, measuring, handing over ----------------------------------------------------

    def readiness(self, **options: Any) -> dict[str, Any]:
        """Say which labels a tuning would use and whether they suffice; see `embtune.work.tuning`."""
        from embtune.work.tuning import readiness

        return readiness(self, **options)

    def tune(self, recipe: str = "auto", **options: Any) -> dict[str, Any]:
        """Tune the embedding on the labels: the next version; see `embtune.work.tuning.tune`."""
        from embtune.work.tuning import tune

        return tune(self, recipe=recipe, **options)

    @property
    def versions(self) -> list[artifacts.VersionRow]:
        """The tuned versions, oldest first."""
        return artifacts.list_versions(self.db, self.id)

    def version(self, name: str) -> artifacts.VersionRow:
        """Return a version by name, `active` or `best`.

        Raises
        ------
        NotReadyError
            If the active embedding is asked for and is raw, or there is no version yet.
        UnknownChoiceError
            If there is no such version.
        """
        wanted = self.active_embedding if name in ("active", "best") else name
        found = self.versions
        for row in found:
            if row.name == wanted:
                return row
        if not found:
            raise NotReadyError(f"Project {self.name!r} has no tuned version yet: tune it first.")
        names = [row.name for row in found]
        if wanted == "raw" and name != "raw":
            raise NotReadyError(
                f"The active embedding of project {self.name!r} is raw, which is no tuned version: "
                f"name one of {', '.join(names)}, or make one active."
            )
        raise UnknownChoiceError("version", name, names)

    def next_version_name(self) -> str:
        """Return the name the next version would get now, such as v2."""
        return artifacts.next_version_name(self.db, self.id)

    def activate(self, name: str) -> None:
        """Make an embedding the active one: promote a version by hand, or go back to an old one or raw.

        A version that the gate had refused is marked as promoted by hand.
        """
        row = self.require_embedding(name)
        if row.name == self.active_embedding:
            return
        before = self.before_active()
        version = next((v for v in self.versions if v.name == row.name), None)
        mark = None
        if version is not None and not version.gate.get("active"):
            mark = {"by": self.annotator, "at": time.time(), "before": self.active_embedding}
        back = row.name == before
        summary = f"Rolled back to {row.name}" if back else f"Made {row.name} the active embedding"
        artifacts.activate(self.db, self.id, row.name, annotator=self.annotator, summary=summary, mark=mark)

    def before_active(self) -> str | None:
        """Return the embedding that was active before the active version, if it is still there."""
        version = next((v for v in self.versions if v.name == self.active_embedding), None)
        if version is None:
            return None
        known = version.gate.get("by_hand", version.gate).get("before")
        others = [row.name for row in self.embeddings if row.name != version.name]
        return known if known in others else "raw"

    def evaluate(self, embedding: str = "raw", **options: Any) -> dict[str, Any]:
        """Score an embedding; see `embtune.work.measuring.evaluate`."""
        from embtune.work.measuring import evaluate

        return evaluate(self, embedding=embedding, **options)

    def quick_predictions(
        self, embedding: str = "active"
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]] | None:
        """Label number and confidence for every record from a quick model on the labels; None without any."""
        from embtune.work.predicting import quick_predictions

        return quick_predictions(self, embedding)

    def can_guess(self) -> bool:
        """Whether the names of the labels are encoded, so that records can be guessed without any label."""
        from embtune.work.predicting import can_guess

        return can_guess(self)

    def can_predict(self) -> bool:
        """Whether anything can be predicted: by labels of two classes, or by the names of the labels."""
        from embtune.work.predicting import can_predict

        return can_predict(self)

    def recent_predictions(
        self, embedding: str = "active", *, wait: float = 0.3
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]] | None:
        """Return the newest quick predictions; it waits only for the very first, `wait` seconds at most."""
        from embtune.work.predicting import recent_predictions

        return recent_predictions(self, embedding, wait=wait)

    def predictions_within(
        self, seconds: float, embedding: str = "active"
    ) -> tuple[tuple[NDArray[np.int64], NDArray[np.float32]] | None, bool]:
        """Wait for the predictions by the labels of now; return the newest, and whether these are they."""
        from embtune.work.predicting import model_within, recent_predictions

        _, later = model_within(self, embedding, seconds)
        return recent_predictions(self, embedding), not later

    def class_probabilities(
        self, embedding: str = "active"
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]] | None:
        """Label numbers (C,) and how likely each record has each (n, C), calibrated; None without labels."""
        from embtune.work.predicting import class_probabilities

        return class_probabilities(self, embedding)

    def out_of_fold(
        self, embedding: str = "active"
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]] | None:
        """What the quick model says of labelled records without knowing their label; see `predicting`."""
        from embtune.work.predicting import out_of_fold

        return out_of_fold(self, embedding)

    def calibration(self, embedding: str = "active") -> Calibration | None:
        """How the quick model's confidence compares with how often it is right; None without labels."""
        from embtune.work.predicting import calibration

        return calibration(self, embedding)

    def look_first(
        self, chosen: Records, label: str | None = None, embedding: str = "active", **options: Any
    ) -> Look:
        """What records hold, and how many of them have a label; see `embtune.work.looking.look_first`."""
        from embtune.work.looking import look_first

        return look_first(self, chosen, label, embedding, **options)

    def known_comparison(self, names: Sequence[str], **options: Any) -> Comparison | None:
        """What was measured of those embeddings on the same records, computing nothing; None if nothing."""
        from embtune.work.comparison import known_comparison

        return known_comparison(self, names, **options)

    def comparison_options(self, names: Sequence[str], **options: Any) -> dict[str, Any]:
        """How `known_comparison` wants those embeddings measured: the options of a job `evaluate`."""
        from embtune.work.comparison import comparison_options

        return comparison_options(self, names, **options)

    def changes(
        self, version: str, against: str = "raw", k: int = 25, *, make: bool = False
    ) -> Changes | None:
        """What a version changed around every record; None if not computed yet and `make` is off."""
        from embtune.work.changes import changes

        return changes(self, version, against, k, make=make)

    def learning_curve(self, **options: Any) -> dict[str, Any]:
        """Scores against the number of labels, and what 20 more would add; see `embtune.work.learning`."""
        from embtune.work.learning import learning_curve

        return learning_curve(self, **options)

    def compare_models(self, names: Sequence[str], **options: Any) -> dict[str, Any]:
        """Compare base models on the labels at hand; see `embtune.work.base_models`."""
        from embtune.work.base_models import compare_models

        return compare_models(self, names, **options)

    def labels_since(self, version: str, *, min_confidence: float = 0.7) -> LabelsSince:
        """How the labels of now differ from those a version learned from."""
        from embtune.work.versions import labels_since

        return labels_since(self, version, min_confidence=min_confidence)

    def n_appended(self, version: str) -> int:
        """How many records came after a version was made: placed by its model, not part of its training."""
        from embtune.work.appending import n_appended

        return n_appended(self, version)

    def n_placed(self, embedding: str, method: str) -> int:
        """How many records of a map came after it was drawn, and were placed among the others."""
        from embtune.work.appending import n_placed

        return n_placed(self, embedding, method)

    def first_later(self, embedding: str, method: str) -> int:
        """The first row on a map that came after it was drawn, or after its version; see `appending`."""
        from embtune.work.appending import first_later

        return first_later(self, embedding, method)

    def delete_version(self, name: str) -> None:
        """Remove a version and its files; the active one is refused."""
        from embtune.work.versions import delete_version

        delete_version(self, name)

    def export_preview(self, **choices: Any) -> tuple[int, list[dict[str, Any]]]:
        """How many records an export would hold, and its first lines; see `embtune.work.exporting`."""
        from embtune.work.exporting import export_preview

        return export_preview(self, **choices)

    def export(self, out: Path, **options: Any) -> dict[str, Any]:
        """Write records with their labels; see `embtune.work.exporting.export`."""
        from embtune.work.exporting import export

        return export(self, out, **options)

    def distillation(self, version: str) -> dict[str, Any] | None:
        """What an export of that version lost by being distilled; see `embtune.work.distilling`."""
        from embtune.work.distilling import distillation

        return distillation(self, version)

    def model_card(self, version: str) -> str:
        """The model card of a version, as Markdown; see `embtune.work.model_card`."""
        from embtune.work.model_card import model_card

        return model_card(self, version, export={"distilled": self.distillation(version)})

    def export_model(self, version: str, out: Path, **options: Any) -> dict[str, Any]:
        """Write a tuned model as a folder; see `embtune.work.exporting.export_model`."""
        from embtune.work.exporting import export_model

        return export_model(self, version, out, **options)

    # ---- sessions and jobs ------------------------------------------------------------------

    def create_session(self, chosen: Records, name: str, **options: Any) -> int:
        """Make an ordered session of records; see `SessionBook.create`."""
        return self.sessions_book.create(chosen, name, **options)

    def sessions(self) -> list[session_store.SessionRow]:
        """The sessions, last used first."""
        return session_store.list_sessions(self.db, self.id)

    def label_hints(self, rows: Sequence[int], **options: Any) -> Hints:
        """What the model and the nearest labels say of records; see `embtune.work.label_hints`."""
        from embtune.work.label_hints import label_hints

        return label_hints(self, rows, **options)

    def answered_by(self) -> dict[str, int]:
        """How many records each annotator answered."""
        from embtune.labeling.agreement import annotators

        return annotators(self)

    def agreement(self) -> list[PairAgreement]:
        """How far every two annotators agree: share and Cohen's kappa; see `embtune.labeling.agreement`."""
        from embtune.labeling.agreement import agreement

        return agreement(self)

    def differing_rows(self, first: str | None = None, second: str | None = None) -> NDArray[np.int64]:
        """Rows that annotators answered differently and nobody settled yet."""
        from embtune.labeling.agreement import differing_rows

        return differing_rows(self, first, second)

    def answers_on(self, chosen: Records) -> list[Difference]:
        """What each annotator said of those records."""
        from embtune.labeling.agreement import answers_on

        return answers_on(self, self.rows_of(chosen))

    def session(self, session_id: int) -> session_store.SessionRow:
        """Return one session."""
        return self.sessions_book.get(session_id)

    def start(self, kind: str, /, **parameters: Any) -> int:
        """Start a job in a process of its own; return its number."""
        from embtune.jobs.runner import start

        return start(self, kind, parameters)

    def jobs(self, *, active: bool = False, limit: int = 50) -> list[JobRow]:
        """The newest jobs first."""
        return list_jobs(self.db, self.id, active=active, limit=limit)

    def job(self, job_id: int) -> JobRow:
        """Return one job."""
        found = get_job(self.db, job_id)
        if found is None or found.project_id != self.id:
            raise NotFoundError(f"Project {self.name!r} has no job {job_id}.")
        return found

    def cancel(self, job_id: int) -> JobRow:
        """Ask a job to stop."""
        from embtune.jobs.runner import cancel

        return cancel(self.db, self.job(job_id).id)
