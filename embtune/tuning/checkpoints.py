"""A long training's state on disk, for the same training to go on from. Importing this costs seconds."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from embtune.errors import StorageError


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
    """The one checkpoint of a folder; it counts only for the training whose fingerprint it carries."""

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
        unfinished = self._folder / "checkpoint.unfinished"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
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

    @staticmethod
    def _path(folder: Path) -> Path:
        return folder / "checkpoint.pt"
