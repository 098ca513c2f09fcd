"""A quick model on the labels of now: a prediction and a confidence for every record."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from embtune.project import Project

# Beside a person who labels, a model of tenths of a second: a larger one would hold up their next key.
MOST_LABELS_BESIDE = 2000

Predictions = tuple[NDArray[np.int64], NDArray[np.float32]]
THREAD = "embtune quick model"


def quick_predictions(
    project: Project, embedding: str = "active"
) -> tuple[NDArray[np.int64], NDArray[np.float32]] | None:
    """Predict every record's label from those given so far; computed once per state of the labels.

    Returns
    -------
    (label ids, confidence), both (n,), or None with labels of fewer than two classes.
    """
    row = project.require_embedding(embedding)
    found: Predictions | None = project.cached(
        ("predictions", row.name),
        (project.revision, row.file),
        lambda: _fit(project.vectors(row.name), project.label_state().label_ids),
    )
    return found


def recent_predictions(
    project: Project, embedding: str = "active", *, wait: float = 0.3
) -> Predictions | None:
    """Return the newest predictions there are, without waiting for newer ones.

    For a person who labels one record after the other: a new model is fitted beside, at most a fifth of
    the time. Only for the very first one there is a wait, of `wait` seconds at most; None after that.
    """
    row = project.require_embedding(embedding)
    recent: _Recent = project.cached(("recent predictions", row.name), row.file, _Recent)
    return recent.take(
        project.revision, lambda: (project.vectors(row.name), project.label_state().label_ids), wait
    )


class _Recent:
    """The newest fit of one embedding, and the thread that makes the next."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._revision = -1
        self._not_before = 0.0
        self._thread: threading.Thread | None = None
        self._found: Predictions | None = None

    def take(
        self,
        revision: int,
        read: Callable[[], tuple[NDArray[np.float32], NDArray[np.int64]]],
        wait: float,
    ) -> Predictions | None:
        with self._lock:
            due = revision != self._revision and time.monotonic() >= self._not_before
            if due and (self._thread is None or not self._thread.is_alive()):
                # What is learnt from is read here: the thread needs no database.
                self._thread = threading.Thread(
                    target=self._renew, args=(revision, *read()), name=THREAD, daemon=True
                )
                self._thread.start()
            thread = self._thread
        if self._found is None and thread is not None:
            thread.join(wait)
        return self._found

    def _renew(self, revision: int, vectors: NDArray[np.float32], label_ids: NDArray[np.int64]) -> None:
        started = time.monotonic()
        found = _fit(vectors, label_ids)
        with self._lock:
            self._found, self._revision = found, revision
            self._not_before = time.monotonic() + 4 * (time.monotonic() - started)


def _fit(
    vectors: NDArray[np.float32], label_ids: NDArray[np.int64], most: int | None = None
) -> Predictions | None:
    from embtune.evaluation.classification import quick_model

    rows = np.flatnonzero(label_ids >= 0)
    rows = rows[rows < len(vectors)]
    if most is not None and len(rows) > most:
        rows = np.sort(np.random.default_rng(0).choice(rows, most, replace=False))
    ids = label_ids[rows]
    classes = np.unique(ids)
    if len(classes) < 2:
        return None
    predicted, confidence = quick_model(vectors, rows, np.searchsorted(classes, ids), len(classes))
    return classes[predicted], confidence
