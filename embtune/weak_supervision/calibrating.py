"""Confidences that can be believed, and how far they can be."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from embtune.evaluation.calibration import fit_exponents, pooled
from embtune.weak_supervision.base import LabelModel, Matrix, Opinion
from embtune.weak_supervision.evidence import Evidence

_FLOOR = 1e-6
_MOST_DRAWN = 4000  # records that stand in for manual labels, where those cannot judge the votes
_BINS = 10


def calibrated(model: LabelModel, opinion: Opinion, evidence: Evidence) -> Opinion:
    """Temper an opinion so that its confidence is how often it is right.

    Notes
    -----
    Against manual labels, out of fold; few of them change little. Heuristics that were made in view of the
    manual labels look better there than they are. So where there are vectors, a model of such votes is
    tempered on the other records: their labels are drawn from what the vectors say, which is calibrated
    and knows no vote.
    """
    if opinion.calibrated:
        return opinion
    look = None
    if model.votes and evidence.vectors is not None and (evidence.votes[:, evidence.seen] >= 0).any():
        look = evidence.look
    if look is None:
        said, labels = opinion.held_out, evidence.known[evidence.rows]
    else:
        rng = np.random.default_rng(evidence.seed)
        free = np.flatnonzero((evidence.known < 0) & (opinion.probability.sum(axis=1) > 0))
        some = np.sort(rng.permutation(free)[:_MOST_DRAWN])
        said, labels = opinion.probability[some], _drawn(look.probability[some], rng)
    speaks = said.sum(axis=1) > 0
    if not speaks.any():
        return opinion
    exponents = fit_exponents([_log(said[speaks])], labels[speaks], start=[1.0])
    return Opinion(
        _tempered(opinion.probability, exponents), _tempered(opinion.held_out, exponents), calibrated=True
    )


def adaptive_error(confidence: NDArray[Any], right: NDArray[np.bool_], n_bins: int = _BINS) -> float:
    """Expected calibration error over bins that hold about the same number of predictions each.

    Parameters
    ----------
    confidence, right
        Shape (n,), n >= 1: how sure predictions were, and whether they were right.
    n_bins
        Fewer where many predictions are equally sure: those stay together.

    Notes
    -----
    Nguyen and O'Connor (2015), Posterior calibration and exploratory analysis for NLP models.
    """
    sure, hit = np.asarray(confidence, dtype=np.float64), np.asarray(right, dtype=np.float64)
    edges = np.unique(np.quantile(sure, np.arange(1, n_bins) / n_bins, method="higher"))
    place = np.searchsorted(edges, sure, side="right")
    return float(np.abs(np.bincount(place, sure - hit)).sum() / len(sure))


def _drawn(share: Matrix, rng: np.random.Generator) -> NDArray[np.int64]:
    """Draw a class for every row by its probabilities."""
    up_to = share.cumsum(axis=1)
    above = (rng.random((len(share), 1)) * up_to[:, -1:] > up_to).sum(axis=1)
    found: NDArray[np.int64] = np.minimum(above, share.shape[1] - 1)
    return found


def _tempered(probability: Matrix, exponents: tuple[float, ...]) -> Matrix:
    found = pooled([_log(probability)], exponents)
    found[probability.sum(axis=1) == 0] = 0
    return found


def _log(probability: Matrix) -> Matrix:
    found: Matrix = np.log(np.maximum(probability, _FLOOR))
    return found
