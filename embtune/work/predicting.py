"""A quick model on the labels of now: a prediction and a confidence for every record."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from embtune.project import Project


def quick_predictions(
    project: Project, embedding: str = "active"
) -> tuple[NDArray[np.int64], NDArray[np.float32]] | None:
    """Predict every record's label from those given so far; computed once per state of the labels.

    Returns
    -------
    (label ids, confidence), both (n,), or None with labels of fewer than two classes.
    """
    row = project.require_embedding(embedding)

    def fit() -> Any:
        from embtune.evaluation.classification import quick_model

        state = project.label_state()
        rows = np.flatnonzero(state.labelled)
        rows = rows[rows < row.n_rows]
        ids = state.label_ids[rows]
        classes = np.unique(ids)
        if len(classes) < 2:
            return None
        predicted, confidence = quick_model(
            project.vectors(row.name), rows, np.searchsorted(classes, ids), len(classes)
        )
        return classes[predicted], confidence

    found: tuple[NDArray[np.int64], NDArray[np.float32]] | None = project.cached(
        ("predictions", row.name), (project.revision, row.file), fit
    )
    return found
