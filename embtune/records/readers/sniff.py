"""Tell a file's format by its name and its first bytes, and refuse what only looks like it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import PurePath

from embtune.errors import BadFileError, UnknownChoiceError
from embtune.records.readers.encoding import explain_wide_encoding
from embtune.records.readers.source import Source

ENDINGS = {
    ".csv": "csv",
    ".txt": "csv",
    ".tsv": "tsv",
    ".tab": "tsv",
    ".json": "json",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".jl": "jsonl",
    ".parquet": "parquet",
    ".pq": "parquet",
}
_TITLES = {"csv": "CSV", "tsv": "TSV", "json": "JSON", "jsonl": "JSON Lines", "parquet": "Parquet"}

_SPREADSHEET = "open it in a spreadsheet and save it as CSV"
_UNPACK = "unpack it first"
_FOREIGN: tuple[tuple[bytes, str, str], ...] = (
    (b"PK\x03\x04", "an Excel or zip file", _SPREADSHEET),
    (b"PK\x05\x06", "an empty zip file", "give the file that should be in it"),
    (b"\xd0\xcf\x11\xe0", "an old Excel file", _SPREADSHEET),
    (b"\x1f\x8b", "a gzip file", _UNPACK),
    (b"BZh", "a bzip2 file", _UNPACK),
    (b"\xfd7zXZ\x00", "an xz file", _UNPACK),
    (b"\x28\xb5\x2f\xfd", "a Zstandard file", _UNPACK),
    (b"7z\xbc\xaf\x27\x1c", "a 7z file", _UNPACK),
    (b"%PDF", "a PDF file", "take the records out of it and save them as CSV"),
    (b"{\\rtf", "a rich text file", "save it as plain text"),
    (b"SQLite format 3\x00", "an SQLite database", "export its table as CSV"),
    (b"ARROW1", "an Arrow file", "save it as Parquet"),
    (b"\x89PNG", "a picture", "give a file of texts"),
    (b"\xff\xd8\xff", "a picture", "give a file of texts"),
)
_WEB_PAGE = re.compile(rb"\s*<(!doctype html|html)", re.IGNORECASE)
_ARRAY = re.compile(rb"\s*\[\s*[{\]]")
_OBJECT = re.compile(rb'\s*\{\s*["}]')


def choose_format(file: Source, asked: str | None, known: Iterable[str]) -> str:
    """Return the format to read the file as.

    Raises
    ------
    BadFileError
        If the file is empty or its content is of another kind than its name says.
    UnknownChoiceError
        If `asked` is not known.
    """
    if asked is not None and asked not in _TITLES:
        raise UnknownChoiceError("file format", asked, known)
    head = file.head()
    if not head.removeprefix(b"\xef\xbb\xbf").strip():
        with file.open_text() as stream:
            if not any(line.strip() for line in stream):
                raise BadFileError(f"{file.name} is empty: give a file with a record in it.")
    by_name = asked or ENDINGS.get(PurePath(file.name).suffix.lower())
    _refuse_foreign(file.name, head, by_name)
    by_content = _by_content(head)
    if by_name is None or (asked is None and file.name.lower().endswith(".txt")):
        return by_content or "csv"
    if by_name == "parquet" and by_content is None:
        raise BadFileError(
            f"{file.name} is no Parquet file, or its start is damaged: write it again as Parquet."
        )
    # JSON and JSON Lines are told apart by their readers.
    if by_content is not None and by_content != by_name and not {by_name, by_content} <= {"json", "jsonl"}:
        raise BadFileError(
            f"{file.name} is a {_TITLES[by_content]} file, not {_TITLES[by_name]}: "
            f"rename it to {PurePath(file.name).stem}.{by_content}."
        )
    return by_name


def _refuse_foreign(name: str, head: bytes, expected: str | None) -> None:
    negated = f", not {_TITLES[expected]}" if expected else ", which is not read here"
    for magic, what, advice in _FOREIGN:
        if head.startswith(magic):
            raise BadFileError(f"{name} is {what}{negated}: {advice}.")
    if _WEB_PAGE.match(head):
        raise BadFileError(f"{name} is a web page{negated}: download the file itself.")
    if expected != "parquet" and (message := explain_wide_encoding(name, head)):
        raise BadFileError(message)


def _by_content(head: bytes) -> str | None:
    if head.startswith(b"PAR1"):
        return "parquet"
    head = head.removeprefix(b"\xef\xbb\xbf")
    if _ARRAY.match(head):
        return "json"
    return "jsonl" if _OBJECT.match(head) else None
