"""JSON: one array of objects."""

from __future__ import annotations

import json
import re
from typing import Any, TextIO

from embtune.errors import BadFileError
from embtune.records.readers.flatten import Flattener
from embtune.records.readers.json_lines import explain_broken, first_lines_are_objects, kind_of, read_jsonl
from embtune.records.readers.source import Source
from embtune.records.readers.table import Table

_CHUNK = 1 << 18
_SPACE = re.compile(r"[ \t\r\n]*")


def read_json(file: Source, limit: int | None) -> Table:
    """Read an array of objects; a file with one object per line is read as JSON Lines."""
    if first_lines_are_objects(file):
        return read_jsonl(file, limit)
    items = _preview(file, limit) if limit is not None else None
    if items is None:
        items = _whole(file)
    flattener = Flattener(file.name)
    for index, item in enumerate(items[:limit]):
        if not isinstance(item, dict):
            raise BadFileError(
                f"{file.name}: element {index} of the array (counted from 0) is {kind_of(item)}, "
                'not an object. A record is an object of field names and values, such as {"text": "…"}.'
            )
        flattener.add(item, f"element {index}")
    return flattener.table("json", None, file.notes(), truncated=limit is not None and len(items) > limit)


def _whole(file: Source) -> list[Any]:
    with file.open_text() as stream:
        text = stream.read()
    try:
        content = json.loads(text)
    except RecursionError:
        raise BadFileError(f"{file.name} is nested too deeply to be a list of records.") from None
    except ValueError as error:
        raise BadFileError(explain_broken(file.name, error, text)) from None
    if isinstance(content, list) and content:
        return content
    if isinstance(content, list):
        raise BadFileError(f"{file.name} is an empty JSON array: give a file with a record in it.")
    raise BadFileError(_explain_other(file.name, content))


def _explain_other(name: str, content: Any) -> str:
    message = f"{name} holds {kind_of(content)}, not an array of objects."
    members = content.items() if isinstance(content, dict) else ()
    arrays = [
        key
        for key, value in members
        if isinstance(value, list) and value and all(isinstance(item, dict) for item in value)
    ]
    if len(arrays) == 1:
        return f"{message} Its member {arrays[0]!r} is one: save that alone."
    if arrays:
        return f"{message} Its members {', '.join(map(repr, arrays))} are: save one of them alone."
    return f'{message} Save the records as [{{"text": "…"}}, …].'


def _preview(file: Source, limit: int) -> list[Any] | None:
    """Return the first `limit` + 1 items without reading the rest; None if anything is unusual."""
    with file.open_text() as stream:
        try:
            return _first_items(stream, limit + 1)
        except RecursionError:
            return None


def _first_items(stream: TextIO, n: int) -> list[Any] | None:
    decode = json.JSONDecoder().raw_decode
    buffer = stream.read(_CHUNK)
    position = _after_space(buffer, 0)
    if buffer[position : position + 1] != "[":
        return None
    position += 1
    items: list[Any] = []
    while len(items) < n:
        try:
            item, end = decode(buffer, _after_space(buffer, position))
            end = _after_space(buffer, end)
            mark = buffer[end]
        except (ValueError, IndexError):
            more = stream.read(len(buffer))  # doubling: an item of any size is decoded few times
            if not more:
                return None
            buffer = buffer[position:] + more
            position = 0
            continue
        items.append(item)
        if mark == "]":
            return items
        if mark != ",":
            return None
        position = end + 1
    return items


def _after_space(text: str, position: int) -> int:
    match = _SPACE.match(text, position)
    return match.end() if match else position
