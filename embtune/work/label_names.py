"""The names of labels as vectors: what the quick model goes by before there are labels."""

from __future__ import annotations

import hashlib
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from embtune.errors import EmbtuneError

if TYPE_CHECKING:
    from embtune.project import Project
    from embtune.store.artifacts import EmbeddingRow

FEWEST = 2
"""Labels from which on their names tell one from another."""

THREAD = "embtune label names"
_MOST = 1000  # names kept


@dataclass(frozen=True)
class LabelNames:
    """Label numbers, ascending, shape (C,), and vectors of their names (C, d); `key` tells states apart."""

    ids: NDArray[np.int64]
    vectors: NDArray[np.float32]
    key: bytes


def names_of(project: Project, row: EmbeddingRow, *, wait: bool = False) -> LabelNames | None:
    """Return the names of the labels of now under the raw embedding; None where they cannot be had.

    That is with fewer than two labels, on a version, on vectors that came from outside, and without `wait`
    the first time, when the encoder has to be loaded: that is done beside.
    """
    if row.name != "raw" or row.model_path is None or len(project.labels) < FEWEST:
        return None
    texts = {label.id: _spoken(label.name) for label in project.labels}
    kept: _Kept = project.cached(
        ("label names", row.name),
        row.file,
        lambda: _Kept(project.folder("names") / f"{Path(row.file).stem}.npz"),
    )
    if kept.lacks(texts.values()):
        kept.encode(project, row, list(texts.values()), beside=not wait)
    return kept.found(texts)


def prepare_names(project: Project, embedding: str) -> None:
    """Encode the names at the end of the job that made an embedding, where the encoder is loaded."""
    row = project.find_embedding(embedding)
    if row is not None:
        names_of(project, row, wait=True)


def _spoken(name: str) -> str:
    """Return a name as one would say it: `card_arrival` is two words."""
    return " ".join(name.replace("_", " ").split())


class _Kept:
    """The vectors of names that were encoded, in memory and on disk."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known = _load(path)
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._failed: frozenset[str] = frozenset()

    def lacks(self, texts: object) -> bool:
        """Tell whether one of the texts has no vector, and was not tried in vain."""
        wanted = set(texts)  # type: ignore[call-overload]
        return not wanted <= self._known.keys() | self._failed

    def found(self, texts: dict[int, str]) -> LabelNames | None:
        """Return the vectors of labels, if all of them are known."""
        known = self._known
        if not all(text in known for text in texts.values()):
            return None
        ids = np.array(sorted(texts), dtype=np.int64)
        vectors = np.stack([known[texts[i]] for i in ids.tolist()])
        return LabelNames(ids, vectors, hashlib.blake2b(ids.tobytes() + vectors.tobytes()).digest())

    def encode(self, project: Project, row: EmbeddingRow, texts: list[str], *, beside: bool) -> None:
        """Encode what is new; with `beside` in a thread, one at a time."""
        if not beside:
            self._encode(project, row, texts)
            return
        with self._lock:
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(
                    target=self._encode, args=(project, row, texts), name=THREAD, daemon=True
                )
                self._thread.start()

    def _encode(self, project: Project, row: EmbeddingRow, texts: list[str]) -> None:
        from embtune.embedding.device import pick_device
        from embtune.embedding.models import resolve_model

        new = sorted(set(texts) - self._known.keys())
        if not new:
            return
        try:
            encoder = project.encoder(
                resolve_model(project.model_path(row)), pick_device(project.settings.device)
            )
            made = np.asarray(encoder.encode(new), dtype=np.float32)
        except (EmbtuneError, OSError):
            self._failed |= frozenset(new)  # no model any more: predictions do without
            return
        known = self._known | dict(zip(new, made, strict=True))
        self._known = dict(list(known.items())[-_MOST:]) if len(known) > _MOST + len(new) else known
        _save(self._path, self._known)


def _save(path: Path, known: dict[str, NDArray[np.float32]]) -> None:
    import contextlib
    import uuid

    partial = path.with_name(f"{path.stem}.{uuid.uuid4().hex[:8]}.partial")
    try:
        with contextlib.suppress(OSError), partial.open("wb") as file:  # a full disk: encoded again next time
            np.savez(file, names=np.array(list(known)), vectors=np.stack(list(known.values())))
            partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def _load(path: Path) -> dict[str, NDArray[np.float32]]:
    import zipfile

    try:
        with path.open("rb") as file, np.load(file) as parts:
            return dict(zip(parts["names"].tolist(), parts["vectors"], strict=True))
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return {}
