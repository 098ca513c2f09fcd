"""Likely label errors, by confident learning on predictions of models that did not see the label."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float32]

SURE = 0.5
"""So much likelier than the given class, another one makes a label suspect whatever its class's mean."""

_FLOOR = 0.02  # below, how small a probability is says little


@dataclass(frozen=True)
class Suspects:
    """Likely label errors among m labelled records, the most suspicious first.

    Attributes
    ----------
    places
        Shape (s,), positions among the m.
    suggested
        Shape (s,), class indices: what the models would have said.
    scores
        Shape (s,), in [0, 1]: how much likelier the suggested class is than the given one. The order is by
        `suspicion`.
    """

    places: NDArray[np.int64]
    suggested: NDArray[np.int64]
    scores: Matrix


def suspects(labels: NDArray[np.int64], probabilities: Matrix) -> Suspects:
    """Find the labels that are likely wrong.

    Parameters
    ----------
    labels
        Shape (m,), class indices.
    probabilities
        Shape (m, C), rows sum to 1: out of fold, so that no row was learnt from.

    Notes
    -----
    Northcutt, Jiang and Chuang (2021), Confident learning, doi:10.1613/jair.1.12125: a record counts for a
    class where its probability reaches the mean that records of this class get, and is suspect where it
    counts for another class than its own. Of a small or very clean class that mean is near 1, so that a
    record is suspect too where another class is likelier by `SURE`.
    """
    if not len(labels):
        none = np.empty(0, dtype=np.int64)
        return Suspects(none, none, np.empty(0, dtype=np.float32))
    every = np.arange(len(labels))
    others = probabilities.copy()
    others[every, labels] = -1
    lead = others.max(axis=1) - probabilities[every, labels]
    counts = probabilities >= thresholds(labels, probabilities) - 1e-6
    confident = np.where(counts, probabilities, -1.0)
    best = confident.argmax(axis=1)
    by_class = counts.any(axis=1) & (best != labels)
    chosen = np.where(by_class, best, others.argmax(axis=1))
    places = np.flatnonzero(by_class | (lead >= SURE))
    places = places[np.argsort(-suspicion(labels, probabilities)[places], kind="stable")]
    gain = probabilities[places, chosen[places]] - probabilities[places, labels[places]]
    return Suspects(places, chosen[places].astype(np.int64), np.clip(gain, 0, 1).astype(np.float32))


def thresholds(labels: NDArray[np.int64], probabilities: Matrix) -> Matrix:
    """Return the mean probability of each class among the records that have it, shape (C,).

    Infinite for a class that no record has: nothing counts for it.
    """
    n_classes = probabilities.shape[1]
    own = probabilities[np.arange(len(labels)), labels]
    sizes = np.bincount(labels, minlength=n_classes)
    sums = np.bincount(labels, own, minlength=n_classes)
    found: Matrix = np.where(sizes > 0, sums / np.maximum(sizes, 1), np.inf).astype(np.float32)
    return found


def suspicion(labels: NDArray[np.int64], probabilities: Matrix) -> Matrix:
    """Score how little each label fits, shape (m,): the log of how many times likelier another class is.

    Both probabilities get a floor of .02. Without one, what ranks first is what a model is surest of, which
    does badly among many classes; by plain differences all that is nearly certain ranks the same, which does
    badly among few.
    """
    every = np.arange(len(labels))
    own = probabilities[every, labels]
    others = probabilities.copy()
    others[every, labels] = 0
    found: Matrix = (np.log(others.max(axis=1) + _FLOOR) - np.log(own + _FLOOR)).astype(np.float32)
    return found
