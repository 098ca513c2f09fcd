"""The loop that trains a base model. Importing this costs seconds: import it where it is used.

The heads and losses are Quaterion's; the loop is not, for `Quaterion.fit` can go on only from the end of an
epoch, and an epoch of an encoder takes minutes.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from time import monotonic
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from embtune.errors import BadInputError, NotReadyError, StorageError
from embtune.progress import Report
from embtune.tuning.checkpoints import Checkpoint
from embtune.tuning.data import Split, TrainingSet
from embtune.tuning.encoder_layers import parameter_groups
from embtune.tuning.encoder_model import EncoderModel, TemporaryFolder
from embtune.tuning.encoder_progress import Progress, TrainedEncoder
from embtune.tuning.isolation import no_progress_bars
from embtune.tuning.judgements import Judgements
from embtune.tuning.quaterion_heads import make_head, trained_head
from embtune.tuning.quaterion_losses import JudgedLoss, PrototypeLoss, label_loss
from embtune.tuning.recipes.base import DeviceLike
from embtune.tuning.sampling import draw, label_chances, length_sorted_batches
from embtune.tuning.tokens import Tokens

_SECONDS_BETWEEN_REPORTS = 0.2
_SECONDS_BETWEEN_CHECKPOINTS = 60.0
_WARMUP = 0.1  # share of the steps in which the learning rate rises
_LARGEST_GRADIENT = 1.0
_CURVE_POINTS = 40
_PROTOTYPE_TEXTS = 16  # a class, to see where its prototype starts


class EncoderRun:
    """One training of an encoder; made where randomness is its own, then `train`, then `result`."""

    def __init__(
        self,
        model: Any,
        texts: Sequence[str],
        training: TrainingSet,
        split: Split,
        judgements: Judgements | None,
        parameters: Mapping[str, Any],
        seed: int,
        device: DeviceLike,
        checkpoint: Checkpoint,
        report: Report,
    ) -> None:
        self._parameters = parameters
        self._seed = seed
        self._device = device.kind
        self._checkpoint = checkpoint
        self._report = report
        self._training = training
        self._split = split
        precision = parameters["precision"]
        self._bfloat16 = precision == "bfloat16" or (
            precision == "auto" and bool(getattr(device, "bfloat16", False))
        )
        self._model = model
        groups = parameter_groups(
            model,
            which=parameters["encoder"],
            n_layers=parameters["n_layers_trained"],
            lr=parameters["lr_encoder"],
            layer_decay=parameters["layer_decay"],
        )
        self._tokens = Tokens(
            model, texts, max_tokens=parameters["max_tokens"], device=self._device, report=report
        )
        self._labels = torch.from_numpy(training.labels).to(self._device)
        self._kind = "none" if parameters["head"] == "auto" else parameters["head"]
        self._head = make_head(self._kind, self._size(), parameters).to(self._device)
        self._judged = JudgedLoss(judgements, parameters, seed) if judgements and len(judgements) else None
        self._loss = self._make_loss()
        added = [*self._head.parameters(), *(self._loss.parameters() if self._loss is not None else ())]
        if added:
            groups.append({"params": added, "lr": parameters["lr"]})
        self._rates = [group["lr"] for group in groups]
        self._trained = [parameter for group in groups for parameter in group["params"]]
        self._optimizer = torch.optim.AdamW(groups, weight_decay=0.01)
        self._per_epoch = self._count_batches()
        self._done = Progress()
        self._best: dict[str, Any] | None = None

    def train(self) -> None:
        """Train, from the checkpoint if there is one."""
        self._resume()
        epochs = self._parameters["epochs_encoder"]
        started = monotonic() - self._done.seconds
        self._kept = self._told = monotonic()
        self._tell()
        try:
            while self._done.epochs < epochs and self._done.worse < self._parameters["patience"]:
                epoch = self._done.epochs
                for batch in self._batches(epoch)[self._done.step - epoch * self._per_epoch :]:
                    self._step(batch)
                    self._done.seconds = monotonic() - started
                    self._after_step()
                self._end_epoch(epoch + 1)
        except BaseException:
            if self._whole_step():
                with contextlib.suppress(StorageError):  # what ended the training is what counts
                    self._keep()
            raise
        if self._best is not None and self._parameters["restore_best"]:
            self._modules().load_state_dict(self._best)
        self._check_finite([float(parameter.detach().sum()) for parameter in self._trained])
        self._checkpoint.remove()

    def result(self, names: tuple[str, ...]) -> TrainedEncoder:
        """Save the encoder into a temporary folder of its own, and wrap it."""
        owner = TemporaryFolder()
        with no_progress_bars():
            self._model.float().eval().to("cpu").save(str(owner.path), create_model_card=False)
        with_classes = isinstance(self._loss, PrototypeLoss) and self._loss.kind in ("softmax", "center")
        model = EncoderModel(
            owner.path,
            None if self._kind == "none" else trained_head(self._kind, self._head),
            names=names if with_classes else (),
            prototypes=self._loss.prototypes.detach().cpu().numpy().copy() if with_classes else None,
            scale=self._loss.scale if with_classes else 1.0,
            owner=owner,
        )
        epochs = self._parameters["epochs_encoder"]
        return TrainedEncoder(
            model=model,
            curve=tuple(self._done.curve),
            best_epoch=self._done.best_epoch,
            stopped="max epochs" if self._done.epochs == epochs else "early stopping",
        )

    # One step.

    def _step(self, batch: NDArray[np.int64] | None) -> None:
        self._train_mode(True)
        every = self._parameters["accumulate"]
        at = self._done.step % self._per_epoch
        first = at - at % every
        together = min(first + every, self._per_epoch) - first
        loss = self._loss_of(batch)
        (loss / together).backward()
        self._done.pending.append(loss.detach())
        self._done.step += 1
        if self._whole_step():
            factor = self._rate_factor()
            for group, rate in zip(self._optimizer.param_groups, self._rates, strict=True):
                group["lr"] = rate * factor
            nn.utils.clip_grad_norm_(self._trained, _LARGEST_GRADIENT)
            self._optimizer.step()
            self._optimizer.zero_grad(set_to_none=True)

    def _loss_of(self, batch: NDArray[np.int64] | None) -> Tensor:
        parts = []
        if self._loss is not None and batch is not None:
            index = torch.from_numpy(batch).to(self._device)
            parts.append(self._loss(self._vectors(batch), self._labels[index]))
        if self._judged is not None:
            weight = self._parameters["judgement_weight"] if parts else 1.0
            drawn = self._judged.draw(self._done.step, self._parameters["batch_size"])
            parts.append(weight * drawn.loss(self._vectors(drawn.rows)))
        return torch.stack(parts).sum()

    def _vectors(self, rows: NDArray[np.int64]) -> Tensor:
        features = self._tokens.batch(rows)
        # Entered anew every time: one autocast around many steps goes on using casts of weights that have
        # changed since, and the encoder collapses.
        with torch.autocast(self._device, dtype=torch.bfloat16, enabled=self._bfloat16):
            vectors = self._model(features)["sentence_embedding"]
        vectors = nn.functional.normalize(vectors.float(), dim=1)
        made: Tensor = self._head(vectors)
        return made

    def _rate_factor(self) -> float:
        total = self._parameters["epochs_encoder"] * self._per_epoch
        rising = max(1.0, _WARMUP * total)
        step = self._done.step
        return float(min(step / rising, (total - step + 1) / max(1.0, total - rising), 1.0))

    def _whole_step(self) -> bool:
        at = self._done.step % self._per_epoch
        return bool(at % self._parameters["accumulate"] == 0)

    # Around the steps.

    def _after_step(self) -> None:
        total = self._parameters["epochs_encoder"] * self._per_epoch
        step = self._done.step
        if step * _CURVE_POINTS // total > (step - 1) * _CURVE_POINTS // total:
            self._add_point(step / self._per_epoch)
        if self._whole_step() and monotonic() - self._kept >= _SECONDS_BETWEEN_CHECKPOINTS:
            self._keep()
        self._tell_sometimes()

    def _add_point(self, epoch: float, **more: float) -> None:
        self._check_finite(self._done.collect())
        self._done.add_point(epoch, **more)

    def _end_epoch(self, epoch: int) -> None:
        self._add_point(float(epoch))
        loss = self._done.curve[-1]["train_loss"]
        if len(self._split.validation) and self._loss is not None:
            loss = self._validation_loss()
            self._add_point(float(epoch), validation_loss=loss)
        self._done.worse += 1
        if loss < self._done.lowest:
            self._done.lowest, self._done.best_epoch, self._done.worse = loss, epoch, 0
            if self._parameters["epochs_encoder"] > 1:
                self._best = {
                    name: value.detach().clone() for name, value in self._modules().state_dict().items()
                }
        self._done.epochs = epoch
        if epoch < self._parameters["epochs_encoder"]:
            self._keep()
        self._tell()

    @torch.no_grad()
    def _validation_loss(self) -> float:
        self._train_mode(False)
        rows = self._split.validation
        rows = np.random.default_rng(self._seed).permutation(rows)
        size = self._parameters["batch_size"]
        total = 0.0
        assert self._loss is not None
        for at in range(0, len(rows), size):
            part = rows[at : at + size]
            index = torch.from_numpy(part).to(self._device)
            total += float(self._loss(self._vectors(part), self._labels[index])) * len(part)
            self._tell_sometimes()
        return total / len(rows)

    def _tell_sometimes(self) -> None:
        if monotonic() - self._told >= _SECONDS_BETWEEN_REPORTS:
            self._tell()

    def _tell(self) -> None:
        self._told = monotonic()
        detail = {"curve": list(self._done.curve), "best_epoch": self._done.best_epoch}
        total = self._parameters["epochs_encoder"] * self._per_epoch
        self._report(self._done.step, total, "steps", "training the encoder", detail)

    def _check_finite(self, values: Sequence[float]) -> None:
        if not np.isfinite(values).all():
            rate = self._parameters["lr_encoder"]
            raise BadInputError(f"The training diverged: choose an lr_encoder below {rate:g}.")

    # The checkpoint.

    def _keep(self) -> None:
        self._done.collect()
        state = {
            "weights": self._modules().state_dict(),
            "best": self._best,
            "optimizer": self._optimizer.state_dict(),
            "randomness": torch.get_rng_state(),
            "device_randomness": torch.cuda.get_rng_state() if self._device == "cuda" else None,
            "progress": self._done.state(),
        }
        self._checkpoint.save(state)
        self._kept = monotonic()

    def _resume(self) -> None:
        state = self._checkpoint.load(self._device)
        if state is None:
            return
        self._modules().load_state_dict(state["weights"])
        self._optimizer.load_state_dict(state["optimizer"])
        self._best = state["best"]
        torch.set_rng_state(state["randomness"].cpu())
        if state["device_randomness"] is not None:
            torch.cuda.set_rng_state(state["device_randomness"].cpu())
        self._done = Progress(**state["progress"])

    def _modules(self) -> nn.ModuleDict:
        modules = {"model": self._model, "head": self._head}
        return nn.ModuleDict(modules if self._loss is None else {**modules, "loss": self._loss})

    # The beginning.

    @torch.no_grad()
    def _size(self) -> int:
        vectors = self._model(self._tokens.batch(np.zeros(1, dtype=np.int64)))["sentence_embedding"]
        return int(vectors.shape[1])

    def _train_mode(self, on: bool) -> None:
        self._model.train(on)
        self._head.train(on)
        if self._loss is not None:
            self._loss.train(on)

    def _make_loss(self) -> Any:
        if not len(self._split.train):
            if self._judged is None:
                raise NotReadyError("There are neither labels nor judgements to train the encoder on.")
            return None
        means = None
        if self._parameters["loss"] not in ("triplet", "circle"):
            means = self._class_means()
        loss = label_loss(self._parameters, self._head.output_size, len(self._training.names), means)
        return loss.to(self._device)

    @torch.no_grad()
    def _class_means(self) -> NDArray[np.float32]:
        """Return where each class lies before training, by some of its texts; shape (C, size)."""
        self._model.eval()
        self._head.eval()
        means = np.random.default_rng(self._seed).normal(
            size=(len(self._training.names), self._head.output_size)
        )
        rng = np.random.default_rng(self._seed)
        labels = self._training.labels[self._split.train]
        for done, label in enumerate(np.unique(labels)):
            rows = self._split.train[labels == label]
            rows = np.sort(rng.permutation(rows)[:_PROTOTYPE_TEXTS])
            vectors = self._vectors(rows)
            means[label] = nn.functional.normalize(vectors, dim=1).mean(dim=0).cpu().numpy()
            self._report(done, len(self._training.names), "classes", "looking at the classes")
        return means.astype(np.float32)

    def _count_batches(self) -> int:
        size: int = self._parameters["batch_size"]
        n = len(self._split.train)
        if self._loss is None and self._judged is not None:
            n = self._judged.n
        return max(1, -(-n // size))

    def _batches(self, epoch: int) -> Sequence[NDArray[np.int64] | None]:
        if self._loss is None:
            return [None] * self._per_epoch
        rng = np.random.default_rng([self._seed, epoch])
        chances = label_chances(
            self._training,
            self._split.train,
            use_weights=self._parameters["use_weights"],
            balance=self._parameters["balance"],
        )
        drawn = self._split.train[draw(chances, rng)]
        return length_sorted_batches(drawn, self._tokens.lengths, self._parameters["batch_size"], rng)
