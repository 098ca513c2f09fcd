"""What a recipe leaves behind: a model that gives any record, known or new, its tuned vector."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from embtune.errors import BadFileError, NotReadyError
from embtune.progress import Report, silent

if TYPE_CHECKING:
    from embtune.tuning.judgements import Judgements
    from embtune.tuning.recipes.base import DeviceLike, Tuned

Matrix = NDArray[np.float32]

ABOUT_FILE = "model.json"

_KINDS = {
    "head": "embtune.tuning.head_model:HeadModel",
    "encoder": "embtune.tuning.encoder_model:EncoderModel",
    "blend": "embtune.tuning.blend_model:BlendModel",
}


@dataclass(frozen=True)
class Records:
    """Records to give tuned vectors to: their raw vectors and, where a model reads them, their texts."""

    vectors: NDArray[np.floating]
    """Shape (n, d), raw vectors, rows of unit length; may be memory-mapped."""
    texts: Callable[[], Sequence[str]] | None = None
    """Gives the n texts, when called; None where there are none."""
    device: DeviceLike | None = None
    """Where to encode; the CPU if not given."""

    def read(self) -> Sequence[str]:
        """Return the texts.

        Raises
        ------
        NotReadyError
            If there are none.
        """
        if self.texts is None:
            raise NotReadyError("This version reads texts, and these vectors came without any.")
        return self.texts()


@dataclass(frozen=True)
class Corpus:
    """What a recipe may use beside vectors and labels; everything is optional."""

    texts: Callable[[NDArray[np.int64] | None], list[str]] | None = None
    """Gives the texts of those rows, of all with None."""
    model_path: str | None = None
    """The base model that the raw vectors came from: a folder or a name."""
    folder: Path | None = None
    """Where a long training keeps its checkpoint; the same training finds it there again."""
    records_per_second: float | None = None
    """How fast the base model encoded these records; measured where it matters and is not known."""
    judgements: Judgements | None = None
    """Pairs and triplets that people judged."""


class TunedModel(Protocol):
    """Gives records their tuned vectors.

    A class is registered by `kind`; `save` writes into a folder that is there, `load` reads it back without
    executing anything in it.
    """

    kind: ClassVar[str]

    @property
    def needs_texts(self) -> bool:
        """Whether the raw vectors are not enough."""

    def transform(self, records: Records, *, report: Report = silent) -> Matrix:
        """Return tuned vectors, shape (n, d_out), float32, rows of unit length."""

    def scores(self, records: Records) -> tuple[tuple[str, ...], Matrix] | None:
        """Return class names and each record's class probabilities, shape (n, C), where the model has any."""

    def affine(self) -> tuple[Matrix, Matrix] | None:
        """Return weight (d_out, d_in) and bias (d_out,), if the model is one affine map of the raw vector."""

    def save(self, folder: Path) -> None:
        """Write its files."""

    @classmethod
    def load(cls, folder: Path) -> TunedModel:
        """Read what `save` wrote."""


def save_model(folder: Path, tuned: Tuned) -> None:
    """Write a version's model, and how it was made, into a new folder: all of it or nothing.

    Raises
    ------
    BadInputError
        If the folder is there and not empty.
    StorageError
        If it cannot be written.
    """
    from embtune.tuning.export import whole_folder

    told = {
        field.name: getattr(tuned, field.name)
        for field in fields(tuned)
        if field.name not in ("vectors", "model")
    }
    with whole_folder(folder) as unfinished:
        tuned.model.save(unfinished)
        about = {"kind": tuned.model.kind, "training": told}
        (unfinished / ABOUT_FILE).write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")


def load_model(folder: Path) -> TunedModel:
    """Read a model that `save_model` wrote, of this release or an earlier one.

    Raises
    ------
    BadFileError
        If a file is missing or damaged.
    """
    about = folder / ABOUT_FILE
    try:
        # Before there were other kinds, a version's folder held a head and no file of this name.
        kind = json.loads(about.read_text(encoding="utf-8"))["kind"] if about.exists() else "head"
        place, name = _KINDS[kind].split(":")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadFileError(f"The model in {folder} cannot be read: {error!r}. Tune again.") from error
    cls: Any = getattr(import_module(place), name)
    loaded: TunedModel = cls.load(folder)
    return loaded
