"""Quaterion with a choice of losses and heads, on frozen embeddings or with the encoder trained too."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from time import monotonic
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from embtune.errors import BadInputError, NotReadyError, TooFewLabelsError
from embtune.progress import Report, silent
from embtune.tuning.data import Split, TrainingSet, check_training_set, stratified_split
from embtune.tuning.export import transform_head
from embtune.tuning.head_model import HeadModel
from embtune.tuning.model import Corpus, Records
from embtune.tuning.recipes.base import DeviceLike, Parameter, Recipe, Tuned, library_versions
from embtune.tuning.recipes.quaterion_triplet import check_batch, finite_rows

if TYPE_CHECKING:
    from embtune.tuning.judgements import Judgements

_LIBRARIES = (
    "torch",
    "quaterion",
    "quaterion-models",
    "pytorch-lightning",
    "sentence-transformers",
    "transformers",
    "numpy",
    "embtune",
)


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
    """Train a head, or the encoder and perhaps a head, and give every row its vector.

    Parameters
    ----------
    vectors
        Shape (n, d), raw vectors, rows of unit length; may be memory-mapped.
    training
        The labels. May hold too few to train on where `corpus.judgements` has pairs or triplets.
    parameters
        As `RECIPE.parse` takes them.
    seed
        The same seed on the same device gives the same vectors. No global random state is left changed.
    corpus
        Judgements; for a trained encoder also texts, base model and the folder of its checkpoint.
    report
        Told several times a second, in epochs (a head) or steps (an encoder); what it raises ends the
        training at once and comes out unchanged.

    Raises
    ------
    TooFewLabelsError
        If fewer than two classes have two labels, and there are no judgements.
    NotReadyError
        If the encoder shall be trained, but texts or base model are unknown.
    BadInputError, UnknownChoiceError
        If a parameter is not usable, or the training diverges.
    VectorsError
        If the matrix does not hold the labelled rows, or they hold values that are not finite.
    ModelError, StorageError
        If the encoder cannot be loaded or trained, or its checkpoint cannot be written.
    IncompatibleLibraryError
        If Quaterion is absent or has another version.
    """
    chosen = RECIPE.parse(parameters or {})
    corpus = corpus or Corpus()
    if chosen["loss"] == "triplet":
        check_batch(chosen)
    if chosen["encoder"] == "frozen" and chosen["head"] == "none":
        raise BadInputError(
            "With encoder=frozen and head=none there is nothing to train: "
            "choose a head, or train the encoder."
        )
    judgements = corpus.judgements if corpus.judgements is not None and len(corpus.judgements) else None
    if judgements is not None:
        judgements.check(len(vectors))
    training, warnings = _usable_labels(training, judgements)
    split = _split(training, chosen, seed, warnings)
    rows, judgements = _rows_used(training, judgements)
    start = monotonic()
    if chosen["encoder"] == "frozen":
        made = _fit_head(vectors, rows, training, split, judgements, chosen, seed, device, report)
    else:
        made = _fit_encoder(vectors, rows, training, split, judgements, chosen, seed, device, corpus, report)
    return replace(
        made, seconds=monotonic() - start, warnings=tuple(warnings), libraries=library_versions(_LIBRARIES)
    )


def _fit_head(
    vectors: NDArray[np.floating],
    rows: NDArray[np.int64],
    training: TrainingSet,
    split: Split,
    judgements: Judgements | None,
    chosen: dict[str, Any],
    seed: int,
    device: DeviceLike,
    report: Report,
) -> Tuned:
    used = finite_rows(vectors, rows)
    report(0, chosen["max_epochs"], "epochs", "loading Quaterion")
    from embtune.tuning.quaterion_training import train_head

    trained = train_head(
        used,
        training,
        split,
        parameters=chosen,
        seed=seed,
        device=device.kind,
        report=report,
        judgements=judgements,
    )
    epochs = float(len(trained.curve))
    learned = {"curve": list(trained.curve), "best_epoch": trained.best_epoch}

    def applying(
        done: float,
        total: float | None = None,
        unit: str = "",
        message: str = "",
        detail: dict[str, Any] | None = None,
    ) -> None:
        report(epochs, epochs, "epochs", f"{message}: {done:,.0f} of {total:,.0f} {unit}", learned)

    return Tuned(
        vectors=transform_head(trained.head, vectors, report=applying),
        parameters=chosen,
        seed=seed,
        seconds=0.0,
        device=device.name,
        curve=trained.curve,
        best_epoch=trained.best_epoch,
        stopped=trained.stopped,
        warnings=(),
        libraries={},
        model=HeadModel(trained.head),
    )


def _fit_encoder(
    vectors: NDArray[np.floating],
    rows: NDArray[np.int64],
    training: TrainingSet,
    split: Split,
    judgements: Judgements | None,
    chosen: dict[str, Any],
    seed: int,
    device: DeviceLike,
    corpus: Corpus,
    report: Report,
) -> Tuned:
    texts, model_path = corpus.texts, corpus.model_path
    if texts is None or not model_path:
        raise NotReadyError(
            "Training the encoder needs the records' texts and the model that embedded them; these vectors "
            "came without: choose encoder=frozen."
        )
    from embtune.tuning.encoder_training import fit_encoder

    trained = fit_encoder(
        texts(rows),
        training,
        split,
        parameters=chosen,
        seed=seed,
        device=device,
        report=report,
        folder=corpus.folder,
        model_path=model_path,
        judgements=judgements,
    )
    learned = {"curve": list(trained.curve), "best_epoch": trained.best_epoch}

    def encoding(
        done: float,
        total: float | None = None,
        unit: str = "",
        message: str = "",
        detail: dict[str, Any] | None = None,
    ) -> None:
        report(done, total, unit, "encoding all records", learned)

    records = Records(vectors=vectors, texts=lambda: texts(None), device=device)
    return Tuned(
        vectors=trained.model.transform(records, report=encoding),
        parameters=chosen,
        seed=seed,
        seconds=0.0,
        device=device.name,
        curve=trained.curve,
        best_epoch=trained.best_epoch,
        stopped=trained.stopped,
        warnings=(),
        libraries={},
        model=trained.model,
    )


def _usable_labels(training: TrainingSet, judgements: Judgements | None) -> tuple[TrainingSet, list[str]]:
    try:
        return check_training_set(training)
    except TooFewLabelsError:
        if judgements is None:
            raise
    nothing = np.zeros(0, dtype=np.int64)
    alone = TrainingSet(rows=nothing, labels=nothing, weights=np.zeros(0, dtype=np.float32), names=())
    return alone, ["There are too few labels to learn from: it was trained on pairs and triplets alone."]


def _split(training: TrainingSet, chosen: dict[str, Any], seed: int, warnings: list[str]) -> Split:
    # A single epoch has no best one to be found: there every label trains.
    wanted = chosen["validation"]
    if chosen["encoder"] != "frozen" and chosen["epochs_encoder"] == 1:
        wanted = 0.0
    split = stratified_split(training.labels, validation=wanted, seed=seed)
    if wanted > 0 and len(training.labels) and not len(split.validation):
        warnings.append(
            "Too few labels to set any aside for validation: the training stops by its own loss, "
            "which says little about other records."
        )
    return split


def _rows_used(
    training: TrainingSet, judgements: Judgements | None
) -> tuple[NDArray[np.int64], Judgements | None]:
    """Return the labelled rows, then those that only judgements name; and judgements by position."""
    if judgements is None:
        return training.rows, None
    named = np.concatenate([judgements.pairs.ravel(), judgements.triplets.ravel()])
    rows = np.concatenate([training.rows, np.setdiff1d(named, training.rows)])
    distinct, first = np.unique(rows, return_index=True)

    def place(of: NDArray[np.int64]) -> NDArray[np.int64]:
        return first[np.searchsorted(distinct, of)].astype(np.int64)

    placed = replace(judgements, pairs=place(judgements.pairs), triplets=place(judgements.triplets))
    return rows, placed


RECIPE = Recipe(
    name="quaterion",
    title="Quaterion, any loss",
    summary="Moves records of one label together by a loss and a head of your choice, and learns from judged "
    "pairs and triplets too. Seconds on a CPU; with the encoder trained as well, minutes.",
    source="Quaterion (Qdrant, 2022); the papers of the losses are named where they are written",
    parameters=(
        Parameter(
            "loss",
            "softmax",
            "What is learned from labels: nearness to the own class's prototype (softmax; cosface and "
            "arcface ask for a margin, center for compact classes), or pairs and triplets of a batch.",
            choices=("softmax", "cosface", "arcface", "center", "circle", "triplet"),
        ),
        Parameter(
            "head",
            "auto",
            "What is put behind the encoder; auto is skip-connection, and none behind a trained encoder.",
            choices=("auto", "skip-connection", "gated", "widening", "stacked", "none"),
        ),
        Parameter("n_layers", 1, "Blocks of a skip-connection head, or bent layers of a stacked one.", 1, 8),
        Parameter("dropout", 0.0, "Share of the head's input zeroed while training.", 0.0, 0.9),
        Parameter(
            "prototypes",
            "learned",
            "Whether class prototypes are learned, or follow their class's mean.",
            choices=("learned", "mean"),
        ),
        Parameter(
            "scale", 0.0, "How sharply cosines are told apart; 0 takes the loss's usual one.", 0.0, 1000.0
        ),
        Parameter("margin", 0.0, "The loss's margin; 0 takes its usual one.", 0.0, 10.0),
        Parameter("mining", "hard", "Which triplets of a batch count.", choices=("hard", "semi_hard", "all")),
        Parameter("center_weight", 0.5, "How much the pull to the class's mean counts (center).", 0.0, 100.0),
        Parameter("use_weights", True, "Draw labels by how sure they are."),
        Parameter("balance", 0.0, "0 draws every label alike, 1 every class alike.", 0.0, 1.0),
        Parameter(
            "judgement_weight", 1.0, "How much judged pairs and triplets count beside labels.", 0.0, 100.0
        ),
        Parameter("judgement_margin", 0.5, "How far apart they shall be pushed at least.", 0.0, 2.0),
        Parameter("batch_size", 64, "Labelled records per step.", 4, 4096),
        Parameter("lr", 1e-3, "Learning rate of head and prototypes.", 1e-6, 1.0),
        Parameter("max_epochs", 200, "Passes over the labels at most, encoder frozen.", 1, 10_000),
        Parameter("patience", 3, "Epochs without a better validation loss before it stops.", 1, 1000),
        Parameter("min_delta", 0.0, "By how much a loss must be lower to be better.", 0.0, 1.0),
        Parameter("validation", 0.2, "Share of each class set aside to see when to stop.", 0.0, 0.5),
        Parameter("restore_best", True, "Go back to the weights of the best epoch at the end."),
        Parameter(
            "encoder",
            "frozen",
            "What of the base model is trained.",
            choices=("frozen", "last layers", "all"),
        ),
        Parameter("n_layers_trained", 2, "How many layers that is, with last layers.", 1, 100),
        Parameter("epochs_encoder", 1, "Passes over the labels, encoder trained.", 1, 100),
        Parameter("lr_encoder", 3e-5, "Learning rate of the encoder's last layer.", 1e-8, 0.1),
        Parameter("layer_decay", 1.0, "How much slower each layer learns than the next.", 0.1, 1.0),
        Parameter("accumulate", 1, "Batches that make one step of the encoder.", 1, 256),
        Parameter("max_tokens", 128, "Tokens read of a text while training the encoder.", 8, 8192),
        Parameter(
            "precision",
            "auto",
            "What the encoder computes in; auto is bfloat16 where it is fast.",
            choices=("auto", "bfloat16", "float32"),
        ),
    ),
    fit=fit,
    uses_judgements=True,
)
