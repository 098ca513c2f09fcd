"""CSV and TSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Any, TextIO

from embtune.errors import BadFileError
from embtune.records.readers.source import Source
from embtune.records.readers.table import Table, clean_names

_DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "vertical bars"}
_SAMPLE = 65_536
_LONGEST_FIELD = 100_000_000  # characters; the csv module's own limit of 131,072 is too short for documents


class _QuoteError(BadFileError):
    """Quotes do not pair up."""


def read_csv(file: Source, limit: int | None) -> Table:
    """Read values separated by commas, semicolons, tabs or vertical bars, whichever fits the first rows."""
    delimiter = _sniff_delimiter(_sample(file))
    notes = [] if delimiter == "," else [f"Fields are separated by {_DELIMITERS[delimiter]}."]
    return _read(file, limit, "csv", delimiter, notes)


def read_tsv(file: Source, limit: int | None) -> Table:
    """Read values separated by tabs."""
    sample = _sample(file)
    header = sample.lstrip().partition("\n")[0]
    delimiter = "\t" if "\t" in header else _sniff_delimiter(sample)
    if delimiter not in header:  # one column
        delimiter = "\t"
    notes = [] if delimiter == "\t" else [f"Fields are separated by {_DELIMITERS[delimiter]}."]
    return _read(file, limit, "tsv", delimiter, notes)


def _sample(file: Source) -> str:
    with file.open_text(newline="") as stream:
        return stream.read(_SAMPLE)


def _sniff_delimiter(sample: str) -> str:
    """Return the delimiter under which most rows are as wide as a header of several columns; else a comma."""
    csv.field_size_limit(_LONGEST_FIELD)
    best, best_score = ",", (0.0, 1)
    for delimiter in _DELIMITERS:
        rows = [row for row in csv.reader(io.StringIO(sample, newline=""), delimiter=delimiter) if row]
        if len(sample) == _SAMPLE and len(rows) > 1:
            rows.pop()  # the sample may end in the middle of it
        widths = [len(row) for row in rows]
        if not widths or widths[0] == 1:
            continue
        score = (widths.count(widths[0]) / len(widths), widths[0])
        if score > best_score:
            best, best_score = delimiter, score
    return best


def _read(file: Source, limit: int | None, kind: str, delimiter: str, notes: list[str]) -> Table:
    try:
        return _parse(file, limit, kind, delimiter, notes, csv.QUOTE_MINIMAL)
    except _QuoteError as error:
        if delimiter != "\t":
            raise
        # Many TSV files know no quoting: a quote there is a character like any other.
        try:
            plain = [*notes, "Quotes were read as ordinary characters, since they do not pair up."]
            return _parse(file, limit, kind, delimiter, plain, csv.QUOTE_NONE)
        except BadFileError:
            raise error from None


def _parse(
    file: Source, limit: int | None, kind: str, delimiter: str, notes: list[str], quoting: Any
) -> Table:
    csv.field_size_limit(_LONGEST_FIELD)
    with file.open_text(newline="") as stream:
        lines = _Lines(stream, file.name)
        records = _records(lines, csv.reader(lines, delimiter=delimiter, strict=True, quoting=quoting))
        _, header = next(records, (1, []))
        if not header:
            raise BadFileError(f"{file.name} is empty: give a file with a record in it.")
        columns, name_notes = clean_names(header, file.name)
        width = len(columns)
        rows: list[dict[str, Any]] = []
        starts: list[int] = []
        truncated = False
        for start, values in records:
            if len(values) != width:
                if len(values) == 1 and not values[0].strip():
                    continue
                raise BadFileError(_ragged(file.name, start, len(values), width, delimiter))
            if len(rows) == limit:
                truncated = True
                break
            rows.append(dict(zip(columns, values, strict=True)))
            starts.append(start)
    if not rows:
        raise BadFileError(f"{file.name} has a header but no rows: add a record below its first line.")
    return Table(
        file.name, kind, tuple(columns), rows, starts, (*file.notes(), *notes, *name_notes), truncated
    )


class _Lines:
    """Hands the csv module one line at a time, keeping those of the record being read."""

    def __init__(self, stream: TextIO, name: str) -> None:
        self.stream = stream
        self.name = name
        self.record: list[str] = []
        self.number = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = next(self.stream)
        self.number += 1
        if "\0" in line:
            raise BadFileError(
                f"{self.name}, line {self.number:,}: a NUL byte, which no text has. "
                "Remove it, or export the file again if it is damaged."
            )
        self.record.append(line)
        return line


def _records(lines: _Lines, reader: Any) -> Iterator[tuple[int, list[str]]]:
    """Yield every record that is not a blank line, with the line it begins at."""
    start = 1
    while True:
        try:
            values = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise _QuoteError(_explain(error, lines, start, reader.dialect.delimiter)) from None
        if values:
            yield start, values
        lines.record.clear()
        start = lines.number + 1


def _explain(error: csv.Error, lines: _Lines, start: int, delimiter: str) -> str:
    opened = start + _quote_opened(lines.record, delimiter)
    advice = 'A quote inside a quoted text is written twice ("").'
    if "expected after" not in str(error):
        return f"{lines.name}, line {opened:,}: a quote opens a field here and is never closed. {advice}"
    if opened == lines.number:
        return f"{lines.name}, line {opened:,}: text follows the closing quote of a field. {advice}"
    return (
        f"{lines.name}, line {opened:,}: a quote opens a field here and is closed only in line "
        f"{lines.number:,}, in the middle of a text. {advice}"
    )


def _quote_opened(record: list[str], delimiter: str) -> int:
    """Return the index of the line in which the last quoted field of an unfinished record opens."""
    opened, quoted, field_start = 0, False, True
    for number, line in enumerate(record):
        position = 0
        while position < len(line):
            char = line[position]
            if quoted and char == '"':
                if line[position + 1 : position + 2] == '"':
                    position += 1
                else:
                    quoted = False
                    if line[position + 1 : position + 2] not in (delimiter, "\r", "\n", ""):
                        return opened
            elif not quoted:
                if char == '"' and field_start:
                    opened, quoted = number, True
                field_start = char == delimiter
            position += 1
    return opened


def _ragged(name: str, line: int, n_fields: int, width: int, delimiter: str) -> str:
    if n_fields > width:
        advice = f"Put quotes around a text with {_DELIMITERS[delimiter]} in it."
    else:
        advice = "Add the missing ones, empty if need be."
    fields = "1 field" if n_fields == 1 else f"{n_fields} fields"
    return f"{name}, line {line:,}: {fields} where the header has {width}. {advice}"
