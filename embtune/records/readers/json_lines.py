"""JSON Lines: one object per line."""

from __future__ import annotations

import json
from typing import Any

from embtune.errors import BadFileError
from embtune.records.readers.flatten import Flattener
from embtune.records.readers.source import Source
from embtune.records.readers.table import Table

_KINDS = {dict: "an object", list: "an array", str: "a string", bool: "true or false", type(None): "null"}


def read_jsonl(file: Source, limit: int | None) -> Table:
    """Read one object per line; blank lines are skipped."""
    flattener = Flattener(file.name)
    lines: list[int] = []
    truncated = False
    with file.open_text(newline="\n") as stream:
        for number, line in enumerate(stream, 1):
            if not line.strip():
                continue
            if len(lines) == limit:
                truncated = True
                break
            record = _record(file.name, number, line)
            flattener.add(record, f"line {number:,}")
            lines.append(number)
    return flattener.table("jsonl", lines, file.notes(), truncated=truncated)


def _record(name: str, number: int, line: str) -> dict[str, Any]:
    try:
        record = json.loads(line)
    except RecursionError:
        raise BadFileError(f"{name}, line {number:,}: nested too deeply to be a record.") from None
    except ValueError as error:
        raise BadFileError(explain_broken(name, error, line, line=number)) from None
    if isinstance(record, dict):
        return record
    whole = f" If the file is one JSON array, name it {name.rpartition('.')[0] or name}.json."
    raise BadFileError(
        f"{name}, line {number:,}: {kind_of(record)}, not an object. Every line is a record such as "
        f'{{"text": "…"}}.{whole if isinstance(record, list) and number == 1 else ""}'
    )


def first_lines_are_objects(file: Source) -> bool:
    """Tell whether the first line is an object by itself and another one follows."""
    with file.open_text(newline="\n") as stream:
        if stream.read(1) not in ("{", "\n", " ", "\r", "\t"):
            return False
        stream.seek(0)
        filled = (line for line in stream if line.strip())
        try:
            first = json.loads(next(filled, ""))
        except (ValueError, RecursionError):
            return False
        return isinstance(first, dict) and next(filled, "").lstrip().startswith("{")


def explain_broken(name: str, error: ValueError, text: str, *, line: int | None = None) -> str:
    """Return the sentence for text that is no JSON; `line` is its number if it is one line of a file."""
    if not isinstance(error, json.JSONDecodeError):  # such as an integer of more than 4,300 digits
        return f"{name}{'' if line is None else f', line {line:,}'}: a value cannot be read ({error})."
    end = text.rstrip()
    if cut := error.pos >= len(end):
        error = json.JSONDecodeError(error.msg, end, len(end))
    where = f"{name}, line {line or error.lineno:,}, column {error.colno:,}"
    if line == 1 and text.lstrip().startswith("["):
        return f"{where}: not an object. If the file is one JSON array, let its name end in .json."
    if cut and line is not None:
        return f"{where}: the record ends in the middle. Every line holds one whole record."
    if cut:
        return f"{where}: the JSON ends in the middle. Is the file cut off?"
    if error.pos == 0:
        return f"{where}: not JSON; it begins with {text[:20].rstrip()!r}. Check the file's format."
    return f"{where}: not valid JSON ({error.msg[:1].lower()}{error.msg[1:]}). Mend it there."


def kind_of(value: Any) -> str:
    """Name a JSON value's kind, with its article."""
    return _KINDS.get(type(value), "a number")
