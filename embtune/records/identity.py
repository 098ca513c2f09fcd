"""What a field's values stand for: their text, the record's stable id, and whether they can be labels."""

from __future__ import annotations

import hashlib
import json
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from embtune.errors import BadInputError


def value_text(value: Any) -> str:
    """Return a field's value as text: None is empty, true and false as in JSON, nested values as JSON."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple | dict):
        return json.dumps(value, ensure_ascii=False, default=str)
    return str(value)


def record_id(row: Mapping[str, Any], *, ignore: Collection[str] = ()) -> str:
    """Return the id that the same content always gets, from whichever format it was read.

    Parameters
    ----------
    row
        A record's fields.
    ignore
        Fields that are no content, such as the label's.

    Returns
    -------
    str
        16 hexadecimal characters: BLAKE2b over the fields' names and values as text, sorted, in Unicode's
        composed form (NFC), all line ends alike. Empty values count as absent, so that 1 and "1", None and ""
        give the same id.
    """
    left_out = {_normal(name) for name in ignore}
    content: dict[str, str] = {}
    for name, value in row.items():
        text = _normal(value_text(value))
        key = _normal(name)
        if text and key not in left_out:
            content[key] = text
    canonical = json.dumps(content, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return hashlib.blake2b(canonical.encode("ascii"), digest_size=8).hexdigest()


def check_label_values(values: Sequence[str], field: str, *, most: int = 500) -> None:
    """Refuse a label field with too many different values.

    Parameters
    ----------
    values
        The field's value in every record; empty ones do not count.
    field
        Its name, for the message.
    most
        Different values allowed.

    Raises
    ------
    BadInputError
        If there are more; the message says how many and how to confirm them.
    """
    n_distinct = len({value for value in values if value})
    if n_distinct > most:
        raise BadInputError(
            f"The field {field!r} has {n_distinct:,} different values; a label field has at most {most:,}. "
            "Choose another field or confirm with --allow-many-labels."
        )


def _normal(text: str) -> str:
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return text if text.isascii() else unicodedata.normalize("NFC", text)
