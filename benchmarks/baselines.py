"""What `auto` is held against, on the same draw of labels: plain methods as anybody would take them."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float32]

STRENGTHS = (1.0, 10.0, 100.0)
"""The C that logistic regression chooses from."""

STRENGTH_UNCHOSEN = 10.0
"""Its C where a class has a single label, or where there are too many labels to try each."""

MOST_TO_CHOOSE = 3_000
NEIGHBORS = 50

ABOUT = {
    "lr": f"logistic regression on the raw vectors, balanced, C of {STRENGTHS} by 3-fold cross-validation on "
    f"the labels ({STRENGTH_UNCHOSEN:g} with a class of one label or above {MOST_TO_CHOOSE:,} labels)",
    "propagation": f"label propagation over the {NEIGHBORS}-nearest-neighbour graph of all records, as "
    "embtune.tuning.propagation comes",
    "setfit": "SetFit (arXiv:2209.11055) on the same encoder, written anew",
}


def logistic_regression(vectors: Matrix, labels: NDArray[Any], others: Matrix, seed: int) -> NDArray[Any]:
    """Learn from vectors (m, d) with labels (m,) and predict the classes of others (n, d)."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold

    def fitted(rows: Any, strength: float) -> Any:
        model = LogisticRegression(C=strength, class_weight="balanced", max_iter=300, tol=1e-3)
        return model.fit(vectors[rows], labels[rows])

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        best, fewest = STRENGTH_UNCHOSEN, int(np.unique(labels, return_counts=True)[1].min())
        if fewest >= 2 and len(labels) <= MOST_TO_CHOOSE:
            folds = StratifiedKFold(min(3, fewest), shuffle=True, random_state=seed)
            parts = list(folds.split(vectors, labels))
            right = [
                sum(int((fitted(a, c).predict(vectors[b]) == labels[b]).sum()) for a, b in parts)
                for c in STRENGTHS
            ]
            best = STRENGTHS[int(np.argmax(right))]
        return fitted(slice(None), best).predict(others)


def neighbour_graph(vectors: Matrix) -> Any:
    """Return the graph that labels travel over; the labels have no part in it."""
    from embtune.neighbors.exact import nearest
    from embtune.tuning.propagation import rank_weighted_graph

    return rank_weighted_graph(*nearest(vectors, min(NEIGHBORS, len(vectors) - 1)))


def propagation(graph: Any, rows: NDArray[np.int64], labels: Sequence[str]) -> NDArray[np.str_]:
    """Return every record's class from the labels of some rows."""
    from embtune.tuning.propagation import class_seeds, propagate

    names, known = np.unique(np.asarray(labels), return_inverse=True)
    sources = class_seeds(
        graph.shape[0], rows, known.astype(np.int64), np.ones(len(rows), dtype=np.float32), len(names)
    )
    return names[propagate(graph, sources).argmax(axis=1)]
