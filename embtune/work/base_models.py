"""Compare base models on the labels at hand, before a project is tuned."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from embtune.errors import BadInputError, EmbtuneError, JobCancelledError
from embtune.progress import Report, silent
from embtune.store.artifacts import find_evaluation, put_evaluation
from embtune.store.records import fetch_records
from embtune.work.tuning import training_set

if TYPE_CHECKING:
    from embtune.evaluation.base_models import StartScores
    from embtune.project import Project

MOST_RECORDS = 2000
MOST_MODELS = 12
_KEPT_AS = ("raw", "base models")  # the newest comparison of a project


def compare_models(
    project: Project,
    names: Sequence[str],
    *,
    most: int = MOST_RECORDS,
    seed: int = 0,
    device: str | None = None,
    report: Report = silent,
) -> dict[str, Any]:
    """Encode the same labelled records with several models, and say which is the better start.

    Learned from and measured on are the labels that a tuning would use, so that reference labels and those
    kept aside stay unseen.

    Parameters
    ----------
    names
        Base models by name or folder.
    most
        Labelled records used, each class by its share.
    seed
        Which records, and the folds.

    Returns
    -------
    dict
        `models`, one a name in their order: `name`, `error` (None, or why it was left out), `top_k`,
        `top_k_interval`, `accuracy`, `accuracy_interval`, `dim`, `records_per_second`; `sentence`, `best` (a
        name or None), `k`, `n_records`, `n_labels`, `n_classes`, `device`, `seconds`.

    Raises
    ------
    BadInputError
        If no name is given, or too many.
    TooFewLabelsError
        If the labels do not suffice.
    """
    from embtune.embedding.device import pick_device
    from embtune.evaluation.base_models import better_start, fitting_k, sample_labelled

    wanted = list(dict.fromkeys(name.strip() for name in names if name.strip()))
    if not 1 <= len(wanted) <= MOST_MODELS:
        raise BadInputError(
            f"{len(wanted)} base models were named: name 1 to {MOST_MODELS}, by name or folder."
        )
    began = time.perf_counter()
    training = training_set(project)
    places = sample_labelled(training.labels, most, seed)
    rows, labels = training.rows[places], training.labels[places]
    texts = [record.text for record in fetch_records(project.db, project.id, rows.tolist())]
    found_device = pick_device(device or project.settings.device)
    k = fitting_k(labels)
    lines: list[dict[str, Any]] = []
    scored: list[tuple[str, StartScores, float | None]] = []
    for i, name in enumerate(wanted):
        told = _part(report, i, len(wanted), len(texts), name)
        try:
            line, scores = _score(name, texts, labels, k, seed, found_device, told)
        except JobCancelledError:
            raise
        except EmbtuneError as error:
            lines.append({"name": name, "error": str(error)})
            continue
        lines.append(line)
        scored.append((name, scores, line["records_per_second"]))
    sentence, best = better_start(
        [name for name, _, _ in scored], [s for _, s, _ in scored], [pace for _, _, pace in scored], seed=seed
    )
    result = {
        "models": lines,
        "sentence": sentence,
        "best": best,
        "k": k,
        "n_records": len(texts),
        "n_labels": len(training.rows),
        "n_classes": len(np.unique(labels)),
        "device": found_device.name,
        "labels_hash": _labels_hash(project),
        "seconds": round(time.perf_counter() - began, 2),
    }
    put_evaluation(project.db, project.id, *_KEPT_AS, result)
    return result


def known_models(project: Project) -> tuple[dict[str, Any] | None, bool]:
    """Return the newest comparison of base models, and whether the labels are still those of then."""
    known = find_evaluation(project.db, project.id, *_KEPT_AS)
    if known is None:
        return None, False
    return known, known["labels_hash"] == _labels_hash(project)


def _score(
    name: str, texts: list[str], labels: Any, k: int, seed: int, device: Any, report: Report
) -> tuple[dict[str, Any], StartScores]:
    from embtune.embedding.encoder import Encoder
    from embtune.embedding.models import resolve_model
    from embtune.evaluation.base_models import score_start
    from embtune.evaluation.topk import mean_difference
    from embtune.evaluation.wilson import wilson

    report(0, len(texts), "records", "loading the model")
    encoder = Encoder.load(resolve_model(name), device)
    before = time.perf_counter()
    vectors = encoder.encode(texts, report=report)
    seconds = time.perf_counter() - before
    report(len(texts), len(texts), "records", "measuring")
    scores = score_start(vectors, labels, k, seed=seed)
    top = mean_difference(scores.top_k, np.zeros_like(scores.top_k), seed=seed)
    low, high = wilson(int(scores.right.sum()), len(labels))
    line = {
        "name": name,
        "error": None,
        "dim": encoder.dim,
        "top_k": round(top.mean, 4),
        "top_k_interval": [round(top.low, 4), round(top.high, 4)],
        "accuracy": round(float(scores.right.mean()), 4),
        "accuracy_interval": [round(low, 4), round(high, 4)],
        "records_per_second": round(len(texts) / seconds, 1) if seconds else None,
    }
    return line, scores


def _part(report: Report, i: int, n: int, each: int, name: str) -> Report:
    """Tell one model's records as a part of all models'."""

    def told(
        done: float,
        total: float | None = None,
        unit: str = "",
        message: str = "",
        detail: dict[str, Any] | None = None,
    ) -> None:
        report(i * each + done, n * each, "records", f"{name}: {message or 'encoding'}", detail)

    return told


def _labels_hash(project: Project) -> str:
    def make() -> str:
        training = training_set(project)
        digest = hashlib.blake2b(repr(training.names).encode(), digest_size=16)
        digest.update(training.rows.tobytes())
        digest.update(training.labels.tobytes())
        return digest.hexdigest()

    found: str = project.cached("training labels' hash", project.revision, make)
    return found
