"""Vectors for benchmarks: encoded once, kept by content, and handed to projects as if they had encoded."""

from __future__ import annotations

import hashlib
import sys
import tempfile
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

CACHE = Path(tempfile.gettempdir()) / "embtune-benchmarks"

Matrix = NDArray[np.float32]


def cached_vectors(texts: Sequence[str], folder: Path | None = None) -> Matrix:
    """Encode texts with the default model, once: a further run reads them from the cache folder.

    The file's name is a digest of model, texts and arithmetic.
    """
    from embtune.embedding.device import pick_device
    from embtune.embedding.encoder import Encoder
    from embtune.embedding.models import resolve_model

    model, device = resolve_model(), pick_device()
    asked = "\0".join([str(model.sha256), str(device.bfloat16), *texts])
    key = hashlib.blake2b(asked.encode("utf-8", "replace"), digest_size=8).hexdigest()
    file = (folder or CACHE) / f"vectors-{key}.npy"
    if file.is_file():
        return np.load(file)
    print(f"encoding {len(texts):,} records", file=sys.stderr)
    vectors = Encoder.load(model, device).encode(texts)
    file.parent.mkdir(parents=True, exist_ok=True)
    np.save(file, vectors)
    return vectors


class _Remembering:
    """An encoder that knows some texts' vectors and loads the model for others only."""

    dtype = "float32"

    def __init__(self, texts: Sequence[str], vectors: Matrix, load: Callable[[], Any]) -> None:
        self.dim = int(vectors.shape[1])
        self._vectors = vectors
        self._row_of = {text: row for row, text in enumerate(texts)}
        self._encoder = cache(load)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._encoder(), name)

    def encode(self, texts: Sequence[str], **options: Any) -> Matrix:
        """Return the vectors of texts."""
        out = np.empty((len(texts), self.dim), dtype=np.float32)
        unknown = [i for i, text in enumerate(texts) if text not in self._row_of]
        if unknown:
            out[unknown] = self._encoder().encode([texts[i] for i in unknown], **options)
        known = [i for i, text in enumerate(texts) if text in self._row_of]
        out[known] = self._vectors[[self._row_of[texts[i]] for i in known]]
        return out


def remember(project: Any, texts: Sequence[str], vectors: Matrix) -> None:
    """Let `project.embed()` take the vectors of those texts as encoded; the base model stays what it is."""
    if len(texts) != len(vectors):
        raise SystemExit(f"There are {len(vectors):,} vectors for {len(texts):,} records.")
    load = project.encoder
    project.encoder = lambda model, device: _Remembering(texts, vectors, lambda: load(model, device))
