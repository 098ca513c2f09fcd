"""The table of records: read, tick, label, flag and comment in place; one element, drawn by the browser."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from embtune.filtering.matches import from_first_match
from embtune.filtering.query import leaves, parse
from embtune.labeling.accepting import MANY, worth_showing
from embtune.labeling.labelset import NONE_COLOR, UNLABELLED_COLOR
from embtune.project import Project, Record
from embtune.work.label_hints import likely_labels
from pages.shared import steps
from pages.shared.chips import colors
from pages.shared.record_list import NONE_ID, cosine_text

_HERE = Path(__file__).parent
FIRST_WAIT = 10.0  # seconds
PAGE_WAIT = 1.0  # for predictions by the labels of the page before
DIGITS = 9
_LONGEST = 20_000
_FIRST_LOOK = 420
_FIRST_TOLD = "records_first_told"
_BUDGET = 600_000  # characters a page of texts may send whole
_LONGEST_FIELD = 160
NONE = "none of these"
_BY = {
    "manual": "by hand",
    "lasso": "by lasso",
    "session": "in a session",
    "import": "imported",
    "heuristic": "by a heuristic",
    "weak supervision": "by weak supervision",
    "model": "by a model",
}

_mount = st.components.v2.component(
    "embtune_records_table",
    html='<div class="records"></div>',
    css=(_HERE / "records_table.css").read_text(encoding="utf-8"),
    js=steps.SCRIPT + (_HERE / "records_table.js").read_text(encoding="utf-8"),
)


@dataclass(frozen=True)
class Table:
    """What the table shows: some rows of `n` found, from place `first` on."""

    rows: NDArray[np.int64]
    first: int
    n: int
    size: int
    columns: tuple[str, ...] = ()
    query: Mapping[str, Any] | None = None
    cosines: NDArray[np.float32] | None = None
    gone: frozenset[int] = frozenset()
    selected: frozenset[int] = frozenset()
    n_selected: int = 0
    done: str = ""
    can_undo: bool = False
    changed: str = ""
    place: str = ""


def records_table(
    key: str,
    project: Project,
    table: Table,
    *,
    on_steps: Callable[[list[dict[str, Any]]], None],
    on_page: Callable[[int], None],
    on_similar: Callable[[int], None],
    on_refresh: Callable[[], None],
) -> int | None:
    """Draw the table; return a row whose neighbours were asked for.

    `on_steps` gets what was done since, in its order: dictionaries with a "kind" of label, flag, comment,
    select, bulk or undo. `on_page` gets a page number from 0, `on_similar` a row; `on_refresh` is called to
    look for the records anew.
    """

    def stepped() -> None:
        found, again = steps.new_steps(key)
        on_steps(not_taken(project, found) if again else found)

    def asked(name: str, then: Callable[[int], None]) -> Callable[[], None]:
        def call() -> None:
            value = st.session_state[key].get(name)
            if value is not None:
                then(int(value))

        return call

    result = _mount(
        key=key,
        data=table_data(project, table) | {"taken": steps.taken(key)},
        on_steps_change=stepped,
        on_page_change=asked("page", on_page),
        on_similar_change=asked("similar", on_similar),
        on_refresh_change=asked("refresh", lambda _: on_refresh()),
        on_neighbors_change=lambda: None,
    )
    return None if result.neighbors is None else int(result.neighbors)


def not_taken(project: Project, found: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return what of some steps has still to be done, where a server before this one may have taken them.

    What is so already is left out. So are ticks and labels for what was ticked, which that server alone knew.
    An undo goes with the step before it.
    """
    standing: list[dict[str, Any]] = []
    for step in found:
        if step["kind"] == "undo":
            del standing[-1:]
        elif step["kind"] in ("label", "flag", "comment", "accept", "bulk"):
            standing.append(step)
    rows = {row for step in standing for row in step.get("rows", [step.get("row")]) if row is not None}
    record_of = {record.row: record for record in project.records(sorted(rows))}
    names = {number: name or NONE for number, name in label_names(project).items()}
    left, later = [], set()  # from the end: what was said of a record last counts
    for step in reversed(standing):
        if step["kind"] == "bulk":
            continue
        if step["kind"] == "accept":
            pairs = [
                (row, label)
                for row, label in zip(step["rows"], step["labels"], strict=True)
                if ("label", row) not in later and record_of[row].label != names.get(label, "")
            ]
            later |= {("label", row) for row in step["rows"]}
            if pairs:
                left.append(step | {"rows": [row for row, _ in pairs], "labels": [one for _, one in pairs]})
            continue
        about = (step["kind"], step["row"])
        if about not in later and not _is_so(project, record_of[step["row"]], step, names):
            left.append(step)
        later.add(about)
    return left[::-1]


def _is_so(project: Project, record: Record, step: Mapping[str, Any], names: Mapping[int, str]) -> bool:
    if step["kind"] == "label":
        return record.label == names.get(step["label"], "")
    if step["kind"] == "flag":
        return record.flagged == bool(step["on"])
    return _comment(project, record) == str(step["text"]).strip()


def _comment(project: Project, record: Record) -> str:
    return next((mark.text for mark in record.comments if mark.annotator == project.annotator), "")


def table_data(project: Project, table: Table) -> dict[str, Any]:
    """Return what the browser is sent: plain values, texts in pieces of which every second one is a match."""
    records = project.records(table.rows)
    color = colors(project)
    cut = project.matches_in(table.query, [record.text[:_LONGEST] for record in records])
    embedded = project.find_embedding("raw") is not None
    names = {label.id: label for label in project.labels}
    many = len(names) > MANY
    # Only where what has no label was asked for: elsewhere one reads, and no key must label a page.
    checking = any(leaf.kind == "label" and leaf.value == (None,) for leaf in leaves(parse(table.query)))
    guesses, likely = (
        _told(project, table, many, keep=checking) if embedded else (None, [[]] * len(table.rows))
    )
    spent, lines = 0, []
    for i, (record, pieces) in enumerate(zip(records, cut, strict=True)):
        first = first_look(pieces)
        whole = None if first == pieces else pieces
        spent += len(record.text)
        if spent > _BUDGET and whole is not None:
            whole = None
        lines.append(
            {
                "row": record.row,
                "id": record.id,
                "no": table.first + i + 1,
                "pieces": first,
                "whole": whole,
                "label": record.label,
                "color": color.get(record.label or "", UNLABELLED_COLOR),
                "by": _given(record),
                "guess": None if guesses is None else _guess(*guesses[i], record, names),
                "likely": likely[i],
                "flagged": record.flagged,
                "comments": [
                    {"by": mark.annotator, "text": mark.text}
                    for mark in record.comments
                    if mark.annotator != project.annotator
                ],
                "mine": _comment(project, record),
                "fields": [_field(record, name) for name in table.columns],
                "cosine": None
                if table.cosines is None or np.isnan(table.cosines[i])
                else cosine_text(float(table.cosines[i])),
                "gone": record.row in table.gone,
                "selected": record.row in table.selected,
            }
        )
    return {
        "lines": lines,
        "labels": [
            *(
                {
                    "id": label.id,
                    "name": label.name,
                    "color": label.color,
                    "key": label.hotkey,
                    "about": label.description,
                }
                for label in project.labels
            ),
            {"id": NONE_ID, "name": NONE, "color": NONE_COLOR, "key": "0", "about": ""},
        ],
        "has_labels": bool(names),
        "many": many,
        "columns": list(table.columns),
        "n": table.n,
        "page": table.first // table.size,
        "n_pages": max(1, -(-table.n // table.size)),
        "n_selected": table.n_selected,
        "done": table.done,
        "can_undo": table.can_undo,
        "changed": table.changed,
        "place": table.place,
        "embedded": embedded,
        "checking": checking,
        "unlabelled_color": UNLABELLED_COLOR,
    }


def first_look(pieces: list[str]) -> list[str]:
    """Return what shows of a text before it is opened: its beginning, or what is around its first match."""
    shown, left = [], _FIRST_LOOK
    for piece in from_first_match(pieces):
        if left <= 0:
            break
        shown.append(piece if len(piece) <= left else piece[:left] + " …")
        left -= len(piece)
    return shown


def _given(record: Record) -> str:
    if record.source is None:
        return ""
    sure = f" {record.confidence:.0%}".replace("%", " %") if record.confidence < 1 else ""
    return f"{_BY.get(record.source, record.source)}{sure}"


def _told(
    project: Project, table: Table, many: bool, *, keep: bool
) -> tuple[list[tuple[int, float]] | None, list[list[int]]]:
    """Return the prediction and the likeliest labels of each line, `keep`: as they were first told.

    Every correction makes a better model, but what was read and found right must not change before it is
    accepted, nor what a digit stands for before it is pressed.
    """
    labelled, rows = project.label_state().labelled, list(table.rows)
    elsewhere = int(labelled.sum() - labelled[rows].sum())  # with labels given there, it is another visit
    about = (project.name, project.task.name, rows, [label.id for label in project.labels], elsewhere)
    kept = st.session_state.get(_FIRST_TOLD)
    if keep and kept is not None and kept[0] == about:
        return kept[1]
    # The first ones take seconds in a server just started, and the page would not draw itself again for them.
    found, is_new = project.recent_predictions("active", wait=FIRST_WAIT), False
    if keep and found is not None:
        found, is_new = project.predictions_within(PAGE_WAIT)
    # Of very many labels, 1 to 9 give those that are likeliest for the line, as in a session.
    likely = likely_labels(project, table.rows, DIGITS) if many else [[] for _ in table.rows]
    if found is None:
        return None, likely
    told = [
        (int(found[0][row]), float(found[1][row])) if row < len(found[0]) else (NONE_ID, 0.0)
        for row in table.rows
    ]
    if is_new:
        st.session_state[_FIRST_TOLD] = (about, (told, likely))
    return told, likely


def _guess(label_id: int, sure: float, record: Record, names: Mapping[int, Any]) -> dict[str, Any] | None:
    label = names.get(label_id)
    if label is None or label.name == record.label:
        return None
    if sure < worth_showing(len(names)):
        return None
    return {"id": label.id, "name": label.name, "color": label.color, "sure": round(100 * sure)}


def _field(record: Record, name: str) -> str:
    value = record.fields.get(name)
    text = "" if value is None else str(value)
    return text if len(text) <= _LONGEST_FIELD else text[: _LONGEST_FIELD - 1] + "…"


def label_names(project: Project) -> dict[int, str | None]:
    """Map what the browser calls a label to its name; None is "none of these"."""
    return {label.id: label.name for label in project.labels} | {NONE_ID: None}
