"""Train a base model itself, on texts. Importing this costs seconds: import it where it is used."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from embtune.embedding.models import load_sentence_transformer, resolve_model
from embtune.progress import Report, silent
from embtune.tuning.checkpoints import Checkpoint, fingerprint
from embtune.tuning.data import Split, TrainingSet
from embtune.tuning.encoder_loop import EncoderRun
from embtune.tuning.encoder_model import EncoderModel
from embtune.tuning.encoder_progress import TrainedEncoder
from embtune.tuning.isolation import own_randomness
from embtune.tuning.judgements import Judgements
from embtune.tuning.recipes.base import DeviceLike


def train_encoder(
    texts: Sequence[str],
    training: TrainingSet,
    split: Split,
    *,
    parameters: Mapping[str, Any] | None = None,
    seed: int = 0,
    device: DeviceLike,
    report: Report = silent,
    folder: Path | None = None,
    model_path: str,
    judgements: Judgements | None = None,
) -> EncoderModel:
    """Train a base model on labelled texts; `fit_encoder` tells its curve, too.

    Parameters
    ----------
    texts
        One per label of `training`, in its order (its `rows` are not read); behind them those that only
        `judgements` speak of.
    split
        Which labels to train on, and which to watch; the latter may be none, as they should for one epoch.
    parameters
        Of the recipe `quaterion`, the given ones; `encoder` is `all` if not given.
    device
        One of `pick_device`, so that bfloat16 is used where it is fast.
    report
        Told in steps, several times a second or after every step; what it raises ends the training at once.
    folder
        Where a checkpoint is kept until the training is done; the same training goes on from there.
    model_path
        The base model: a folder or a name.
    judgements
        Pairs and triplets of positions in `texts`.

    Raises
    ------
    ModelError
        If the base model cannot be loaded, or has no transformer.
    BadInputError, UnknownChoiceError
        If a parameter is not usable, or the training diverges.
    StorageError
        If the checkpoint cannot be written.
    """
    from embtune.tuning.recipes.quaterion import RECIPE

    chosen = RECIPE.parse({"encoder": "all"} | dict(parameters or {}))
    return fit_encoder(
        texts,
        training,
        split,
        parameters=chosen,
        seed=seed,
        device=device,
        report=report,
        folder=folder,
        model_path=model_path,
        judgements=judgements,
    ).model


def fit_encoder(
    texts: Sequence[str],
    training: TrainingSet,
    split: Split,
    *,
    parameters: Mapping[str, Any],
    seed: int,
    device: DeviceLike,
    report: Report,
    folder: Path | None,
    model_path: str,
    judgements: Judgements | None = None,
) -> TrainedEncoder:
    """As `train_encoder`, with every parameter of the recipe, checked."""
    report(0, None, "steps", "loading the base model")
    model = load_sentence_transformer(resolve_model(model_path), device.kind)
    arrays: list[NDArray[Any]] = [training.labels, training.weights, split.train, split.validation]
    if judgements is not None:
        arrays += [judgements.pairs, judgements.scores, judgements.triplets]
    about = {"parameters": dict(parameters), "seed": seed, "model": model_path, "names": training.names}
    mark = fingerprint(about, arrays, texts)
    with ExitStack() as stack:
        stack.enter_context(own_randomness(seed, device.kind))
        run = EncoderRun(
            model,
            texts,
            training,
            split,
            judgements,
            parameters,
            seed,
            device,
            Checkpoint(folder, mark),
            report,
        )
        run.train()
    return run.result(training.names)
