"""Nested records to flat rows of plain values."""

from __future__ import annotations

import datetime
import decimal
import json
import math
import numbers
from collections.abc import Mapping, Sequence
from typing import Any

from embtune.errors import BadFileError
from embtune.records.readers.table import MOST_COLUMNS, Table, clean_names


class Flattener:
    """Turns the records of one file into rows, keeping their columns and what had to be mended.

    An object's members become fields named by their dotted path (`author.name`); a list that holds objects is
    numbered (`replies.0.text`); any other list becomes its JSON text. Empty objects and lists, NaN and
    infinities become None; dates ISO text; decimals text; bytes text if they are UTF-8.
    """

    def __init__(self, file_name: str) -> None:
        self.file_name = file_name
        self.columns: dict[str, None] = {}
        self.rows: list[dict[str, Any]] = []
        self.n_not_finite = 0
        self.n_cleaned = 0

    def add(self, record: Mapping[str, Any], where: str) -> None:
        """Append a record; `where` names its place in the file, for errors."""
        row: dict[str, Any] = {}
        for key, value in record.items():
            self._put(row, key, value, where)
        self.rows.append(row)
        n_known = len(self.columns)
        self.columns.update(dict.fromkeys(row))
        if len(self.columns) > max(n_known, MOST_COLUMNS):
            clean_names(list(self.columns), self.file_name)  # raises: stop before memory is full

    def table(self, kind: str, lines: list[int] | None, notes: Sequence[str], *, truncated: bool) -> Table:
        """Return the rows as a table in which every row has every column.

        Raises
        ------
        BadFileError
            If no record has a field, or a name is empty or there twice.
        """
        self._drop_empty_parents()
        names = list(self.columns)
        if not names:
            raise BadFileError(f"{self.file_name} has records but none of them has a field.")
        columns, name_notes = clean_names(names, self.file_name)
        rows = self.rows
        if columns != names:
            rename = dict(zip(names, columns, strict=True))
            rows = [{rename[name]: value for name, value in row.items()} for row in rows]
        for row in rows:
            if len(row) < len(columns):
                for column in columns:
                    row.setdefault(column, None)
        all_notes = [*notes, *name_notes]
        if self.n_not_finite:
            all_notes.append(f"NaN and infinity became empty: {_values(self.n_not_finite)}.")
        if self.n_cleaned:
            all_notes.append(f"NUL and half characters were taken out: {_values(self.n_cleaned)}.")
        return Table(self.file_name, kind, tuple(columns), rows, lines, tuple(all_notes), truncated)

    def _drop_empty_parents(self) -> None:
        """Drop `author` where it is always null or absent and `author.name` is a field."""
        parents = {name[:dot] for name in self.columns for dot in range(len(name)) if name[dot] == "."}
        for name in [name for name in self.columns if name in parents]:
            if all(row.get(name) is None for row in self.rows):
                del self.columns[name]
                for row in self.rows:
                    row.pop(name, None)

    def _put(self, row: dict[str, Any], path: str, value: Any, where: str) -> None:
        if type(value) is list and value and all(type(item) is tuple for item in value):
            value = {str(key): item for key, item in value}  # how Arrow hands over a map
        if isinstance(value, Mapping) and value:
            for key, item in value.items():
                self._put(row, f"{path}.{key}", item, where)
            return
        if isinstance(value, list | tuple) and any(isinstance(item, Mapping) for item in value):
            for number, item in enumerate(value):
                self._put(row, f"{path}.{number}", item, where)
            return
        if path in row:
            raise BadFileError(
                f"{self.file_name}, {where}: two values for the field {path!r}. Rename one of them."
            )
        row[path] = self._scalar(value, path, where)

    def _scalar(self, value: Any, path: str, where: str) -> str | int | float | bool | None:
        if isinstance(value, str):
            return self._text(value)
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, numbers.Integral):
            return int(value)
        if isinstance(value, numbers.Real):
            if math.isfinite(value):
                return float(value)
            self.n_not_finite += 1
            return None
        if isinstance(value, list | tuple | Mapping):
            return json.dumps(self._nested(value, path, where), ensure_ascii=False) if value else None
        if isinstance(value, datetime.date | datetime.time):
            return value.isoformat()
        if isinstance(value, bytes):
            try:
                return self._text(value.decode())
            except UnicodeDecodeError:
                raise BadFileError(
                    f"{self.file_name}, {where}: the field {path!r} holds binary data. Leave that field out."
                ) from None
        if isinstance(value, decimal.Decimal) and not value.is_finite():
            self.n_not_finite += 1
            return None
        return self._text(str(value))

    def _nested(self, value: Any, path: str, where: str) -> Any:
        if isinstance(value, Mapping):
            return {str(key): self._nested(item, path, where) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self._nested(item, path, where) for item in value]
        return self._scalar(value, path, where)

    def _text(self, text: str) -> str:
        # JSON's escapes can spell halves of surrogate pairs and NUL, which UTF-8 and databases refuse.
        if text.isascii():
            clean = text.replace("\0", "") if "\0" in text else text
        else:
            clean = text.encode("utf-8", errors="replace").decode().replace("\0", "")
        if clean != text:
            self.n_cleaned += 1
        return clean


def _values(number: int) -> str:
    return "1 value" if number == 1 else f"{number:,} values"
