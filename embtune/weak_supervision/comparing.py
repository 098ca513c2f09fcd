"""The truth about a label model: how right it is beside the others, on records it never learned from."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embtune.errors import NotReadyError
from embtune.evaluation.wilson import wilson
from embtune.weak_supervision.evidence import Numbers
from embtune.weak_supervision.models import model_of
from embtune.weak_supervision.running import THRESHOLD, WeakResult

_Z = 1.959963985
_FEWEST = 10  # records that a comparison says something about


@dataclass(frozen=True)
class Score:
    """One method on the records it is surest of, as many as the chosen one labels above the threshold.

    Attributes
    ----------
    name, title
        Of the method.
    n, n_right
        How many records it was scored on, and on how many it was right. Fewer than asked for where it labels
        fewer: `whole` says so.
    coverage
        n as a share of the records with a true label.
    accuracy, low, high
        Share right with its 95 % Wilson interval.
    accuracy_of_all, coverage_of_all
        The same of everything it labels, whatever its confidence.
    whole
        Whether it reaches the coverage asked for.
    """

    name: str
    title: str
    n: int
    n_right: int
    coverage: float
    accuracy: float
    low: float
    high: float
    accuracy_of_all: float
    coverage_of_all: float
    whole: bool


@dataclass(frozen=True)
class Comparison:
    """What `compare` found.

    Attributes
    ----------
    chosen, best, winner
        Names: the method asked about; the one that is right most often beside it, of those that reach
        the coverage; and the one to use. The chosen one wins unless another is better beyond doubt.
    scores
        The chosen one first, then from best to worst.
    difference, low, high
        Accuracy of the chosen one less that of `best`, on the same records, with a 95 % interval.
    n
        How many records have a true label.
    sentence
        The truth in plain words.
    missing
        By name, why other methods are not compared.
    """

    chosen: str
    best: str | None
    winner: str
    scores: tuple[Score, ...]
    difference: float | None
    low: float | None
    high: float | None
    n: int
    sentence: str
    missing: dict[str, str]


def compare(
    chosen: str,
    results: Mapping[str, WeakResult],
    truth: Numbers,
    *,
    threshold: float = THRESHOLD,
    missing: Mapping[str, str] | None = None,
) -> Comparison:
    """Compare a label model with all others at the same coverage.

    Parameters
    ----------
    chosen
        Name of the method that is to be judged.
    results
        By name, of `run_all`.
    truth
        Shape (n,): kept-aside or reference labels that nothing learned from, -1 elsewhere.
    threshold
        What the chosen one labels at or above this confidence is compared; the others give as
        many records, those they are surest of.
    missing
        Carried over from `run_all`.

    Raises
    ------
    NotReadyError
        If there are fewer than ten records to compare on, or the chosen method did not run.

    Notes
    -----
    The interval of the difference is that of two ratios over the same records, by their influence functions.
    """
    if chosen not in results:
        raise NotReadyError(f"There is no result of {model_of(chosen).title} to compare; run it first.")
    rows = np.flatnonzero(truth >= 0)
    if len(rows) < _FEWEST:
        raise NotReadyError(
            f"A comparison needs {_FEWEST} records with a label kept aside; there are {len(rows)}."
        )
    sure = results[chosen]
    n_asked = int(((sure.labels[rows] >= 0) & (sure.confidence[rows] >= threshold - 1e-6)).sum())
    taken = {name: _surest(result, rows, n_asked) for name, result in results.items()}
    right = {name: result.labels[rows] == truth[rows] for name, result in results.items()}
    scores = {name: _score(name, results[name], rows, taken[name], right[name], n_asked) for name in results}
    others = sorted((name for name in results if name != chosen), key=lambda name: -scores[name].accuracy)
    ordered = (scores[chosen], *(scores[name] for name in others))
    rivals = [name for name in others if scores[name].whole and n_asked]
    best = rivals[0] if rivals else None
    given = dict(missing or {})
    if best is None:
        sentence = _alone(scores[chosen], threshold)
        return Comparison(chosen, None, chosen, ordered, None, None, None, len(rows), sentence, given)
    difference, half = _difference(taken[chosen], right[chosen], taken[best], right[best])
    winner = best if difference + half < 0 else chosen
    return Comparison(
        chosen=chosen,
        best=best,
        winner=winner,
        scores=ordered,
        difference=difference,
        low=difference - half,
        high=difference + half,
        n=len(rows),
        sentence=_sentence(scores[chosen], scores[best], difference, half),
        missing=given,
    )


def _surest(result: WeakResult, rows: Numbers, n: int) -> NDArray[np.bool_]:
    """Mark the n rows that a method is surest of; of equal confidence some drawn once and for all."""
    mixed = np.random.default_rng(0).permutation(len(rows))
    confidence = np.where(result.labels[rows] >= 0, result.confidence[rows], -1.0)
    order = mixed[np.argsort(-confidence[mixed], kind="stable")][:n]
    taken = np.zeros(len(rows), dtype=bool)
    taken[order] = True
    return taken & (confidence >= 0)


def _score(
    name: str,
    result: WeakResult,
    rows: Numbers,
    taken: NDArray[np.bool_],
    right: NDArray[np.bool_],
    n_asked: int,
) -> Score:
    n, n_right = int(taken.sum()), int((taken & right).sum())
    labelled = result.labels[rows] >= 0
    low, high = wilson(n_right, n)
    return Score(
        name=name,
        title=model_of(name).title,
        n=n,
        n_right=n_right,
        coverage=n / len(rows),
        accuracy=n_right / max(n, 1),
        low=low,
        high=high,
        accuracy_of_all=float(right[labelled].mean()) if labelled.any() else 0.0,
        coverage_of_all=float(labelled.mean()),
        whole=n == n_asked,
    )


def _difference(
    taken: NDArray[np.bool_], right: NDArray[Any], other: NDArray[np.bool_], other_right: NDArray[Any]
) -> tuple[float, float]:
    """Difference of two accuracies over parts of the same records, and half its 95 % interval."""
    first, second = float(right[taken].mean()), float(other_right[other].mean())
    pull = taken * (right - first) / taken.mean() - other * (other_right - second) / other.mean()
    return first - second, _Z * float(pull.std()) / math.sqrt(len(pull))


def _sentence(score: Score, best: Score, difference: float, half: float) -> str:
    if difference + half < 0:
        figures = _figures(best, score, -difference, half)
        return f"“{best.title}” is more often right: {figures}; use it instead."
    figures = _figures(score, best, difference, half)
    if difference - half > 0:
        return f"“{score.title}” is more often right than “{best.title}”, the best other way: {figures}."
    return f"“{score.title}” and “{best.title}”, the best other way, cannot be told apart: {figures}."


def _figures(first: Score, second: Score, difference: float, half: float) -> str:
    return (
        f"{_percent(first.accuracy)} against {_percent(second.accuracy)} right of the {first.n:,} records "
        "that each is surest of, among those that nothing learned from "
        f"(difference {difference * 100:+.1f} points, {(difference - half) * 100:+.1f} to "
        f"{(difference + half) * 100:+.1f})"
    )


def _alone(score: Score, threshold: float) -> str:
    if not score.n:
        return f"{score.title} gives no label at a confidence of {threshold:g} to records kept aside."
    return (
        f"{score.title} is right on {_percent(score.accuracy)} of {score.n:,} records that nothing learned "
        "from; no other way labels as many."
    )


def _percent(share: float) -> str:
    return f"{share * 100:.1f} %"
