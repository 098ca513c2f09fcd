"""A label and a confidence for every record, in a file: the votes of a heuristic, or weak labels."""

from __future__ import annotations

import time
from collections.abc import Hashable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from embtune.errors import NotReadyError
from embtune.heuristics.base import ABSTAIN
from embtune.store.labelset import label_targets, under_labels_of_now

if TYPE_CHECKING:
    from embtune.project import Project

Stored = tuple[NDArray[np.int64], NDArray[np.float32]]


def save(project: Project, folder: str, labels: NDArray[np.int64], confidence: NDArray[np.float32]) -> str:
    """Write labels and confidences, each of shape (n,); return the file as the database names it."""
    from embtune.embedding.matrix import save_matrix

    file = project.folder(folder) / f"{time.time_ns()}.npy"
    save_matrix(file, np.stack([labels.astype(np.float64), confidence], axis=1))
    return project.relative(file)


def load(project: Project, key: Hashable, file: str | None, *, what: str) -> Stored:
    """Read them as they stand now, each of shape (n,); without a file nothing is labelled.

    Labels that were merged count as what they became, deleted ones as none; records that came later have
    none.

    Parameters
    ----------
    key
        Under which the project keeps what was read.
    what
        Named where the file cannot be read.

    Raises
    ------
    NotReadyError
        If the file is gone or damaged.
    """

    def read() -> NDArray[np.float64]:
        try:
            return np.load(project.path(file or ""), allow_pickle=False)  # type: ignore[no-any-return]
        except (OSError, ValueError) as error:
            raise NotReadyError(f"{what} cannot be read from the disk: run it again.") from error

    n = project.n_records
    labels, confidence = np.full(n, ABSTAIN, dtype=np.int64), np.zeros(n, dtype=np.float32)
    if file is None:
        return labels, confidence
    stored = project.cached(key, file, read)[:n]
    targets = label_targets(project.db, project.id)
    labels[: len(stored)] = under_labels_of_now(stored[:, 0].astype(np.int64), targets)
    confidence[: len(stored)] = stored[:, 1]
    confidence[labels == ABSTAIN] = 0
    return labels, confidence
