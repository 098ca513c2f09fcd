"""Which labels a pass over a training set visits, how often, and in which batches."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from embtune.tuning.data import TrainingSet
from embtune.tuning.judgements import Judgements

_BATCHES_SORTED_TOGETHER = 16
_LEAST_JUDGEMENTS_TO_PART = 10


def label_chances(
    training: TrainingSet, positions: NDArray[np.int64], *, use_weights: bool, balance: float
) -> NDArray[np.float64]:
    """Return how often each label shall be drawn, relative to the others.

    Parameters
    ----------
    positions
        Shape (m,), the labels to draw from, positions in `training`.
    use_weights
        Whether a label's weight counts.
    balance
        0 leaves the classes as large as they are, 1 makes them equal, a number between lies between.

    Returns
    -------
    NDArray
        Shape (m,), positive.
    """
    chances = training.weights[positions].astype(np.float64) if use_weights else np.ones(len(positions))
    labels = training.labels[positions]
    totals = np.bincount(labels, weights=chances, minlength=len(training.names))
    return np.asarray(chances * totals[labels] ** -balance)


def draw(chances: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.int64]:
    """Draw as many indices as there are chances, in random order.

    Every index comes as often as its chance says, rounded up or down at random; equal chances bring each
    once. Drawing with replacement would miss a third of the labels instead.
    """
    n = len(chances)
    if not n:
        return np.zeros(0, dtype=np.int64)
    order = rng.permutation(n)
    upto = np.cumsum(chances[order])
    upto *= n / upto[-1]
    upto[-1] = n
    marks = np.floor(upto + rng.random()).astype(np.int64)
    counts = np.diff(marks, prepend=0)
    return rng.permutation(np.repeat(order, counts))[:n]


def length_sorted_batches(
    drawn: NDArray[np.int64], lengths: NDArray[np.int64], batch_size: int, rng: np.random.Generator
) -> list[NDArray[np.int64]]:
    """Cut indices into batches of alike lengths, in random order.

    Parameters
    ----------
    drawn
        Indices in random order; only neighbours in it come together, so that batches stay mixed.
    lengths
        The length of each index.
    batch_size
        Indices a batch; one batch may be smaller.
    """
    batches = []
    group = batch_size * _BATCHES_SORTED_TOGETHER
    for start in range(0, len(drawn), group):
        part = drawn[start : start + group]
        part = part[np.argsort(lengths[part], kind="stable")]
        batches += [part[at : at + batch_size] for at in range(0, len(part), batch_size)]
    return [batches[index] for index in rng.permutation(len(batches))]


def part_judgements(judgements: Judgements, share: float, seed: int) -> tuple[Judgements, Judgements]:
    """Part judgements into those that train and those of the chief kind that are watched."""
    chief = "pairs" if len(judgements.pairs) else "triplets"
    n = len(getattr(judgements, chief))
    order = np.random.default_rng(seed).permutation(n)
    wanted = int(n * share)
    if n < _LEAST_JUDGEMENTS_TO_PART:
        wanted = 0
    aside, stays = np.sort(order[:wanted]), np.sort(order[wanted:])
    nothing = replace(judgements, triplets=judgements.triplets[:0])
    if chief == "triplets":
        return (
            replace(judgements, triplets=judgements.triplets[stays]),
            replace(judgements, triplets=judgements.triplets[aside]),
        )
    return (
        replace(judgements, pairs=judgements.pairs[stays], scores=judgements.scores[stays]),
        replace(nothing, pairs=judgements.pairs[aside], scores=judgements.scores[aside]),
    )
