"""Label propagation: the labels spread over the nearest-neighbour graph of all records."""

from __future__ import annotations

from collections.abc import Mapping
from time import monotonic
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embtune.progress import Report, silent
from embtune.tuning.blend_model import RAW_SHARE, SHARPNESS, BlendModel, blend, center_of, residual, views_of
from embtune.tuning.class_scores import Way, Workbench
from embtune.tuning.data import TrainingSet, check_training_set, check_vectors
from embtune.tuning.model import Corpus, Records
from embtune.tuning.recipes.base import DeviceLike, Parameter, Recipe, Tuned, library_versions
from embtune.tuning.words import WordView

_LIBRARIES = ("torch", "scipy", "scikit-learn", "numpy", "embtune")


def fit(
    vectors: NDArray[np.floating],
    training: TrainingSet,
    *,
    parameters: Mapping[str, Any] | None = None,
    seed: int = 0,
    device: DeviceLike,
    corpus: Corpus | None = None,
    report: Report = silent,
) -> Tuned:
    """Score the classes of all records and blend the scores with the raw vectors.

    Parameters
    ----------
    vectors
        Shape (n, d), raw vectors of labelled and unlabelled records, rows of unit length.
    training
        The labels; each counts by its weight. A class with one label is enough.
    corpus
        Its texts, where there are any, are compared word by word too.
    parameters, seed, device, report
        As `RECIPE` says.

    Raises
    ------
    TooFewLabelsError
        If fewer than two classes have a label.
    BadInputError, UnknownChoiceError
        If a parameter is not usable.
    VectorsError
        If the matrix does not hold the labelled rows, or values that are not finite.
    """
    chosen = RECIPE.parse(parameters or {})
    training, warnings = check_training_set(training, least=1)
    check_vectors(vectors, training)
    start = monotonic()
    read = corpus.texts if corpus is not None else None
    records = Records(vectors, (lambda: read(None)) if read is not None else None, device)
    words = None
    if chosen["words"] and records.texts is not None:
        report(0, None, "steps", "reading the words")
        words = WordView.fit(records.read(), seed=seed)
    bench = Workbench(views_of(records, words, None), training, device.kind)
    alphas = tuple(sorted({chosen["alpha_low"], chosen["alpha_high"]}))
    # The view with words holds the vectors too.
    way = Way("propagation", "words" if words else "raw", alphas)
    bench.graph(way.view, report)
    report(0, None, "steps", "spreading the labels")
    scores = bench.score(way, np.arange(len(training.rows)), report=report)
    report(1, 1, "graphs", "blending")
    share, sharpness = chosen["raw_share"], chosen["sharpness"]
    center = center_of(bench.view(way.view))
    return Tuned(
        vectors=blend(residual(bench.view(way.view), center), scores, share, sharpness),
        parameters=chosen,
        seed=seed,
        seconds=monotonic() - start,
        device=device.name,
        curve=(),
        best_epoch=0,
        stopped="",
        warnings=tuple(warnings),
        libraries=library_versions(_LIBRARIES),
        model=BlendModel(
            names=training.names,
            scorers=(bench.scorer(way, scores, seed=seed),),
            raw_share=share,
            sharpness=sharpness,
            center=center,
            rest=way.view,
            words=words,
        ),
    )


RECIPE = Recipe(
    name="propagate",
    title="Propagation",
    summary="Spreads the labels over the neighbour graph of all records, labelled or not, and brings records "
    "with the same class scores together. Far ahead with few labels or noisy ones. Seconds on a CPU.",
    source="Zhou et al. (2003), Learning with local and global consistency, NeurIPS 16",
    parameters=(
        Parameter("words", True, "Also compare the words of the texts, not only the vectors."),
        Parameter("alpha_low", 0.9, "How far labels travel, in one half of the ensemble.", 0.01, 0.999),
        Parameter("alpha_high", 0.95, "How far labels travel, in the other half.", 0.01, 0.999),
        Parameter(
            "raw_share",
            RAW_SHARE,
            "How much of the raw vector stays where the class scores are certain.",
            0.0,
            10.0,
        ),
        Parameter("sharpness", SHARPNESS, "Power that the class scores are raised to.", 0.1, 20.0),
    ),
    fit=fit,
    least_labels=1,
)
