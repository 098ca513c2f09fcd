"""Near-duplicates, outliers and likely label errors of a project."""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from embtune.errors import NotReadyError
from embtune.exploring.duplicates import (
    DEFAULT_THRESHOLD,
    DuplicateGroups,
    check_threshold,
    duplicate_groups,
    suggested_threshold,
)
from embtune.exploring.label_errors import suspects
from embtune.exploring.outliers import outlier_scores
from embtune.progress import Report, silent
from embtune.work.predicting import learned_from

if TYPE_CHECKING:
    from embtune.project import Project
    from embtune.store.journal import Action

K = 20
"""Neighbours that near-duplicates and outliers are read from."""

AT_ONCE = 25_000
"""Up to so many records a page may wait until all were compared with all; more take a job."""

MOST_AT_ONCE = 60_000
"""Labels times classes that are checked in about a second."""

FEWEST_OF_A_CLASS = 3

Near = tuple[NDArray[np.int64], NDArray[np.float32]]


@dataclass(frozen=True)
class LabelErrors:
    """Likely label errors, the most suspicious first; every array has shape (s,).

    Attributes
    ----------
    rows
        The records.
    given, suggested
        Numbers of the label in force and of the one that models without this label would give.
    score
        In [0, 1]: how much likelier the suggested one is.
    n_labels
        How many labels were looked at.
    """

    rows: NDArray[np.int64]
    given: NDArray[np.int64]
    suggested: NDArray[np.int64]
    score: NDArray[np.float32]
    n_labels: int

    def __len__(self) -> int:
        return len(self.rows)


def near_lists(
    project: Project, embedding: str = "raw", *, make: bool = True, report: Report = silent
) -> Near | None:
    """Return the 20 nearest of every record and their cosines; None if they were not found yet, `make` off.

    Both have the shape (n, k), with k below 20 in a project of fewer records.
    """
    row = project.require_embedding(embedding)
    rows_file, cosine_file = _files(project, row)
    if not (rows_file.is_file() and cosine_file.is_file()):
        if not make:
            return None
        compare_all(project, embedding=row.name, report=report)
    found: Near = project.cached(("near", row.name), row.file, lambda: _read(rows_file, cosine_file))
    return found


def compare_all(project: Project, *, embedding: str = "raw", report: Report = silent) -> dict[str, Any]:
    """Compare all records with all, and keep the nearest of each: what the job `duplicates` does."""
    from embtune.embedding.device import pick_device
    from embtune.embedding.matrix import save_matrix
    from embtune.neighbors.exact import nearest

    row = project.require_embedding(embedding)
    before = time.perf_counter()
    vectors = project.vectors(row.name)
    n = len(vectors)
    if n < 2:
        raise NotReadyError("A single record has nothing to be compared with: import more records.")
    rows_file, cosine_file = _files(project, row)
    kept = {_digest(one) for one in project.embeddings}
    for file in rows_file.parent.glob("*.npy"):
        if file.stem.split("-")[0] not in kept:  # of a matrix that is gone
            file.unlink(missing_ok=True)
    device = pick_device(project.settings.device).kind
    rows, cosine = nearest(vectors, min(K, n - 1), device=device, report=report)
    # float32 holds row numbers up to 16 million exactly, and is what a matrix file holds.
    save_matrix(rows_file, rows.astype(np.float32))
    save_matrix(cosine_file, cosine)
    return {
        "embedding": row.name,
        "n_records": n,
        "k": rows.shape[1],
        "seconds": round(time.perf_counter() - before, 2),
    }


def near_duplicates(
    project: Project, threshold: float | None = None, *, embedding: str = "raw", make: bool = True
) -> DuplicateGroups | None:
    """Group records that are alike from a cosine on; None if they were not compared yet, with `make` off.

    Parameters
    ----------
    threshold
        In (0, 1]; by default what `suggested_threshold` says.
    embedding
        Under raw by default: tuning draws whole classes together, which makes no copies of them.

    Raises
    ------
    BadInputError
        If the threshold is out of range.
    NotReadyError, UnknownChoiceError
        If there is no such embedding.
    """
    row = project.require_embedding(embedding)
    near = near_lists(project, row.name, make=make)
    if near is None:
        return None
    if threshold is None:
        threshold = suggested_threshold(near[1])
    found: DuplicateGroups = project.cached(
        ("near duplicates", row.name), (row.file, threshold), lambda: duplicate_groups(*near, threshold)
    )
    return found


def duplicate_threshold(project: Project, embedding: str = "raw") -> float:
    """Suggest a cosine for near-duplicates; .95 while the records were not compared."""
    near = near_lists(project, embedding, make=False)
    return DEFAULT_THRESHOLD if near is None else suggested_threshold(near[1])


def duplicates_of(
    project: Project, chosen: str | int, threshold: float = DEFAULT_THRESHOLD, *, embedding: str = "raw"
) -> NDArray[np.int64]:
    """Rows whose cosine to a record is at least the threshold, nearest first, the record itself left out."""
    check_threshold(threshold)
    row = int(project.rows_of(chosen)[0])
    index = project.index(embedding)
    if row >= index.n or index.n < 2:
        return np.empty(0, dtype=np.int64)
    cosine = index.cosines(project.vectors(embedding)[row])
    cosine[row] = -np.inf
    found = np.flatnonzero(cosine >= threshold - 1e-6)
    return found[np.argsort(-cosine[found], kind="stable")]


def label_group(
    project: Project,
    chosen: str | int,
    label: str | None,
    threshold: float = DEFAULT_THRESHOLD,
    *,
    relabel: bool = False,
) -> Action:
    """Label a record and its near-duplicates as one action.

    Those that a person has labelled already keep their label, unless `relabel` is set; the record itself
    always takes the new one.
    """
    row = int(project.rows_of(chosen)[0])
    others = duplicates_of(project, row, threshold)
    if not relabel:
        others = others[~project.label_state().manual[others]]
    rows = np.append(others, row)
    detail = {"duplicates_of": project.record(row).id, "threshold": threshold}
    return project.label(rows, label, detail=detail)


def odd_scores(
    project: Project, embedding: str = "active", *, make: bool = True
) -> NDArray[np.float32] | None:
    """Score how odd each record is, shape (n,): higher is odder; NaN for records newer than the embedding.

    None where the records were not compared with each other yet, with `make` off.
    """
    row = project.require_embedding(embedding)
    near = near_lists(project, row.name, make=make)
    if near is None:
        return None
    n = project.n_records

    def score() -> NDArray[np.float32]:
        out = np.full(n, np.nan, dtype=np.float32)
        found = outlier_scores(*near)
        out[: len(found)] = found[:n]
        return out

    scores: NDArray[np.float32] = project.cached(("outliers", row.name), (row.file, n), score)
    return scores


def label_errors(project: Project, embedding: str = "active") -> LabelErrors:
    """Find labels that are likely wrong, the most suspicious first.

    Every label in force is looked at, whoever gave it; models that did not see it predict its record, on raw
    unless a version is named: a version has learned these labels, the wrong ones too. Empty with labels of
    fewer than two classes.
    """
    row = learned_from(project, embedding)
    stamp = (project.revision, row.file)
    found: LabelErrors = project.cached(
        ("label errors", row.name), stamp, lambda: _label_errors(project, row.name)
    )
    _last(project, row)[:] = [(stamp, found)]
    return found


def known_label_errors(project: Project, embedding: str = "active") -> tuple[LabelErrors | None, bool]:
    """Return what `label_errors` found last in this process, and whether it is of the labels of now."""
    row = learned_from(project, embedding)
    last = _last(project, row)
    if not last:
        return None, False
    stamp, found = last[0]
    return found, stamp == (project.revision, row.file)


def quick_to_check(project: Project) -> bool:
    """Whether `label_errors` takes a second or so, which a page may wait for."""
    label_ids = project.label_state().label_ids
    known = label_ids[label_ids >= 0]
    return len(known) * len(np.unique(known)) <= MOST_AT_ONCE


def _last(project: Project, row: Any) -> list[Any]:
    kept: list[Any] = project.cached(("label errors found", row.name), row.file, list)
    return kept


def _label_errors(project: Project, embedding: str) -> LabelErrors:
    label_ids = project.label_state().label_ids
    known = _out_of_fold(project, embedding)
    if known is None:
        none = np.empty(0, dtype=np.int64)
        return LabelErrors(none, none, none, np.empty(0, dtype=np.float32), 0)
    rows, classes, probabilities = known
    labels = np.searchsorted(classes, label_ids[rows])
    wrong = suspects(labels, probabilities)
    return LabelErrors(
        rows=rows[wrong.places],
        given=label_ids[rows[wrong.places]],
        suggested=classes[wrong.suggested],
        score=wrong.scores,
        n_labels=len(rows),
    )


def _out_of_fold(
    project: Project, embedding: str
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]] | None:
    """Return labelled rows (m,), label numbers (C,) ascending and out-of-fold probabilities (m, C).

    A label that is nearly alone in its class is left out: without it no model would know the class.
    """
    found = project.out_of_fold(embedding)
    if found is None:
        return None
    rows, classes, probabilities = found
    labels = np.searchsorted(classes, project.label_state().label_ids[rows])
    enough = np.bincount(labels, minlength=len(classes))[labels] >= FEWEST_OF_A_CLASS
    return rows[enough], classes, probabilities[enough]


def _read(rows_file: Path, cosine_file: Path) -> Near:
    from embtune.embedding.matrix import open_matrix

    rows = np.asarray(open_matrix(rows_file)).astype(np.int64)
    return rows, np.asarray(open_matrix(cosine_file), dtype=np.float32)


def _digest(row: Any) -> str:
    return hashlib.blake2b(f"{row.name} {row.file}".encode(), digest_size=8).hexdigest()


def _files(project: Project, row: Any) -> tuple[Path, Path]:
    """Where the lists of an embedding lie: named by its matrix file, so that they never lie about another."""
    folder = project.folder("near")
    return folder / f"{_digest(row)}-rows.npy", folder / f"{_digest(row)}-cosine.npy"
