"""The gate: whether a new version may take the active embedding's place, and why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from embtune.errors import TooFewLabelsError
from embtune.store.artifacts import rows_trained_on
from embtune.work.measuring import LEAST_RECORDS, Measure, choose, score_neighbours

if TYPE_CHECKING:
    from embtune.project import Project
    from embtune.store.artifacts import VersionRow

_KS = (10, 25, 100, 1000)
Gap = dict[str, float]


def gate(
    project: Project, vectors: NDArray[np.float32], trained_rows: NDArray[np.int64]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Score new vectors beside raw and the active ones, on records that no version was trained on.

    Parameters
    ----------
    vectors
        Shape (n, d): the new version's.
    trained_rows
        Rows that its training learned from, in whatever way.

    Returns
    -------
    metrics, gate
        As a version keeps them. It may become active where it has both more neighbours of the same
        label and a quick model (logistic regression) that is right more often than on the active embedding,
        each with a 95 % interval of the paired difference that excludes zero.
    """
    active = project.active_embedding
    skip = set(trained_rows.tolist())
    if active != "raw":
        skip |= {row for row, _ in rows_trained_on(project.db, project.id, active)}
    matrices = {"new": vectors, "raw": project.vectors("raw")}
    if active != "raw":
        matrices[active] = project.vectors(active)
    # Some came while it trained; to others the active version could not give vectors yet.
    skip |= set(range(min(map(len, matrices.values())), project.n_records))
    try:
        measure = choose(project, leave_out=sorted(skip))
    except TooFewLabelsError as error:
        reason = f"Not measured, so not made active: {error} You can make it active by hand."
        return {"measured_on": None, "note": str(error)}, {
            "active": False,
            "reason": reason,
            "before": active,
        }
    k = measure.main_k
    ks = sorted({k, *(k for k in _KS if k < len(measure.rows))})
    scores = {
        name: score_neighbours(matrix, measure, ks, 2000, 0)
        for name, matrix in matrices.items()
        if name in ("new", "raw")
    }
    differences = {name: _neighbours(matrices[name], vectors, measure, k) for name in {active, "raw"}}
    accuracy = _accuracies(matrices, measure)
    metrics = {
        "measured_on": measure.kind,
        "n_records": len(measure.rows),
        "n_queries": scores["new"]["n_queries"],
        "main_k": k,
        "top_k": scores["new"]["top_k"],
        "interval": scores["new"]["interval"],
        "raw_top_k": scores["raw"]["top_k"],
        "compared_with": active,
        "difference": differences[active],
        "difference_to_raw": differences["raw"],
    }
    if accuracy:
        metrics["accuracy"] = {name: round(float(hits.mean()), 4) for name, hits in accuracy.items()}
        metrics["accuracy_difference"] = _gap(accuracy["new"], accuracy[active])
        metrics["accuracy_difference_to_raw"] = _gap(accuracy["new"], accuracy["raw"])
    return metrics, _decide(metrics) | {"before": active}


@dataclass(frozen=True)
class Verdict:
    """What is said of a version wherever it is named: the same words everywhere.

    `short` is such as "better than raw", `sentence` begins with it and says why, with the figures.
    """

    short: str
    sentence: str


def verdict_of(version: VersionRow) -> Verdict:
    """Return the verdict of the gate over a version: found once, when it was made."""
    metrics, kept = version.metrics, str(version.gate.get("reason", ""))
    if not metrics.get("measured_on"):
        return Verdict("not measured", kept or "Not measured.")
    active = bool(version.gate.get("active"))
    against = str(metrics.get("compared_with", "raw"))
    short = _short(against, better=active)
    try:
        decided = _decide(metrics)
    except KeyError:  # a release that measured less kept it as a sentence only
        decided = {}
    if decided.get("active") == active:
        return Verdict(short, decided["reason"])
    return Verdict(short, f"{_capital(short)}. {kept}".strip())


def said_of(gap: Gap) -> str:
    """Say of a difference with a 95 % interval whether it is one: "better beyond doubt", for example."""
    if gap["low"] > 0:
        return "better beyond doubt"
    if gap["high"] < 0:
        return "worse beyond doubt"
    return "no better" if gap["mean"] <= 0 else "better by no more than chance may give"


def _short(against: str, *, better: bool) -> str:
    return f"better than {against}" if better else f"not better than {against} beyond doubt"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _decide(metrics: dict[str, Any]) -> dict[str, Any]:
    """Decide by what `gate` measured; the reason is one sentence, and begins with the verdict."""
    near, right = metrics["difference"], metrics.get("accuracy_difference")
    active, k = metrics["compared_with"], metrics["main_k"]
    told = [f"top_{k:,} {_points(near)}"]
    if right is not None:
        told.append(f"accuracy of a quick model {_points(right)}")
    shown = (
        f"{' and '.join(told)} (points with 95 % intervals, on {metrics['n_records']:,} "
        f"{metrics['measured_on']})"
    )
    # Where a quick model has nothing left to win, it must only lose nothing.
    perfect = metrics.get("accuracy", {}).get(active) == 1.0 and right is not None and right["mean"] == 0
    better = near["low"] > 0 and right is not None and (right["low"] > 0 or perfect)
    verdict = _capital(_short(active, better=better))
    if better:
        return {"active": True, "reason": f"{verdict}: {shown}."}
    because = []
    if near["low"] <= 0:
        because.append(f"its neighbours are {said_of(near)}")
    if right is None:
        because.append("too few labels were left to compare a quick model")
    elif right["low"] <= 0:
        because.append(f"a quick model on it is {said_of(right)}")
    return {"active": False, "reason": f"{verdict}, because {' and '.join(because)}: {shown}."}


def _points(gap: Gap) -> str:
    return f"{100 * gap['mean']:+.1f} ({100 * gap['low']:+.1f} to {100 * gap['high']:+.1f})"


def _neighbours(before: Any, after: Any, measure: Measure, k: int) -> Gap:
    from embtune.evaluation.topk import paired_difference, top_k

    a, b = (top_k(matrix[measure.rows], measure.labels, (k,)) for matrix in (after, before))
    return _rounded(paired_difference(a, b, k))


def _accuracies(matrices: dict[str, Any], measure: Measure) -> dict[str, NDArray[np.bool_]]:
    """Say which measured records a quick model on each embedding has right; empty where it cannot learn."""
    from embtune.evaluation.classification import quick_model

    tested = ~np.isin(measure.rows, measure.train_rows)
    if len(np.unique(measure.train_labels)) < 2 or tested.sum() < LEAST_RECORDS:
        return {}
    rows = np.concatenate([measure.train_rows, measure.rows[tested]])
    places = np.arange(len(measure.train_rows))
    found = {}
    for name, matrix in matrices.items():
        predicted, _ = quick_model(matrix[rows], places, measure.train_labels, len(measure.names))
        found[name] = predicted[len(places) :] == measure.labels[tested]
    return found


def _gap(after: NDArray[np.bool_], before: NDArray[np.bool_]) -> Gap:
    from embtune.evaluation.topk import mean_difference

    return _rounded(mean_difference(after, before))


def _rounded(difference: Any) -> Gap:
    return {key: round(float(getattr(difference, key)), 4) for key in ("mean", "low", "high")}
