"""Text templates: how the fields of a record become the text that is embedded."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from embtune.errors import TemplateError
from embtune.records.identity import value_text

_HEADS = ("title", "headline", "heading", "subject")
_BODIES = (
    "text",
    "body",
    "content",
    "description",
    "abstract",
    "message",
    "summary",
    "article",
    "review",
    "question",
    "comment",
    "utterance",
    "sentence",
    "document",
)
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+")
_SAMPLE = 200
_LONG = 20  # characters; shorter on average is a name, a code or a category


@dataclass(frozen=True)
class TextTemplate:
    """A text with field names in braces, such as `{Title}. {Description}`.

    Everything between the braces is the name: it may hold dots, spaces or brackets. `{{` and `}}` stand for
    braces.

    Attributes
    ----------
    source
        The template as written.
    fields
        The fields it names, in order of first appearance, each once.
    """

    source: str
    fields: tuple[str, ...]
    _parts: tuple[tuple[str, str | None], ...] = field(repr=False, compare=False)

    @classmethod
    def parse(cls, source: str) -> TextTemplate:
        """Read a template.

        Raises
        ------
        TemplateError
            If it is empty, names no field, or its braces do not pair up.
        """
        if not source.strip():
            raise TemplateError('The text template is empty: name a field in braces, such as "{Title}".')
        parts = tuple(_parts(source))
        fields = tuple(dict.fromkeys(name for _, name in parts if name is not None))
        if not fields:
            raise TemplateError(
                f'The text template "{source}" names no field: put one in braces, such as "{{Title}}".'
            )
        return cls(source, fields, parts)

    def check(self, columns: Sequence[str]) -> None:
        """Compare with the fields there are.

        Raises
        ------
        TemplateError
            If one it names is not among them; the message lists those and suggests the nearest.
        """
        missing = [name for name in self.fields if name not in columns]
        if not missing:
            return
        near = [match for name in missing if (match := _nearest(name, columns))]
        noun = "a field" if len(missing) == 1 else "fields"
        suggestion = f" Did you mean {_quoted(near)}?" if near else ""
        shown = _quoted(columns[:20]) + (f" and {len(columns) - 20} more" if len(columns) > 20 else "")
        raise TemplateError(
            f"The text template names {noun} that the records do not have: {_quoted(missing)}.{suggestion} "
            f"They have: {shown or 'none'}."
        )

    def render(self, row: Mapping[str, Any]) -> str:
        """Return the text on one line, single-spaced; empty if every field named is empty or absent."""
        texts: list[str] = []
        filled = False
        for literal, name in self._parts:
            texts.append(literal)
            if name is not None:
                value = value_text(row.get(name))
                filled = filled or bool(value.strip())
                texts.append(value)
        return " ".join("".join(texts).split()) if filled else ""


def suggest_template(columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> str:
    """Propose a template for records just read.

    Parameters
    ----------
    columns
        Their fields.
    rows
        Some of them; the first 200 are looked at.

    Returns
    -------
    str
        A title-like and a body-like field if their names say so, else the longest that reads as text, else
        the longest.

    Raises
    ------
    TemplateError
        If there is no field a template can name.
    """
    usable = [name for name in columns if "{" not in name and "}" not in name]
    if not usable:
        raise TemplateError("There is no field to make a text of.")
    lengths = {name: _text_length(name, rows) for name in usable}
    texts = [name for name in usable if lengths[name] > 0]
    if not texts:
        values = {name: sum(len(value_text(row.get(name))) for row in rows[:_SAMPLE]) for name in usable}
        return f"{{{max(usable, key=values.__getitem__)}}}"
    longest = max(texts, key=lengths.__getitem__)
    head = _named(_HEADS, texts)
    body = _named(_BODIES, [name for name in texts if name != head])
    if body is None and (head is None or lengths[longest] >= _LONG):
        body = longest
    chosen = dict.fromkeys(name for name in (head, body) if name is not None)
    return ". ".join(f"{{{name}}}" for name in chosen)


def _parts(source: str) -> list[tuple[str, str | None]]:
    """Split into pairs of a literal text and the field after it; the last has none."""
    parts: list[tuple[str, str | None]] = []
    literal = ""
    position = 0
    while position < len(source):
        char = source[position]
        if source[position : position + 2] in ("{{", "}}"):
            literal += char
            position += 2
        elif char == "}":
            raise TemplateError(
                f'The text template "{source}" has a }} at character {position + 1} that closes nothing; '
                "write }} for a brace in the text."
            )
        elif char == "{":
            end = source.find("}", position)
            name = source[position + 1 : end]
            if end < 0 or "{" in name:
                raise TemplateError(
                    f'The text template "{source}" has a {{ at character {position + 1} that is never '
                    "closed; write {{ for a brace in the text."
                )
            if not name.strip():
                raise TemplateError(
                    f'The text template "{source}" has empty braces at character {position + 1}: '
                    "put a field's name into them."
                )
            parts.append((literal, name))
            literal = ""
            position = end + 1
        else:
            literal += char
            position += 1
    return [*parts, (literal, None)]


def _nearest(name: str, columns: Sequence[str]) -> str | None:
    folded = {column.strip().casefold(): column for column in columns}
    found = difflib.get_close_matches(name.strip().casefold(), folded, n=1)
    return folded[found[0]] if found else None


def _quoted(names: Sequence[str]) -> str:
    return ", ".join(f"'{name}'" for name in names)


def _named(wanted: Sequence[str], texts: Sequence[str]) -> str | None:
    """Return the field named so, else the first with such a word in its name, as `news_title`."""
    whole = {name: {name.rpartition(".")[2].casefold()} for name in texts}
    words = {name: {word.casefold() for word in _WORD.findall(name)} for name in texts}
    candidates = (
        name for named in (whole, words) for word in wanted for name in texts if word in named[name]
    )
    return next(candidates, None)


def _text_length(name: str, rows: Sequence[Mapping[str, Any]]) -> float:
    """Return the mean length of the field's values if they read as text, else 0."""
    values = [row[name] for row in rows[:_SAMPLE] if row.get(name) not in (None, "")]
    if not values or not all(isinstance(value, str) for value in values):
        return 0.0
    if len(set(values)) < len(values) / 2:  # a category
        return 0.0
    worded = sum(1 for value in values if " " in value.strip() or not value.isascii())
    if (
        worded < len(values) / 2
    ):  # ids, numbers, addresses: one token each; scripts without spaces are not ASCII
        return 0.0
    return sum(map(len, values)) / len(values)
