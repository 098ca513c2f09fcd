"""How many records of a selection have the class that they are about to be given, with an honest interval."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float32]

PRIOR = 0.1
"""How far errors at neighbouring records go together, believed before any was seen: a choice, not a fit."""

PRIOR_PAIRS = 50.0
"""How many pairs of records that belief is worth: a choice too."""

SIZES = (3, 5, 10, 20, 40, 80)
"""Neighbourhoods of labelled records in which errors are looked at together."""

_MOST_LABELS = 1000  # compared with each other
_MOST_INSIDE = 300  # of a selection, compared with labelled records
_RARE = 0.05  # what only so many of the held out were, farther from labels than that, was not tested
_FEWEST_FAR = 3  # blocks that must have been farther


@dataclass(frozen=True)
class Tested:
    """What the predictions of labelled records, each without its label, say about those of others.

    Attributes
    ----------
    correlation
        Shape (len(SIZES),): how far errors go together within neighbourhoods of so many labelled records.
    share
        Which share of all labels a neighbourhood of each size is.
    labelled
        Shape (m, d): the vectors of labelled records.
    farthest, rare
        The cosine to the next label of another fold that only so small a share of the held-out records fell
        short of: what is farther from all labels is like nothing that was tested.
    """

    correlation: NDArray[np.float64]
    share: NDArray[np.float64]
    labelled: Matrix
    farthest: float
    rare: float

    def correlation_of(self, share: float) -> float:
        """Return the correlation, in [0, 1], of errors within a selection of that share of all records."""
        return float(np.interp(share, self.share, self.correlation))

    def untested(self, vectors: NDArray[Any]) -> float:
        """Return the share of a selection, shape (m, d), that is farther from labels than what was tested."""
        if not len(vectors):
            return 0.0
        some = np.linspace(0, len(vectors) - 1, min(len(vectors), _MOST_INSIDE)).astype(np.int64)
        nearest = (np.asarray(vectors[some], dtype=np.float32) @ self.labelled.T).max(axis=1)
        return float(np.clip((np.mean(nearest < self.farthest) - self.rare) / (1 - self.rare), 0.0, 1.0))


@dataclass(frozen=True)
class Purity:
    """The estimated share of a selection that has a class, with its 95 % interval."""

    share: float
    low: float
    high: float


def learn_from_held_out(
    vectors: NDArray[Any],
    probability: NDArray[Any],
    labels: NDArray[np.int64],
    folds: NDArray[np.int64],
    *,
    n_blocks: int,
    seed: int = 0,
) -> Tested:
    """See how far errors of held-out predictions go together, and how far from other labels they were made.

    Parameters
    ----------
    vectors
        Shape (m, d), of the labelled records, rows of unit length.
    probability
        Shape (m, C): what a model without each label said.
    labels
        Shape (m,), their classes.
    folds
        Shape (m,): labels of one fold were held out together.
    n_blocks
        How many independent blocks there are among the labels.
    seed
        Which records are compared where there are more than 1,000.

    Notes
    -----
    The variance of the mean error of a neighbourhood beyond that of independent draws, as a correlation, over
    all neighbourhoods and classes. It stays near `PRIOR` where there are few.
    """
    places = np.arange(len(labels))
    if len(places) > _MOST_LABELS:
        places = np.sort(np.random.default_rng(seed).choice(places, _MOST_LABELS, replace=False))
    m, fold = len(places), folds[places]
    share = np.asarray(probability[places], dtype=np.float32)
    error = -share
    error[np.arange(m), labels[places]] += 1
    deviation = np.sqrt(np.maximum(share * (1 - share), 0))
    inside = np.asarray(vectors[places], dtype=np.float32)
    alike = inside @ inside.T
    together, scale, pairs = np.zeros((3, len(SIZES)))
    for members in (np.flatnonzero(fold == f) for f in np.unique(fold)):
        # Only what was held out together: elsewhere, one label's error was the other's lesson.
        near = np.argsort(-alike[np.ix_(members, members)], axis=1, kind="stable")[:, : SIZES[-1]]
        for i, size in enumerate(SIZES):
            if size <= len(members):
                chosen = members[near[:, :size]]
                together[i] += _over_pairs(error, chosen)
                scale[i] += _over_pairs(deviation, chosen)
                pairs[i] += len(members) * (size - 1) / 2
    apart = np.where(fold[:, None] != fold[None, :], alike, -1.0).max(axis=1)
    rare = float(np.clip(_FEWEST_FAR / n_blocks, _RARE, 0.9))
    return Tested(
        np.clip(
            (together / np.maximum(scale, 1e-9) * pairs + PRIOR * PRIOR_PAIRS) / (pairs + PRIOR_PAIRS), 0, 1
        ),
        np.array(SIZES) / max(m / len(np.unique(fold)), 1),
        inside,
        float(np.quantile(apart, rare)),
        rare,
    )


def _over_pairs(values: NDArray[Any], near: NDArray[np.int64]) -> float:
    """Sum the products of different members of each neighbourhood, over all of them and all columns."""
    total, squares = np.zeros((len(near), values.shape[1])), np.zeros((len(near), values.shape[1]))
    for column in near.T:
        total += values[column]
        squares += values[column] ** 2
    return float((total**2 - squares).sum())


def estimate_purity(
    probability: NDArray[Any],
    *,
    correlation: float = PRIOR,
    n_labels: float = 0.0,
    without: NDArray[Any] | None = None,
    untested: float = 0.0,
    seen: int = 0,
    seen_right: float = 0.0,
) -> Purity:
    """Estimate the share of records that have a class.

    Parameters
    ----------
    probability
        Shape (m,), m >= 1: how likely each record has the class, calibrated.
    correlation
        Of errors at two of the records; see `Tested.correlation_of`.
    n_labels
        How many independent labels of this class the probabilities rest on: of few, they may be off by
        themselves.
    without
        Shape (F,): the mean probability by models that lack one of F parts of the labels each; it tells how
        much the estimate hangs on which labels there are.
    untested
        The share of the records of which labels tell nothing: it may have the class or not.
    seen, seen_right
        How many records of the same selection were looked at besides, and how many of them have the class;
        expected to be chosen without regard to the answer.

    Returns
    -------
    Purity
        The 95 % interval is that of a Beta distribution with the mean and the variance below, updated with
        what was seen, and widened to whole records.

    Notes
    -----
    Variance of the share: that of independent draws, plus the part of the errors that the records have in
    common (the design effect of cluster sampling, Kish 1965), plus that of a mean known from n_labels draws,
    plus the jackknife's (Tukey 1958) over parts of the labels.
    """
    from scipy.stats import beta

    p = np.clip(np.asarray(probability, dtype=np.float64), 0.0, 1.0)
    least = 1.0 / (n_labels + 2.0)  # nothing is surer than so many labels can make it
    deviation = np.sqrt(p * (1 - p))
    shared = max(float(deviation.mean()) ** 2, least * (1 - least) * least)
    mean = float(np.clip(p.mean(), least / 4, 1 - least / 4))
    variance = float((deviation**2).sum()) / len(p) ** 2 + shared * (correlation + 1.0 / (n_labels + 1.0))
    if without is not None and len(without) > 1:
        parts = np.asarray(without, dtype=np.float64)
        variance += (len(parts) - 1) / len(parts) * float(((parts - parts.mean()) ** 2).sum())
    # Of the untested part half of what is predicted is believed, and no more firmly than one record's worth.
    half = mean / 2
    variance = (1 - untested) ** 2 * variance + untested**2 * half * (1 - half) / 2
    mean = (1 - untested) * mean + untested * half
    worth = max(mean * (1 - mean) / variance - 1.0, 1.0)
    a = mean * worth + seen_right
    b = (1 - mean) * worth + (seen - seen_right)
    low, high = beta.ppf([0.025, 0.975], a, b)
    # Out to whole records: a share of five records is a number of fifths, and may be none or all.
    return Purity(
        float(a / (a + b)), float(np.floor(low * len(p)) / len(p)), float(np.ceil(high * len(p)) / len(p))
    )


def as_if_typical(right: NDArray[np.bool_], expected: NDArray[Any], mean: float) -> float:
    """Return how many answers would have been right if they had been as likely as the others, on average.

    Parameters
    ----------
    right
        Shape (k,): whether each answer was the class.
    expected
        Shape (k,): how likely that was without the answer.
    mean
        How likely it is on average in the selection; answers to the hardest records are not typical of it.
    """
    return float(np.clip(len(right) * mean + (right - np.asarray(expected)).sum(), 0, len(right)))
