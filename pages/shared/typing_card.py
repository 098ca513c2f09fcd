"""The typing card: one record, its label under one key, and the next one at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import streamlit as st

from embtune.errors import EmbtuneError
from embtune.labeling.labelset import NONE_COLOR, UNLABELLED_COLOR
from embtune.labeling.sessions import Step
from embtune.project import Project, Record
from embtune.store.sessions import SessionItem, SessionRow
from pages.shared import steps
from pages.shared.chips import colors
from pages.shared.layout import plain
from pages.shared.record_card import GIVEN, extra_fields
from pages.shared.record_list import NONE_ID, cosine_text

AHEAD = 25
_LAST = 10
_LONGEST = 20_000
_BUDGET = 120_000  # characters sent ahead: long texts come two at a time

_HERE = Path(__file__).parent
_mount = st.components.v2.component(
    "embtune_typing_card",
    html='<div class="card"></div>',
    css=(_HERE / "typing_card.css").read_text(encoding="utf-8"),
    js=steps.SCRIPT + (_HERE / "typing_card.js").read_text(encoding="utf-8"),
)


def typing_card(project: Project, session: SessionRow, *, on_neighbors: Callable[[int], None]) -> None:
    """Draw the record at the cursor; every key is in the database in the order it was struck.

    `on_neighbors(row)` is called for the record whose neighbours were asked for.
    """
    key = f"session_card_{session.id}"
    names = {label.id: label.name for label in project.labels}

    def stepped() -> None:
        found, again = steps.new_steps(key)
        take(project, session.id, found, names, again=again)

    data = card_data(project, session) | {"taken": steps.taken(key)}
    result = _mount(key=key, data=data, on_steps_change=stepped, on_neighbors_change=lambda: None)
    if result.neighbors is not None:
        on_neighbors(int(result.neighbors))


def take(
    project: Project, session_id: int, found: Sequence[dict[str, Any]], names: dict[int, str], *, again: bool
) -> None:
    """Take what the browser sent; what cannot be taken is told on the page."""
    chosen = [
        Step(step["kind"], int(step.get("to", step["position"])), names.get(step.get("label")))
        for step in found
        if step["kind"] != "label" or step["label"] == NONE_ID or step["label"] in names
    ]
    try:
        project.sessions_book.take(session_id, chosen, again=again)
    except EmbtuneError as error:
        st.session_state["session_note"] = plain(str(error))


def card_data(project: Project, session: SessionRow) -> dict[str, Any]:
    """Return what the browser is sent: the record at the cursor, the next ones, and the last ten."""
    items = project.sessions_book.upcoming(session.id, AHEAD)
    before = project.sessions_book.items(session.id, max(0, session.cursor - _LAST), session.cursor)
    records = project.records([item.row for item in [*items, *before]])
    color = colors(project)
    labels = [
        {
            "id": label.id,
            "name": label.name,
            "color": label.color,
            "key": label.hotkey,
            "about": label.description,
        }
        for label in project.labels
    ]
    none = {"id": NONE_ID, "name": "none of these", "color": NONE_COLOR, "key": "0", "about": ""}
    return {
        "n": session.n_items,
        "items": _ahead(project, session, items, records),
        "past": [
            {
                "position": item.position,
                "state": item.state,
                "label": record.label,
                "color": color.get(record.label or "", UNLABELLED_COLOR),
            }
            for item, record in zip(before, records[len(items) :], strict=True)
        ],
        "labels": [*labels, none],
        "none_id": NONE_ID,
        "unlabelled_color": UNLABELLED_COLOR,
    }


def _ahead(
    project: Project, session: SessionRow, items: Sequence[SessionItem], records: Sequence[Record]
) -> list[dict[str, Any]]:
    guess = project.recent_predictions("active") if project.find_embedding("raw") is not None else None
    by_id = {label.id: label for label in project.labels}
    color = colors(project)
    sent, spent = [], 0
    for item, record in zip(items, records, strict=False):
        if len(sent) >= 2 and spent > _BUDGET:
            break
        text = record.text[:_LONGEST]
        spent += len(text)
        label = by_id.get(int(guess[0][item.row])) if guess and item.row < len(guess[0]) else None
        sent.append(
            {
                "position": item.position,
                "row": item.row,
                "state": item.state,
                "text": text,
                "cut": f"… the first {_LONGEST:,} of {len(record.text):,} characters"
                if len(record.text) > _LONGEST
                else "",
                "why": _why(session, item),
                "label": record.label,
                "color": color.get(record.label or "", UNLABELLED_COLOR),
                "by": GIVEN.get(record.source or "", record.source),
                "fields": list(extra_fields(project, record).items())[:6],
                "guess": None
                if label is None or guess is None
                else {
                    "id": label.id,
                    "name": label.name,
                    "color": label.color,
                    "sure": round(float(guess[1][item.row]), 3),
                },
            }
        )
    return sent


def _why(session: SessionRow, item: SessionItem) -> str:
    """Say why this record comes at this place."""
    if item.cosine is not None:
        under = session.origin.get("embedding")
        return f"rank {item.position + 1:,}, cosine {cosine_text(item.cosine)}" + (
            f" under {under}" if under else ""
        )
    return {
        "shape": "from a shape on the map",
        "random": "drawn at random",
        "uncertain": "one the model was least sure of",
    }.get(session.kind, "")
