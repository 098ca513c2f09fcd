"""A version that does not fold into its text encoder, distilled into one that does, and what that loses."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from embtune.errors import BadFileError, TooFewLabelsError
from embtune.progress import Report, silent
from embtune.store.records import fetch_texts
from embtune.work.measuring import LEAST_RECORDS, Measure, unseen_by

if TYPE_CHECKING:
    from embtune.project import Project
    from embtune.tuning.blend_model import BlendModel
    from embtune.tuning.export import Head

_FOLDER = "distilled"
_ABOUT_FILE = "distilled.json"
_LEAST_HELD_OUT = 1000  # so that scores on them are worth reading, where there are enough records


def needs_distilling(project: Project, version: str) -> bool:
    """Say whether an export of that version is a network that learned to give its vectors."""
    from embtune.tuning.model import ABOUT_FILE

    try:
        about = json.loads((project.path(project.version(version).folder) / ABOUT_FILE).read_text("utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(about, dict) and about.get("kind") == "blend"


def distillation(project: Project, version: str) -> dict[str, Any] | None:
    """Return what is known of a version's distilled head; None while there is none.

    Returns
    -------
    dict
        `cosine` (mean, to the version's own vectors) and `loss` (1 - cosine), on `n_held_out` records that
        it did not learn from, as it did from `n_learned`; `from` (`raw` or `tuned encoder`: the vectors it
        takes); `seed`, `seconds`, `curve`. Where labels could be measured on: `measured_on`, `n_measured`
        (among the records held out), `k`, `top_k` and `interval`, each by `raw`, `version`, `distilled`.
    """
    try:
        found = json.loads((_place(project, version) / _ABOUT_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def in_words(about: Mapping[str, Any]) -> str:
    """Say in one plain sentence what the distillation lost."""
    if "top_k" not in about:
        return (
            f"The exported model's vectors have a mean cosine of {about['cosine']:.3f} to the version's own, "
            f"on {about['n_held_out']:,} records that it did not learn from."
        )
    made, own, raw = (f"{100 * about['top_k'][name]:.1f} %" for name in ("distilled", "version", "raw"))
    return (
        f"The exported model finds {made} same-label neighbours among the nearest {about['k']:,}; "
        f"the version itself {own}, raw {raw} "
        f"({about['n_measured']:,} {about['measured_on']} that it did not learn from)."
    )


def distilled_head(
    project: Project, version: str, *, seed: int = 0, report: Report = silent
) -> tuple[Head, dict[str, Any]]:
    """Return the head that gives a version's vectors from its text encoder's, and what is known of it.

    Learned on the first call and kept with the version.
    """
    from embtune.tuning.export import load_head, save_head, whole_folder

    place = _place(project, version)
    known = distillation(project, version)
    if known is not None:
        try:
            return load_head(place), known
        except BadFileError:
            import shutil

            shutil.rmtree(place, ignore_errors=True)
    head, about = _distil(project, project.version(version).name, seed, report)
    with whole_folder(place) as unfinished:
        save_head(unfinished, head)
        (unfinished / _ABOUT_FILE).write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")
    return head, about


def _place(project: Project, version: str) -> Path:
    return project.path(project.version(version).folder) / _FOLDER


def _distil(project: Project, version: str, seed: int, report: Report) -> tuple[Head, dict[str, Any]]:
    from embtune.embedding.device import pick_device
    from embtune.tuning.distillation import distil
    from embtune.tuning.export import transform_head

    model: BlendModel = project.tuned_model(version)  # type: ignore[assignment]  # the only kind not to fold
    tuned = project.vectors(version)
    measure = _measured(project, version, len(tuned))
    learned, held = _rows(len(tuned), measure, np.random.default_rng(seed))
    rows = np.union1d(learned, held)
    given = _given(project, model, rows, report)
    device = pick_device(project.settings.device)
    made = distil(
        given,
        tuned[rows],
        seed=seed,
        held_out=np.searchsorted(rows, held),
        device=device.kind,
        report=report,
    )
    about: dict[str, Any] = {
        "cosine": round(made.cosine, 5),
        "loss": round(made.loss, 5),
        "n_learned": len(made.learned),
        "n_held_out": len(made.held_out),
        "from": "raw" if model.encoder is None else "tuned encoder",
        "seed": seed,
        "seconds": round(made.seconds, 2),
        "curve": [dict(point) for point in made.curve],
        "best_epoch": made.best_epoch,
    }
    if measure is not None:
        report(0, None, "", "measuring the exported model")
        about |= _scores(project, version, measure, held, transform_head(made.head, given), rows)
    return made.head, about


def _given(project: Project, model: BlendModel, rows: NDArray[np.int64], report: Report) -> Any:
    """Return the vectors that the exported encoder will give those records."""
    raw = project.vectors("raw")[rows]
    if model.encoder is None:
        return raw
    from embtune.embedding.device import pick_device
    from embtune.tuning.encoder_model import EncoderModel
    from embtune.tuning.model import Records

    texts = partial(_texts, project, rows)
    # Without the head it may have: the distilled one takes its place.
    bare = EncoderModel(model.encoder.encoder)
    return bare.transform(Records(raw, texts, pick_device(project.settings.device)), report=report)


def _texts(project: Project, rows: NDArray[np.int64]) -> list[str]:
    everything = fetch_texts(project.db, project.id, stop=int(rows[-1]) + 1)
    return [everything[row] for row in rows.tolist()]


def _measured(project: Project, version: str, n: int) -> Measure | None:
    """Return what can be measured on, of records that the version did not learn from; None if nothing."""
    try:
        measure = unseen_by(project, version)
    except TooFewLabelsError:
        return None
    inside = measure.rows < n
    return replace(measure, rows=measure.rows[inside], labels=measure.labels[inside])


def _rows(
    n: int, measure: Measure | None, rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Choose the rows to learn from and those held out; what can be measured on is held out first."""
    from embtune.tuning.distillation import MOST_RECORDS

    most = min(n, MOST_RECORDS)
    target = max(1, round(min(max(0.1 * most, _LEAST_HELD_OUT), 0.2 * most)))
    first = np.zeros(0, dtype=np.int64) if measure is None else rng.permutation(measure.rows)[:target]
    others = rng.permutation(np.setdiff1d(np.arange(n), first))
    held = np.concatenate([first, others[: target - len(first)]])
    learned = others[target - len(first) :][: most - len(held)]
    return np.sort(learned), np.sort(held)


def _scores(
    project: Project,
    version: str,
    measure: Measure,
    held: NDArray[np.int64],
    distilled: NDArray[np.float32],
    rows: NDArray[np.int64],
) -> dict[str, Any]:
    """top_k of raw, of the version and of the distilled head, on the records held out; empty if too few."""
    from embtune.evaluation.topk import top_k

    inside = np.isin(measure.rows, held)
    part = replace(measure, rows=measure.rows[inside], labels=measure.labels[inside])
    if len(part.rows) < LEAST_RECORDS or len(np.unique(part.labels)) < 2:
        return {}
    k = part.main_k
    matrices = {
        "raw": project.vectors("raw")[part.rows],
        "version": project.vectors(version)[part.rows],
        "distilled": distilled[np.searchsorted(rows, part.rows)],
    }
    found = {name: top_k(matrix, part.labels, (k,)) for name, matrix in matrices.items()}
    return {
        "measured_on": part.kind,
        "n_measured": len(part.rows),
        "k": k,
        "top_k": {name: round(float(top.mean[0]), 4) for name, top in found.items()},
        "interval": {
            name: [round(float(top.low[0]), 4), round(float(top.high[0]), 4)] for name, top in found.items()
        },
    }
