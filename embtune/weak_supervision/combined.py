"""Votes and vectors together."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from embtune.evaluation.calibration import pooled
from embtune.weak_supervision.base import BLIND, WITHOUT_SEEN, Matrix, Opinion
from embtune.weak_supervision.evidence import Evidence
from embtune.weak_supervision.patterns import distinct_rows, what_is_voted

_SEEN_COUNTS = 0.25
"""Exponent of votes that manual labels cannot judge, since their heuristics were made in view of them."""

_DOUBT = 2.0  # rate of the exponential prior on how much votes add
_SPREAD = 0.5  # of the logarithm of the vectors' exponent
_MOST_SAID = 5.0  # in logarithm, that votes may speak for or against a class
_PENALTY = 5.0  # on the weights of votes: a vote needs some hits to count
_STEPS = 60
_FLOOR = 1e-9


class Combined:
    """What the vectors say, times what the votes add to it."""

    name: ClassVar[str] = "combined"
    title: ClassVar[str] = "Votes and vectors"
    about: ClassVar[str] = (
        "A model of the manual labels on the vectors, moved by the votes; how far each heuristic is right is "
        "judged on all records, by that model."
    )
    votes: ClassVar[bool] = True
    vectors: ClassVar[bool] = True

    def missing(self, n_heuristics: int, n_classes: int) -> str | None:
        """Run wherever there are vectors."""
        return None

    def fit(self, evidence: Evidence) -> Opinion:
        """Pool the two; see the notes.

        Notes
        -----
        The vectors' model is calibrated, and labels thousands of records softly. A regression from votes to
        those soft labels says what a pattern of votes means, with agreeing heuristics counted once. It is one
        step of expectation maximisation on the records without a manual label, so heuristics that
        were fitted to the manual labels are judged where they were not. How much votes add is fitted
        to the manual labels out of fold for heuristics those can judge, and fixed low for the others.
        """
        look = evidence.look
        assert look is not None
        rows, labels = evidence.rows, evidence.known[evidence.rows]
        parts, held = [_log(look.probability)], [_log(look.held_out)]
        honest = ~evidence.seen
        exponents = [1.0]
        if (evidence.votes[:, honest] >= 0).any():
            added = added_by_votes(evidence, honest, look.probability)
            parts.append(added)
            held.append(added[rows])
            exponents = list(_weighed(held[0], held[1], labels))
        held_out = pooled(held, exponents)
        if evidence.seen_votes:
            # On labelled rows these votes are too good to be true: the held-out answers do without them.
            parts.append(added_by_votes(evidence, evidence.seen, look.probability))
            exponents.append(_SEEN_COUNTS)
        by = WITHOUT_SEEN if evidence.seen_votes else BLIND
        return Opinion(pooled(parts, exponents), held_out, calibrated=True, held_out_by=by)


def _weighed(vectors: Matrix, votes: Matrix, labels: NDArray[np.int64]) -> tuple[float, float]:
    """Find exponents of what vectors and votes say, shapes (h, C), that fit manual labels best.

    Votes add nothing until the labels say so: those of a learner on the same vectors repeat what is known.
    """
    from scipy.optimize import minimize

    first, second = vectors.astype(np.float64), votes.astype(np.float64)
    places = np.arange(len(labels))

    def cost(exponents: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        one, two = exponents.tolist()
        total = one * first + two * second
        total -= total.max(axis=1, keepdims=True)
        share = np.exp(total)
        norm = share.sum(axis=1, keepdims=True)
        share /= norm
        loss = float(np.log(norm).sum() - total[places, labels].sum())
        slopes = [float((share * part).sum() - part[places, labels].sum()) for part in (first, second)]
        away = np.log(one) / _SPREAD**2
        prior = 0.5 * away * np.log(one) + _DOUBT * two
        return loss + prior, np.array([slopes[0] + away / one, slopes[1] + _DOUBT])

    found = minimize(cost, np.array([1.0, 0.1]), jac=True, method="L-BFGS-B", bounds=[(0.2, 3.0), (0.0, 4.0)])
    return float(found.x[0]), float(found.x[1])


def added_by_votes(evidence: Evidence, which: NDArray[np.bool_], soft: Matrix) -> Matrix:
    """Return, as logarithms, what some heuristics' votes say for each class beyond how common it is, (n, C).

    Parameters
    ----------
    which
        Shape (m,): the heuristics.
    soft
        Shape (n, C): probabilities to learn from; records with a manual label are left out.
    """
    votes, confidence = evidence.votes[:, which], evidence.confidence[:, which]
    said = _features(votes, confidence)
    patterns, at = distinct_rows(said)
    free = evidence.known < 0
    if not free.any():
        return np.zeros_like(soft)
    target = np.zeros((len(patterns), evidence.n_classes))
    np.add.at(target, at[free], soft[free])
    share = target.sum(axis=0) / target.sum()
    meant = _soft_regression(patterns, target) - np.log(np.maximum(share, _FLOOR))
    found: Matrix = np.clip(meant, -_MOST_SAID, _MOST_SAID).astype(np.float32)[at]
    return found


def _features(votes: NDArray[np.int64], confidence: Matrix) -> Matrix:
    """One column per heuristic and label it votes for: the confidence, in tenths; shape (n, columns)."""
    said = np.maximum(np.round(confidence, 1), np.float32(0.1))
    columns = [np.where(votes[:, j] == place, said[:, j], 0) for j, place in what_is_voted(votes)]
    return np.stack(columns, axis=1).astype(np.float32)


def _soft_regression(said: Matrix, target: NDArray[np.float64]) -> NDArray[np.float64]:
    """Fit a multinomial regression to class counts of each row and return its log probabilities, (p, C)."""
    from scipy.optimize import minimize

    features = said.astype(np.float64)
    n_columns, n_classes = features.shape[1], target.shape[1]
    weight = target.sum(axis=1, keepdims=True)

    def shares(flat: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        parameters = flat.reshape(n_columns + 1, n_classes)
        scores = features @ parameters[:-1] + parameters[-1]
        scores -= scores.max(axis=1, keepdims=True)
        return scores - np.log(np.exp(scores).sum(axis=1, keepdims=True)), parameters

    def cost(flat: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        share, parameters = shares(flat)
        slope = np.exp(share) * weight - target
        gradient = np.empty_like(parameters)
        gradient[:-1] = features.T @ slope + _PENALTY * parameters[:-1]
        gradient[-1] = slope.sum(axis=0)
        loss = -float((target * share).sum()) + 0.5 * _PENALTY * float((parameters[:-1] ** 2).sum())
        return loss, gradient.ravel()

    start = np.zeros((n_columns + 1) * n_classes)
    found = minimize(cost, start, jac=True, method="L-BFGS-B", options={"maxiter": _STEPS})
    return shares(found.x)[0]


def _log(probability: Matrix) -> Matrix:
    found: Matrix = np.log(np.maximum(probability, _FLOOR))
    return found
