"""Tune the text encoder itself, where the time allows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
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

_FEWEST_LABELS = 100  # of fewer, too few can be held out to tell whether it helped
_TRAINING_COSTS = 8.0  # times encoding, per text
_TEXTS_READ = 2_000  # at least: few labels are gone through several times
_MOST_EPOCHS = 20
_MOST_HELD_OUT = 1_000  # labels: enough to tell whether it helped, and the more it learns from the better
_SHARE_WORTH_IT = 0.1  # of labels held out, from which on it is tuned anew on all


@dataclass(frozen=True)
class TunedEncoder:
    """A text encoder tuned on some of the labels, if there was reason and time to, and what to say of it."""

    model: EncoderModel | None
    about: str
    seconds: float = 0.0
    """What the training took, with encoding all texts once."""
    n_labels: int = 0
    folds: Folds = ()
    """The only fold that it can be judged by, for it has seen the labels of the others."""


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
) -> TunedEncoder:
    """Tune the encoder on the labels of the first fold, if asked for or if the time allows."""
    if wish == "no":
        return TunedEncoder(None, "The text encoder was not tuned, as asked.")
    if corpus is None or records.texts is None or corpus.model_path is None:
        return TunedEncoder(None, "The text encoder was not tuned: the vectors came without one.")
    if not folds or (wish == "if time allows" and len(training.rows) < _FEWEST_LABELS):
        return TunedEncoder(
            None,
            f"The text encoder was not tuned: that takes {_FEWEST_LABELS} labels or more, and there are "
            f"{len(training.rows):,}.",
        )
    import torch

    try:
        return _on_a_fold(wish, clock, records, training, folds, device, corpus, seed, report)
    except (ModelError, StorageError, torch.OutOfMemoryError) as error:
        if wish == "yes":
            raise
        return TunedEncoder(None, f"The text encoder was not tuned, because it failed: {error}")


def on_all_labels(
    first: TunedEncoder,
    wish: str,
    clock: Clock,
    records: Records,
    training: TrainingSet,
    device: DeviceLike,
    corpus: Corpus,
    seed: int,
    report: Report,
) -> TunedEncoder:
    """Tune the encoder anew on every label, now that held-out ones have decided for it, if time allows."""
    import torch

    n = len(training.rows)
    if n - first.n_labels <= _SHARE_WORTH_IT * n:
        return first
    needed = first.seconds * n / first.n_labels
    if wish == "if time allows" and needed > clock.budget - clock.spent:
        return replace(
            first,
            about=f"{first.about} To tune it anew on all {n:,} would have taken about {needed:,.0f} s more.",
        )
    try:
        return TunedEncoder(
            _train(records, training, device, corpus, seed, report),
            f"The text encoder was tuned on {first.n_labels:,} labels; the others decided that it is used, "
            f"and it was tuned anew on all {n:,}.",
        )
    except (ModelError, StorageError, torch.OutOfMemoryError) as error:
        return replace(first, about=f"{first.about} Tuning it anew on all {n:,} failed: {error}")


def _on_a_fold(
    wish: str,
    clock: Clock,
    records: Records,
    training: TrainingSet,
    folds: Folds,
    device: DeviceLike,
    corpus: Corpus,
    seed: int,
    report: Report,
) -> TunedEncoder:
    assert corpus.model_path is not None
    kept, held = folds[0]
    if len(held) > _MOST_HELD_OUT:
        held, back = np.split(np.random.default_rng(seed).permutation(held), [_MOST_HELD_OUT])
        kept = np.sort(np.concatenate([kept, back]))
    texts = records.read()
    left = clock.budget - clock.spent
    work = _TRAINING_COSTS * len(kept) * _epochs(len(kept)) + len(texts)
    needed = work / (corpus.records_per_second or math.inf)  # seconds
    if needed <= SHARE_OF_TIME * left:
        # Only where it could matter: how fast it is now, for loading the model takes seconds.
        needed = work / _encoding_rate(texts, corpus.model_path, device, report)
    if wish == "if time allows" and needed > SHARE_OF_TIME * left:
        return TunedEncoder(
            None,
            f"The text encoder was not tuned: it would take about {needed:,.0f} s here, and the time budget "
            f"is {clock.budget:,.0f} s. A larger one lets it in, and often finds better neighbours.",
        )
    part = TrainingSet(training.rows[kept], training.labels[kept], training.weights[kept], training.names)
    began = monotonic()
    model = _train(records, part, device, corpus, seed, report)
    return TunedEncoder(
        model,
        f"The text encoder was tuned on {len(kept):,} labels; the others decided whether it is used.",
        # Its texts are encoded when they are first asked for, and that takes its part of the work. A training
        # that went on from a checkpoint took longer than is seen here.
        max((monotonic() - began) * work / (work - len(texts)), needed),
        len(kept),
        [(kept, held)],
    )


def _train(
    records: Records, training: TrainingSet, device: DeviceLike, corpus: Corpus, seed: int, report: Report
) -> EncoderModel:
    from embtune.tuning.data import Split
    from embtune.tuning.encoder_training import train_encoder

    assert corpus.model_path is not None
    texts, n = records.read(), len(training.rows)
    return train_encoder(
        [texts[row] for row in training.rows.tolist()],
        training,
        Split(np.arange(n), np.zeros(0, dtype=np.int64)),
        parameters={"epochs_encoder": _epochs(n)},
        seed=seed,
        device=device,
        report=report,
        folder=corpus.folder,
        model_path=corpus.model_path,
    )


def _epochs(n_labels: int) -> int:
    return min(_MOST_EPOCHS, math.ceil(_TEXTS_READ / n_labels))


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
