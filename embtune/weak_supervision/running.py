"""Weak supervision: one label and one confidence per record."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embtune.errors import NotReadyError
from embtune.evaluation.calibration import Reliability, reliability
from embtune.weak_supervision.base import BLIND, KNOWING, Matrix
from embtune.weak_supervision.calibrating import adaptive_error, calibrated
from embtune.weak_supervision.evidence import Evidence, Numbers, numbers_of
from embtune.weak_supervision.models import DEFAULT, MODELS, model_of, why_not

THRESHOLD = 0.7
"""Above this confidence weak labels are used, unless a person says otherwise."""


@dataclass(frozen=True)
class WeakResult:
    """Weak labels of n records.

    Attributes
    ----------
    model
        Name of the label model.
    labels
        Shape (n,): label numbers, -1 where there is none. Records with a manual label have the one they would
        get without it: to be compared, not to be written.
    confidence
        Shape (n,), in [0, 1], 0 where there is no label.
    voted
        Shape (n,): records with at least one vote.
    classes
        Shape (C,): label numbers.
    reliability
        Of the records with a manual label, out of fold; None without any, and where heuristics vote that
        were made in view of those labels.
    adaptive_error
        Expected calibration error of the same, over bins of equal size; `reliability.error` has equal width.
    n_manual
        How many manual labels were learned from.
    probability
        Shape (n, C), for records without a manual label those the confidence is the highest of.
    held_out_by, judged
        See `Opinion`: what records with a manual label have, and whether the confidence could be checked.
    """

    model: str
    labels: Numbers
    confidence: Matrix
    voted: NDArray[np.bool_]
    classes: Numbers
    reliability: Reliability | None
    adaptive_error: float | None
    n_manual: int
    probability: Matrix
    held_out_by: str = BLIND
    judged: bool = True


def weak_supervise(evidence: Evidence, model: str = DEFAULT, *, everywhere: bool | None = None) -> WeakResult:
    """Label records by their votes.

    Parameters
    ----------
    evidence
        Of `embtune.weak_supervision.evidence.evidence_of`.
    model
        Name of a label model.
    everywhere
        Whether records without a vote get a label too. Only models that use vectors can; by default they do.

    Raises
    ------
    UnknownChoiceError
        If there is no such model.
    NotReadyError
        If it cannot run here: a package, vectors, heuristics or labels are missing.
    """
    chosen = model_of(model)
    reason = why_not(
        model, evidence.votes.shape[1], evidence.n_classes, has_vectors=evidence.vectors is not None
    )
    if reason is not None:
        raise NotReadyError(reason)
    opinion = calibrated(chosen, chosen.fit(evidence), evidence)
    rows = evidence.rows
    probability = opinion.probability.copy()
    probability[rows] = opinion.held_out
    if everywhere is None:
        everywhere = chosen.vectors
    if not everywhere:
        probability[~evidence.voted] = 0
    says = probability.sum(axis=1) > 0
    places = np.where(says, probability.argmax(axis=1), -1)
    confidence = np.where(says, probability.max(axis=1), 0).astype(np.float32)
    checked = rows[says[rows]] if opinion.held_out_by != KNOWING else rows[:0]
    right = places[checked] == evidence.known[checked]
    return WeakResult(
        model=model,
        labels=numbers_of(places, evidence.classes),
        confidence=confidence,
        voted=evidence.voted,
        classes=evidence.classes,
        reliability=reliability(confidence[checked], right) if len(checked) else None,
        adaptive_error=adaptive_error(confidence[checked], right) if len(checked) else None,
        n_manual=len(rows),
        probability=probability,
        held_out_by=opinion.held_out_by,
        judged=opinion.judged,
    )


def run_all(
    evidence: Evidence, *, leave_out: tuple[str, ...] = (), **options: Any
) -> tuple[dict[str, WeakResult], dict[str, str]]:
    """Run every label model that can run here.

    Returns
    -------
    results, missing
        By name: what each says, and in one sentence why others could not run.
    """
    results: dict[str, WeakResult] = {}
    missing: dict[str, str] = {}
    for name in MODELS:
        if name in leave_out:
            continue
        try:
            results[name] = weak_supervise(evidence, name, **options)
        except NotReadyError as error:
            missing[name] = str(error)
    return results, missing
