"""Tune the text encoder itself, where the time allows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from time import monotonic
from typing import TYPE_CHECKING

import numpy as np

from embtune.errors import ModelError, StorageError
from embtune.progress import Report
from embtune.tuning.data import TrainingSet
from embtune.tuning.model import Corpus, Records
from embtune.tuning.trying import SHARE_OF_TIME, Clock, Folds

if TYPE_CHECKING:
    from embtune.tuning.encoder_model import EncoderModel
    from embtune.tuning.recipes.base import DeviceLike

_FEWEST_LABELS = 300  # fewer are learnt by heart, and holding some out costs too many
_TRAINING_COSTS = 8.0  # times encoding, per text


def maybe_encoder(
    wish: str,
    clock: Clock,
    records: Records,
    training: TrainingSet,
    folds: Folds,
    device: DeviceLike,
    corpus: Corpus | None,
    seed: int,
    report: Report,
) -> tuple[EncoderModel | None, str]:
    """Tune the encoder on the labels of the first fold, if asked for or if the time allows."""
    if wish == "no":
        return None, "The text encoder was not tuned, as asked."
    if corpus is None or records.texts is None or corpus.model_path is None:
        return None, "The text encoder was not tuned: the vectors came without one."
    if not folds or (wish == "if time allows" and len(training.rows) < _FEWEST_LABELS):
        return None, (
            f"The text encoder was not tuned: that takes {_FEWEST_LABELS} labels or more, and there are "
            f"{len(training.rows):,}."
        )
    import torch

    try:
        return _train(wish, clock, records, training, folds, device, corpus, seed, report)
    except (ModelError, StorageError, torch.OutOfMemoryError) as error:
        if wish == "yes":
            raise
        return None, f"The text encoder was not tuned, because it failed: {error}"


def _train(
    wish: str,
    clock: Clock,
    records: Records,
    training: TrainingSet,
    folds: Folds,
    device: DeviceLike,
    corpus: Corpus,
    seed: int,
    report: Report,
) -> tuple[EncoderModel | None, str]:
    from embtune.tuning.data import Split
    from embtune.tuning.encoder_training import train_encoder

    assert corpus.model_path is not None
    kept, _ = folds[0]
    texts = records.read()
    left = clock.budget - clock.spent
    work = _TRAINING_COSTS * len(kept) + len(texts)
    needed = work / (corpus.records_per_second or math.inf)
    if needed <= SHARE_OF_TIME * left:
        # Only where it could matter: how fast it is now, for loading the model takes seconds.
        needed = work / _encoding_rate(texts, corpus.model_path, device, report)
    if wish == "if time allows" and needed > SHARE_OF_TIME * left:
        return None, (
            f"The text encoder was not tuned: it would take about {needed:,.0f} s here, and the time budget "
            f"is {clock.budget:,.0f} s. A larger one lets it in, and often finds better neighbours."
        )
    part = TrainingSet(training.rows[kept], training.labels[kept], training.weights[kept], training.names)
    model = train_encoder(
        [texts[row] for row in part.rows.tolist()],
        part,
        Split(np.arange(len(kept)), np.zeros(0, dtype=np.int64)),
        seed=seed,
        device=device,
        report=report,
        folder=corpus.folder,
        model_path=corpus.model_path,
    )
    return (
        model,
        f"The text encoder was tuned on {len(kept):,} labels; the others decided whether it is used.",
    )


def _encoding_rate(texts: Sequence[str], model_path: str, device: DeviceLike, report: Report) -> float:
    """Return how many of these texts a second are encoded here."""
    from embtune.embedding.device import pick_device
    from embtune.embedding.encoder import Encoder
    from embtune.embedding.models import resolve_model

    report(0, None, "", "measuring how fast the encoder is")
    encoder = Encoder.load(resolve_model(model_path), pick_device(device.kind))
    some = [texts[i] for i in np.random.default_rng(0).integers(len(texts), size=128).tolist()]
    encoder.encode(some[:32])  # the first call compiles and fills caches
    began = monotonic()
    encoder.encode(some)
    return len(some) / (monotonic() - began)
