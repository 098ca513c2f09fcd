"""The recipe behind the button: tries what the time allows, chooses by the labels at hand, and combines."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embtune.progress import Report, silent
from embtune.tuning.blend_model import (
    RAW_SHARE,
    BlendModel,
    blend,
    center_of,
    residual,
    views_of,
)
from embtune.tuning.choosing import Verdict
from embtune.tuning.class_scores import NEAR, Way, Workbench, label_folds
from embtune.tuning.data import TrainingSet, check_training_set, check_vectors
from embtune.tuning.model import Corpus, Records
from embtune.tuning.recipes.base import DeviceLike, Parameter, Recipe, Tuned, library_versions
from embtune.tuning.timed_encoder import maybe_encoder, on_all_labels
from embtune.tuning.trying import Clock, Folds, Option, Trying
from embtune.tuning.words import WordView

_LIBRARIES = ("torch", "scipy", "scikit-learn", "numpy", "sentence-transformers", "embtune")
_CS = (1.0, 10.0, 100.0)


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
    """Choose between propagation, logistic regression and their means, and tune by the one that won.

    Parameters
    ----------
    vectors
        Shape (n, d), raw vectors of labelled and unlabelled records, rows of unit length.
    training
        The labels; each counts by its weight. A class with one label is enough.
    corpus
        With texts, words are looked at too; with texts and a base model, the encoder itself is tuned where
        the time allows.
    parameters, seed, device, report
        As `RECIPE` says.

    Returns
    -------
    Tuned
        Its `report` holds what was tried, with scores, and why one was chosen.

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
    clock = Clock(float(chosen["budget"]))
    read = corpus.texts if corpus is not None else None
    records = Records(vectors, (lambda: read(None)) if read is not None else None, device)
    words = None
    if records.texts is not None:
        report(0, None, "", "reading the words")
        words = WordView.fit(records.read(), seed=seed)
    all_folds: Folds = label_folds(training.labels, seed=seed)
    wish = chosen["encoder"]
    encoder = maybe_encoder(wish, clock, records, training, all_folds, device, corpus, seed, report)
    folds = all_folds if encoder.model is None else encoder.folds
    bench = Workbench(views_of(records, words, encoder.model, report), training, device.kind)
    trying = Trying(bench, folds, clock, seed, report)
    option, verdict, skipped = _decide(trying, words is not None, encoder.model is not None)
    uses_encoder = any("encoder" in way.view for way in option.ways)
    if encoder.model is not None and not uses_encoder:
        # Between the others every label may decide, not only those that the encoder has not seen.
        folds = all_folds
        trying = Trying(bench, folds, clock, seed, report)
        option, verdict, skipped = _decide(trying, words is not None, False)
    sharpness = trying.sharpness(option)
    if uses_encoder:
        assert corpus is not None
        encoder = on_all_labels(encoder, wish, clock, records, training, device, corpus, seed, report)
        bench = bench.with_views(views_of(records, words, encoder.model, report))
    report(0, len(option.ways), "ways", f"all labels: {option.name}", trying.detail())
    everything = np.arange(len(training.rows))
    scores = np.zeros((len(vectors), len(training.names)), dtype=np.float32)
    scorers = []
    for i, way in enumerate(option.ways):
        of_way = bench.score(way, everything, report=trying.quiet)
        scores += of_way / len(option.ways)
        scorers.append(bench.scorer(way, of_way, seed=seed))
        report(i + 1, len(option.ways), "ways", f"all labels: {option.name}", trying.detail())
    rest = "words" if words else "raw"
    center = center_of(bench.view(rest))
    told = {
        "chosen": option.name,
        "reason": verdict.reason,
        "tried": verdict.rows,
        "n_folds": len(folds),
        "n_held_out": len({int(i) for _, held in folds for i in held}),
        "not_tried": skipped,
        "sharpness": sharpness,
        "encoder": encoder.about,
    }
    return Tuned(
        vectors=blend(residual(bench.view(rest), center), scores, RAW_SHARE, sharpness),
        parameters=chosen,
        seed=seed,
        seconds=clock.spent,
        device=device.name,
        curve=(),
        best_epoch=0,
        stopped="",
        warnings=tuple(warnings),
        libraries=library_versions(_LIBRARIES),
        model=BlendModel(
            names=training.names,
            scorers=tuple(scorers),
            raw_share=RAW_SHARE,
            sharpness=sharpness,
            center=center,
            rest=rest,
            words=words,
            encoder=encoder.model if uses_encoder else None,
            about={"chosen": option.name, "reason": verdict.reason},
        ),
        report=told,
    )


def _decide(trying: Trying, words: bool, encoder: bool) -> tuple[Option, Verdict, list[str]]:
    """Try ways from the cheapest on, and choose."""
    # The view with words holds the vectors too: where there are words, it is the better graph.
    view = "words" if words else "raw"
    tuned = "encoder words" if words else "encoder"
    spread = Way("propagation", view)
    default = Option("propagation", (spread,))
    options = [default]
    if not trying.folds:
        verdict = Verdict(0, [{"name": default.name, "chosen": True}], _TOO_FEW)
        return default, verdict, []
    if encoder:
        with_encoder = Option("propagation with the tuned encoder", (spread, Way("propagation", tuned)))
        # Both follow the unlabelled records: between them, the labels may decide by themselves.
        options = (
            [with_encoder, default] if trying.at_least(with_encoder, default) else [default, with_encoder]
        )
    skipped: list[str] = []

    def offered(name: str, *ways: Way, is_mean: bool = False) -> None:
        new = [way for way in ways if way not in trying.found]
        if all(trying.affords(way) for way in new):
            options.append(Option(name, ways, is_mean))
            for way in ways:
                trying.scores(way)
        else:
            skipped.append(name)

    views = (view, tuned) if encoder else (view,)
    near = tuple(Way("propagation", name, NEAR) for name in views)
    offered("near propagation", *near)
    best: tuple[float, Way] | None = None
    for c in _CS:
        way = Way("regression", views[-1], c=c)
        offered(way.title, way)
        if way in trying.found:
            right = trying.rows[-1]["accuracy"]
            best = max(best, (right, way), key=lambda pair: pair[0]) if best else (right, way)
    if best is not None:
        offered(f"the mean of propagation and {best[1].title}", *options[0].ways, best[1], is_mean=True)
        if all(way in trying.found for way in near):
            offered(f"the mean of near propagation and {best[1].title}", *near, best[1])
    verdict = trying.verdict(options)
    return options[verdict.chosen], verdict, skipped


_TOO_FEW = "Propagation was used: no class has a second label yet that could be held out to compare ways."


RECIPE = Recipe(
    name="auto",
    title="Automatic",
    summary="Tries propagation, logistic regression, their means and, if the time allows, a tuned encoder; "
    "your own labels, held out in turns, decide which is used.",
    source="Zhou et al. (2003), Learning with local and global consistency; "
    "Stone (1974), Cross-validatory choice and assessment of statistical predictions",
    parameters=(
        Parameter(
            "budget", 60, "Seconds it may take, about; more let it try more.", 5, 86_400, prominent=True
        ),
        Parameter(
            "encoder",
            "if time allows",
            "Whether the text encoder itself is tuned: minutes on a CPU, seconds on a GPU.",
            choices=("if time allows", "yes", "no"),
        ),
    ),
    fit=fit,
    least_labels=1,
)
