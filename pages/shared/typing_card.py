"""One record at a time: its text, the labels under their keys, and the last answers, in one element."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import streamlit as st

from embtune.errors import EmbtuneError
from embtune.labeling.labelset import HOTKEYS, NONE_COLOR, UNLABELLED_COLOR
from embtune.labeling.sessions import Step
from embtune.project import Project, Record
from embtune.store.sessions import SessionItem, SessionRow
from pages.shared import steps
from pages.shared.chips import colors
from pages.shared.layout import plain
from pages.shared.record_card import GIVEN, extra_fields
from pages.shared.record_list import NONE_ID, cosine_text

AHEAD = 50
MANY = 20
"""With more labels than these, 1 to 9 give the likeliest ones, and the others are found by name."""

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


def typing_card(project: Project, session: SessionRow, *, on_neighbors: Callable[[int], None]) -> bool:
    """Draw the record at the cursor; every key is in the database in the order it was struck.

    `on_neighbors(row)` is called for the record whose neighbours were asked for. Returns whether the model's
    guesses are still on their way.
    """
    key = f"session_card_{session.id}"

    def stepped() -> None:
        found, again = steps.new_steps(key)
        names = {label.id: label.name for label in project.labels}  # as they are now, not as they were drawn
        take(project, session.id, found, names, again=again)

    data = card_data(project, session) | {"taken": steps.taken(key)}
    result = _mount(key=key, data=data, on_steps_change=stepped, on_neighbors_change=lambda: None)
    if result.neighbors is not None:
        on_neighbors(int(result.neighbors))
    return bool(data["waiting"])


def take(
    project: Project, session_id: int, found: Sequence[dict[str, Any]], names: dict[int, str], *, again: bool
) -> None:
    """Take what the browser sent; what cannot be taken is told on the page."""
    try:
        project.sessions_book.take(session_id, [_step(one, names) for one in found], again=again)
    except EmbtuneError as error:
        st.session_state["session_note"] = plain(str(error))


def _step(sent: dict[str, Any], names: dict[int, str]) -> Step:
    """Read one step."""
    label_id = sent.get("label")
    new = bool(sent.get("new"))
    meant = sent["kind"] in ("label", "hotkey") and not new and label_id != NONE_ID
    predicted = sent.get("predicted")
    return Step(
        sent["kind"],
        int(sent.get("to", sent["position"])),
        str(sent.get("name", "")) if new else names.get(label_id) if label_id is not None else None,
        new=new,
        on=bool(sent.get("on", True)),
        text=str(sent.get("text", "")),
        gone=meant and label_id not in names,
        predicted=None if predicted is None else (int(predicted), float(sent.get("sure", 0.0))),
    )


def card_data(project: Project, session: SessionRow) -> dict[str, Any]:
    """Return what the browser is sent: the record at the cursor, the next ones, and the last ten."""
    items = project.sessions_book.upcoming(session.id, AHEAD)
    before = project.sessions_book.items(session.id, max(0, session.cursor - _LAST), session.cursor)
    records = project.records([item.row for item in [*items, *before]])
    color = colors(project)
    ahead, waiting = _ahead(project, session, items, records)
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
        "items": ahead,
        "waiting": waiting,
        "past": [
            {
                "position": item.position,
                "state": item.state,
                "label": label,
                "color": color.get(label or "", UNLABELLED_COLOR),
            }
            for item, record in zip(before, records[len(items) :], strict=True)
            for label in [_shown_label(session, item, record)]
        ],
        "labels": [*labels, none],
        "many": len(labels) > MANY,
        "keys": HOTKEYS,
        "none_id": NONE_ID,
        "unlabelled_color": UNLABELLED_COLOR,
    }


def _shown_label(session: SessionRow, item: SessionItem, record: Record) -> str | None:
    """Return the label in force, unless an answer is to be given without it."""
    alone = session.origin.get("blind") or session.origin.get("arbitrate")
    return None if alone and item.state != "labelled" else record.label


def _ahead(
    project: Project, session: SessionRow, items: Sequence[SessionItem], records: Sequence[Record]
) -> tuple[list[dict[str, Any]], bool]:
    blind = bool(session.origin.get("blind"))
    sent, spent = [], 0
    for item, record in zip(items, records, strict=False):
        if len(sent) >= 2 and spent > _BUDGET:
            break
        spent += min(len(record.text), _LONGEST)
        sent.append((item, record))
    rows = [item.row for item, _ in sent]
    hints = None
    if not blind:
        first = st.session_state.get("session_hinted") != session.id
        st.session_state["session_hinted"] = session.id
        n_likely = 9 if len(project.labels) > MANY else 0
        hints = project.label_hints(rows, n_likely=n_likely, wait=2.0 if first else 0.0)
    said = project.answers_on(rows) if session.origin.get("arbitrate") else None
    color, template = colors(project), project.info.template or ""
    found = []
    for i, (item, record) in enumerate(sent):
        label = _shown_label(session, item, record)
        guess = hints.guesses[i] if hints else None
        mine = [one.text for one in record.comments if one.annotator == project.annotator]
        found.append(
            {
                "position": item.position,
                "row": item.row,
                "state": item.state,
                "text": record.text[:_LONGEST],
                "cut": f"… the first {_LONGEST:,} of {len(record.text):,} characters"
                if len(record.text) > _LONGEST
                else "",
                "why": "" if said else item.why or _why(session, item),
                "label": label,
                "color": color.get(label or "", UNLABELLED_COLOR),
                "by": GIVEN.get(record.source or "", record.source),
                "flagged": record.flagged,
                "comment": mine[0] if mine else "",
                "comments": [
                    {"by": one.annotator, "text": one.text}
                    for one in record.comments
                    if one.annotator != project.annotator
                ],
                "fields": list(extra_fields(project, record, template=template).items())[:6],
                "guess": None
                if guess is None
                else {
                    "id": guess.label_id,
                    "name": guess.label,
                    "color": color.get(guess.label, UNLABELLED_COLOR),
                    "sure": round(guess.confidence, 3),
                },
                "near": hints.nearest[i] if hints else "",
                "likely": hints.likely[i] if hints else [],
                "answers": [
                    {"who": who, "name": name, "color": color.get(name, UNLABELLED_COLOR)}
                    for who, name in said[i].answers.items()
                ]
                if said
                else [],
            }
        )
    return found, hints is not None and hints.waiting


def _why(session: SessionRow, item: SessionItem) -> str:
    """Say why this record comes at this place, where its session was made without saying so."""
    if item.cosine is not None:
        under = session.origin.get("embedding")
        return f"rank {item.position + 1:,}, cosine {cosine_text(item.cosine)}" + (
            f" under {under}" if under else ""
        )
    return "from a shape on the map" if session.kind == "shape" else ""
