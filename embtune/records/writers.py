"""Write rows as CSV, JSON Lines or Parquet: whole, or not at all."""

from __future__ import annotations

import contextlib
import csv
import errno
import io
import json
import math
import os
import uuid
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from embtune.errors import BadInputError, StorageError, UnknownChoiceError
from embtune.records.identity import value_text

Rows = Sequence[Mapping[str, Any]]


def write_rows(
    rows: Rows,
    path: Path,
    format: str,  # noqa: A002 - the word every caller and the command line use
    columns: Sequence[str] | None = None,
) -> int:
    """Write rows to a file that appears only when it is complete.

    Parameters
    ----------
    rows
        One mapping per record.
    path
        The file; one that is there is replaced at the end, its folder must exist.
    format
        One of `WRITERS`.
    columns
        Fields to write and their order; by default all, in order of first appearance. A field that a row
        lacks is empty in CSV and null elsewhere.

    Returns
    -------
    int
        Rows written.

    Raises
    ------
    UnknownChoiceError
        If there is no such format.
    StorageError
        If the folder is missing or not writable, the path is a folder, or the disk is full.
    BadInputError
        If a text cannot be written as UTF-8.
    """
    if format not in WRITERS:
        raise UnknownChoiceError("export format", format, WRITERS)
    path = Path(path)
    if columns is None:
        columns = list(dict.fromkeys(name for row in rows for name in row))
    temporary = path.parent / f".{uuid.uuid4().hex}.part"
    try:
        if path.is_dir():
            raise StorageError(f"{path} is a folder: give the name of a file in it.")
        with temporary.open("xb") as stream:
            WRITERS[format](rows, columns, stream)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)
    except OSError as error:
        raise StorageError(_explain(path, error)) from error
    except UnicodeEncodeError as error:
        raise BadInputError(
            f"{path.name} was not written: a text has half a character ({error.object[error.start]!r}), "
            "which UTF-8 cannot hold. Mend that record."
        ) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
    return len(rows)


def _write_csv(rows: Rows, columns: Sequence[str], stream: BinaryIO) -> None:
    """RFC 4180: commas, doubled quotes, CRLF, a header; UTF-8. A text that begins with = stays as it is."""
    text = io.TextIOWrapper(stream, encoding="utf-8", newline="")
    try:
        writer = csv.writer(text, lineterminator="\r\n")
        writer.writerow(columns)
        writer.writerows([value_text(_plain(row.get(name))) for name in columns] for row in rows)
    finally:
        text.detach()  # flushes, and leaves the stream open for its owner


def _write_jsonl(rows: Rows, columns: Sequence[str], stream: BinaryIO) -> None:
    for row in rows:
        content = {name: _plain(row.get(name)) for name in columns}
        stream.write(f"{json.dumps(content, ensure_ascii=False)}\n".encode())


def _write_parquet(rows: Rows, columns: Sequence[str], stream: BinaryIO) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    arrays = [_array([_plain(row.get(name)) for row in rows]) for name in columns]
    pq.write_table(pa.Table.from_arrays(arrays, names=list(columns)), stream)


WRITERS: dict[str, Callable[[Rows, Sequence[str], BinaryIO], None]] = {
    "csv": _write_csv,
    "jsonl": _write_jsonl,
    "parquet": _write_parquet,
}


def _array(values: list[Any]) -> Any:
    """Return an Arrow array of the values' own type, or of their text where they are of several."""
    import pyarrow as pa

    try:
        array = pa.array(values)
    except (pa.ArrowException, OverflowError):
        return pa.array([None if value is None else value_text(value) for value in values], pa.string())
    return array.cast(pa.string()) if pa.types.is_null(array.type) else array


def _plain(value: Any) -> Any:
    """Return a value every format can hold: numpy's numbers as Python's, dates as ISO text, NaN as None."""
    if hasattr(value, "item") and not isinstance(value, str):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value.isoformat() if hasattr(value, "isoformat") else value


def _explain(path: Path, error: OSError) -> str:
    folder = path.absolute().parent
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"{path} was not written: the disk is full. Free some space and try again."
    if error.errno in (errno.ENOENT, errno.ENOTDIR):
        return f"{path} was not written: there is no folder {folder}. Make it first."
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return f"{path} was not written: you may not write to the folder {folder}. Choose another one."
    return f"{path} was not written: {error.strerror or error}."
