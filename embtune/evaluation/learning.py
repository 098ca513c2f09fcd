"""How good a quick model gets with how many labels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embtune.errors import BadInputError, TooFewLabelsError
from embtune.progress import Report, silent

Ids = NDArray[np.int64]

ClassScores = Callable[[NDArray[Any], Ids, Ids, int, int], NDArray[Any]]
"""`fit(vectors, rows, labels, n_classes, seed)` gives scores, shape (n, n_classes), for all n records."""

RAW_WEIGHT = 0.5
"""Weight of the raw vectors beside the class scores, where neighbours are looked for."""

_MOST_SIZES = 8


@dataclass(frozen=True)
class Curve:
    """Scores for every number of labels and every draw.

    Attributes
    ----------
    sizes
        Numbers of labels, ascending; the last is all of them.
    accuracy, top_k
        Shape (len(sizes), draws, m): for each measured record whether it was predicted right, and the share
        of its neighbours with its label (for the q queries asked: shape (len(sizes), draws, q)).
    k
        Neighbours looked at.
    """

    sizes: tuple[int, ...]
    accuracy: NDArray[np.float32]
    top_k: NDArray[np.float32]
    k: int


def logistic_scores(
    vectors: NDArray[Any], rows: Ids, labels: Ids, n_classes: int, seed: int
) -> NDArray[np.float32]:
    """Class probabilities of every record by a logistic regression on some.

    Parameters
    ----------
    vectors
        Shape (n, d).
    rows, labels
        Shape (m,): rows with a label, and their classes in 0..n_classes-1, at least two different ones.
    n_classes
        Number of classes; one without a label gets the score 0.
    seed
        Kept for equal calls to mean equal results; the solver draws nothing.

    Returns
    -------
    scores
        Shape (n, n_classes), rows of sum 1.
    """
    import warnings

    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(class_weight="balanced", max_iter=100, random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(np.asarray(vectors[rows], dtype=np.float32), labels)
    out = np.zeros((len(vectors), n_classes), dtype=np.float32)
    out[:, model.classes_] = model.predict_proba(np.asarray(vectors, dtype=np.float32))
    return out


def subset_sizes(n: int, n_classes: int) -> tuple[int, ...]:
    """Numbers of labels to try, ascending: n and roughly halves of it, down to 8 or one for each class."""
    least = max(8, n_classes)
    factor = 2.0 if n >= 16 * least else 1.5
    sizes: list[int] = []
    size = float(n)
    while round(size) >= least and len(sizes) < _MOST_SIZES:
        sizes.append(round(size))
        size /= factor
    return tuple(reversed(sizes))


def nested_draws(labels: Ids, sizes: tuple[int, ...], draws: int, seed: int) -> list[Ids]:
    """Orders of the labels at hand: the first n of an order are that draw's subset of n.

    An order whose smallest subset were of one class has a record of another one put into it: nothing can be
    learned from one class.
    """
    rng = np.random.default_rng(seed)
    out = []
    for _ in range(draws):
        order = rng.permutation(len(labels))
        first = labels[order[: sizes[0]]]
        if (first == first[0]).all():
            other = int(np.flatnonzero(labels[order] != first[0])[0])
            order[[sizes[0] - 1, other]] = order[[other, sizes[0] - 1]]
        out.append(order)
    return out


def blended(vectors: NDArray[Any], scores: NDArray[Any]) -> NDArray[np.float32]:
    """Return [0.5 * vectors, scores] as rows of unit length: shapes (n, d) and (n, C) give (n, d + C)."""
    both = np.hstack([RAW_WEIGHT * np.asarray(vectors, dtype=np.float32), scores.astype(np.float32)])
    norms = np.linalg.norm(both, axis=1, keepdims=True)
    return np.asarray(both / np.maximum(norms, 1e-12), dtype=np.float32)


def measure_curve(
    vectors: NDArray[Any],
    rows: Ids,
    labels: Ids,
    measured_rows: Ids,
    measured_labels: Ids,
    n_classes: int,
    k: int,
    *,
    fit: ClassScores = logistic_scores,
    draws: int = 5,
    n_queries: int = 1000,
    seed: int = 0,
    report: Report = silent,
) -> Curve:
    """Train on growing subsets of the labels, and score each time on records that are in none.

    Parameters
    ----------
    vectors
        Shape (n, d), rows of unit length.
    rows, labels
        Shape (m,): the labels at hand, in 0..n_classes-1.
    measured_rows, measured_labels
        Shape (t,): the records to score on and what they are.
    n_classes
        Number of classes.
    k
        Neighbours for top_k among the measured records.
    fit
        Gives class scores for all records; see `ClassScores`.
    draws
        Random orders of the labels; all labels together are learned from once.
    n_queries
        Measured records whose neighbours are looked up, at most.
    seed
        Of the orders, the queries and the model.
    report
        Told after every training.

    Raises
    ------
    BadInputError
        If a record would be trained and measured on.
    TooFewLabelsError
        If the labels are of one class, or too few for a single subset.
    """
    from embtune.evaluation.topk import top_k

    if len(np.intersect1d(rows, measured_rows)):
        raise BadInputError(
            "Some records would be trained and measured on: leave them out of one of the two."
        )
    sizes = subset_sizes(len(rows), n_classes)
    if not sizes or len(np.unique(labels)) < 2:
        raise TooFewLabelsError(
            f"There are {len(rows)} labels of {len(np.unique(labels))} "
            f"{'class' if len(np.unique(labels)) == 1 else 'classes'} to learn from: "
            f"it takes at least {max(8, n_classes)} of 2 classes. Label more records."
        )
    orders = nested_draws(labels, sizes, draws, seed)
    right: list[list[NDArray[Any]]] = []
    shares: list[list[NDArray[Any]]] = []
    total = (len(sizes) - 1) * draws + 1
    done = 0
    for size in sizes:
        whole = size == len(rows)
        per_draw: tuple[list[NDArray[Any]], list[NDArray[Any]]] = ([], [])
        for i, order in enumerate(orders[:1] if whole else orders):
            report(done, total, "trainings", f"{size:,} labels")
            chosen = np.sort(order[:size])
            scores = fit(vectors, rows[chosen], labels[chosen], n_classes, seed + i)
            scores = np.asarray(scores)[measured_rows]
            per_draw[0].append((scores.argmax(axis=1) == measured_labels).astype(np.float32))
            top = top_k(
                blended(vectors[measured_rows], scores),
                measured_labels,
                (k,),
                n_queries=n_queries,
                seed=seed,
                n_bootstrap=1,
            )
            per_draw[1].append(top.per_query[:, 0])
            done += 1
        for kept, found in zip((right, shares), per_draw, strict=True):
            kept.append(found * draws if whole else found)
    report(total, total, "trainings", "what the next labels would add")
    return Curve(sizes, np.array(right), np.array(shares), k)
