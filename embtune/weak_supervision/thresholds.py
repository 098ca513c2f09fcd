"""What is kept above a confidence, how right it is, and which labels are mistaken for which."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embtune.evaluation.calibration import Reliability, reliability
from embtune.evaluation.wilson import wilson
from embtune.weak_supervision.calibrating import adaptive_error
from embtune.weak_supervision.evidence import Numbers, places_of
from embtune.weak_supervision.running import WeakResult

THRESHOLDS = tuple(round(0.5 + 0.05 * i, 2) for i in range(11))


@dataclass(frozen=True)
class Kept:
    """Weak labels at or above a confidence.

    Attributes
    ----------
    threshold
        The confidence.
    n, share
        How many records are kept, and their share of all that were asked for.
    n_checked, n_right
        Of how many of them the true label is known, and how many are right.
    accuracy, low, high
        Share right, and its 95 % Wilson interval; None, 0 and 1 where nothing could be checked.
    """

    threshold: float
    n: int
    share: float
    n_checked: int
    n_right: int
    accuracy: float | None
    low: float
    high: float


def threshold_curve(
    result: WeakResult,
    truth: Numbers,
    *,
    thresholds: Sequence[float] = THRESHOLDS,
    among: NDArray[np.bool_] | None = None,
) -> list[Kept]:
    """Say for several thresholds how many records are kept and how right they are.

    Parameters
    ----------
    result
        Weak labels.
    truth
        Shape (n,): label numbers to check against, -1 elsewhere; best kept-aside or reference labels.
    thresholds
        Confidences.
    among
        Shape (n,): the records that are counted, such as those without a manual label; all by default. What
        is checked may lie outside.
    """
    counted = np.ones(len(truth), dtype=bool) if among is None else among
    labelled = result.labels >= 0
    right = result.labels == truth
    found = []
    for threshold in thresholds:
        kept = labelled & (result.confidence >= threshold - 1e-6)
        checked = kept & (truth >= 0)
        n, n_checked, n_right = int((kept & counted).sum()), int(checked.sum()), int((checked & right).sum())
        low, high = wilson(n_right, n_checked)
        found.append(
            Kept(
                threshold,
                n,
                n / max(int(counted.sum()), 1),
                n_checked,
                n_right,
                n_right / n_checked if n_checked else None,
                low,
                high,
            )
        )
    return found


def reliability_of(result: WeakResult, truth: Numbers) -> tuple[Reliability, float] | None:
    """Return reliability and adaptive calibration error against labels that were not learned from.

    None where no record has both labels; shapes as in `threshold_curve`.
    """
    checked = (result.labels >= 0) & (truth >= 0)
    if not checked.any():
        return None
    confidence, right = result.confidence[checked], result.labels[checked] == truth[checked]
    return reliability(confidence, right), adaptive_error(confidence, right)


def confusion(
    manual: Numbers, weak: Numbers, classes: Numbers, kept: NDArray[np.bool_] | None = None
) -> NDArray[Any]:
    """Count records by manual and weak label, shape (C, C + 1).

    Parameters
    ----------
    manual, weak
        Shape (n,): label numbers or -1.
    classes
        Shape (C,): rows are manual labels in this order, columns weak ones, the last "no weak label".
    kept
        Shape (n,): the weak labels that count, such as those above a confidence; the others are none.
    """
    n_classes = len(classes)
    row, column = places_of(manual, classes), places_of(weak, classes)
    if kept is not None:
        column = np.where(kept, column, -1)
    column = np.where(column < 0, n_classes, column)
    inside = row >= 0
    counts = np.bincount(
        row[inside] * (n_classes + 1) + column[inside], minlength=n_classes * (n_classes + 1)
    )
    return counts.reshape(n_classes, n_classes + 1)
