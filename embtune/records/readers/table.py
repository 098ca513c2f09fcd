"""What a reader returns, and the rules every column name obeys."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from embtune.errors import BadFileError

MOST_COLUMNS = 2_000
"""More than this is a list of objects that flattened into thousands of fields, not a table of texts."""


@dataclass(frozen=True)
class Table:
    """The records of one file.

    Attributes
    ----------
    name
        File name as shown to the user.
    format
        `csv`, `tsv`, `json`, `jsonl` or `parquet`.
    columns
        Field names in order of first appearance, without spaces around them, no two the same.
    rows
        One dictionary per record, each with every column; values are str, int, float, bool or None.
    lines
        Line of the file at which each row begins, from 1; None where the format has no lines.
    notes
        What was mended or is worth knowing, one sentence each.
    truncated
        True if the file has more rows than were asked for.
    """

    name: str
    format: str
    columns: tuple[str, ...]
    rows: list[dict[str, Any]]
    lines: list[int] | None
    notes: tuple[str, ...] = ()
    truncated: bool = False


def clean_names(names: Sequence[str], file_name: str) -> tuple[list[str], list[str]]:
    """Return the names without spaces around them, and notes about what is worth knowing.

    Raises
    ------
    BadFileError
        If a name is empty, two are the same, or there are more than `MOST_COLUMNS`.
    """
    if len(names) > MOST_COLUMNS:
        raise BadFileError(
            f"{file_name} has {len(names):,} fields; at most {MOST_COLUMNS:,} can be read. "
            "Leave out the long lists in its records."
        )
    clean = [name.strip() for name in names]
    if "" in clean:
        raise BadFileError(
            f"{file_name}: column {clean.index('') + 1} has no name. Name it, or leave the column out."
        )
    places: dict[str, list[int]] = {}
    for number, name in enumerate(clean, 1):
        places.setdefault(name, []).append(number)
    twice = [f"{name!r} (columns {_listed(at)})" for name, at in places.items() if len(at) > 1]
    if twice:
        raise BadFileError(
            f"{file_name} has more than one column named {', '.join(twice)}. Give each its own name."
        )
    notes = []
    if clean != list(names):
        notes.append("Spaces around column names were removed.")
    braced = [repr(name) for name in clean if "{" in name or "}" in name]
    if braced:
        notes.append(f"A text template cannot use {', '.join(braced[:5])}: a brace is in the name.")
    return clean, notes


def _listed(numbers: Sequence[int]) -> str:
    return f"{', '.join(map(str, numbers[:-1]))} and {numbers[-1]}"
