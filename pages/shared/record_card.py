"""One record, large: its text, its other fields, and the label in force."""

from __future__ import annotations

from html import escape

import streamlit as st

from embtune.project import Project, Record
from pages.shared.chips import label_chip

_LONGEST = 20_000

GIVEN = {
    "manual": "given by hand",
    "lasso": "given by lasso",
    "session": "given in a session",
    "import": "imported",
    "heuristic": "by a heuristic",
    "weak supervision": "by weak supervision",
    "model": "by a model",
}

_CSS = """
<style>
  .record-text {white-space: pre-wrap; overflow-wrap: anywhere; overflow-y: auto; line-height: 1.45;
    font-size: 1.18rem; max-width: 90ch; max-height: 30vh;}
  .record-meta {display: flex; flex-wrap: wrap; gap: .2rem .9rem; align-items: center;}
</style>
"""


def record_style() -> None:
    """Apply the rules of this piece; once a page."""
    st.html(_CSS)


def record_text(text: str) -> None:
    """Draw a record's text as it is; very long ones are cut and say so."""
    cut = ""
    if len(text) > _LONGEST:
        cut = f'<p class="quiet">… the first {_LONGEST:,} of {len(text):,} characters</p>'
    st.html(f'<div class="record-text">{escape(text[:_LONGEST])}{cut}</div>')


def short(text: str, longest: int = 60) -> str:
    """Return the beginning of a text on one line, cut between words where that can be."""
    line = " ".join(text[: 4 * longest].split())
    if len(line) <= longest:
        return line
    cut = line[:longest]
    return (cut[: cut.rindex(" ")] if " " in cut[longest // 2 :] else cut) + " …"


def record_meta(project: Project, record: Record) -> None:
    """Draw a quiet line: label in force and who gave it, id, and the fields the text is not made of."""
    parts = [label_chip(project, record.label)]
    if record.source is not None:
        sure = f" {record.confidence:.0%}" if record.confidence < 1 else ""
        parts.append(f'<span class="quiet">{escape(GIVEN.get(record.source, record.source))}{sure}</span>')
    for name, value in extra_fields(project, record).items():
        parts.append(f'<span class="quiet">{escape(name)}: {escape(value)}</span>')
    parts.append(f'<span class="quiet">record <code>{escape(record.id)}</code></span>')
    st.html(f'<div class="record-meta">{"".join(parts)}</div>')


def extra_fields(
    project: Project, record: Record, *, longest: int = 80, template: str | None = None
) -> dict[str, str]:
    """Return the fields that are not part of the text, each cut to `longest` characters.

    `template` is the project's, where it was looked up for many records at once.
    """
    template = project.info.template or "" if template is None else template
    found = {}
    for name, value in record.fields.items():
        if value is None or value == "" or f"{{{name}}}" in template:
            continue
        text = str(value)
        found[name] = text if len(text) <= longest else text[: longest - 1] + "…"
    return found
