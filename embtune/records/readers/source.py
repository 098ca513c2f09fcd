"""A file to read: a path or an upload, opened the same way."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, TextIO

from embtune.errors import BadFileError, BadInputError

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class Source:
    """A named file that can be opened more than once."""

    name: str
    content: Path | bytes

    @classmethod
    def of(cls, source: Path | bytes, name: str | None) -> Source:
        """Check that there is something to read.

        Raises
        ------
        BadFileError
            If the path is missing, a folder, or no regular file.
        BadInputError
            If an upload has no name.
        """
        if isinstance(source, bytes):
            if not name:
                raise BadInputError(
                    "An upload needs its file name, which tells the format: pass name='news.csv'."
                )
            return cls(name, source)
        path = Path(source).expanduser()
        shown = name or path.name or str(path)
        try:
            if path.is_dir():
                raise BadFileError(f"{path} is a folder: give the path of one file in it.")
            if not path.exists():
                raise BadFileError(f"There is no file {path}: check the path.")
            if not path.is_file():
                raise BadFileError(f"{path} is no regular file: save its content as a file first.")
        except (
            OSError,
            ValueError,
        ) as error:  # a name too long, a folder that may not be entered, a NUL in the path
            raise BadFileError(f"{path!s} cannot be looked up: {error}.") from error
        return cls(shown, path)

    def open(self) -> BinaryIO:
        """Open the bytes."""
        return io.BytesIO(self.content) if isinstance(self.content, bytes) else self.content.open("rb")

    def open_text(self, *, newline: str | None = None) -> TextIO:
        """Open as UTF-8, leaving out a byte order mark; reading raises UnicodeDecodeError where it is not."""
        return io.TextIOWrapper(self.open(), encoding="utf-8-sig", newline=newline)

    def head(self, n_bytes: int = 4096) -> bytes:
        """Return the first bytes."""
        with self.open() as stream:
            return stream.read(n_bytes)

    def notes(self) -> list[str]:
        """Return what opening as text mends."""
        marked = self.head(3) == _BYTE_ORDER_MARK
        return ["A byte order mark at the start was removed."] if marked else []
