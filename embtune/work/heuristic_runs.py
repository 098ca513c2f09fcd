"""Run heuristics over records, and keep their votes."""

from __future__ import annotations

import time
import traceback
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from embtune.errors import BadInputError, EmbtuneError, HeuristicError, JobCancelledError
from embtune.heuristics.base import ABSTAIN, Config, Found, Kind, Span
from embtune.progress import Report, silent
from embtune.store.heuristics import (
    DONE,
    FAILED,
    RUNNING,
    HeuristicRow,
    HeuristicRun,
    delete_runs,
    insert_runs,
    list_runs,
    update_runs,
)
from embtune.store.labelset import label_targets
from embtune.store.lookup_lists import list_lookups
from embtune.work import stored_labels
from embtune.work.heuristic_corpus import ProjectCorpus, manual_labels
from embtune.work.heuristic_kinds import kind_for
from embtune.work.heuristic_states import Heuristic, checked, hangs_on, stamp_of, with_targets

if TYPE_CHECKING:
    from embtune.project import Project

RUNS_KEPT = 3


@dataclass(frozen=True)
class Tried:
    """What a heuristic says of one record; `right` is None where the record has no manual label."""

    row: int
    record_id: str
    text: str
    fields: dict[str, Any]
    label: str | None
    confidence: float
    manual: str | None
    right: bool | None
    spans: list[Span]


@dataclass(frozen=True)
class Trial:
    """A heuristic tried on a few records; nothing of it is kept."""

    lines: list[Tried]
    seconds: float
    notes: dict[str, Any]

    @property
    def n_voted(self) -> int:
        """On how many of them it voted."""
        return sum(line.label is not None for line in self.lines)


def try_out(
    project: Project,
    kind: Kind,
    config: Config,
    *,
    rows: NDArray[np.int64] | None = None,
    n: int = 10,
    seed: int = 0,
    report: Report = silent,
) -> Trial:
    """Run a heuristic on some records, or on n at random, and say what it finds; nothing is kept."""
    refuse_forbidden(project, kind)
    corpus = ProjectCorpus(project)
    if not corpus.n:
        raise BadInputError("There is no record to try it on: import some first.")
    if rows is None:
        chosen = np.random.default_rng(seed).choice(corpus.n, size=min(n, corpus.n), replace=False)
        rows = np.sort(chosen).astype(np.int64)
    config = with_targets(config, label_targets(project.db, project.id))
    before = time.perf_counter()
    found = _run(kind, config, corpus, rows, report)
    seconds = time.perf_counter() - before
    spans = kind.spans(config, corpus, rows)
    known = manual_labels(project)[rows]
    names = corpus.label_names
    lines = [
        Tried(
            row=record.row,
            record_id=record.id,
            text=record.text,
            fields=record.fields,
            label=names.get(int(voted)),
            confidence=float(sure),
            manual=names.get(int(true)),
            right=None if true == ABSTAIN or voted == ABSTAIN else bool(true == voted),
            spans=where,
        )
        for record, voted, sure, true, where in zip(
            project.records(rows), found.labels, found.confidence, known, spans, strict=True
        )
    ]
    return Trial(lines, seconds, found.notes)


def refuse_forbidden(project: Project, kind: Kind) -> None:
    """Refuse kinds that the operator must allow.

    Raises
    ------
    HeuristicError
        Saying how.
    """
    if getattr(kind, "needs_permission", False) and not project.settings.allow_code:
        raise HeuristicError(
            "Python code is switched off here: whoever runs embtune can set EMBTUNE_ALLOW_CODE=1 to allow it."
        )


def still_there(
    project: Project, known: Sequence[HeuristicRow], waiting: Mapping[int, int]
) -> list[HeuristicRow]:
    """Return the heuristics that runs ({heuristic: run}) wait for, in that order; end the others' runs."""
    by_id = {row.id: row for row in known}
    gone = [run for number, run in waiting.items() if number not in by_id]
    if gone:
        values = {"state": FAILED, "error": "It was deleted before it ran: run it again."}
        update_runs(project.db, dict.fromkeys(gone, values))
    return [by_id[number] for number in waiting if number in by_id]


def run(
    project: Project,
    rows: Sequence[HeuristicRow],
    *,
    runs: Mapping[int, int] | None = None,
    report: Report = silent,
) -> dict[str, Any]:
    """Run heuristics over all records, one after the other; one that fails leaves the others alone.

    Parameters
    ----------
    runs
        Numbers of the runs that wait for it, by heuristic; made if absent.

    Returns
    -------
    dict
        `done` and `failed`: lists of {"heuristic", "name", "hits" or "error"}; `seconds`.
    """
    began = time.perf_counter()
    corpus = ProjectCorpus(project)
    lists = {one.id: one.terms for one in list_lookups(project.db, project.id)}
    targets = label_targets(project.db, project.id)
    every = np.arange(corpus.n, dtype=np.int64)
    waiting = dict(runs or {})
    outcome: dict[str, list[dict[str, Any]]] = {"done": [], "failed": []}
    finished: dict[int, dict[str, Any]] = {}
    try:
        for i, row in enumerate(rows):
            told = _step(report, i, len(rows), row.name)
            if row.id in waiting:
                update_runs(project.db, {waiting[row.id]: {"state": RUNNING}})
            told(0, corpus.n, "records")
            values = _one(project, row, corpus, every, lists, targets, told)
            line = {"heuristic": row.id, "name": row.name}
            if values["state"] == DONE:
                outcome["done"].append(line | {"hits": values["n_hits"]})
            else:
                outcome["failed"].append(line | {"error": values["error"]})
            if row.id in waiting:  # somebody watches: told at once, others in one write at the end
                update_runs(project.db, {waiting[row.id]: values})
            else:
                finished[row.id] = values
    finally:
        if finished:
            versions = {row.id: row.version for row in rows if row.id in finished}
            numbers = insert_runs(project.db, versions, state=RUNNING)
            update_runs(project.db, {numbers[key]: values for key, values in finished.items()})
        _drop_old(project, [row.id for row in rows])
    return dict(outcome) | {"seconds": round(time.perf_counter() - began, 3)}


def _one(
    project: Project,
    row: HeuristicRow,
    corpus: ProjectCorpus,
    every: NDArray[np.int64],
    lists: Mapping[int, Sequence[str]],
    targets: Mapping[int, int | None],
    report: Report,
) -> dict[str, Any]:
    before = time.perf_counter()
    values: dict[str, Any] = {"version": row.version, "n_rows": corpus.n}
    try:
        kind = kind_for(project, row.kind)
        refuse_forbidden(project, kind)
        config = with_targets(checked(project, kind, row.config), targets)
        on = hangs_on(project, kind, config, lists)
        values["notes"] = {"hangs_on": on}  # of one that fails, too: it tells whether it would again
        found = _run(kind, config, corpus, every, report)
        file = stored_labels.save(project, "heuristics", found.labels, found.confidence)
        values |= {
            "state": DONE,
            "stamp": stamp_of(on),
            "n_hits": int((found.labels != ABSTAIN).sum()),
            "file": file,
            "notes": found.notes | {"hangs_on": on},
        }
    except JobCancelledError:
        raise
    except EmbtuneError as error:
        values |= {"state": FAILED, "error": str(error)}
    except Exception as error:  # of one heuristic: the others are not to suffer from it
        traceback.print_exc()
        why = " ".join(f"{type(error).__name__}: {error}".split())[:500].rstrip(".: ")
        values |= {"state": FAILED, "error": f"It failed unexpectedly ({why}): change it, and run it again."}
    return values | {"seconds": round(time.perf_counter() - before, 3)}


def _run(kind: Kind, config: Config, corpus: ProjectCorpus, rows: NDArray[np.int64], report: Report) -> Found:
    """Run a kind, and refuse votes that are none."""
    found = kind.run(config, corpus, rows, report)
    known = np.array([ABSTAIN, *corpus.label_names], dtype=np.int64)
    strange = ~np.isin(found.labels, known)
    if found.labels.shape != rows.shape or strange.any():
        raise HeuristicError("It voted for a label that is not in the label set: choose its labels again.")
    return found


def _step(report: Report, i: int, n: int, name: str) -> Report:
    def told(
        done: float,
        total: float | None = None,
        unit: str = "",
        message: str = "",
        detail: dict[str, Any] | None = None,
    ) -> None:
        share = done / total if total else 0.0
        report(i + min(share, 1.0), n, "heuristics", f"{name}: {message}" if message else name, detail)

    return told


def votes_of(
    project: Project, found: Heuristic | HeuristicRun
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Labels and confidences that the newest run of a heuristic gave, each of shape (n,).

    Labels that were merged count as what they became, deleted ones as no vote; records that came later have
    none.
    """
    kept = found.run if isinstance(found, Heuristic) else found
    key = ("heuristic votes", found.id if kept is None else kept.heuristic_id)
    file = None if kept is None else kept.file
    return stored_labels.load(project, key, file, what="The votes of a heuristic")


def _drop_old(project: Project, ids: Sequence[int]) -> None:
    """Keep the newest runs of each heuristic, and the newest that is done, whose votes are in force."""
    seen: Counter[int] = Counter()
    voted: set[int] = set()
    old = []
    for kept in list_runs(project.db, ids):
        if kept.state not in (DONE, FAILED):
            continue
        seen[kept.heuristic_id] += 1
        in_force = kept.state == DONE and kept.heuristic_id not in voted
        if kept.state == DONE:
            voted.add(kept.heuristic_id)
        if seen[kept.heuristic_id] > RUNS_KEPT and not in_force:
            old.append(kept)
    for kept in old:
        if kept.file is not None:
            project.path(kept.file).unlink(missing_ok=True)
    delete_runs(project.db, [kept.id for kept in old])
