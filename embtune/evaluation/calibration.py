"""Class scores made into probabilities that can be believed, and how far they can be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embtune.evaluation.wilson import wilson

Matrix = NDArray[np.float32]

N_BINS = 10
_SPREAD = 0.5  # of the log exponents around where they start


@dataclass(frozen=True)
class Bin:
    """Predictions of about the same confidence: how sure they were, and how often they were right.

    `low` and `high` are the 95 % Wilson interval of `right`, the share that was right.
    """

    start: float
    stop: float
    n: int
    confidence: float
    right: float
    low: float
    high: float


@dataclass(frozen=True)
class Reliability:
    """How confidence and share right agree over `n` predictions.

    Attributes
    ----------
    bins
        Those that hold a prediction, from unsure to sure.
    error
        Expected calibration error: the gap between confidence and share right, its mean over predictions.
    accuracy, confidence
        Share right and mean confidence over all.
    """

    bins: tuple[Bin, ...]
    error: float
    accuracy: float
    confidence: float
    n: int


def reliability(confidence: NDArray[Any], right: NDArray[np.bool_], n_bins: int = N_BINS) -> Reliability:
    """Compare confidence with how often it was justified.

    Parameters
    ----------
    confidence
        Shape (n,), in [0, 1], n >= 1.
    right
        Shape (n,): whether the prediction was right.
    n_bins
        Bins of equal width over [0, 1]; a confidence on an edge belongs to the bin above it.

    Raises
    ------
    ValueError
        If there is no prediction, or lengths differ.

    Notes
    -----
    Naeini, Cooper and Hauskrecht (2015), Obtaining well calibrated probabilities using Bayesian binning.
    """
    sure, hit = np.asarray(confidence, dtype=np.float64), np.asarray(right, dtype=np.float64)
    if len(sure) != len(hit) or not len(sure):
        raise ValueError(f"There are {len(sure)} confidences for {len(hit)} answers.")
    place = np.minimum((sure * n_bins + 1e-9).astype(np.int64), n_bins - 1)
    n = np.bincount(place, minlength=n_bins)
    total, right_in = np.bincount(place, sure, n_bins), np.bincount(place, hit, n_bins)
    bins = tuple(
        Bin(
            i / n_bins,
            (i + 1) / n_bins,
            int(n[i]),
            float(total[i] / n[i]),
            float(right_in[i] / n[i]),
            *wilson(int(right_in[i]), int(n[i])),
        )
        for i in np.flatnonzero(n).tolist()
    )
    error = float(np.abs(total - right_in).sum() / len(sure))
    return Reliability(bins, error, float(hit.mean()), float(sure.mean()), len(sure))


def pooled(parts: Sequence[NDArray[Any]], exponents: Sequence[float]) -> Matrix:
    """Combine log probabilities of several models, each raised to its exponent; rows sum to 1.

    Each part has the shape (n, C). With one part this is temperature scaling, the temperature being
    1 / exponent.
    """
    total = np.asarray(parts[0], dtype=np.float32) * np.float32(exponents[0])
    for part, exponent in zip(parts[1:], exponents[1:], strict=True):
        total += np.asarray(part, dtype=np.float32) * np.float32(exponent)
    total -= total.max(axis=1, keepdims=True)
    np.exp(total, out=total)
    total /= total.sum(axis=1, keepdims=True)
    return total


def fit_exponents(
    parts: Sequence[NDArray[Any]],
    labels: NDArray[np.int64],
    *,
    start: Sequence[float],
    weights: NDArray[Any] | None = None,
) -> tuple[float, ...]:
    """Find how much each model's log probabilities should count, so that `pooled` fits known labels best.

    Parameters
    ----------
    parts
        Each of the shape (m, C): log probabilities of records that the models did not learn from.
    labels
        Shape (m,), the known classes.
    start
        One exponent a part: what is believed without labels. With few labels the answer stays near it.
    weights
        Shape (m,), how much a record counts; 1 by default.

    Returns
    -------
    tuple of float
        Positive, one a part.

    Notes
    -----
    Guo et al. (2017), On calibration of modern neural networks, of one part; of several, a logarithmic
    opinion pool (Heskes 1998). Fitted by the likelihood times a normal prior on the log exponents.
    """
    from scipy.optimize import minimize

    known = [np.asarray(part, dtype=np.float64) for part in parts]
    first = np.log(np.asarray(start, dtype=np.float64))
    if not len(labels):
        return tuple(np.exp(first).tolist())
    weight = np.ones(len(labels)) if weights is None else np.asarray(weights, dtype=np.float64)
    places = np.arange(len(labels))
    at_label = [part[places, labels] for part in known]

    def cost(theta: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        exponents = np.exp(theta)
        total = sum(exponent * part for exponent, part in zip(exponents, known, strict=True))
        top = total.max(axis=1, keepdims=True)
        share = np.exp(total - top)
        norm = share.sum(axis=1)
        loss = float(weight @ (np.log(norm) + top[:, 0] - total[places, labels]))
        share /= norm[:, None]
        slopes = [
            exponent * float(weight @ ((share * part).sum(axis=1) - at))
            for exponent, part, at in zip(exponents, known, at_label, strict=True)
        ]
        away = (theta - first) / _SPREAD**2
        return loss + 0.5 * float(away @ (theta - first)), np.array(slopes) + away

    found = minimize(cost, first, jac=True, method="L-BFGS-B", bounds=[(-6.0, 6.0)] * len(known))
    return tuple(np.exp(found.x).tolist())
