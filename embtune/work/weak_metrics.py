"""What a run of weak supervision is worth: calibration, coverage, and the truth beside other ways."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from embtune.errors import NotReadyError
from embtune.heuristics.base import ABSTAIN
from embtune.work.heuristic_corpus import labels_to_measure_on, manual_labels

if TYPE_CHECKING:
    from embtune.project import Project
    from embtune.weak_supervision.comparing import Comparison
    from embtune.weak_supervision.running import WeakResult


def metrics_of(
    project: Project, name: str, results: dict[str, WeakResult], missing: dict[str, str], threshold: float
) -> dict[str, Any]:
    """What a run is worth, as plain JSON.

    Parameters
    ----------
    name
        Of the label model that is to be judged.
    results, missing
        Of `embtune.weak_supervision.running.run_all`.
    threshold
        Confidence at which it is compared with the others.
    """
    from embtune.weak_supervision.thresholds import reliability_of, threshold_curve

    result = results[name]
    truth, measured_on = labels_to_measure_on(project)
    known = manual_labels(project)
    free = ~project.label_state().manual  # "none of these" is an answer too
    weak = (result.labels != ABSTAIN) & free
    sure = weak & (result.confidence >= threshold - 1e-6)
    found: dict[str, Any] = {
        "threshold": threshold,
        "measured_on": measured_on,
        "n_measured_on": int((truth != ABSTAIN).sum()),
        "n_manual": result.n_manual,
        "n_beside": int((result.labels != ABSTAIN).sum() - weak.sum()),
        "held_out_by": result.held_out_by,
        "judged": result.judged,
        "n_voted": int(result.voted.sum()),
        "coverage": float(sure[free].mean()) if free.any() else 0.0,
        "n_sure": int(sure.sum()),
        "reliability": None if result.reliability is None else asdict(result.reliability),
        "adaptive_error": result.adaptive_error,
        "distribution": {
            label.name: {
                "manual": int((known == label.id).sum()),
                "weak": int((weak & (result.labels == label.id)).sum()),
                "sure": int((sure & (result.labels == label.id)).sum()),
            }
            for label in project.labels
        },
    }
    kept_aside = reliability_of(result, truth)
    if kept_aside is not None:
        found["reliability_measured"] = asdict(kept_aside[0])
        found["adaptive_error_measured"] = kept_aside[1]
    found["curve"] = [asdict(one) for one in threshold_curve(result, truth, among=free)]
    found |= _comparison(name, results, missing, truth, threshold)
    return found


def _comparison(
    name: str,
    results: dict[str, WeakResult],
    missing: dict[str, str],
    truth: NDArray[np.int64],
    threshold: float,
) -> dict[str, Any]:
    from embtune.weak_supervision.comparing import compare

    try:
        compared: Comparison = compare(name, results, truth, threshold=threshold, missing=missing)
    except NotReadyError as error:
        return {"sentence": str(error), "winner": name, "scores": [], "missing": missing}
    scores = asdict(compared)["scores"]
    return {
        "sentence": compared.sentence,
        "winner": compared.winner,
        "best": compared.best,
        "difference": compared.difference,
        "low": compared.low,
        "high": compared.high,
        "scores": list(scores),
        "missing": compared.missing,
    }
