"""Which of several embeddings of the same labelled records is the better start for tuning."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embtune.errors import TooFewLabelsError

FOLDS = 5
LEAST_RECORDS = 10

Ids = NDArray[np.int64]


@dataclass(frozen=True)
class StartScores:
    """How one embedding does, record by record; both of shape (n,).

    Attributes
    ----------
    top_k
        Share of each record's k nearest with its label.
    right
        1 where a logistic regression trained without the record names its label, else 0.
    k
        Neighbours looked at.
    """

    top_k: NDArray[np.float32]
    right: NDArray[np.float32]
    k: int


def sample_labelled(labels: Ids, most: int, seed: int) -> Ids:
    """Choose places of at most `most` labels, each class by its share, at least two of each.

    Parameters
    ----------
    labels
        Shape (n,). Classes with a single record are left out: they can be neither found nor predicted.

    Returns
    -------
    places
        Ascending; some more than `most` where there are very many classes.

    Raises
    ------
    TooFewLabelsError
        If fewer than ten labels in two classes with two records each are there.
    """
    rng = np.random.default_rng(seed)
    numbers, counts = np.unique(labels, return_counts=True)
    usable = int(counts[counts >= 2].sum())
    if usable < LEAST_RECORDS or (counts >= 2).sum() < 2:
        raise TooFewLabelsError(
            f"Base models are compared on at least {LEAST_RECORDS} labels of 2 classes with 2 records each; "
            f"there are {usable} of {int((counts >= 2).sum())}. Label more records."
        )
    chosen = []
    for number, count in zip(numbers.tolist(), counts.tolist(), strict=True):
        if count >= 2:
            share = count if usable <= most else max(2, int(most * count / usable))
            chosen.append(rng.permutation(np.flatnonzero(labels == number))[:share])
    return np.sort(np.concatenate(chosen))


def fitting_k(labels: Ids) -> int:
    """Return the largest of 10, 25 and 100 within half a mean class, else 5 or fewer. `labels`: (n,)."""
    room = len(labels) / (2 * max(1, len(np.unique(labels))))
    fitting = [k for k in (10, 25, 100) if k <= room]
    return fitting[-1] if fitting else max(1, min(5, len(labels) - 1))


def score_start(vectors: NDArray[Any], labels: Ids, k: int, *, seed: int = 0) -> StartScores:
    """Score one embedding of the labelled records.

    Parameters
    ----------
    vectors
        Shape (n, d), rows of unit length.
    labels
        Shape (n,), at least two of each class.
    k
        Neighbours, 1 <= k < n.
    seed
        Of the folds, which hang on the labels alone: the same for every embedding.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold

    from embtune.neighbors.exact import nearest

    rows, _ = nearest(vectors, k)
    share = (labels[rows] == labels[:, None]).mean(axis=1)
    right = np.zeros(len(labels), dtype=np.float32)
    folds = max(2, min(FOLDS, int(np.unique(labels, return_counts=True)[1].min())))
    for train, test in StratifiedKFold(folds, shuffle=True, random_state=seed).split(vectors, labels):
        model = LogisticRegression(max_iter=300, random_state=seed).fit(vectors[train], labels[train])
        right[test] = model.predict(vectors[test]) == labels[test]
    return StartScores(share.astype(np.float32), right, k)


def better_start(
    names: Sequence[str],
    scores: Sequence[StartScores],
    records_per_second: Sequence[float | None],
    *,
    seed: int = 0,
) -> tuple[str, str | None]:
    """Say in one sentence which embedding is the better start, or that it may be chance.

    The two with the best neighbours are compared, record by record (paired bootstrap, 95 %); where those
    cannot be told apart, their predictions are.

    Returns
    -------
    sentence, name
        The name is None where no difference leaves its interval.
    """
    from embtune.evaluation.topk import mean_difference

    if not scores:
        return "No model could be loaded, so there is nothing to compare.", None
    if len(scores) == 1:
        return f"Only {names[0]} could be measured: name another model to compare it with.", None
    order = sorted(range(len(scores)), key=lambda i: -float(scores[i].top_k.mean()))
    a, b = order[0], order[1]
    gap = mean_difference(scores[a].top_k, scores[b].top_k, seed=seed)
    right = mean_difference(scores[a].right, scores[b].right, seed=seed)
    shown = f"{_points(gap)} of top_{scores[a].k}"
    if gap.low > 0 and right.high < 0:
        return (
            f"{names[a]} finds better neighbours ({shown}), {names[b]} predicts better "
            f"({_points(right, -1)} of accuracy) than the other of the two.",
            None,
        )
    if gap.low > 0:
        return f"{names[a]} is the better start: {shown} above {names[b]}.", names[a]
    if right.low > 0 or right.high < 0:
        first, second, sign = (a, b, 1) if right.low > 0 else (b, a, -1)
        return (
            f"{names[first]} is the better start: {_points(right, sign)} of accuracy above {names[second]}, "
            "with neighbours that cannot be told apart.",
            names[first],
        )
    paces = [records_per_second[i] or 0.0 for i in (a, b)]
    faster = a if paces[0] >= paces[1] else b
    hint = f"; {names[faster]} is the faster one" if max(paces) > 1.2 * max(min(paces), 1e-9) else ""
    return (
        f"{names[a]} and {names[b]} cannot be told apart on these labels: "
        f"the difference, {shown}, may be chance{hint}.",
        None,
    )


def _points(gap: Any, sign: int = 1) -> str:
    low, high = sorted((sign * gap.low, sign * gap.high))
    return f"{100 * sign * gap.mean:+.1f} points (95 % interval {100 * low:+.1f} to {100 * high:+.1f})"
