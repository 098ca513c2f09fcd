"""How well a plain classifier reads the classes off an embedding."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embtune.errors import BadInputError, TooFewLabelsError
from embtune.evaluation.wilson import wilson

_QUICK_NUMBERS = 400_000  # records x classes that are learnt from in about a second
_BLOCK = 65_536


@dataclass(frozen=True)
class ClassRow:
    """Scores of one class; `support` is the number of its records that were predicted."""

    label: str
    precision: float
    recall: float
    f1: float
    support: int


@dataclass(frozen=True)
class Classification:
    """Scores of predictions against known labels.

    Attributes
    ----------
    accuracy, low, high
        Share right and its 95 % Wilson interval.
    n
        Records predicted.
    labels
        The classes.
    confusion
        Shape (len(labels), len(labels)): rows are the known class, columns the predicted.
    report
        One entry for each class.
    macro_f1
        Mean F1 over the classes that occur, known or predicted.
    """

    accuracy: float
    low: float
    high: float
    n: int
    labels: tuple[str, ...]
    confusion: NDArray[np.int64]
    report: tuple[ClassRow, ...]
    macro_f1: float


def score_predictions(
    labels: NDArray[np.int64], predicted: NDArray[np.int64], names: Sequence[str]
) -> Classification:
    """Score predictions: both arrays have shape (n,), n >= 1, and hold indices into `names`."""
    n_classes = len(names)
    pairs = np.asarray(labels, dtype=np.int64) * n_classes + np.asarray(predicted, dtype=np.int64)
    confusion = np.bincount(pairs, minlength=n_classes**2).reshape(n_classes, n_classes).astype(np.int64)
    right, known, said = np.diag(confusion), confusion.sum(axis=1), confusion.sum(axis=0)
    precision = right / np.maximum(said, 1)
    recall = right / np.maximum(known, 1)
    f1 = 2 * right / np.maximum(known + said, 1)
    n = int(confusion.sum())
    low, high = wilson(int(right.sum()), n)
    return Classification(
        accuracy=float(right.sum() / n),
        low=low,
        high=high,
        n=n,
        labels=tuple(names),
        confusion=confusion,
        report=tuple(
            ClassRow(name, float(precision[i]), float(recall[i]), float(f1[i]), int(known[i]))
            for i, name in enumerate(names)
        ),
        macro_f1=float(f1[known + said > 0].mean()),
    )


def logistic_regression(
    train_vectors: NDArray[Any],
    train_labels: NDArray[np.int64],
    test_vectors: NDArray[Any],
    test_labels: NDArray[np.int64],
    names: Sequence[str],
    *,
    weights: NDArray[Any] | None = None,
    seed: int = 0,
) -> Classification:
    """Train a logistic regression on some records and score it on others.

    Parameters
    ----------
    train_vectors, test_vectors
        Shapes (n, d) and (m, d).
    train_labels, test_labels
        Shapes (n,) and (m,), indices into `names`.
    names
        The classes.
    weights
        Shape (n,), how much each training record counts, such as a label's confidence.
    seed
        Kept for equal calls to mean equal results; the solver draws nothing.

    Raises
    ------
    TooFewLabelsError
        If the training labels are of fewer than two classes, or nothing is there to test on.
    BadInputError
        If lengths differ or a label is no index into `names`.
    """
    train_labels = _checked("training", train_vectors, train_labels, len(names))
    test_labels = _checked("test", test_vectors, test_labels, len(names))
    if weights is not None and len(weights) != len(train_labels):
        raise BadInputError(f"There are {len(weights)} weights for {len(train_labels)} training records.")
    _at_least_two(train_labels)
    if not len(test_labels):
        raise TooFewLabelsError("A classifier needs labelled records to be tested on, and there are 0.")
    model = _fit(train_vectors, train_labels, weights=weights, seed=seed)
    return score_predictions(test_labels, _predict(model, test_vectors)[0], names)


def cross_validated(
    vectors: NDArray[Any],
    labels: NDArray[np.int64],
    names: Sequence[str],
    *,
    folds: int = 5,
    seed: int = 0,
) -> Classification:
    """Score a logistic regression on the records it learns from, each predicted by a model without it.

    Parameters
    ----------
    vectors
        Shape (n, d).
    labels
        Shape (n,), indices into `names`. Classes with a single record are left out.
    names
        The classes.
    folds
        At most so many, stratified; cut to the size of the smallest class.
    seed
        Of the folds.

    Raises
    ------
    TooFewLabelsError
        If fewer than two classes have two records.
    BadInputError
        If lengths differ or a label is no index into `names`.
    """
    from sklearn.model_selection import StratifiedKFold

    known = _checked("given", vectors, labels, len(names))
    if folds < 2:
        raise BadInputError(f"folds is {folds}; cross-validation needs at least 2.")
    counts = np.bincount(known, minlength=len(names))
    rows = np.flatnonzero(counts[known] >= 2)
    sizes = counts[counts >= 2]
    if len(sizes) < 2:
        raise TooFewLabelsError(
            f"Cross-validation needs 2 classes with at least 2 labelled records each; "
            f"there are {len(sizes)}. Label more records."
        )
    matrix, known = np.asarray(vectors[rows], dtype=np.float32), known[rows]
    predicted = np.empty_like(known)
    splits = StratifiedKFold(min(folds, int(sizes.min())), shuffle=True, random_state=seed)
    for train, test in splits.split(matrix, known):
        predicted[test] = _predict(_fit(matrix[train], known[train], seed=seed), matrix[test])[0]
    return score_predictions(known, predicted, names)


def quick_model(
    vectors: NDArray[Any],
    rows_labelled: NDArray[np.int64],
    labels: NDArray[np.int64],
    n_classes: int,
    *,
    seed: int = 0,
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Predict every record from the labelled ones, within a second or two.

    Parameters
    ----------
    vectors
        Shape (n, d), rows of unit length.
    rows_labelled
        Shape (m,), rows with a label.
    labels
        Shape (m,), their classes in 0..n_classes-1.
    n_classes
        Number of classes.
    seed
        Which labelled rows are learnt from where there are too many for a quick answer.

    Returns
    -------
    predicted, probability
        Both (n,): the likeliest class of every record, and how likely it is. With labels of one class only
        there is nothing to tell apart: that class is predicted for all, and in the probability's place stands
        (1 + cosine to the mean labelled vector) / 2, which at least orders records by how far they are from
        what was labelled.

    Raises
    ------
    TooFewLabelsError
        If no row is labelled.
    BadInputError
        If lengths differ or a label is not below n_classes.

    Notes
    -----
    Logistic regression with balanced class weights, stopped after 60 steps of its solver.
    """
    rows = np.asarray(rows_labelled, dtype=np.int64)
    known = _checked("given", rows, labels, n_classes)
    if not len(rows):
        raise TooFewLabelsError("A prediction needs at least 1 labelled record, and there are 0.")
    present = np.unique(known)
    if len(present) == 1:
        return np.full(len(vectors), present[0]), _closeness(vectors, rows)
    most = max(10 * len(present), _QUICK_NUMBERS // len(present))
    if len(rows) > most:
        kept = _stratified(known, most, np.random.default_rng(seed))
        rows, known = rows[kept], known[kept]
    model = _fit(vectors[rows], known, balanced=True, max_iter=60, seed=seed)
    return _predict(model, vectors)


def _fit(
    vectors: NDArray[Any],
    labels: NDArray[np.int64],
    *,
    weights: NDArray[Any] | None = None,
    balanced: bool = False,
    tolerance: float = 1e-4,
    max_iter: int = 300,
    seed: int = 0,
) -> Any:
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(
        class_weight="balanced" if balanced else None, tol=tolerance, max_iter=max_iter, random_state=seed
    )
    with warnings.catch_warnings():
        # Stopping early is a choice here: the last decimals of the loss change no prediction.
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.filterwarnings("ignore", message="The number of unique classes is greater than 50%")
        return model.fit(np.asarray(vectors, dtype=np.float32), labels, sample_weight=weights)


def _predict(model: Any, vectors: NDArray[Any]) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Predict in blocks, so that a memory map is never read whole."""
    weights = model.coef_.astype(np.float32).T
    intercept = model.intercept_.astype(np.float32)
    if weights.shape[1] == 1:  # two classes share one column
        weights = np.hstack([np.zeros_like(weights), weights])
        intercept = np.append(np.float32(0), intercept)
    predicted = np.empty(len(vectors), dtype=np.int64)
    probability = np.empty(len(vectors), dtype=np.float32)
    for start in range(0, len(vectors), _BLOCK):
        scores = np.asarray(vectors[start : start + _BLOCK], dtype=np.float32) @ weights + intercept
        stop = start + len(scores)
        predicted[start:stop] = model.classes_[scores.argmax(axis=1)]
        probability[start:stop] = 1 / np.exp(scores - scores.max(axis=1, keepdims=True)).sum(axis=1)
    return predicted, probability


def _closeness(vectors: NDArray[Any], rows: NDArray[np.int64]) -> NDArray[np.float32]:
    mean = np.asarray(vectors[rows], dtype=np.float32).mean(axis=0)
    mean /= max(float(np.linalg.norm(mean)), 1e-12)
    found = np.empty(len(vectors), dtype=np.float32)
    for start in range(0, len(vectors), _BLOCK):
        found[start : start + _BLOCK] = np.asarray(vectors[start : start + _BLOCK], dtype=np.float32) @ mean
    return np.clip((1 + found) / 2, 0, 1)


def _stratified(labels: NDArray[np.int64], n: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Choose about n places: of every class its share, at least ten or all of them."""
    chosen = []
    for label in np.unique(labels):
        places = np.flatnonzero(labels == label)
        share = max(10, round(n * len(places) / len(labels)))
        chosen.append(rng.permutation(places)[:share])
    return np.sort(np.concatenate(chosen))


def _checked(what: str, vectors: Any, labels: NDArray[np.int64], n_classes: int) -> NDArray[np.int64]:
    known = np.asarray(labels, dtype=np.int64)
    if len(vectors) != len(known):
        raise BadInputError(f"There are {len(vectors)} {what} records, but {len(known)} labels.")
    if len(known) and (known.min() < 0 or known.max() >= n_classes):
        bad = known.min() if known.min() < 0 else known.max()
        raise BadInputError(f"Label {bad} is no class: there are {n_classes}, numbered from 0.")
    return known


def _at_least_two(labels: NDArray[np.int64]) -> None:
    n = len(np.unique(labels))
    if n < 2:
        raise TooFewLabelsError(
            f"A classifier needs labels of at least 2 classes; there are {len(labels)} labels of {n}. "
            "Label records of another class."
        )
