"""Try ways to score classes on held-out labels, while the time lasts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embtune.progress import Report
from embtune.tuning.blend_model import SHARPNESS, fit_sharpness
from embtune.tuning.choosing import Trial, Verdict, choose
from embtune.tuning.class_scores import Way, Workbench
from embtune.tuning.model import Matrix

SHARE_OF_TIME = 0.6
"""Of the budget, for trying; the rest is for fitting the chosen way and for blending."""

_MOST_ELSEWHERE = 20_000
_PROBE = 1000  # labels

Folds = Sequence[tuple[NDArray[np.int64], NDArray[np.int64]]]


@dataclass(frozen=True)
class Option:
    """A mean of ways, under a name for people."""

    name: str
    ways: tuple[Way, ...]
    is_mean: bool = False


class Clock:
    """Seconds since it was made, beside those allowed."""

    def __init__(self, budget: float) -> None:
        self.budget = budget
        self._start = monotonic()

    @property
    def spent(self) -> float:
        """Seconds so far."""
        return monotonic() - self._start


class Trying:
    """Scores of every way on every fold, computed once, and told as they come."""

    def __init__(self, bench: Workbench, folds: Folds, clock: Clock, seed: int, report: Report) -> None:
        self.bench, self.folds, self.clock, self._report = bench, folds, clock, report
        rng = np.random.default_rng(seed)
        n = len(bench.view("raw"))
        others = np.setdiff1d(np.arange(n), bench.training.rows)
        if len(others) > _MOST_ELSEWHERE:
            others = np.sort(rng.choice(others, _MOST_ELSEWHERE, replace=False))
        self.others = others
        self.held = np.concatenate([held for _, held in folds]) if folds else np.zeros(0, dtype=np.int64)
        self.found: dict[Way, list[tuple[Matrix, Matrix]]] = {}
        self._seconds: dict[str, float] = {}
        self.rows: list[dict[str, Any]] = []

    def detail(self) -> dict[str, Any]:
        """Return what is known so far, for people who watch."""
        return {"tried": self.rows}

    def quiet(self, *_: Any, **__: Any) -> None:
        """Take reports of inner steps: they keep the outer one's numbers, and can end the work."""
        self._report(len(self.found), None, "ways tried", "", self.detail())

    def affords(self, way: Way) -> bool:
        """Say whether the time for trying allows one more way of that kind."""
        left = SHARE_OF_TIME * self.clock.budget - self.clock.spent
        if way.kind == "regression" and "regression" not in self._seconds:
            self._seconds["regression"] = self._regression_seconds(way)
        return self._seconds.get(way.kind, 0.0) <= left

    def _regression_seconds(self, way: Way) -> float:
        """Estimate what a regression costs by one on a part of the labels; in between nothing can stop it."""
        n = max((len(kept) for kept, _ in self.folds), default=0)
        if n <= _PROBE:
            return 0.0
        part = np.random.default_rng(0).choice(len(self.bench.training.rows), _PROBE, replace=False)
        began = monotonic()
        self.bench.regression(way, np.sort(part))
        return (monotonic() - began) * n / _PROBE * len(self.folds)

    def at_least(self, one: Option, other: Option) -> bool:
        """Say whether one option is right on as many held-out labels as another, or more."""
        labels = self.bench.training.labels[self.held]
        a, b = ((self.trial(option).predicted == labels).mean() for option in (one, other))
        return bool(a >= b)

    def scores(self, way: Way) -> list[tuple[Matrix, Matrix]]:
        """Return a way's scores of the held-out labels and of the unlabelled records, per fold."""
        if way not in self.found:
            began = monotonic()
            self._report(len(self.found), None, "ways tried", f"trying {way.title}", self.detail())
            if way.kind == "propagation":
                self.bench.graph(way.view, self.quiet)
            found = []
            for kept, held in self.folds:
                wanted = np.concatenate([self.bench.training.rows[held], self.others])
                scores = self.bench.score(way, kept, wanted, self.quiet)
                found.append((scores[: len(held)], scores[len(held) :]))
            self.found[way] = found
            taken = monotonic() - began
            self._seconds[way.kind] = max(self._seconds.get(way.kind, 0.0), taken)
            predicted = np.concatenate([held.argmax(axis=1) for held, _ in found])
            right = float((predicted == self.bench.training.labels[self.held]).mean())
            self.rows.append({"name": way.title, "accuracy": round(right, 4), "seconds": round(taken, 1)})
        return self.found[way]

    def mean(self, option: Option) -> list[tuple[Matrix, Matrix]]:
        """Return the mean of an option's ways, as `scores`."""
        each = [self.scores(way) for way in option.ways]
        return [
            (sum(e[f][0] for e in each) / len(each), sum(e[f][1] for e in each) / len(each))  # type: ignore[misc]
            for f in range(len(self.folds))
        ]

    def trial(self, option: Option) -> Trial:
        """Return what an option predicts on held-out labels and elsewhere."""
        found = self.mean(option)
        return Trial(
            option.name,
            np.concatenate([held.argmax(axis=1) for held, _ in found]),
            np.stack([elsewhere.argmax(axis=1) for _, elsewhere in found]),
            option.is_mean,
        )

    def sharpness(self, option: Option) -> float:
        """Return the exponent under which an option's scores are as sure as they are right."""
        if not self.folds:
            return SHARPNESS
        held = np.concatenate([scores for scores, _ in self.mean(option)])
        training = self.bench.training
        # Over repeated folds a label is held out several times, and is one observation all the same.
        weights = training.weights[self.held] / np.bincount(self.held)[self.held]
        return fit_sharpness(held, training.labels[self.held], weights)

    def verdict(self, options: list[Option]) -> Verdict:
        """Choose between options; the first is the default."""
        training = self.bench.training
        return choose(
            [self.trial(option) for option in options],
            training.labels[self.held],
            self.held,
            training.weights[self.held],
        )
