"""A quick model on the labels of now: a prediction and a calibrated confidence for every record."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from embtune.evaluation.calibration import Reliability, reliability
from embtune.evaluation.purity import Tested, learn_from_held_out
from embtune.evaluation.quick import QuickFit, fit_quick
from embtune.labeling.state import NONE_OF_THESE, SOURCES, LabelState
from embtune.work.graphs import graph_of
from embtune.work.label_names import LabelNames, names_of

if TYPE_CHECKING:
    from embtune.project import Project
    from embtune.store.artifacts import EmbeddingRow

MOST_AT_ONCE = 20
"""More labels than that, given by hand in one action, were not looked at one by one."""

FEWEST_TRUSTED = 30
"""From so many answers of people or of the data on, calibration believes no others."""

FEWEST_REFERENCE = 50
THREAD = "embtune quick model"

Predictions = tuple[NDArray[np.int64], NDArray[np.float32]]
Probabilities = tuple[NDArray[np.int64], NDArray[np.float32]]


@dataclass(frozen=True)
class QuickModel:
    """The quick model of one embedding and one state of the labels.

    Attributes
    ----------
    classes
        Shape (C,): label numbers, ascending.
    rows, labels, single
        Shape (m,): the labelled rows, the place of their label in `classes`, and whether somebody answered
        for that record alone.
    fit
        What it says of every record, and of the labelled ones out of fold.
    tested
        What the out-of-fold predictions say about those of other records; None without labels.
    predicted, confidence
        Shape (n,): the likeliest label's number and its calibrated probability.
    """

    classes: NDArray[np.int64]
    rows: NDArray[np.int64]
    labels: NDArray[np.int64]
    single: NDArray[np.bool_]
    fit: QuickFit
    tested: Tested | None
    predicted: NDArray[np.int64]
    confidence: NDArray[np.float32]


@dataclass(frozen=True)
class Calibration:
    """How the quick model's confidence compares with how often it is right.

    `on_reference` tells whether it was measured on reference labels of records without a label; else it was
    on the labels themselves, each predicted by a model without it.
    """

    reliability: Reliability
    on_reference: bool
    n_labels: int


def quick_model(project: Project, embedding: str = "active") -> QuickModel | None:
    """Return the quick model, fitted once per state of the labels; None without labels of two classes.

    The first one of more than a few thousand records is a regression alone: the graph that labels travel
    over is computed beside, once for the embedding.
    """
    return _learned(_model(project, embedding))


def quick_predictions(project: Project, embedding: str = "active") -> Predictions | None:
    """Predict every record's label from those given so far; computed once per state of the labels.

    Returns
    -------
    (label ids, confidence), both (n,). With labels of fewer than two classes, a guess by the names of the
    labels; None where they cannot be encoded.
    """
    return _predictions(_model(project, embedding))


def class_probabilities(project: Project, embedding: str = "active") -> Probabilities | None:
    """Return how likely each record has each label, calibrated.

    Returns
    -------
    (label ids (C,), P (n, C)), or None where nothing can be said, as in `quick_predictions`. The rows of P
    sum to a little less than 1: the rest is for labels that no record was given yet.
    """
    found = _model(project, embedding)
    return None if found is None else (found.classes, found.fit.probability)


def out_of_fold(
    project: Project, embedding: str = "active"
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]] | None:
    """Return what the quick model says of labelled records when it does not know their label.

    Returns
    -------
    (rows (m,), label ids (C,), P (m, C)), the rows ascending, or None with labels of fewer than two classes.
    """
    found = quick_model(project, embedding)
    if found is None:
        return None
    given = np.unique(found.labels)  # of others there are names only
    return found.rows[found.fit.places], found.classes[given], found.fit.held_out[:, given]


def recent_predictions(
    project: Project, embedding: str = "active", *, wait: float = 0.3
) -> Predictions | None:
    """Return the newest predictions there are, without waiting for newer ones.

    For a person who labels one record after the other: a new model is fitted beside, at most a fifth of
    the time. Only for the very first one there is a wait, of `wait` seconds at most; None after that.
    """
    key, stamp, fit = _task(project, embedding)
    recent = _recent(project, embedding)
    recent.start(stamp, lambda: project.cached(key, stamp, fit), pause=True)
    if recent.found is None:
        recent.join(wait)
    return _predictions(recent.found)


def recent_probabilities(project: Project, embedding: str = "active") -> Probabilities | None:
    """Return `class_probabilities` of the newest model there is, without waiting; None before the first."""
    found = _recent(project, embedding).found
    return None if found is None else (found.classes, found.fit.probability)


def model_within(project: Project, embedding: str, seconds: float) -> tuple[QuickModel | None, bool]:
    """Return the quick model of the labels of now if it is there within that time, and whether it will come.

    It is fitted beside, at once: for a person who looks at what they are about to label.
    """
    key, stamp, fit = _task(project, embedding)
    recent = _recent(project, embedding)
    recent.start(stamp, lambda: project.cached(key, stamp, fit), pause=False)
    if recent.stamp != stamp:
        recent.join(seconds)
    return (_learned(recent.found), False) if recent.stamp == stamp else (None, True)


def calibration(project: Project, embedding: str = "active") -> Calibration | None:
    """Compare the quick model's confidence with the truth; None where there is nothing to compare with."""
    found = quick_model(project, embedding)
    if found is None:
        return None
    reference = project.reference()[: len(found.predicted)]
    known = np.flatnonzero((reference >= 0) & ~project.label_state().labelled[: len(reference)])
    on_reference = len(known) >= FEWEST_REFERENCE
    if on_reference:
        sure, right = found.confidence[known], found.predicted[known] == reference[known]
    else:
        places = found.fit.places
        sure = found.fit.held_out.max(axis=1)
        right = found.fit.held_out.argmax(axis=1) == found.labels[places]
    if not len(sure):
        return None
    return Calibration(reliability(sure, right), on_reference, len(found.rows))


def learned_from(project: Project, embedding: str = "active") -> EmbeddingRow:
    """Return the embedding whose vectors are learned from: raw, unless a version is asked for by name.

    A version has learned the very labels that calibrate and hold out here, so that a model on it is surer
    than it is right; and raw with the graph is no less often right (see `benchmarks/RESULTS.md`).
    """
    return project.require_embedding("raw" if embedding in ("active", "best") else embedding)


def can_predict(project: Project) -> bool:
    """Tell whether anything can be said of a record: by labels of two classes, or by the labels' names."""
    ids = project.label_state().label_ids
    return len(np.unique(ids[ids >= 0])) >= 2 or can_guess(project)


def can_guess(project: Project) -> bool:
    """Tell whether the labels' names say something of records: they do once they are encoded."""
    row = project.find_embedding("raw")
    return row is not None and names_of(project, row) is not None


def _model(project: Project, embedding: str) -> QuickModel | None:
    key, stamp, fit = _task(project, embedding, wait=True)
    found: QuickModel | None = project.cached(key, stamp, fit)
    return found


def _learned(found: QuickModel | None) -> QuickModel | None:
    """Leave out a guess by names alone: nothing is known of how good it is."""
    return None if found is None or len(np.unique(found.labels)) < 2 else found


def _predictions(found: QuickModel | None) -> Predictions | None:
    return None if found is None else (found.predicted, found.confidence)


def _task(
    project: Project, embedding: str, *, wait: bool = False
) -> tuple[Any, Any, Callable[[], QuickModel | None]]:
    """Return under which key and stamp the model of now is kept, and a function that needs no database.

    `wait` is for the names of the labels, where the encoder has to be loaded.
    """
    row = learned_from(project, embedding)
    state = project.label_state()
    # A flag or a comment raises the revision too, and must not cost a fit.
    labels = project.cached("label stamp", project.revision, lambda: _digest(state))
    names = names_of(project, row, wait=wait)
    enough = len(np.unique(state.label_ids[: row.n_rows][state.labelled[: row.n_rows]])) >= 2
    graph = graph_of(project, row) if enough or names is not None else None
    vectors = project.vectors(row.name)
    n_labels = len(project.labels)
    stamp = (labels, n_labels, row.file, graph is not None, names and names.key)
    return ("quick model", row.name), stamp, lambda: _fit(vectors, state, graph, n_labels, names)


def _digest(state: LabelState) -> bytes:
    made = hashlib.blake2b(digest_size=16)
    for part in (state.label_ids, state.confidence, state.sources):
        made.update(np.ascontiguousarray(part).tobytes())
    return made.digest()


def _fit(
    vectors: NDArray[np.float32],
    state: LabelState,
    graph: Any,
    n_labels: int = 0,
    names: LabelNames | None = None,
) -> QuickModel | None:
    n = len(vectors)
    rows = np.flatnonzero(state.labelled[:n])
    classes = np.unique(state.label_ids[rows])
    if names is not None and np.isin(classes, names.ids).all():
        classes = names.ids
    else:
        names = None  # a label went away in the meantime
    if len(classes) < 2:
        return None
    labels = np.searchsorted(classes, state.label_ids[rows])
    groups = strokes(state, rows)
    given = state.given[rows]
    fit = fit_quick(
        vectors,
        rows,
        labels,
        len(classes),
        weights=np.clip(state.confidence[rows], 0.01, 1.0),
        trusted=given if given.sum() >= FEWEST_TRUSTED else None,
        n_none=int((state.label_ids[:n] == NONE_OF_THESE).sum()),
        n_empty=max(n_labels - len(classes), 0),
        graph=graph,
        names=None if names is None else names.vectors,
    )
    best = fit.probability.argmax(axis=1)
    return QuickModel(
        classes=classes,
        rows=rows,
        labels=labels,
        single=given & (groups < 0),
        fit=fit,
        tested=None
        if not len(rows)
        else learn_from_held_out(
            vectors[rows], fit.held_out, labels, fit.folds, n_blocks=int(fit.draws.sum())
        ),
        predicted=classes[best],
        confidence=fit.probability[np.arange(n), best],
    )


def strokes(state: LabelState, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Number the labels that a person gave in one stroke, shape (len(rows),); -1 for all others.

    Votes of one action are numbered in a row. So a row of votes with one label was given by one key if they
    came by a lasso, or by hand and are more than `MOST_AT_ONCE`; votes out of a session never were.
    """
    order = np.argsort(state.vote_ids[rows], kind="stable")
    at = rows[order]
    ids, label, source = state.vote_ids[at], state.label_ids[at], state.sources[at]
    same = (np.diff(ids) == 1) & (np.diff(label) == 0) & (np.diff(source) == 0)
    run = np.concatenate([[0], np.cumsum(~same)])[: len(at)]
    size = np.bincount(run, minlength=1)[run]
    lasso, manual = SOURCES.index("lasso"), SOURCES.index("manual")
    stroke = ((source == lasso) & (size > 1)) | ((source == manual) & (size > MOST_AT_ONCE))
    groups = np.full(len(rows), -1, dtype=np.int64)
    groups[order] = np.where(stroke, run, -1)
    return groups


def _recent(project: Project, embedding: str) -> _Recent:
    row = learned_from(project, embedding)
    kept: _Recent = project.cached(("recent quick model", row.name), row.file, _Recent)
    return kept


class _Recent:
    """The newest model of one embedding, and the thread that fits the next."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._not_before = 0.0
        self._thread: threading.Thread | None = None
        self.stamp: Any = None
        self.found: QuickModel | None = None

    def start(self, stamp: Any, fit: Callable[[], QuickModel | None], *, pause: bool) -> None:
        """Fit the model of that stamp beside, unless it is there, another is under way, or it is too soon."""
        with self._lock:
            due = stamp != self.stamp and not (pause and time.monotonic() < self._not_before)
            if due and (self._thread is None or not self._thread.is_alive()):
                self._thread = threading.Thread(
                    target=self._renew, args=(stamp, fit), name=THREAD, daemon=True
                )
                self._thread.start()

    def join(self, seconds: float) -> None:
        """Wait for the model that is being fitted, so long at most."""
        thread = self._thread
        if thread is not None:
            thread.join(seconds)

    def _renew(self, stamp: Any, fit: Callable[[], QuickModel | None]) -> None:
        started = time.monotonic()
        found = fit()
        with self._lock:
            self.found, self.stamp = found, stamp
            self._not_before = time.monotonic() + 4 * (time.monotonic() - started)
