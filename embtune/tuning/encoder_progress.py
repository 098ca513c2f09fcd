"""Where the training of an encoder stands, and its loss curve."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

    from embtune.tuning.encoder_model import EncoderModel


@dataclass
class Progress:
    """Counters and curve; but for `pending`, all of it goes into the checkpoint."""

    step: int = 0
    epochs: int = 0
    """Epochs that are done and judged."""
    seconds: float = 0.0
    curve: list[dict[str, float]] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)
    """Since the last point of the curve."""
    best_epoch: int = 0
    lowest: float = math.inf
    worse: int = 0
    """Epochs since the best one."""
    pending: list[Tensor] = field(default_factory=list)
    """Losses that still lie on the device: to fetch each at once would make it wait."""

    def collect(self) -> list[float]:
        """Fetch the pending losses; return those since the last point."""
        import torch

        if self.pending:
            self.losses += torch.stack(self.pending).tolist()
            self.pending.clear()
        return self.losses

    def add_point(self, epoch: float, **more: float) -> None:
        """Add the mean of the collected losses, if there are any; then add figures to the last point."""
        if self.losses:
            mean = sum(self.losses) / len(self.losses)
            self.losses.clear()
            self.curve.append({"epoch": epoch, "train_loss": mean, "seconds": self.seconds})
        if more:
            self.curve[-1] = {**self.curve[-1], **more}

    def state(self) -> dict[str, Any]:
        """Return what `Progress(**state)` is made from again."""
        return {name: value for name, value in vars(self).items() if name != "pending"}


@dataclass(frozen=True)
class TrainedEncoder:
    """A trained encoder and how it got there; the fields mean what they mean in `Tuned`."""

    model: EncoderModel
    curve: tuple[dict[str, float], ...]
    """Several points an epoch, so that `epoch` may be a fraction; `validation_loss` at the end of one."""
    best_epoch: int
    stopped: str
