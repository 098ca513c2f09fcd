"""A base model that was itself trained, as a model."""

from __future__ import annotations

import json
import shutil
import weakref
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, ClassVar

import numpy as np

from embtune.errors import BadFileError
from embtune.progress import Report, silent
from embtune.tuning.export import Head, load_head, save_head, transform_head
from embtune.tuning.model import Matrix, Records

_ENCODER_FOLDER = "encoder"
_HEAD_FOLDER = "head"
_CLASSES_FILE = "classes.json"
_PROTOTYPES_FILE = "classes.safetensors"


class TemporaryFolder:
    """A folder that vanishes with the last one who holds this, or with the process."""

    def __init__(self) -> None:
        """Make it."""
        self.path = Path(mkdtemp(prefix="embtune-encoder-"))
        weakref.finalize(self, shutil.rmtree, str(self.path), ignore_errors=True)


class EncoderModel:
    """A trained sentence-transformers model, a head behind it if there is one, and its classes if it has any.

    Parameters
    ----------
    encoder
        Folder of the sentence-transformers model.
    names, prototypes, scale
        Class names, and per class a unit vector, shape (C, d_out): a record's class probabilities are the
        softmax of `scale` times its cosines to them.
    owner
        The folder `encoder`, if it shall vanish with this model.
    """

    kind: ClassVar[str] = "encoder"
    needs_texts = True

    def __init__(
        self,
        encoder: Path,
        head: Head | None = None,
        *,
        names: tuple[str, ...] = (),
        prototypes: Matrix | None = None,
        scale: float = 1.0,
        owner: TemporaryFolder | None = None,
    ) -> None:
        self.encoder = Path(encoder)
        self.head = head
        self.names = names
        self.prototypes = prototypes
        self.scale = scale
        self._owner = owner
        self._loaded: dict[str, Any] = {}

    def transform(self, records: Records, *, report: Report = silent) -> Matrix:
        """Encode the texts; return tuned vectors, shape (n, d_out), rows of unit length."""
        vectors: Matrix = self._encoder_on(records.device).encode(records.read(), report=report)
        return vectors if self.head is None else transform_head(self.head, vectors)

    def scores(self, records: Records) -> tuple[tuple[str, ...], Matrix] | None:
        """Return class names and probabilities, shape (n, C); None if it was trained without prototypes.

        This encodes the texts; `probabilities` does for vectors that are there already.
        """
        return None if self.prototypes is None else self.probabilities(self.transform(records))

    def probabilities(self, tuned: Matrix) -> tuple[tuple[str, ...], Matrix] | None:
        """Return class names and the class probabilities of vectors that `transform` gave, if it has any."""
        if self.prototypes is None:
            return None
        logits = self.scale * (np.asarray(tuned, dtype=np.float32) @ self.prototypes.T)
        logits -= logits.max(axis=1, keepdims=True)
        grown = np.exp(logits)
        return self.names, grown / grown.sum(axis=1, keepdims=True)

    def affine(self) -> None:
        """Return None: it reads texts."""
        return

    def save(self, folder: Path) -> None:
        """Write the encoder, the head and the classes; weights as safetensors."""
        from safetensors.numpy import save_file

        shutil.copytree(self.encoder, folder / _ENCODER_FOLDER)
        if self.head is not None:
            (folder / _HEAD_FOLDER).mkdir()
            save_head(folder / _HEAD_FOLDER, self.head)
        if self.prototypes is not None:
            about = {"names": list(self.names), "scale": self.scale}
            (folder / _CLASSES_FILE).write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")
            save_file({"prototypes": np.ascontiguousarray(self.prototypes)}, folder / _PROTOTYPES_FILE)

    @classmethod
    def load(cls, folder: Path) -> EncoderModel:
        """Read what `save` wrote; the encoder itself is loaded when it is first needed.

        Raises
        ------
        BadFileError
            If a file is missing or damaged.
        """
        from safetensors import SafetensorError
        from safetensors.numpy import load_file

        head = load_head(folder / _HEAD_FOLDER) if (folder / _HEAD_FOLDER).exists() else None
        try:
            if not (folder / _ENCODER_FOLDER / "modules.json").is_file():
                raise FileNotFoundError(str(folder / _ENCODER_FOLDER / "modules.json"))
            if not (folder / _CLASSES_FILE).exists():
                return cls(folder / _ENCODER_FOLDER, head)
            about = json.loads((folder / _CLASSES_FILE).read_text(encoding="utf-8"))
            return cls(
                folder / _ENCODER_FOLDER,
                head,
                names=tuple(about["names"]),
                prototypes=load_file(folder / _PROTOTYPES_FILE)["prototypes"],
                scale=float(about["scale"]),
            )
        except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
            raise BadFileError(f"The encoder in {folder} cannot be read: {error}. Tune again.") from error

    def save_sentence_transformer(self, folder: Path) -> None:
        """Write a folder that `SentenceTransformer` loads, giving the tuned vectors."""
        from embtune.tuning.export import save_sentence_transformer

        save_sentence_transformer(folder, self._head_or_none(), str(self.encoder))

    def save_servable(self, folder: Path) -> None:
        """Write a Quaterion servable, giving the tuned vectors; errors as in `export`."""
        from embtune.tuning.export import save_servable

        save_servable(folder, self._head_or_none(), str(self.encoder))

    def _head_or_none(self) -> Head:
        if self.head is not None:
            return self.head
        size = self._encoder_on(None).dim
        return Head(config={"input_embedding_size": size, "dropout": 0.0}, state={}, kind="none")

    def _encoder_on(self, device: Any) -> Any:
        from embtune.embedding.device import Device, pick_device
        from embtune.embedding.encoder import Encoder
        from embtune.embedding.models import resolve_model

        if not isinstance(device, Device):
            device = pick_device("cpu" if device is None else device.kind)
        if device.kind not in self._loaded:
            self._loaded[device.kind] = Encoder.load(resolve_model(str(self.encoder)), device)
        return self._loaded[device.kind]
