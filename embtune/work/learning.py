"""Is it worth labelling more? The learning curve of a project's labels, kept until they change."""

from __future__ import annotations

import hashlib
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from embtune.errors import NotReadyError, TooFewLabelsError
from embtune.evaluation.learning import ClassScores, measure_curve
from embtune.evaluation.power_law import advice, expected_gain, fitted_law, spread
from embtune.progress import Report, silent
from embtune.store.artifacts import find_evaluation, put_evaluation
from embtune.work.measuring import LEAST_RECORDS, Measure, choose
from embtune.work.questions import measure_key

if TYPE_CHECKING:
    from embtune.project import Project

DRAWS = 5
MODEL = "propagation"  # the quick model, where no other is asked for
_KEPT_AS = "learning curve"  # one per embedding: the newest


def learning_curve(
    project: Project,
    *,
    embedding: str = "raw",
    draws: int = DRAWS,
    seed: int = 0,
    min_confidence: float = 0.7,
    fit: ClassScores | None = None,
    model: str = MODEL,
    report: Report = silent,
) -> dict[str, Any]:
    """Score a quick model on growing parts of the labels, and say what 20 more would add.

    Measured on the records with a reference label, else on the labels kept aside; never on a record that is
    learned from. The result is kept, and given back as long as vectors, labels and question are the same.

    Parameters
    ----------
    fit
        Gives class scores for all records; see `embtune.evaluation.learning.ClassScores`. Propagation over
        the neighbour graph if not given.
    model
        What `fit` is called; a result is known again by it.

    Returns
    -------
    dict
        `embedding`, `model`, `measured_on`, `n_labels`, `n_measured`, `k`, `points` (a list of `n`, and
        `accuracy` and `top_k` with `mean`, `low`, `high` each), `law` {score: {a, b, c}}, `gain`
        {score: {more, mean, low, high}}, both None with too few labels, `word`, `seconds`.

    Raises
    ------
    NotReadyError
        If records are newer than the embedding, or labels are too few to learn from or to measure on.
    """
    row = project.require_embedding(embedding)
    if row.n_rows < project.n_records:
        raise NotReadyError(
            f"{project.n_records - row.n_rows:,} records are newer than the embedding {row.name!r}: "
            "embed them first."
        )
    from embtune.tuning.class_scores import PropagationScores

    measure = _measure(project, min_confidence)
    key = _key(row.file, measure, model, draws, seed)
    known = find_evaluation(project.db, project.id, row.name, _KEPT_AS)
    if known is not None and known["key"] == key:
        return known
    began = time.perf_counter()
    curve = measure_curve(
        project.vectors(row.name),
        measure.train_rows,
        measure.train_labels,
        measure.rows,
        measure.labels,
        len(measure.names),
        measure.main_k,
        fit=fit or PropagationScores(),
        draws=draws,
        seed=seed,
        report=report,
    )
    scores = {"accuracy": curve.accuracy, "top_k": curve.top_k}
    spreads = {name: spread(values, seed=seed) for name, values in scores.items()}
    gains = {name: expected_gain(curve.sizes, values, seed=seed) for name, values in scores.items()}
    laws = {name: fitted_law(curve.sizes, values) if gains[name] else None for name, values in scores.items()}
    result = {
        "key": key,
        "embedding": row.name,
        "model": model,
        "measured_on": measure.kind,
        "n_labels": len(measure.train_rows),
        "n_measured": len(measure.rows),
        "n_classes": len(np.unique(measure.train_labels)),
        "draws": draws,
        "k": curve.k,
        "points": [
            {"n": size}
            | {
                name: dict(zip(("mean", "low", "high"), (round(float(v[i]), 4) for v in found), strict=True))
                for name, found in spreads.items()
            }
            for i, size in enumerate(curve.sizes)
        ],
        "law": {name: law and {"a": law.a, "b": law.b, "c": law.c} for name, law in laws.items()},
        "gain": {
            name: gain
            and {"more": gain.more}
            | {part: round(getattr(gain, part), 5) for part in ("mean", "low", "high")}
            for name, gain in gains.items()
        },
        "word": advice(list(gains.values())),
        "seconds": round(time.perf_counter() - began, 2),
    }
    put_evaluation(project.db, project.id, row.name, _KEPT_AS, result)
    return result


def known_learning_curve(
    project: Project,
    *,
    embedding: str = "raw",
    draws: int = DRAWS,
    seed: int = 0,
    min_confidence: float = 0.7,
    model: str = MODEL,
) -> tuple[dict[str, Any] | None, bool]:
    """Return the newest learning curve there is, and whether labels and vectors are still those of then."""
    row = project.require_embedding(embedding)
    known = find_evaluation(project.db, project.id, row.name, _KEPT_AS)
    if known is None:
        return None, False
    try:
        measure = _measure(project, min_confidence)
    except TooFewLabelsError:
        return known, False
    return known, known["key"] == _key(row.file, measure, model, draws, seed)


def _measure(project: Project, min_confidence: float) -> Measure:
    """Choose what to learn from and what to measure on, no record in both."""

    def make() -> Measure:
        found = choose(project, min_confidence=min_confidence)
        tested = ~np.isin(found.rows, found.train_rows)
        if tested.all():
            return found
        found = replace(found, rows=found.rows[tested], labels=found.labels[tested])
        if len(found.rows) < LEAST_RECORDS or len(np.unique(found.labels)) < 2:
            raise TooFewLabelsError(
                f"Only {len(found.rows)} {found.kind} are on records that are not learned from: it takes at "
                f"least {LEAST_RECORDS} in 2 classes to measure on."
            )
        return found

    measure: Measure = project.cached(("learning measure", min_confidence), project.revision, make)
    return measure


def _key(file: str, measure: Measure, model: str, draws: int, seed: int) -> str:
    """Return a digest of all that a result hangs on."""
    digest = hashlib.blake2b(repr((file, measure_key(measure), model, draws, seed)).encode(), digest_size=16)
    for array in (measure.train_rows, measure.train_labels):
        digest.update(array.tobytes())
    return digest.hexdigest()
