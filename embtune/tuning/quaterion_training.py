"""Train a head on stored vectors with Quaterion. Importing this costs seconds: import it where it is used."""

from __future__ import annotations

from collections.abc import Mapping
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
from quaterion.dataset import GroupSimilarityDataLoader, SimilarityGroupSample
from quaterion.loss import TripletLoss
from quaterion.utils.enums import TrainStage
from quaterion_models.encoders import Encoder
from quaterion_models.heads import SkipConnectionHead
from torch import Tensor
from torch.utils.data import Dataset, WeightedRandomSampler

from embtune.errors import BadInputError
from embtune.progress import Report
from embtune.tuning.data import Split, TrainingSet
from embtune.tuning.export import Head
from embtune.tuning.isolation import own_randomness, quiet_libraries, threads_for

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
) -> Trained:
    """Fit a `SkipConnectionHead` on frozen vectors.

    Parameters
    ----------
    labelled
        Shape (m, d), the vector of each label of `training`.
    split
        Which labels to train on, and which to watch; without any of the latter the training loss is watched.
    parameters
        Every parameter of the recipe, checked.
    device
        `cuda`, `mps` or `cpu`.

    Raises
    ------
    BadInputError
        If the weights grow beyond all bounds.
    """
    has_validation = len(split.validation) > 0
    watch = _Watch(report, parameters["max_epochs"], _VALIDATION_LOSS if has_validation else _TRAIN_LOSS)
    stopping = EarlyStopping(
        watch.monitored,
        patience=parameters["patience"],
        min_delta=parameters["min_delta"],
        check_on_train_epoch_end=not has_validation,
    )
    with ExitStack() as stack:
        stack.enter_context(own_randomness(seed, device))
        stack.enter_context(quiet_libraries())
        stack.enter_context(threads_for(parameters["batch_size"]))
        model = _HeadModel(labelled, parameters)
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
        Quaterion.fit(
            model,
            trainer,
            _train_loader(training, split.train, parameters, seed),
            _validation_loader(training, split.validation, parameters, seed) if has_validation else None,
        )
    head = model.model.head
    if parameters["restore_best"] and watch.best_state is not None:
        head.load_state_dict(watch.best_state)
    state = {name: value.detach().cpu().numpy().copy() for name, value in head.state_dict().items()}
    if not all(np.isfinite(value).all() for value in state.values()):
        raise BadInputError(f"The training diverged: choose an lr below {parameters['lr']:g}.")
    stopped_early = stopping.stopping_reason != EarlyStoppingReason.NOT_STOPPED
    return Trained(
        head=Head(config=head.get_config_dict(), state=state),
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


class _FiniteTripletLoss(TripletLoss):  # type: ignore[misc]
    """Quaterion's triplet loss, save that a batch that holds no triplet costs nothing.

    With one row, or with none but equal rows, the hard loss divides zero by zero; one such batch would turn
    every weight into NaN.
    """

    def forward(self, embeddings: Tensor, groups: Tensor) -> Tensor:
        loss = super().forward(embeddings, groups)
        return loss if torch.isfinite(loss) else embeddings.sum() * 0.0


class _HeadModel(TrainableModel):  # type: ignore[misc]
    """The published model: frozen encoder, skip-connection head, triplet loss, Adam."""

    def __init__(self, vectors: NDArray[np.float32], parameters: Mapping[str, Any]) -> None:
        self._stored = vectors  # before super().__init__(), which calls the methods below
        self._parameters_of_recipe = parameters
        super().__init__()

    def configure_encoders(self) -> Encoder:
        return _StoredVectors(self._stored)

    def configure_head(self, input_embedding_size: int) -> SkipConnectionHead:
        return SkipConnectionHead(
            input_embedding_size,
            dropout=self._parameters_of_recipe["dropout"],
            n_layers=self._parameters_of_recipe["n_layers"],
        )

    def configure_loss(self) -> TripletLoss:
        return _FiniteTripletLoss(
            margin=self._parameters_of_recipe["margin"],
            distance_metric_name=self._parameters_of_recipe["distance"],
            mining=self._parameters_of_recipe["mining"],
        )

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.model.head.parameters(), lr=self._parameters_of_recipe["lr"])


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


class _Labels(Dataset[SimilarityGroupSample]):
    """The samples of one part of a split; made on demand, for there may be a million."""

    def __init__(self, positions: NDArray[np.int64], labels: NDArray[np.int64]) -> None:
        self._positions = positions
        self._labels = labels

    def __len__(self) -> int:
        return len(self._positions)

    def __getitem__(self, index: int) -> SimilarityGroupSample:
        position = int(self._positions[index])
        return SimilarityGroupSample(obj=position, group=int(self._labels[position]))


def _train_loader(
    training: TrainingSet, positions: NDArray[np.int64], parameters: Mapping[str, Any], seed: int
) -> GroupSimilarityDataLoader:
    generator = torch.Generator().manual_seed(seed)
    order: dict[str, Any] = {"shuffle": True}
    if parameters["use_weights"]:
        weights = training.weights[positions].tolist()
        order = {"sampler": WeightedRandomSampler(weights, num_samples=len(positions), generator=generator)}
    return GroupSimilarityDataLoader(
        _Labels(positions, training.labels),
        batch_size=parameters["batch_size"],
        generator=generator,
        **order,
    )


def _validation_loader(
    training: TrainingSet, positions: NDArray[np.int64], parameters: Mapping[str, Any], seed: int
) -> GroupSimilarityDataLoader:
    # Mixed once: records often come sorted by class, and a batch of one class holds no negative.
    mixed = np.random.default_rng(seed).permutation(positions)
    return GroupSimilarityDataLoader(
        _Labels(mixed, training.labels),
        batch_size=parameters["batch_size"],
        generator=torch.Generator().manual_seed(seed),
    )
