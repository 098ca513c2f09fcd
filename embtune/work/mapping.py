"""Make a 2-D map of an embedding and keep it."""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from embtune.errors import TooFewLabelsError, UnknownChoiceError
from embtune.progress import Report, silent
from embtune.store.artifacts import MapRow, put_map

if TYPE_CHECKING:
    from embtune.project import Project

METHODS = {"pca": "PCA", "umap": "UMAP", "umap-labels": "label-guided UMAP"}
"""The kinds of map and how people call them."""

GUIDED = "umap-labels"
LEAST_CLASSES, LEAST_PER_CLASS = 2, 2


@dataclass(frozen=True)
class Guide:
    """The labels that guide a map.

    Attributes
    ----------
    labels
        Shape (n_records,), the number of each record's label, -1 where none may be used.
    n, n_classes
        How many labels there are, and in how many classes.
    hash
        A digest of which records have which label.
    """

    labels: NDArray[np.int64]
    n: int
    n_classes: int
    hash: str


def guide(project: Project) -> Guide:
    """Gather the labels that may guide a map: those that tuning learns from, see `training_set`.

    Reference labels and labels kept aside are never among them, so that a guided map can be measured on
    them. A label with one record says nothing of what belongs together and is left out.
    """

    def gather() -> Guide:
        from embtune.work.tuning import training_set

        training = training_set(project)
        label_id = {label.name: label.id for label in project.labels}
        number = np.array([label_id[name] for name in training.names], dtype=np.int64)
        counts = np.bincount(training.labels, minlength=len(training.names))
        used = counts[training.labels] >= LEAST_PER_CLASS
        rows, chosen = training.rows[used], number[training.labels[used]]
        labels = np.full(project.n_records, -1, dtype=np.int64)
        labels[rows] = chosen
        digest = hashlib.blake2b(digest_size=16)
        digest.update(rows.tobytes())
        digest.update(chosen.tobytes())
        return Guide(labels, len(rows), len(np.unique(chosen)), digest.hexdigest())

    found: Guide = project.cached("guide", project.revision, gather)
    return found


def why_not_guided(project: Project) -> str | None:
    """Say in a sentence why labels cannot guide a map yet; None if they can."""
    known = guide(project)
    if known.n_classes >= LEAST_CLASSES:
        return None
    have = f"only {known.n_classes} has" if known.n_classes else "none has"
    sentence = (
        f"It takes at least {LEAST_CLASSES} labels with {LEAST_PER_CLASS} records each; {have} that many now"
    )
    if not project.measures_on_reference and (project.kept_aside() & project.label_state().labelled).any():
        sentence += " (records kept aside for measuring do not count)"
    return sentence + "."


def map_outdated(project: Project, made: MapRow) -> bool:
    """Tell whether a map was guided by other labels than there are now."""
    return made.method == GUIDED and made.detail.get("labels", {}).get("hash") != guide(project).hash


def make_map(
    project: Project, *, embedding: str = "raw", method: str = "pca", seed: int = 0, report: Report = silent
) -> dict[str, Any]:
    """Project an embedding to 2-D and keep the coordinates; each embedding and method has its own.

    The UMAP of a tuned version starts from the one of raw, where there is one, so that the two can be read
    side by side.

    Raises
    ------
    UnknownChoiceError
        If there is no such embedding or method.
    TooFewLabelsError
        If labels are to guide the map and fewer than two have two records.
    """
    from embtune.embedding.matrix import save_matrix
    from embtune.maps.projection import pca_map, umap_map

    if method not in METHODS:
        raise UnknownChoiceError("map method", method, METHODS)
    row = project.require_embedding(embedding)
    before = time.perf_counter()
    report(0, None, "", f"{METHODS[method]} of {embedding}")
    vectors = project.vectors(row.name)
    detail: dict[str, Any] = {"seed": seed, "vectors": row.file}
    if method == "pca":
        xy = pca_map(vectors, seed=seed)
    elif method == "umap":
        start, detail["start"] = _start(project, row.name, len(vectors))
        xy = umap_map(vectors, seed=seed, start=start, report=report)
    else:
        reason = why_not_guided(project)
        if reason is not None:
            raise TooFewLabelsError(f"Labels cannot guide the map of {project.name!r} yet. {reason}")
        known = guide(project)
        detail["labels"] = {"hash": known.hash, "n": known.n, "n_classes": known.n_classes}
        xy = umap_map(vectors, seed=seed, labels=known.labels[: len(vectors)], report=report)
    detail["seconds"] = round(time.perf_counter() - before, 3)
    old = next((m for m in project.maps if (m.embedding, m.method) == (row.name, method)), None)
    file = project.folder("maps") / f"{row.name}-{method}-{row.n_rows}-{int(time.time() * 1000)}.npy"
    save_matrix(file, xy)
    put_map(
        project.db,
        project.id,
        embedding=row.name,
        method=method,
        n_rows=row.n_rows,
        file=project.relative(file),
        detail=detail,
    )
    if old is not None:
        project.path(old.file).unlink(missing_ok=True)
    result = {
        "embedding": row.name,
        "method": method,
        "n_records": row.n_rows,
        "seconds": detail["seconds"],
    }
    return result | ({"n_labels": detail["labels"]["n"]} if "labels" in detail else {})


def _start(project: Project, embedding: str, n: int) -> tuple[NDArray[np.float32] | None, str]:
    """Return where the UMAP of an embedding begins, and its name: the UMAP of raw, or the PCA."""
    raw = None if embedding == "raw" else project.map("raw", "umap", make=False)
    return (None, "pca") if raw is None or len(raw) < n else (raw[:n], "umap of raw")
