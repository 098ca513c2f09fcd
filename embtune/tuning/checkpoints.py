"""A long training's state on disk, for the same training to go on from. Importing this costs seconds."""

from __future__ import annotations

import contextlib
import hashlib
import json
import time
import uuid
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from embtune.errors import StorageError

_KEPT_SECONDS = 3 * 86_400


def fingerprint(about: dict[str, Any], arrays: Iterable[np.ndarray[Any, Any]], texts: Iterable[str]) -> str:
    """Return a hash of everything that a training depends on."""
    found = hashlib.sha256(json.dumps(about, sort_keys=True, default=str).encode())
    for array in arrays:
        found.update(f"{array.dtype}{array.shape}".encode())
        found.update(np.ascontiguousarray(array).tobytes())
    for text in texts:
        found.update(text.encode("utf-8", "surrogatepass") + b"\0")
    return found.hexdigest()


class Checkpoint:
    """A training's checkpoint, known by its fingerprint; others may lie in the same folder."""

    def __init__(self, folder: Path | None, mark: str) -> None:
        """Take a folder, made when it is first written to; without one nothing is kept."""
        self._folder = folder
        self._mark = mark

    def save(self, state: dict[str, Any]) -> None:
        """Write a state of tensors, numbers, texts, lists and dictionaries: all of it or nothing.

        Raises
        ------
        StorageError
            If it cannot be written.
        """
        if self._folder is None:
            return
        unfinished = self._folder / f"{uuid.uuid4().hex}.unfinished"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._sweep(self._folder)
            torch.save({"fingerprint": self._mark, "state": state}, unfinished)
            unfinished.replace(self._path(self._folder))
        except (OSError, RuntimeError) as error:  # torch tells of a full disk by a RuntimeError
            unfinished.unlink(missing_ok=True)
            raise StorageError(f"The checkpoint in {self._folder} cannot be written: {error}.") from error

    def load(self, device: str) -> dict[str, Any] | None:
        """Return the state if this very training left one; nothing in the file is executed."""
        if self._folder is None or not self._path(self._folder).is_file():
            return None
        try:
            found = torch.load(self._path(self._folder), map_location=device, weights_only=True)
            if found["fingerprint"] == self._mark:
                state: dict[str, Any] = found["state"]
                return state
        except Exception:  # a torn file fails in as many ways as there are bytes in it, and is worth nothing
            return None
        return None

    def remove(self) -> None:
        """Remove it, and the folder if nothing else lies in it."""
        if self._folder is None:
            return
        self._path(self._folder).unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            self._folder.rmdir()

    def _path(self, folder: Path) -> Path:
        return folder / f"{self._mark[:16]}.pt"

    @staticmethod
    def _sweep(folder: Path) -> None:
        """Remove what trainings left that nobody went on with: with other labels nobody can."""
        for file in folder.iterdir():
            with contextlib.suppress(OSError):
                if file.is_file() and time.time() - file.stat().st_mtime > _KEPT_SECONDS:
                    file.unlink()
