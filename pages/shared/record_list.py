"""A list of records to read, label or judge in place and open: one element, however many lines."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import streamlit as st

from embtune.labeling.judgements import Marks
from embtune.labeling.labelset import NONE_COLOR, UNLABELLED_COLOR
from embtune.project import Project, Record
from pages.shared import steps
from pages.shared.chips import colors

_HERE = Path(__file__).parent
_LONGEST = 400
_SHOWN_LABELS = 30
NONE_ID = -2
_NO_MARKS = Marks({}, {})

_mount = st.components.v2.component(
    "embtune_record_list",
    html='<div class="list"></div>',
    css=(_HERE / "record_list.css").read_text(encoding="utf-8"),
    js=steps.SCRIPT + (_HERE / "record_list.js").read_text(encoding="utf-8"),
)


@dataclass(frozen=True)
class Line:
    """A record in a list: `mark` is a word on its rank elsewhere, `tone` "gained", "lost" or nothing."""

    record: Record
    cosine: float | None = None
    rank: int | None = None
    mark: str = ""
    elsewhere: str = ""
    mark_title: str = ""
    tone: str = ""


@dataclass(frozen=True)
class Judging:
    """How the lines are judged: what was said of record `row` and others, and what to do with more.

    `on_pair(record, line, score or None)` says how similar the two are, None to take that back;
    `on_triplet(record, closer, farther)` that one line is closer to the record than another. All are rows.
    """

    row: int
    marks: Marks
    on_pair: Callable[[int, int, float | None], None]
    on_triplet: Callable[[int, int, int], None]


def record_list(
    key: str,
    project: Project,
    lines: Sequence[Line],
    *,
    on_open: Callable[[int], None],
    on_label: Callable[[int, str | None], None] | None = None,
    judging: Judging | None = None,
    open_title: str = "Go to this record",
) -> None:
    """Draw the lines; a click on a text calls `on_open(row)`, one on a key `on_label(row, label or None)`.

    A label of None means "none of these".
    """
    data = list_data(
        project,
        lines,
        can_label=on_label is not None,
        judged_with=judging.row if judging else None,
        marks=judging.marks if judging else _NO_MARKS,
        open_title=open_title,
    )
    names = {label.id: label.name for label in project.labels}

    def opened() -> None:
        row = st.session_state[key].get("open")
        if row is not None:
            on_open(int(row))

    def stepped() -> None:
        for step in steps.new_steps(key)[0]:
            given = step.get("label")
            if given is not None and on_label is not None and (given == NONE_ID or given in names):
                on_label(int(step["row"]), names.get(given))
            elif judging is not None and "farther" in step:
                judging.on_triplet(int(step["anchor"]), int(step["closer"]), int(step["farther"]))
            elif judging is not None and "score" in step:
                judging.on_pair(int(step["anchor"]), int(step["row"]), step["score"])

    data["taken"] = steps.taken(key)
    _mount(key=key, data=data, on_open_change=opened, on_steps_change=stepped)


def list_data(
    project: Project,
    lines: Sequence[Line],
    *,
    can_label: bool,
    judged_with: int | None = None,
    marks: Marks = _NO_MARKS,
    open_title: str = "",
) -> dict[str, Any]:
    """Return what the browser is sent: plain values, texts cut to what fits."""
    color = colors(project)
    keys = [
        {"id": label.id, "name": label.name, "color": label.color, "key": label.hotkey or label.name[:3]}
        for label in project.labels[:_SHOWN_LABELS]
    ]
    return {
        "lines": [
            {
                "row": line.record.row,
                "rank": line.rank,
                "cosine": None if line.cosine is None else cosine_text(line.cosine),
                "label": line.record.label,
                "color": color.get(line.record.label or "", UNLABELLED_COLOR),
                "text": line.record.text[:_LONGEST],
                "mark": line.mark,
                "elsewhere": line.elsewhere,
                "mark_title": line.mark_title,
                "tone": line.tone,
                "score": marks.scores.get(line.record.row),
                "closer_than": len(marks.closer_than.get(line.record.row, ())),
            }
            for line in lines
        ],
        "labels": [*keys, {"id": NONE_ID, "name": "none of these", "color": NONE_COLOR, "key": "0"}],
        "can_label": can_label and bool(keys),
        "judged_with": judged_with,
        "open_title": open_title,
    }


def cosine_text(value: float) -> str:
    """Write a cosine short: ".83", "-.10", "1.00"."""
    return f"{value:.2f}".replace("0.", ".", 1) if abs(value) < 0.995 else f"{value:.2f}"
