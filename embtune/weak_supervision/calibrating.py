"""Confidences that can be believed, and how far they can be."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embtune.evaluation.calibration import fit_exponents, pooled
from embtune.weak_supervision.base import BLIND, KNOWING, LabelModel, Matrix, Opinion
from embtune.weak_supervision.evidence import N_FOLDS, Evidence

UNJUDGED = 2 / 3
"""The most confidence of votes that nothing can judge: as many are believed right before any is seen."""

_FEWEST_ASIDE = 20  # labels kept aside that can judge votes
_FLOOR = 1e-6
_MOST_DRAWN = 4000  # records that stand in for manual labels, where those cannot judge the votes
_BINS = 10


def calibrated(model: LabelModel, opinion: Opinion, evidence: Evidence) -> Opinion:
    """Temper an opinion so that its confidence is how often it is right.

    Notes
    -----
    Against manual labels, out of fold; few of them change little, and those of one class nothing.
    Heuristics that were made in view of the manual labels look better there than they are. So where there
    are vectors, a model of such votes is tempered on the other records: their labels are drawn from what
    the vectors say, which is calibrated and knows no vote. Without vectors, labels that were kept aside
    take their place; without enough of those nothing can tell, and the confidence is held at what a
    heuristic is believed to be right before anything is known of it.
    """
    if opinion.calibrated:
        return opinion
    knowing = model.votes and evidence.seen_votes
    opinion = replace(opinion, held_out_by=KNOWING if knowing else BLIND)
    if evidence.n_known < 2:
        return replace(opinion, judged=False)
    if not knowing:
        return _by(opinion, opinion.held_out, evidence.known[evidence.rows])
    if (look := evidence.look) is not None:
        rng = np.random.default_rng(evidence.seed)
        free = np.flatnonzero((evidence.known < 0) & (opinion.probability.sum(axis=1) > 0))
        some = np.sort(rng.permutation(free)[:_MOST_DRAWN])
        return _by(opinion, opinion.probability[some], _drawn(look.probability[some], rng))
    rows = np.flatnonzero((evidence.aside >= 0) & (opinion.probability.sum(axis=1) > 0))
    if len(rows) < _FEWEST_ASIDE:
        return _doubted(opinion)
    return _by_those_aside(opinion, evidence, rows)


def _by(opinion: Opinion, said: Matrix, labels: NDArray[np.int64]) -> Opinion:
    """Temper an opinion by what it said, shape (k, C), where the labels are those, shape (k,)."""
    speaks = said.sum(axis=1) > 0
    if not speaks.any():
        return replace(opinion, judged=False)
    exponents = fit_exponents([_log(said[speaks])], labels[speaks], start=[1.0])
    return replace(
        opinion,
        probability=_tempered(opinion.probability, exponents),
        held_out=_tempered(opinion.held_out, exponents),
        calibrated=True,
    )


def _by_those_aside(opinion: Opinion, evidence: Evidence, rows: NDArray[np.int64]) -> Opinion:
    """Temper an opinion by labels kept aside, on the rows of each fold by those of the others.

    So what is measured on them afterwards was not fitted to them.
    """
    found = _by(opinion, opinion.probability[rows], evidence.aside[rows])
    for fold in range(N_FOLDS):
        mine = evidence.folds[rows] == fold
        others = rows[~mine]
        tempered = _by(opinion, opinion.probability[others], evidence.aside[others])
        found.probability[rows[mine]] = tempered.probability[rows[mine]]
    return found


def _doubted(opinion: Opinion) -> Opinion:
    """Draw an opinion to equal shares, so that the surest is `UNJUDGED`; its order stays."""

    def drawn_in(probability: Matrix) -> Matrix:
        equal = 1 / probability.shape[1]
        share = np.float32((max(UNJUDGED, equal) - equal) / (1 - equal))
        found: Matrix = (equal + share * (probability - equal)).astype(np.float32)
        found[probability.sum(axis=1) == 0] = 0
        return found

    probability, held_out = drawn_in(opinion.probability), drawn_in(opinion.held_out)
    return replace(opinion, probability=probability, held_out=held_out, calibrated=True, judged=False)


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
