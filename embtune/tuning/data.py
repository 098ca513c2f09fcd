"""The labels that a training reads, and how they are parted into training and validation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from embtune.errors import BadInputError, TooFewLabelsError, VectorsError

MIN_LABELS_PER_CLASS = 2  # an anchor needs a positive
MIN_CLASSES = 2  # and a negative


@dataclass(frozen=True)
class TrainingSet:
    """Labelled rows of a matrix of vectors; m labels in `len(names)` classes."""

    rows: NDArray[np.int64]
    """Shape (m,), rows of the matrix."""

    labels: NDArray[np.int64]
    """Shape (m,), indices into `names`."""

    weights: NDArray[np.float32]
    """Shape (m,), how sure each label is, in (0, 1]."""

    names: tuple[str, ...]
    """Class names."""


@dataclass(frozen=True)
class Split:
    """Positions into a `TrainingSet`, each ascending; together they are all of it, and they share none."""

    train: NDArray[np.int64]
    validation: NDArray[np.int64]


def check_training_set(
    training: TrainingSet, *, least: int = MIN_LABELS_PER_CLASS
) -> tuple[TrainingSet, list[str]]:
    """Leave out the classes that are too small to learn from: those with fewer than `least` labels.

    Returns
    -------
    training, warnings
        The same set where nothing is left out; else one whose `names` and `labels` are renumbered, and one
        sentence per class left out. A class without any label is left out silently.

    Raises
    ------
    TooFewLabelsError
        If fewer than two classes remain.
    BadInputError
        If the arrays do not fit each other, a label is no index into `names`, or a weight is not in (0, 1].
    """
    _check_shapes(training)
    counts = np.bincount(training.labels, minlength=len(training.names))
    kept = np.flatnonzero(counts >= least)
    if len(kept) < MIN_CLASSES:
        raise TooFewLabelsError(_too_few(training.names, counts, least))
    needed = f"and a class needs at least {least}"
    warnings = [
        f"Left out {training.names[index]!r}: it has 1 label, {needed}."
        for index in np.flatnonzero((counts > 0) & (counts < least))
    ]
    if len(kept) == len(training.names):
        return training, warnings
    renumbered = np.full(len(training.names), -1, dtype=np.int64)
    renumbered[kept] = np.arange(len(kept))
    labels = renumbered[training.labels]
    stays = labels >= 0
    return (
        TrainingSet(
            rows=training.rows[stays],
            labels=labels[stays],
            weights=training.weights[stays],
            names=tuple(training.names[index] for index in kept),
        ),
        warnings,
    )


def stratified_split(labels: NDArray[np.int64], *, validation: float = 0.2, seed: int) -> Split:
    """Set a share of every class aside for validation, at random.

    Parameters
    ----------
    labels
        Shape (m,), class indices.
    validation
        Share of each class to set aside, 0 <= validation < 1, rounded to whole labels.
    seed
        The same seed and labels give the same split.

    Returns
    -------
    Split
        A class always keeps two labels for training, and sets aside two or more or none: a single one has no
        positive to be compared with. `validation` is empty where fewer than two classes can spare any.

    Raises
    ------
    BadInputError
        If `validation` is out of range.
    """
    if not 0 <= validation < 1:
        raise BadInputError(f"The validation share must be from 0 to below 1, not {validation}.")
    rng = np.random.default_rng(seed)
    aside: list[NDArray[np.int64]] = []
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        wanted = min(int(len(members) * validation + 0.5), len(members) - MIN_LABELS_PER_CLASS)
        if wanted >= MIN_LABELS_PER_CLASS:
            aside.append(rng.choice(members, size=wanted, replace=False))
    is_aside = np.zeros(len(labels), dtype=bool)
    if len(aside) >= MIN_CLASSES:
        is_aside[np.concatenate(aside)] = True
    return Split(train=np.flatnonzero(~is_aside), validation=np.flatnonzero(is_aside))


def _check_shapes(training: TrainingSet) -> None:
    m = len(training.rows)
    if not training.rows.shape == training.labels.shape == training.weights.shape == (m,):
        raise BadInputError(
            "Rows, labels and weights must be 1-D and equally long, not "
            f"{training.rows.shape}, {training.labels.shape} and {training.weights.shape}."
        )
    if m and not (training.labels.min() >= 0 and training.labels.max() < len(training.names)):
        raise BadInputError(
            f"Labels must be from 0 to {len(training.names) - 1}, positions in the class names; "
            f"they run from {training.labels.min()} to {training.labels.max()}."
        )
    if m and not (training.weights.min() > 0 and training.weights.max() <= 1):
        raise BadInputError(
            "Weights must be above 0 and at most 1; "
            f"they run from {training.weights.min():g} to {training.weights.max():g}."
        )


def _too_few(names: tuple[str, ...], counts: NDArray[np.int64], least: int) -> str:
    there = [f"{count} in {name!r}" for name, count in zip(names, counts.tolist(), strict=True) if count]
    enough = int((counts >= least).sum())
    if not there:
        found = "there are no labels yet"
    elif len(there) == 1:
        found = f"there {'is' if counts.sum() == 1 else 'are'} {there[0]}"
    elif len(there) <= 8:
        found = f"there are {', '.join(there[:-1])} and {there[-1]}"
    else:
        found = f"there are {len(there)} classes, but {enough} with that many"
    missing = MIN_CLASSES - enough
    return (
        f"Tuning needs at least {MIN_CLASSES} classes with {least} label{'' if least == 1 else 's'} each: "
        f"{found}; {missing} more such {'class is' if missing == 1 else 'classes are'} missing."
    )


def check_vectors(vectors: NDArray[np.floating], training: TrainingSet) -> None:
    """Check that a matrix holds the labelled rows, and finite values only.

    Raises
    ------
    VectorsError
        If not; the message names the first bad row.
    """
    if vectors.ndim != 2 or not vectors.shape[1]:
        raise VectorsError(f"The vectors must be a matrix, one row per record, not of shape {vectors.shape}.")
    if training.rows.min() < 0 or training.rows.max() >= len(vectors):
        raise VectorsError(
            f"The labels speak of rows {training.rows.min()} to {training.rows.max()}, "
            f"but there are {len(vectors)} vectors: embed the project again."
        )
    for start in range(0, len(vectors), 65_536):
        bad = ~np.isfinite(vectors[start : start + 65_536]).all(axis=1)
        if bad.any():
            raise VectorsError(
                f"Row {start + bad.argmax()} of the vectors holds values that are not finite: "
                "embed the project again."
            )
