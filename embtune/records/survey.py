"""A first look at a file before it is imported: its first rows, how many there are, what its fields hold."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from embtune.records.identity import value_text
from embtune.records.readers import Table, read_table

_WHOLE_BYTES = 16_000_000  # read in about a second
_FIRST_ROWS = 50
_MOST_ROWS = 5_000
_MOST_CHARACTERS = 20_000_000


@dataclass(frozen=True)
class Survey:
    """What was seen of a file.

    Attributes
    ----------
    table
        The rows that were read: all of a small file, the first thousands of a big one.
    n_bytes
        Size of the file.
    """

    table: Table
    n_bytes: int

    @property
    def n_records(self) -> int | None:
        """How many records the file holds, or None where that was not read to the end."""
        return None if self.table.truncated else len(self.table.rows)

    def n_values(self, field: str) -> int:
        """Count the different values of a field that are not empty, among the rows that were read."""
        values = {value_text(row.get(field)).strip() for row in self.table.rows}
        return len(values - {""})


def survey(file: Path, *, name: str | None = None) -> Survey:
    """Read a file as far as a person who waits at the page will bear.

    Raises
    ------
    BadFileError
        If the part that was read is not sound; see `read_table`.
    """
    first = read_table(file, name=name, limit=_FIRST_ROWS)
    n_bytes = file.expanduser().stat().st_size
    if not first.truncated:
        return Survey(first, n_bytes)
    if n_bytes <= _WHOLE_BYTES:
        return Survey(read_table(file, name=name), n_bytes)
    characters = sum(len(value_text(value)) for row in first.rows for value in row.values())
    n_rows = min(_MOST_ROWS, _FIRST_ROWS * _MOST_CHARACTERS // max(1, characters))
    if n_rows <= _FIRST_ROWS:
        return Survey(first, n_bytes)
    return Survey(read_table(file, name=name, limit=n_rows), n_bytes)
