"""A list of records to read, label in place and open: one element, however many lines."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import streamlit as st

from embtune.labeling.labelset import NONE_COLOR, UNLABELLED_COLOR
from embtune.project import Project, Record
from pages.shared import steps
from pages.shared.chips import colors

_HERE = Path(__file__).parent
_LONGEST = 400
_SHOWN_LABELS = 30
NONE_ID = -2

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


def record_list(
    key: str,
    project: Project,
    lines: Sequence[Line],
    *,
    on_open: Callable[[int], None],
    on_label: Callable[[int, str | None], None] | None = None,
    open_title: str = "Go to this record",
) -> None:
    """Draw the lines; a click on a text calls `on_open(row)`, one on a key `on_label(row, label or None)`.

    A label of None means "none of these".
    """
    data = list_data(project, lines, can_label=on_label is not None, open_title=open_title)
    names = {label.id: label.name for label in project.labels}

    def opened() -> None:
        row = st.session_state[key].get("open")
        if row is not None:
            on_open(int(row))

    def labelled() -> None:
        for step in steps.new_steps(key)[0]:
            if on_label is not None and (step["label"] == NONE_ID or step["label"] in names):
                on_label(int(step["row"]), names.get(step["label"]))

    data["taken"] = steps.taken(key)
    _mount(key=key, data=data, on_open_change=opened, on_steps_change=labelled)


def list_data(
    project: Project, lines: Sequence[Line], *, can_label: bool, open_title: str = ""
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
            }
            for line in lines
        ],
        "labels": [*keys, {"id": NONE_ID, "name": "none of these", "color": NONE_COLOR, "key": "0"}],
        "can_label": can_label and bool(keys),
        "open_title": open_title,
    }


def cosine_text(value: float) -> str:
    """Write a cosine short: ".83", "-.10", "1.00"."""
    return f"{value:.2f}".replace("0.", ".", 1) if abs(value) < 0.995 else f"{value:.2f}"
