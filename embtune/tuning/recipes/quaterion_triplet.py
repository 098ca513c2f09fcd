"""The published recipe: a skip-connection head on frozen embeddings, trained by Quaterion on triplets."""

from __future__ import annotations

from collections.abc import Mapping
from time import monotonic
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embtune.errors import BadInputError, VectorsError
from embtune.progress import Report, silent
from embtune.tuning.data import TrainingSet, check_training_set, stratified_split
from embtune.tuning.export import apply_head, head_affine
from embtune.tuning.head_model import HeadModel
from embtune.tuning.model import Corpus
from embtune.tuning.recipes.base import DeviceLike, Parameter, Recipe, Tuned, library_versions

_LIBRARIES = ("torch", "quaterion", "quaterion-models", "pytorch-lightning", "numpy", "embtune")

# Mining other than "hard" compares pairs with pairs: memory grows with the fourth ("semi_hard") or third
# ("all") power of the batch. These keep it below about 2 GB.
_LARGEST_BATCH = {"semi_hard": 128, "all": 256}


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
    """Train the head on the labelled rows and apply it to all rows.

    Parameters
    ----------
    vectors
        Shape (n, d), raw vectors, rows of unit length; may be memory-mapped. Only the labelled rows are
        trained on.
    training
        The labels. Their weights count only with `use_weights`: the triplet loss knows none, so that a weight
        becomes the chance to be drawn.
    parameters
        As `RECIPE.parse` takes them; the defaults are the published numbers but for the batch.
    seed
        The same seed on the same device gives the same vectors. No global random state is left changed.
    device
        Where to train; one process, one device.
    report
        Told several times a second, in epochs; what it raises ends the training at once and comes out
        unchanged.

    Raises
    ------
    TooFewLabelsError
        If fewer than two classes have two labels.
    BadInputError, UnknownChoiceError
        If a parameter is not usable.
    VectorsError
        If the matrix does not hold the labelled rows, or they hold values that are not finite.
    IncompatibleLibraryError
        If Quaterion is absent or has another version.
    """
    chosen = RECIPE.parse(parameters or {})
    check_batch(chosen)
    training, warnings = check_training_set(training)
    labelled = finite_rows(vectors, training.rows)
    split = stratified_split(training.labels, validation=chosen["validation"], seed=seed)
    if chosen["validation"] > 0 and not len(split.validation):
        warnings.append(
            "Too few labels to set any aside for validation: the training stops by its own loss, "
            "which says little about other records."
        )
    report(0, chosen["max_epochs"], "epochs", "loading Quaterion")
    from embtune.tuning.quaterion_training import train_head

    start = monotonic()
    trained = train_head(
        labelled, training, split, parameters=chosen, seed=seed, device=device.kind, report=report
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

    tuned = apply_head(vectors, *head_affine(trained.head), report=applying)
    return Tuned(
        vectors=tuned,
        parameters=chosen,
        seed=seed,
        seconds=monotonic() - start,
        device=device.name,
        curve=trained.curve,
        best_epoch=trained.best_epoch,
        stopped=trained.stopped,
        warnings=tuple(warnings),
        libraries=library_versions(_LIBRARIES),
        model=HeadModel(trained.head),
    )


RECIPE = Recipe(
    name="quaterion-triplet",
    title="Quaterion, triplet loss",
    summary="Learns a small correction of the embedding that moves records of one label together "
    "and of different labels apart. Seconds on a CPU.",
    source="Qdrant and Kern AI, fine-tuning with refinery and Quaterion (2022); "
    "triplet loss: Schroff et al. (2015), arXiv:1503.03832",
    parameters=(
        Parameter("margin", 0.5, "How much farther than the positive a negative shall be.", 0.0, 10.0),
        # dot_product is left out: its distances are negative, and the loss divides by their mean.
        Parameter(
            "distance", "cosine", "What the loss calls near.", choices=("cosine", "euclidean", "manhattan")
        ),
        Parameter("mining", "hard", "Which triplets of a batch count.", choices=("hard", "semi_hard", "all")),
        Parameter("batch_size", 64, "Labelled records per step; the article has 128.", 4, 4096),
        Parameter("lr", 1e-3, "Learning rate of Adam.", 1e-6, 1.0),
        Parameter("max_epochs", 200, "Passes over the labels at most.", 1, 10_000),
        Parameter("patience", 3, "Epochs without a better validation loss before it stops.", 1, 1000),
        Parameter("min_delta", 0.0, "By how much a loss must be lower to be better.", 0.0, 1.0),
        Parameter("dropout", 0.0, "Share of the input zeroed while training.", 0.0, 0.9),
        Parameter("n_layers", 1, "Gated blocks of the head.", 1, 8),
        Parameter("validation", 0.2, "Share of each class set aside to see when to stop.", 0.0, 0.5),
        Parameter("restore_best", True, "Go back to the weights of the best epoch at the end."),
        Parameter("use_weights", False, "Draw records by the confidence of their label."),
    ),
    fit=fit,
)


def check_batch(chosen: Mapping[str, Any]) -> None:
    """Refuse a batch that would need too much memory; `chosen` holds `mining` and `batch_size`.

    Raises
    ------
    BadInputError
        If it would.
    """
    largest = _LARGEST_BATCH.get(chosen["mining"])
    if largest is not None and chosen["batch_size"] > largest:
        raise BadInputError(
            f"Parameter 'batch_size' must be at most {largest} with mining={chosen['mining']}, "
            f"which would need too much memory otherwise, not {chosen['batch_size']}."
        )


def finite_rows(vectors: NDArray[np.floating], rows: NDArray[np.int64]) -> NDArray[np.float32]:
    """Return the raw vectors of some rows, shape (m, d), in memory.

    Raises
    ------
    VectorsError
        If the matrix does not hold them, or they hold values that are not finite.
    """
    if vectors.ndim != 2 or not vectors.shape[1]:
        raise VectorsError(f"The vectors must be a matrix, one row per record, not of shape {vectors.shape}.")
    if rows.min() < 0 or rows.max() >= len(vectors):
        raise VectorsError(
            f"The labels speak of rows {rows.min()} to {rows.max()}, "
            f"but there are {len(vectors)} vectors: embed the project again."
        )
    labelled = np.asarray(vectors[rows], dtype=np.float32)
    bad = ~np.isfinite(labelled).all(axis=1)
    if bad.any():
        raise VectorsError(
            f"Row {rows[bad.argmax()]} of the vectors holds values that are not finite: "
            "embed the project again."
        )
    return labelled
