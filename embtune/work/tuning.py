"""Make the next version: choose the labels, run the recipe, measure, and decide whether it goes live."""

from __future__ import annotations

import contextlib
import hashlib
import time
import uuid
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from embtune.errors import EmbtuneError, NotReadyError, TooFewLabelsError, UnknownChoiceError
from embtune.labeling.state import SOURCES
from embtune.progress import Report, silent
from embtune.store.artifacts import insert_version
from embtune.store.records import fetch_texts
from embtune.work.graphs import prepare_graph
from embtune.work.promoting import gate as measure_and_gate
from embtune.work.slice_masks import slice_mask

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from embtune.project import Project
    from embtune.store.artifacts import EmbeddingRow
    from embtune.tuning.data import TrainingSet
    from embtune.tuning.judgements import Judgements
    from embtune.tuning.model import Corpus

DEFAULT_RECIPE = "auto"
LEAST_PER_CLASS = 5


def training_set(
    project: Project,
    *,
    min_confidence: float = 0.7,
    weight_by_confidence: bool = True,
    slice: str | None = None,  # noqa: A002 -- the word users know
) -> TrainingSet:
    """Gather the labels a recipe learns from: manual ones always, others from `min_confidence` on.

    Manual labels weigh 1; the others their confidence, or 1 as well. Reference labels are never among
    them; in a project without enough of those, neither are the labels kept aside for measuring. With a
    slice, only labels of records in it are.

    Raises
    ------
    NotFoundError, NotReadyError
        If there is no such slice, or it holds no record.
    """
    from embtune.tuning.data import TrainingSet

    state = project.label_state()
    use = slice_mask(project, slice) & state.labelled & (state.manual | (state.confidence >= min_confidence))
    if not project.measures_on_reference:
        use &= ~project.kept_aside()
    rows = np.flatnonzero(use)
    ids = state.label_ids[rows]
    alike = state.manual[rows] if weight_by_confidence else np.ones(len(rows), dtype=bool)
    labels = [label for label in project.labels if (ids == label.id).any()]
    index = {label.id: i for i, label in enumerate(labels)}
    return TrainingSet(
        rows=rows,
        labels=np.array([index[i] for i in ids.tolist()], dtype=np.int64),
        weights=np.where(alike, 1.0, state.confidence[rows]).astype(np.float32),
        names=tuple(label.name for label in labels),
    )


def readiness(
    project: Project,
    *,
    min_confidence: float = 0.7,
    weight_by_confidence: bool = True,
    recipe: str = DEFAULT_RECIPE,
    slice: str | None = None,  # noqa: A002
) -> dict[str, Any]:
    """Say which labels a tuning would use, whether they suffice for that recipe, and what is missing.

    With a slice, all that is said of labels and judgements is of those in it.

    Returns
    -------
    dict
        `counts` {label: n}, `by_source` {source: n}, `n`, `n_automatic` (labels that no person gave, used
        or not), `n_kept_aside`, `n_judgements` (pairs and triplets), `n_reference`, `enough` (can it run),
        `missing` (sentences: why it cannot), `advice` (sentences: what would make it better).

    Raises
    ------
    NotFoundError, NotReadyError
        If there is no such slice, or it holds no record.
    """
    from embtune.tuning.recipes import RECIPES

    state = project.label_state()
    within = slice_mask(project, slice)
    training = training_set(
        project, min_confidence=min_confidence, weight_by_confidence=weight_by_confidence, slice=slice
    )
    counts = {name: int((training.labels == i).sum()) for i, name in enumerate(training.names)}
    by_source = Counter(SOURCES[i] for i in state.sources[training.rows].tolist())
    unused = [label.name for label in project.labels if label.name not in counts]
    least = RECIPES[recipe].least_labels if recipe in RECIPES else 2
    usable = [name for name, n in counts.items() if n >= least]
    missing, advice = [], []
    raw = project.find_embedding("raw")
    if raw is None:
        missing.append("The records are not embedded yet: do that on the Projects page.")
    elif (newer := project.n_records - raw.n_rows) > 0:
        missing.append(f"{newer:,} records are newer than the embedding: embed them on the Projects page.")
    judged = 0
    if recipe in RECIPES and RECIPES[recipe].uses_judgements and raw is not None:
        judged = len(_judgements(project, slice))
    if len(usable) < 2 and not judged:
        have = f"only {usable[0]} has" if usable else "none has"
        records = "1 record" if least == 1 else f"{least} records"
        inside = "" if slice is None else f" in the slice {slice}"
        missing.append(f"Tuning needs at least 2 labels with {records} each; {have} that many{inside} now.")
    for name, n in counts.items():
        if n < least:
            advice.append(f"{name} has 1 record and is left out; give it at least {LEAST_PER_CLASS}.")
        elif n < LEAST_PER_CLASS:
            has = "1 record" if n == 1 else f"{n} records"
            advice.append(f"{name} has only {has}; {LEAST_PER_CLASS} or more make the result steadier.")
    if unused:
        advice.append(
            f"No record {'yet' if slice is None else 'in the slice'}: "
            + ", ".join(unused[:8])
            + (" …" if len(unused) > 8 else "")
            + "."
        )
    aside = 0
    if not project.measures_on_reference:
        aside = int((within & project.kept_aside() & state.labelled & state.given).sum())
    return {
        "counts": counts,
        "by_source": dict(by_source),
        "n": len(training.rows),
        "n_automatic": int((within & state.labelled & ~state.manual).sum()),
        "n_kept_aside": aside,
        "n_judgements": judged,
        "n_reference": int((project.reference() >= 0).sum()),
        "enough": not missing,
        "missing": missing,
        "advice": advice,
    }


def tune(
    project: Project,
    *,
    recipe: str = DEFAULT_RECIPE,
    min_confidence: float = 0.7,
    weight_by_confidence: bool = True,
    slice: str | None = None,  # noqa: A002
    seed: int = 0,
    parameters: Mapping[str, Any] | None = None,
    device: str | None = None,
    report: Report = silent,
) -> dict[str, Any]:
    """Tune the embedding on the project's labels and keep the outcome as the next version.

    The version becomes the active embedding only if it passes the gate; see `embtune.work.promoting`. With a
    slice it learns from labels and judgements of that slice alone; the other records still take part as
    unlabelled ones, and it is measured over all. Which labels it learns from, and how much they weigh, says
    `training_set`.

    Raises
    ------
    TooFewLabelsError
        If fewer than two classes have two labels.
    UnknownChoiceError, BadInputError
        If the recipe or one of its parameters does not exist or is out of range.
    NotFoundError, NotReadyError
        If there is no such slice, or it holds no record.
    """
    from embtune.embedding.device import pick_device
    from embtune.embedding.matrix import save_matrix
    from embtune.tuning.model import save_model
    from embtune.tuning.recipes import RECIPES

    if recipe not in RECIPES:
        raise UnknownChoiceError("recipe", recipe, RECIPES)
    chosen = RECIPES[recipe]
    values = chosen.parse(parameters or {})
    raw = project.require_embedding("raw")
    if raw.n_rows < project.n_records:
        raise NotReadyError(
            f"{project.n_records - raw.n_rows:,} records are newer than the embedding: embed them first."
        )
    # All that is read of labels is read here: people go on labelling while it trains.
    given = training_set(
        project, min_confidence=min_confidence, weight_by_confidence=weight_by_confidence, slice=slice
    )
    judgements = _judgements(project, slice) if chosen.uses_judgements else None
    if judgements is not None and not len(judgements):
        judgements = None
    warnings: list[str] = []
    training = given
    if judgements is None:
        training, warnings = _checked(given, chosen.least_labels, slice)
    by_name = {label.name: label.id for label in project.labels}
    label_ids = [by_name[training.names[i]] for i in training.labels.tolist()]
    how = {"min_confidence": min_confidence, "weight_by_confidence": weight_by_confidence}
    snapshot = _snapshot(project, training, label_ids) | how | {"n_records": raw.n_rows}
    if slice is not None:
        snapshot |= {"slice": slice, "n_in_slice": int(slice_mask(project, slice).sum())}
    began = time.perf_counter()
    report(0, None, "", "starting")
    where = pick_device(device or project.settings.device)
    tuned = chosen.fit(
        project.vectors("raw"),
        training,
        parameters=values,
        seed=seed,
        device=where,
        corpus=corpus_of(project, raw, judgements),
        report=report,
    )
    curve = [dict(point) for point in tuned.curve]
    report(1, 1, "", "measuring on records that it did not see", {"curve": curve} | tuned.report)
    learned = (
        training.rows
        if judgements is None
        else np.union1d(
            training.rows, np.concatenate([judgements.pairs.ravel(), judgements.triplets.ravel()])
        )
    )
    metrics, gate = measure_and_gate(project, tuned.vectors, learned)
    if tuned.report:
        metrics["report"] = tuned.report
    # Named before the version is, which gets its name as it is written: no other tuning may have the same.
    stem = f"{recipe}-{uuid.uuid4().hex[:12]}"
    folder = project.folder("models") / stem
    save_model(folder, tuned)
    file = project.folder("embeddings") / f"{stem}-{raw.n_rows}.npy"
    save_matrix(file, tuned.vectors)
    seconds = round(time.perf_counter() - began, 2)
    name = insert_version(
        project.db,
        project.id,
        embedding={
            "model": raw.model,
            "model_path": raw.model_path,
            "dim": int(tuned.vectors.shape[1]),
            "n_rows": raw.n_rows,
            "file": project.relative(file),
            "detail": {"recipe": recipe},
        },
        trained=[
            *zip(training.rows.tolist(), label_ids, strict=True),
            *((row, 0) for row in np.setdiff1d(learned, training.rows).tolist()),
        ],
        recipe=recipe,
        parameters=dict(tuned.parameters) | how | ({} if slice is None else {"slice": slice}),
        seed=seed,
        labels=snapshot,
        metrics=metrics,
        curve=curve,
        gate=gate,
        warnings=[*warnings, *tuned.warnings],
        libraries=dict(tuned.libraries),
        device=tuned.device,
        seconds=seconds,
        folder=project.relative(folder),
        activate=project.annotator if gate["active"] else None,
    )
    prepare_graph(project, name)
    return {
        "version": name,
        "recipe": recipe,
        "seconds": seconds,
        "fit_seconds": round(tuned.seconds, 2),
        "n_labels": len(training.rows),
        "metrics": metrics,
        "warnings": [*warnings, *tuned.warnings],
        "reason": gate["reason"],
        "active": gate["active"],
        "report": tuned.report,
    }


def _checked(given: TrainingSet, least: int, name: str | None) -> tuple[TrainingSet, list[str]]:
    from embtune.tuning.data import check_training_set

    try:
        return check_training_set(given, least=least)
    except TooFewLabelsError as error:
        raise error if name is None else TooFewLabelsError(f"In the slice {name!r}: {error}") from None


def _judgements(project: Project, name: str | None) -> Judgements:
    """Return the judgements a training may learn from: of a slice, those of which every record is in it."""
    found = project.judgements_for_training()
    if name is None:
        return found
    within = slice_mask(project, name)
    pairs = within[found.pairs].all(axis=1)
    return replace(
        found,
        pairs=found.pairs[pairs],
        scores=found.scores[pairs],
        triplets=found.triplets[within[found.triplets].all(axis=1)],
    )


def corpus_of(project: Project, raw: EmbeddingRow, judgements: Judgements | None = None) -> Corpus:
    """Return what recipes may use beside vectors and labels."""
    from embtune.tuning.model import Corpus

    def texts(rows: NDArray[np.int64] | None) -> list[str]:
        found = fetch_texts(project.db, project.id, stop=raw.n_rows)
        return found if rows is None else [found[row] for row in rows.tolist()]

    model_path = None
    if raw.model_path is not None:
        with contextlib.suppress(EmbtuneError):  # most recipes do without; those that need it say so
            model_path = project.model_path(raw)
    return Corpus(
        texts=texts,
        model_path=model_path,
        folder=project.folder("models", "unfinished"),
        records_per_second=raw.detail.get("records_per_second"),
        judgements=judgements,
    )


def _snapshot(project: Project, training: TrainingSet, label_ids: list[int]) -> dict[str, Any]:
    state = project.label_state()
    digest = hashlib.blake2b(digest_size=16)
    digest.update(training.rows.tobytes())
    digest.update(np.asarray(label_ids, dtype=np.int64).tobytes())
    return {
        "task": project.task.id,
        "hash": digest.hexdigest(),
        "n": len(training.rows),
        "counts": {name: int((training.labels == i).sum()) for i, name in enumerate(training.names)},
        "by_source": dict(Counter(SOURCES[i] for i in state.sources[training.rows].tolist())),
    }
