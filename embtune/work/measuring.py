"""Score an embedding of a project: which records, which labels, and what comes of it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from embtune.errors import BadInputError, NotReadyError, TooFewLabelsError
from embtune.progress import Report, silent
from embtune.store.artifacts import find_evaluation, put_evaluation, rows_trained_on
from embtune.work.questions import evaluation_key, measure_key, names_of, question, within_of
from embtune.work.slice_masks import slice_mask, slice_stamp

if TYPE_CHECKING:
    from embtune.project import Project

PAGE_KS = (5, 10, 25, 50, 75, 100, 250, 1000)
LEAST_RECORDS = 10
SHAPES = (10, 20)


@dataclass(frozen=True)
class Measure:
    """The records to measure on and what is known of them.

    Attributes
    ----------
    kind
        "reference labels" or "labels kept aside from training" or "all labels".
    rows, labels
        Shape (m,): rows of the matrix and their class, an index into `names`.
    names
        The classes.
    train_rows, train_labels
        Shape (t,): labels that a classifier may learn from, outside of `rows`; where those are of fewer
        than two classes, the labels on records with a reference label, on which it is not tested then.
    """

    kind: str
    rows: NDArray[np.int64]
    labels: NDArray[np.int64]
    names: tuple[str, ...]
    train_rows: NDArray[np.int64]
    train_labels: NDArray[np.int64]

    @property
    def main_k(self) -> int:
        """The k whose score decides: the largest of 10, 25, 100, 1,000 within half a mean class."""
        room = len(self.rows) / (2 * max(1, len(np.unique(self.labels))))
        fitting = [k for k in (10, 25, 100, 1000) if k <= room]
        return fitting[-1] if fitting else max(1, min(5, len(self.rows) - 1))


def choose(
    project: Project,
    *,
    among: str = "reference",
    leave_out: Sequence[int] = (),
    min_confidence: float = 0.0,
    slice: str | None = None,  # noqa: A002 -- the word users know
) -> Measure:
    """Choose the records to measure on.

    `reference`: the records with a reference label; in a project without ten of them in two classes, the
    labels kept aside from training (one in five of those that people gave or that were imported).
    `all`: every record with a label of either kind. `leave_out` names rows that must not be measured on,
    such as those a version was trained on. With a slice, only records in it are measured on; a classifier may
    learn from all labels.

    Raises
    ------
    TooFewLabelsError
        If fewer than ten records in two classes are left.
    NotFoundError, NotReadyError
        If there is no such slice, or it holds no record.
    """
    if among not in ("reference", "all"):
        raise BadInputError(f"'among' is {among!r}; it must be 'reference' or 'all'.")
    within = slice_mask(project, slice)
    state = project.label_state()
    reference = project.reference()
    has_reference = project.measures_on_reference
    aside = project.kept_aside()
    if among == "all":
        kind, known = "all labels", np.where(reference >= 0, reference, state.label_ids)
    elif has_reference:
        kind, known = "reference labels", reference.copy()
    else:
        kind, known = "labels kept aside from training", np.where(aside & state.given, state.label_ids, -1)
    known = np.where((known < 0) | ~within, -1, known)
    if len(leave_out):
        known[np.asarray(leave_out, dtype=np.int64)] = -1
    rows = np.flatnonzero(known >= 0)
    ids = known[rows]
    labels_by_id = {label.id: label.name for label in project.labels}
    train = state.labelled & (state.manual | (state.confidence >= min_confidence))
    if not has_reference:
        train &= ~aside
    outside = train.copy()
    outside[rows] = False
    if among == "all" or not has_reference or len(np.unique(state.label_ids[outside])) >= 2:
        train = outside
    train_rows = np.flatnonzero(train)
    # Classes in the order of the label set; those that only training knows come with it.
    present = set(np.unique(ids).tolist()) | set(np.unique(state.label_ids[train_rows]).tolist())
    order = [label_id for label_id in labels_by_id if label_id in present]
    index = {label_id: i for i, label_id in enumerate(order)}
    if len(rows) < LEAST_RECORDS or len(np.unique(ids)) < 2:
        n = len(np.unique(ids))
        raise TooFewLabelsError(
            f"Nothing can be measured on {len(rows)} {kind} in {n} {'class' if n == 1 else 'classes'}"
            + ("" if slice is None else f" in the slice {slice!r}")
            + f": it takes at least {LEAST_RECORDS} in 2. "
            + ("Label more records." if not has_reference else "Import more reference labels.")
        )
    return Measure(
        kind=kind,
        rows=rows,
        labels=np.array([index[i] for i in ids.tolist()], dtype=np.int64),
        names=tuple(labels_by_id[i] for i in order),
        train_rows=train_rows,
        train_labels=np.array([index[i] for i in state.label_ids[train_rows].tolist()], dtype=np.int64),
    )


def evaluate(
    project: Project,
    *,
    embedding: str = "raw",
    ks: Sequence[int] = (25, 100, 1000),
    n_queries: int = 2000,
    seed: int = 0,
    among: str = "reference",
    leave_out: str | Sequence[str] | None = None,
    slice: str | None = None,  # noqa: A002
    maps: bool = True,
    report: Report = silent,
) -> dict[str, Any]:
    """Score one embedding: top_k with intervals, per class, logistic regression, 2-D separation.

    The top_k protocol is the project's own (see `embtune.evaluation.topk`). `leave_out` names versions
    whose training records are not measured on; with a slice, queries and neighbours are among its records
    alone. A result is kept and given back as long as the vectors, the labels and the question are the same.
    """
    row = project.require_embedding(embedding)
    if row.n_rows < project.n_records:
        raise NotReadyError(
            f"{project.n_records - row.n_rows:,} records are newer than the embedding {row.name!r}: "
            "embed them first."
        )
    measure = unseen_by(project, leave_out, among=among, slice=slice)
    fingerprint = evaluation_key(row.file, measure, ks, n_queries, seed, among, maps, slice)
    known = find_evaluation(project.db, project.id, row.name, fingerprint)
    if known is not None and all(f"shapes_{m}" in known for m in SHAPES):  # an early version kept fewer
        return known
    began = time.perf_counter()
    trained = (
        {r for r, _ in rows_trained_on(project.db, project.id, row.name)} if row.name != "raw" else set()
    )
    vectors = project.vectors(row.name)
    result: dict[str, Any] = {
        "embedding": row.name,
        "measured_on": measure.kind,
        **within_of(slice),
        "n_records": len(measure.rows),
        "n_trained_on": len(trained.intersection(measure.rows.tolist())),
        "labels": list(measure.names),
        "main_k": measure.main_k,
        "question": question(ks, n_queries, seed, among, leave_out, maps, slice),
        "measure": measure_key(measure),
        **score_neighbours(vectors, measure, ks, n_queries, seed, report),
        **_score_classifier(vectors, measure, seed, report),
    }
    result |= _score_maps(vectors[measure.rows], measure.labels, seed, maps, report)
    result["seconds"] = round(time.perf_counter() - began, 2)
    put_evaluation(project.db, project.id, row.name, fingerprint, result)
    return result


def score_neighbours(
    vectors: NDArray[Any],
    measure: Measure,
    ks: Sequence[int],
    n_queries: int,
    seed: int,
    report: Report = silent,
) -> dict[str, Any]:
    """top_k of one embedding as plain values: means, 95 % intervals, per class and per query."""
    from embtune.evaluation.topk import per_class, top_k

    report(0, 3, "steps", "top_k")
    top = top_k(vectors[measure.rows], measure.labels, ks, n_queries=n_queries, seed=seed)
    keys = [str(k) for k in top.ks]
    # A class of 50 records cannot fill 100 places: what a perfect embedding would reach.
    others = np.bincount(measure.labels)[measure.labels[top.queries]] - 1
    return {
        "n_queries": len(top.queries),
        "top_k": dict(zip(keys, (round(float(v), 4) for v in top.mean), strict=True)),
        "interval": {
            key: [round(float(low), 4), round(float(high), 4)]
            for key, low, high in zip(keys, top.low, top.high, strict=True)
        },
        "ceiling": {str(k): round(float(np.minimum(1, others / k).mean()), 4) for k in top.ks},
        "per_class": per_class(top, measure.labels, measure.names),
        "per_query": {
            "k": int(top.ks[-1]),
            "label": measure.labels[top.queries].tolist(),
            "share": np.round(top.per_query[:, -1], 4).tolist(),
        }
        if top.ks
        else None,
        # One share per query, in the order of `per_query`, where the embeddings are compared.
        "main_shares": np.round(top.per_query[:, top.ks.index(measure.main_k)], 4).tolist()
        if measure.main_k in top.ks
        else None,
    }


def _score_classifier(vectors: NDArray[Any], measure: Measure, seed: int, report: Report) -> dict[str, Any]:
    from embtune.evaluation.classification import logistic_regression

    report(1, 3, "steps", "logistic regression")
    tested = ~np.isin(measure.rows, measure.train_rows)
    if len(np.unique(measure.train_labels)) < 2 or tested.sum() < LEAST_RECORDS:
        return {
            "accuracy": None,
            "classification": None,
            "accuracy_note": "No classifier was trained: labels of at least 2 classes are needed, and "
            f"{LEAST_RECORDS} measured records without one.",
        }
    scores = logistic_regression(
        vectors[measure.train_rows],
        measure.train_labels,
        vectors[measure.rows[tested]],
        measure.labels[tested],
        measure.names,
        seed=seed,
    )
    return {
        "accuracy": round(scores.accuracy, 4),
        "classification": {
            "n_train": len(measure.train_rows),
            "n_tested": int(tested.sum()),
            "interval": [round(scores.low, 4), round(scores.high, 4)],
            "macro_f1": round(scores.macro_f1, 4),
            "confusion": scores.confusion.tolist(),
            "report": [
                {
                    "label": line.label,
                    "precision": round(line.precision, 4),
                    "recall": round(line.recall, 4),
                    "f1": round(line.f1, 4),
                    "support": int(line.support),
                }
                for line in scores.report
            ],
        },
    }


def _score_maps(
    vectors: NDArray[Any], labels: NDArray[np.int64], seed: int, wanted: bool, report: Report
) -> dict[str, Any]:
    if not wanted:
        return {f"shapes_{m}": None for m in SHAPES}
    from embtune.evaluation.separation import shapes_accuracy
    from embtune.maps.projection import METHODS

    out: dict[str, dict[str, float]] = {f"shapes_{m}": {} for m in SHAPES}
    for method in ("pca", "umap"):
        report(2, 3, "steps", f"separation of the {method.upper()} map")
        xy = METHODS[method](vectors, seed=seed)
        for m in SHAPES:
            out[f"shapes_{m}"][method] = round(shapes_accuracy(xy, labels, m, seed=seed), 4)
    return out


def unseen_by(
    project: Project,
    versions: str | Sequence[str] | None,
    *,
    among: str = "reference",
    slice: str | None = None,  # noqa: A002
) -> Measure:
    """Choose the records to measure on among those that none of the versions was trained on."""
    found_versions = [project.version(name) for name in names_of(versions)]
    names = [version.name for version in found_versions]
    made = [version.created_at for version in found_versions]

    def make() -> Measure:
        skip = {row for name in names for row, _ in rows_trained_on(project.db, project.id, name)}
        return choose(project, among=among, leave_out=sorted(skip), slice=slice)

    stamp = (project.revision, made, slice_stamp(project, slice))
    found: Measure = project.cached(("measure", among, tuple(names), slice), stamp, make)
    return found
