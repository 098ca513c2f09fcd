"""Read a file of records into a `Table`: CSV, TSV, JSON, JSON Lines or Parquet.

One file per format; `READERS` is the registry. Whatever is wrong with a file is told in one sentence with
the file, the line or field, and what to do; a table is returned whole or not at all.
"""

from __future__ import annotations

import errno
from collections.abc import Callable
from pathlib import Path

from embtune.errors import BadFileError, BadInputError
from embtune.records.readers.delimited import read_csv, read_tsv
from embtune.records.readers.encoding import explain_encoding
from embtune.records.readers.json_array import read_json
from embtune.records.readers.json_lines import read_jsonl
from embtune.records.readers.parquet import read_parquet
from embtune.records.readers.sniff import choose_format
from embtune.records.readers.source import Source
from embtune.records.readers.table import Table

__all__ = ["READERS", "Table", "read_table"]

READERS: dict[str, Callable[[Source, int | None], Table]] = {
    "csv": read_csv,
    "tsv": read_tsv,
    "json": read_json,
    "jsonl": read_jsonl,
    "parquet": read_parquet,
}


def read_table(
    source: Path | bytes,
    *,
    name: str | None = None,
    limit: int | None = None,
    format: str | None = None,  # noqa: A002 - the word every caller and the command line use
) -> Table:
    """Read a file of records.

    Parameters
    ----------
    source
        Path of a file, or the content of an upload.
    name
        File name shown to the user and used to tell the format; needed with an upload.
    limit
        Read only the first so many rows, for a preview; what follows them is neither read nor checked.
    format
        One of `READERS`; by default the name's ending and the content decide.

    Returns
    -------
    Table
        At least one row and one column; every row has every column.

    Raises
    ------
    BadFileError
        If the file is missing, unreadable, or not what it claims to be; the message says where.
    BadInputError
        If `limit` is below 1.
    UnknownChoiceError
        If `format` is not one of `READERS`.
    """
    if limit is not None and limit < 1:
        raise BadInputError(f"A preview needs at least 1 row, not {limit}.")
    file = Source.of(source, name)
    try:
        return READERS[choose_format(file, format, READERS)](file, limit)
    except UnicodeDecodeError:
        raise BadFileError(explain_encoding(file)) from None
    except PermissionError:
        raise BadFileError(
            f"{file.name} cannot be read: you have no permission to. Change that first."
        ) from None
    except OSError as error:
        reason = error.strerror or errno.errorcode.get(error.errno or 0, "the disk gave an error")
        raise BadFileError(f"{file.name} cannot be read: {reason}.") from error
