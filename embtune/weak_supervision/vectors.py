"""What the vectors and the manual labels alone say of every record, calibrated out of fold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embtune.evaluation.calibration import fit_exponents, pooled
from embtune.evaluation.quick import QuickFit, fit_quick

Matrix = NDArray[np.float32]

_STEPS, _SHARE = 5, 0.9  # how often vectors are averaged over the graph, and how much comes from neighbours
_DIRECTIONS = 128  # of most variance, that are kept for it
_FLOOR = 1e-9


@dataclass(frozen=True)
class VectorOpinion:
    """Class probabilities from the vectors.

    Attributes
    ----------
    probability
        Shape (n, C), rows sum to 1.
    held_out
        Shape (h, C): of the labelled rows, by models without their fold.
    quick, quick_held_out
        The same of the quick model alone, which is one part of it.
    """

    probability: Matrix
    held_out: Matrix
    quick: Matrix
    quick_held_out: Matrix


def look_at_vectors(
    vectors: NDArray[Any],
    rows: NDArray[np.int64],
    labels: NDArray[np.int64],
    n_classes: int,
    *,
    graph: Any = None,
    beside: tuple[NDArray[Any], Any] | None = None,
    seed: int = 0,
) -> VectorOpinion:
    """Predict every record by the quick model and by one on vectors that were averaged over the graph.

    Where there is another view of the records, the same is done there, and out-of-fold labels say how much
    each part counts.

    Parameters
    ----------
    vectors
        Shape (n, d), rows of unit length.
    rows, labels
        Shape (h,): labelled rows and their classes in 0..n_classes-1, of at least two classes.
    graph
        Of `embtune.tuning.propagation.rank_weighted_graph`; without it the quick model stands alone, less
        its propagation.
    beside
        Vectors, shape (n, e), and graph of another view, such as vectors with words.
    seed
        Of the folds.
    """
    quick = fit_quick(vectors, rows, labels, n_classes, graph=graph, seed=seed)
    probability, held = _shares(quick)
    if graph is None:
        return VectorOpinion(probability, held, probability, held)
    parts, held_parts = [_log(probability)], [_log(held)]
    for view, its_graph in [(vectors, graph), *([] if beside is None else [beside])]:
        if view is not vectors:
            of_view, held_view = _shares(fit_quick(view, rows, labels, n_classes, graph=its_graph, seed=seed))
            parts.append(_log(of_view))
            held_parts.append(_log(held_view))
        smooth = fit_quick(averaged(view, its_graph), rows, labels, n_classes, seed=seed)
        of_smooth, held_smooth = _shares(smooth)
        parts.append(_log(of_smooth))
        held_parts.append(_log(held_smooth))
    exponents = fit_exponents(held_parts, labels, start=[1 / len(parts)] * len(parts))
    return VectorOpinion(pooled(parts, exponents), pooled(held_parts, exponents), probability, held)


def averaged(vectors: NDArray[Any], graph: Any) -> Matrix:
    """Average vectors with those of their neighbours over the graph, several times; unit rows, (n, <= d).

    Notes
    -----
    Wu et al. (2019), Simplifying graph convolutional networks, with the restart of Gasteiger et al. (2019),
    Predict then propagate: a linear model on such vectors needs fewer labels, for noise is averaged out.
    """
    vectors = np.asarray(vectors, dtype=np.float32)
    centred = vectors - vectors.mean(axis=0)
    if centred.shape[1] > _DIRECTIONS:
        _, directions = np.linalg.eigh(centred.T @ centred)
        centred = centred @ directions[:, -_DIRECTIONS:]
    found: Matrix = centred
    for _ in range(_STEPS):
        found = np.float32(_SHARE) * (graph @ found) + np.float32(1 - _SHARE) * centred
    found /= np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-12)
    return found


def _shares(fit: QuickFit) -> tuple[Matrix, Matrix]:
    """Leave out that a record may have none of the classes: rows sum to 1."""
    rest = np.float32(1 - fit.unseen)
    return fit.probability / rest, fit.held_out / rest


def _log(probability: Matrix) -> Matrix:
    found: Matrix = np.log(np.maximum(probability, _FLOOR))
    return found
