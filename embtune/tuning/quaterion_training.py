"""Train a head on stored vectors with Quaterion. Importing this costs seconds: import it where it is used."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from time import monotonic
from typing import Any

from embtune.tuning import quaterion_compat  # noqa: F401  (mends what the imports below need)

# isort: split
import numpy as np
import torch
from numpy.typing import NDArray
from pytorch_lightning import Callback, Trainer
from pytorch_lightning.callbacks import EarlyStopping
from pytorch_lightning.callbacks.early_stopping import EarlyStoppingReason
from pytorch_lightning.plugins.environments import LightningEnvironment
from quaterion import Quaterion, TrainableModel
from quaterion.dataset import PairsSimilarityDataLoader, SimilarityDataLoader
from quaterion.loss import SimilarityLoss
from quaterion.utils.enums import TrainStage
from quaterion_models.encoders import Encoder
from quaterion_models.heads import EncoderHead
from torch import Tensor

from embtune.errors import BadInputError
from embtune.progress import Report
from embtune.tuning.data import Split, TrainingSet
from embtune.tuning.export import Head
from embtune.tuning.isolation import own_randomness, quiet_libraries, threads_for
from embtune.tuning.judgements import Judgements
from embtune.tuning.quaterion_heads import make_head, trained_head
from embtune.tuning.quaterion_loaders import (
    judgement_loaders,
    train_loader,
    validation_loader,
    without_end,
)
from embtune.tuning.quaterion_losses import (
    FiniteTripletLoss,
    JudgedTripletLoss,
    label_loss,
    pair_loss,
)
from embtune.tuning.sampling import part_judgements

_SECONDS_BETWEEN_REPORTS = 0.2
# The name under which Quaterion logs it; since Python 3.11 that is no longer "validation_loss".
_VALIDATION_LOSS = f"{TrainStage.VALIDATION}_loss"
_TRAIN_LOSS = "epoch_train_loss"  # Quaterion logs the last batch's only; this is the epoch's mean


@dataclass(frozen=True)
class Trained:
    """A trained head and how it got there; the fields mean what they mean in `Tuned`."""

    head: Head
    curve: tuple[dict[str, float], ...]
    best_epoch: int
    stopped: str


def train_head(
    labelled: NDArray[np.float32],
    training: TrainingSet,
    split: Split,
    *,
    parameters: Mapping[str, Any],
    seed: int,
    device: str,
    report: Report,
    judgements: Judgements | None = None,
) -> Trained:
    """Fit a head on frozen vectors.

    Parameters
    ----------
    labelled
        The vector of each label of `training`, in its order, behind them those that only judgements speak
        of; shape (m or more, d).
    split
        Which labels to train on, and which to watch; without any of the latter the training loss is watched.
    parameters
        Every parameter of the recipe, checked.
    device
        `cuda`, `mps` or `cpu`.
    judgements
        Pairs and triplets of rows of `labelled`; they are summed with the loss of the labels, or train alone
        where there are none.

    Raises
    ------
    BadInputError
        If the weights grow beyond all bounds.
    """
    kind = parameters.get("head", "skip-connection")
    kind = "skip-connection" if kind == "auto" else kind
    with ExitStack() as stack:
        stack.enter_context(own_randomness(seed, device))  # Quaterion's data loaders draw from it, too
        stack.enter_context(quiet_libraries())
        stack.enter_context(threads_for(parameters["batch_size"]))
        aims, watched = _aims(labelled, training, split, parameters, seed, judgements)
        watch = _Watch(report, parameters["max_epochs"], _TRAIN_LOSS if watched is None else _VALIDATION_LOSS)
        stopping = EarlyStopping(
            watch.monitored,
            patience=parameters["patience"],
            min_delta=parameters["min_delta"],
            check_on_train_epoch_end=watched is None,
            check_finite=False,  # told by an error of our own, below
        )
        model = _HeadModel(labelled, kind, parameters, aims)
        trainer = Trainer(
            accelerator=device,
            devices=1,
            plugins=[LightningEnvironment()],  # one process, also where a cluster's variables are set
            max_epochs=parameters["max_epochs"],
            num_sanity_val_steps=0,
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            callbacks=[watch, stopping],
        )
        for aim in aims[1:]:
            model.setup_dataloader(aim.loader)
        Quaterion.fit(model, trainer, aims[0].loader, watched)
    head = model.model.head
    if parameters["restore_best"] and watch.best_state is not None:
        head.load_state_dict(watch.best_state)
    trained = trained_head(kind, head)
    if not all(np.isfinite(value).all() for value in trained.state.values()):
        raise BadInputError(f"The training diverged: choose an lr below {parameters['lr']:g}.")
    stopped_early = stopping.stopping_reason != EarlyStoppingReason.NOT_STOPPED
    return Trained(
        head=trained,
        curve=tuple(watch.curve),
        best_epoch=watch.best_epoch,
        stopped="early stopping" if stopped_early else "max epochs",
    )


class _StoredVectors(Encoder):  # type: ignore[misc]
    """A frozen encoder whose objects are positions: it looks the vector up, so that no text is encoded twice.

    It never leaves the training: an export puts `TextEncoder` in its place.
    """

    def __init__(self, vectors: NDArray[np.float32]) -> None:
        super().__init__()
        # A buffer travels to the device with the model, once.
        self.register_buffer("vectors", torch.from_numpy(vectors), persistent=False)

    @property
    def trainable(self) -> bool:
        return False

    @property
    def embedding_size(self) -> int:
        return int(self.vectors.shape[1])

    @classmethod
    def extract_meta(cls, batch: list[Any]) -> list[dict[str, Any]]:
        return []  # the head reads none, and Lightning would walk through one dict per row

    def forward(self, batch: Tensor) -> Tensor:
        vectors: Tensor = self.vectors
        return vectors[batch]


@dataclass(frozen=True)
class _Aim:
    """One thing to learn: samples, and what they cost."""

    loader: SimilarityDataLoader
    made: Callable[[], SimilarityLoss]
    """Makes the loss; called where randomness is the training's own."""
    weight: float = 1.0


def _aims(
    labelled: NDArray[np.float32],
    training: TrainingSet,
    split: Split,
    parameters: Mapping[str, Any],
    seed: int,
    judgements: Judgements | None,
) -> tuple[list[_Aim], SimilarityDataLoader | None]:
    """Return what to learn, the chief thing first, and what to watch, of the same kind as that."""
    aims: list[_Aim] = []
    watched = None
    if len(split.train):
        loader = train_loader(training, split.train, parameters, seed)
        aims.append(_Aim(loader, lambda: _label_loss(labelled, training, split, parameters)))
        if len(split.validation):
            watched = validation_loader(training, split.validation, parameters, seed)
    elif judgements is not None:
        judgements, aside = part_judgements(judgements, parameters["validation"], seed)
        watched = next(iter(judgement_loaders(aside, parameters, seed)), None)
    if judgements is not None:
        margin = parameters["judgement_margin"]
        scores = judgements.scores
        weight = parameters["judgement_weight"] if aims else 1.0
        for loader in judgement_loaders(judgements, parameters, seed):
            if isinstance(loader, PairsSimilarityDataLoader):
                aims.append(_Aim(loader, lambda: pair_loss(scores, margin), weight))
            else:
                aims.append(_Aim(loader, lambda: JudgedTripletLoss(margin), weight))
    return aims, watched


def _label_loss(
    labelled: NDArray[np.float32], training: TrainingSet, split: Split, parameters: Mapping[str, Any]
) -> SimilarityLoss:
    if "loss" not in parameters:  # the published recipe
        return FiniteTripletLoss(
            margin=parameters["margin"],
            distance_metric_name=parameters["distance"],
            mining=parameters["mining"],
        )
    labels = training.labels[split.train]
    means = np.zeros((len(training.names), labelled.shape[1]), dtype=np.float32)
    np.add.at(means, labels, labelled[split.train])
    return label_loss(parameters, labelled.shape[1], len(training.names), means)


class _HeadModel(TrainableModel):  # type: ignore[misc]
    """The published model: frozen encoder, head, loss, Adam; and other losses beside, if there are any."""

    def __init__(
        self,
        vectors: NDArray[np.float32],
        kind: str,
        parameters: Mapping[str, Any],
        aims: Sequence[_Aim],
    ) -> None:
        self._stored = vectors  # before super().__init__(), which calls the methods below
        self._kind = kind
        self._parameters_of_recipe = parameters
        self._aims = tuple(aims)
        super().__init__()
        self._beside = torch.nn.ModuleList(aim.made() for aim in aims[1:])
        self._batches = [without_end(aim.loader) for aim in aims[1:]]

    def configure_encoders(self) -> Encoder:
        return _StoredVectors(self._stored)

    def configure_head(self, input_embedding_size: int) -> EncoderHead:
        return make_head(self._kind, input_embedding_size, self._parameters_of_recipe)

    def configure_loss(self) -> SimilarityLoss:
        return self._aims[0].made()

    def configure_optimizers(self) -> torch.optim.Optimizer:
        trained = [*self.model.head.parameters(), *self.loss.parameters()]
        return torch.optim.Adam(trained, lr=self._parameters_of_recipe["lr"])

    def training_step(self, batch: Any, batch_idx: int, **kwargs: Any) -> Tensor:
        total: Tensor = super().training_step(batch, batch_idx, **kwargs)
        for aim, loss, batches in zip(self._aims[1:], self._beside, self._batches, strict=True):
            features, targets = self.trainer.strategy.batch_to_device(next(batches), self.device)
            total = total + aim.weight * loss(embeddings=self.model(features), **targets)
        return total


class _Watch(Callback):  # type: ignore[misc]
    """Reports while Lightning trains, draws the curve and keeps the best weights.

    Whatever the report raises passes through Lightning unchanged, and ends the training.
    """

    def __init__(self, report: Report, max_epochs: int, monitored: str) -> None:
        self.monitored = monitored
        self.curve: list[dict[str, float]] = []
        self.best_epoch = 0
        self.best_state: dict[str, Tensor] | None = None
        self._report = report
        self._max_epochs = max_epochs
        self._lowest = np.inf
        self._started = self._reported = monotonic()
        self._losses: list[Tensor] = []

    def on_train_start(self, trainer: Trainer, pl_module: TrainableModel) -> None:
        self._started = monotonic()
        self._tell(0.0)

    def on_train_epoch_start(self, trainer: Trainer, pl_module: TrainableModel) -> None:
        self._losses.clear()

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: TrainableModel, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        self._losses.append(outputs["loss"].detach())
        self._tell_sometimes(trainer.current_epoch + (batch_idx + 1) / (trainer.num_training_batches + 1))

    def on_validation_batch_end(
        self, trainer: Trainer, pl_module: TrainableModel, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        self._tell_sometimes(trainer.current_epoch + 1.0)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: TrainableModel) -> None:
        train_loss = torch.stack(self._losses).mean()
        pl_module.log(_TRAIN_LOSS, train_loss)
        epoch = trainer.current_epoch + 1
        point = {
            "epoch": float(epoch),
            "train_loss": float(train_loss),
            "seconds": monotonic() - self._started,
        }
        if self.monitored == _VALIDATION_LOSS:
            point["validation_loss"] = float(trainer.callback_metrics[_VALIDATION_LOSS])
        self.curve.append(point)
        loss = point.get("validation_loss", point["train_loss"])
        if loss < self._lowest:
            self._lowest, self.best_epoch = loss, epoch
            self.best_state = {
                name: value.detach().clone() for name, value in pl_module.model.head.state_dict().items()
            }
        self._tell(float(epoch))

    def _tell_sometimes(self, done: float) -> None:
        if monotonic() - self._reported >= _SECONDS_BETWEEN_REPORTS:
            self._tell(done)

    def _tell(self, done: float) -> None:
        self._reported = monotonic()
        detail = {"curve": list(self.curve), "best_epoch": self.best_epoch}
        self._report(done, self._max_epochs, "epochs", "training the head", detail)
