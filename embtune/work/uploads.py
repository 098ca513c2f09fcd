"""Files that a person uploaded, kept in the home folder until they are imported."""

from __future__ import annotations

import re
import secrets
import shutil
import time
from pathlib import Path, PurePath
from typing import BinaryIO

from embtune.errors import StorageError
from embtune.settings import get_settings
from embtune.store.database import ensure_folder

_TOKEN = re.compile(r"[0-9a-f]{16}")
_KEEP_SECONDS = 7 * 86_400
_LONGEST_STEM = 60  # characters, of up to 4 bytes each


def keep_upload(name: str, content: BinaryIO) -> Path:
    """Write an upload to a folder of its own, and let go of those that nobody imported within a week.

    Parameters
    ----------
    name
        The file's name as the browser gave it; it is kept as far as every file system allows.

    Raises
    ------
    StorageError
        If the disk cannot take it; nothing is left behind then.
    """
    home = ensure_folder(_folder())
    _drop_old(home)
    folder = home / secrets.token_hex(8)
    try:
        folder.mkdir()
        path = folder / safe_name(name)
        with path.open("wb") as out:
            content.seek(0)
            shutil.copyfileobj(content, out, 1 << 20)
    except OSError as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise StorageError(
            f"{name} cannot be kept in {home} ({error.strerror or error}): free some space, or give its path."
        ) from error
    return path


def upload_token(path: Path) -> str:
    """Return the short name by which `find_upload` finds this file; empty if it is no upload."""
    return path.parent.name if path.parent.parent == _folder() else ""


def find_upload(token: str) -> Path | None:
    """Return the uploaded file of that token, if it is still there."""
    folder = _folder() / token
    if not _TOKEN.fullmatch(token) or not folder.is_dir():
        return None
    return next((path for path in folder.iterdir() if path.is_file()), None)


def drop_upload(path: Path) -> None:
    """Delete an uploaded file; any other file is left alone."""
    if upload_token(path):
        shutil.rmtree(path.parent, ignore_errors=True)


def safe_name(name: str) -> str:
    """Return a file name without folders or characters that a file system minds."""
    pure = PurePath(name.replace("\\", "/"))
    stem = re.sub(r'[\x00-\x1f:*?"<>|]+', "-", pure.stem).strip(". -")[:_LONGEST_STEM] or "upload"
    return stem + re.sub(r"[^\w.]+", "", pure.suffix)[:12]


def _folder() -> Path:
    return get_settings().home_path / "uploads"


def _drop_old(home: Path) -> None:
    oldest = time.time() - _KEEP_SECONDS
    for folder in home.iterdir():
        if _TOKEN.fullmatch(folder.name) and folder.stat().st_mtime < oldest:
            shutil.rmtree(folder, ignore_errors=True)
