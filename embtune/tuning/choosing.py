"""Choose between ways to score classes, by cross-validation on the labels at hand and what it cannot see."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

_Z = 1.96


@dataclass(frozen=True)
class Trial:
    """What one way said of held-out labels and of records without a label, in every fold.

    Attributes
    ----------
    name
        The way, for people.
    predicted
        Shape (h,): classes of the held-out labels, fold after fold.
    elsewhere
        Shape (folds, u): classes of the same u unlabelled records, by the model of each fold.
    """

    name: str
    predicted: NDArray[np.int64]
    elsewhere: NDArray[np.int64]
    is_mean: bool = False
    """Whether it is the mean of the default and another way."""


@dataclass(frozen=True)
class Verdict:
    """Which way to use, and what there is to say about it.

    Attributes
    ----------
    chosen
        Index into the trials.
    rows
        One per trial: `name`, `accuracy` on held-out labels, `difference` to the first with `low` and `high`,
        `unseen` (see `choose`), `chosen`.
    reason
        One or two sentences.
    """

    chosen: int
    rows: list[dict[str, Any]]
    reason: str


def choose(
    trials: Sequence[Trial], labels: NDArray[np.int64], groups: NDArray[np.int64], weights: NDArray[Any]
) -> Verdict:
    """Choose between ways; the first is kept unless another is better beyond doubt.

    Where nothing is, the mean of the first and another is taken if it is no worse on held-out labels and
    these are like the rest: of two ways that err in different places the mean errs less, and a tie is no
    reason to bet on one.

    Parameters
    ----------
    trials
        The first is the default: the one that leans most on the unlabelled records.
    labels
        Shape (h,): the held-out labels, as `predicted`.
    groups
        Shape (h,): which label each is; with repeated folds one label is held out several times, and is one
        observation all the same.
    weights
        Shape (h,): how sure each label is.

    Notes
    -----
    A label says something of records like it. Where labels were not drawn at random (rules, a search, what
    was easy to see), two ways can agree on nearly all of them and differ much on the rest. How far is known
    without any label: the share of unlabelled records on which the two differ, beyond the share of held-out
    labels on which they do. Each of these could go against the challenger, so this share is subtracted from
    the lower end of its interval. With labels drawn at random it is about zero, and plain cross-validation
    decides.
    """
    _, group = np.unique(groups, return_inverse=True)
    size = np.bincount(group)
    weight = np.bincount(group, weights) / size
    weight = weight / weight.sum()

    def per_label(values: NDArray[Any]) -> NDArray[np.float64]:
        found: NDArray[np.float64] = np.bincount(group, values.astype(np.float64)) / size
        return found

    def mean_and_error(values: NDArray[np.float64]) -> tuple[float, float]:
        mean = float(weight @ values)
        # As if one label more had gone the other way: a few labels that agree prove nothing.
        return mean, float(np.sqrt((weight**2 * (values - mean) ** 2).sum() + weight.max() ** 2))

    default = trials[0]
    hits = [per_label(trial.predicted == labels) for trial in trials]
    rows: list[dict[str, Any]] = []
    for trial, hit in zip(trials, hits, strict=True):
        accuracy, _ = mean_and_error(hit)
        difference, error = mean_and_error(hit - hits[0])
        here, here_error = mean_and_error(per_label(trial.predicted != default.predicted))
        there = float((trial.elsewhere != default.elsewhere).mean()) if trial.elsewhere.size else 0.0
        unseen = max(0.0, there - here - _Z * here_error)
        rows.append(
            {
                "name": trial.name,
                "accuracy": round(accuracy, 4),
                "difference": round(difference, 4),
                "low": round(difference - _Z * error, 4),
                "high": round(difference + _Z * error, 4),
                "differs_here": round(here, 4),
                "differs_elsewhere": round(there, 4),
                "unseen": round(unseen, 4),
                "chosen": False,
            }
        )
    beating = [i for i, row in enumerate(rows) if i and row["low"] - row["unseen"] > 0]
    ties = [i for i, row in enumerate(rows) if trials[i].is_mean and row["difference"] >= 0 == row["unseen"]]
    chosen = max(beating or ties, key=lambda i: (rows[i]["accuracy"], -i), default=0)
    rows[chosen]["chosen"] = True
    return Verdict(chosen, rows, _reason(rows, chosen))


def _reason(rows: list[dict[str, Any]], chosen: int) -> str:
    first = rows[0]
    if chosen:
        row = rows[chosen]
        if row["low"] - row["unseen"] <= 0:
            return (
                f"{_upper(row['name'])} is right on {100 * row['accuracy']:.1f} % of held-out labels, "
                f"{first['name']} alone on {100 * first['accuracy']:.1f} %; where the labels do not part two "
                "ways, their mean is the safer."
            )
        return (
            f"{_upper(row['name'])} is right on {100 * row['accuracy']:.1f} % of held-out labels, "
            f"{first['name']} on {100 * first['accuracy']:.1f} %; the difference is beyond chance."
        )
    others = rows[1:]
    if not others:
        return f"{_upper(first['name'])} was used: the time was too short to try anything against it."
    best = max(others, key=lambda row: row["accuracy"])
    scores = (
        f"{_upper(first['name'])} is right on {100 * first['accuracy']:.1f} % of held-out labels, "
        f"the best other, {best['name']}, on {100 * best['accuracy']:.1f} %"
    )
    if best["low"] > 0:
        return (
            f"{scores}. But the two differ on {100 * best['differs_elsewhere']:.0f} % of the unlabelled "
            f"records and on only {100 * best['differs_here']:.0f} % of the labelled ones: the labels cannot "
            "settle it, so the one that follows the unlabelled records was kept."
        )
    return f"{scores}: no difference beyond chance."


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]
