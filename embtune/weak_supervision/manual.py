"""Models of the manual labels alone, to be compared with: do heuristics add anything."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from embtune.weak_supervision.base import Matrix, Opinion
from embtune.weak_supervision.evidence import N_FOLDS, Evidence

_STRENGTHS = (1.0, 10.0)  # scikit-learn's C; the better one out of fold is taken


class Manual:
    """Logistic regression on the vectors, trained on the manual labels."""

    name: ClassVar[str] = "manual"
    title: ClassVar[str] = "Training on the manual labels alone"
    about: ClassVar[str] = (
        "Logistic regression on the vectors, trained on the manual labels; no heuristic is asked."
    )
    votes: ClassVar[bool] = False
    vectors: ClassVar[bool] = True

    def missing(self, n_heuristics: int, n_classes: int) -> str | None:
        """Run wherever there are vectors."""
        return None

    def fit(self, evidence: Evidence) -> Opinion:
        """Fit with two strengths of regularisation and keep the one that is right more often out of fold."""
        evidence.need_labels()
        rows, n_classes = evidence.rows, evidence.n_classes
        vectors = np.asarray(evidence.vectors, dtype=np.float32)
        inside, labels = vectors[rows], evidence.known[rows]
        fold = _dealt(labels, evidence.seed)
        best: tuple[float, float, Matrix] | None = None
        for strength in _STRENGTHS:
            held = np.zeros((len(rows), n_classes), dtype=np.float32)
            for f in range(N_FOLDS):
                mine = fold == f
                if mine.any() and len(np.unique(labels[~mine])) > 1:
                    held[mine] = _regression(inside[~mine], labels[~mine], inside[mine], n_classes, strength)
            right = float((held.argmax(axis=1) == labels).mean())
            if best is None or right > best[0]:
                best = (right, strength, held)
        assert best is not None
        return Opinion(_regression(inside, labels, vectors, n_classes, best[1]), best[2])


class Neighbours:
    """The quick model: logistic regression and labels that travel over the neighbour graph."""

    name: ClassVar[str] = "neighbours"
    title: ClassVar[str] = "Manual labels and their neighbours"
    about: ClassVar[str] = (
        "The map's own predictions: regression, and labels that travel from neighbour to neighbour."
    )
    votes: ClassVar[bool] = False
    vectors: ClassVar[bool] = True

    def missing(self, n_heuristics: int, n_classes: int) -> str | None:
        """Run wherever there are vectors."""
        return None

    def fit(self, evidence: Evidence) -> Opinion:
        """Take the quick model, which is calibrated out of fold."""
        look = evidence.look
        assert look is not None
        return Opinion(look.quick, look.quick_held_out, calibrated=True)


def _dealt(labels: NDArray[np.int64], seed: int) -> NDArray[np.int64]:
    """Deal the labels of every class to the folds in turn, shape (h,)."""
    order = np.random.default_rng(seed).permutation(len(labels))
    order = order[np.argsort(labels[order], kind="stable")]
    fold = np.empty(len(labels), dtype=np.int64)
    fold[order] = np.arange(len(labels)) % N_FOLDS
    return fold


def _regression(
    vectors: Matrix, labels: NDArray[np.int64], others: NDArray[Any], n_classes: int, strength: float
) -> Matrix:
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=strength, class_weight="balanced", max_iter=300).fit(vectors, labels)
    found = np.zeros((len(others), n_classes), dtype=np.float32)
    found[:, model.classes_] = model.predict_proba(others)
    return found
