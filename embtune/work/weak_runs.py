"""The files of weak supervision's runs: a label and a confidence for every record."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from embtune.errors import NotReadyError
from embtune.heuristics.base import ABSTAIN
from embtune.store.labelset import label_targets
from embtune.store.weak_runs import WeakRun

if TYPE_CHECKING:
    from embtune.project import Project


def save_weak_labels(project: Project, labels: NDArray[np.int64], confidence: NDArray[np.float32]) -> str:
    """Write what a run says of every record, each shape (n,); return the file as the database names it."""
    from embtune.embedding.matrix import save_matrix

    file = project.folder("weak supervision") / f"{time.time_ns()}.npy"
    save_matrix(file, np.stack([labels.astype(np.float64), confidence], axis=1))
    return project.relative(file)


def weak_labels(project: Project, run: WeakRun) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Label numbers, -1 where it says nothing, and confidences of a run, each of shape (n,).

    Labels that were merged count as what they became, deleted ones as nothing.
    """

    def load() -> NDArray[np.float64]:
        try:
            return np.load(project.path(run.file or ""), allow_pickle=False)  # type: ignore[no-any-return]
        except (OSError, ValueError) as error:
            raise NotReadyError(
                "The labels of this run cannot be read from the disk: run it again."
            ) from error

    stored = project.cached(("weak labels", run.id), run.file, load)
    labels = np.full(project.n_records, ABSTAIN, dtype=np.int64)
    confidence = np.zeros(project.n_records, dtype=np.float32)
    m = min(len(labels), len(stored))
    labels[:m], confidence[:m] = stored[:m, 0], stored[:m, 1]
    for before, now in label_targets(project.db, project.id).items():
        labels[labels == before] = ABSTAIN if now is None else now
    confidence[labels == ABSTAIN] = 0
    return labels, confidence
