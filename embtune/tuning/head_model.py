"""A trained head on frozen vectors, as a model."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from embtune.progress import Report, silent
from embtune.tuning.export import Head, head_layers, load_head, save_head, transform_head
from embtune.tuning.model import Matrix, Records


class HeadModel:
    """A small network behind the base model; see `Head`."""

    kind: ClassVar[str] = "head"
    needs_texts = False

    def __init__(self, head: Head) -> None:
        self.head = head

    def transform(self, records: Records, *, report: Report = silent) -> Matrix:
        """Return tuned vectors, shape (n, d_out), rows of unit length."""
        return transform_head(self.head, records.vectors, report=report)

    def scores(self, records: Records) -> None:
        """Return None: a head knows no classes."""
        return

    def affine(self) -> tuple[Matrix, Matrix] | None:
        """Return the folded head; None if its kind does not fold."""
        layers = head_layers(self.head)
        return layers[0] if len(layers) == 1 else None

    def save(self, folder: Path) -> None:
        """Write `head.safetensors` and `head.json`."""
        save_head(folder, self.head)

    @classmethod
    def load(cls, folder: Path) -> HeadModel:
        """Read what `save` wrote."""
        return cls(load_head(folder))
