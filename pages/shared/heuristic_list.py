"""The heuristics with their numbers: tick, open, or click a number to open its records as a session."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from embtune.errors import EmbtuneError
from embtune.heuristics.base import ABSTAIN
from embtune.labeling.labelset import NONE_COLOR
from embtune.project import Project
from embtune.work.heuristics import Heuristic, Line
from pages.shared import steps
from pages.shared.chips import colors
from pages.shared.heuristic_drafts import drafts, open_slot
from pages.shared.heuristic_sessions import open_records
from pages.shared.layout import plain

KEY = "heuristics_list"
NOTE = "heuristics_note"
ACTED = "heuristics_acted"
_SHOWN_LABELS = 3
_HERE = Path(__file__).parent
_MEANS = {
    "hits": "votes of",
    "overlaps": "where others vote, too:",
    "conflicts": "where others vote otherwise:",
    "adds": "where no other votes:",
    "known": "checked against manual labels:",
}

_mount = st.components.v2.component(
    "embtune_heuristic_list",
    html='<div class="heuristics"></div>',
    css=(_HERE / "heuristic_list.css").read_text(encoding="utf-8"),
    js=steps.SCRIPT + (_HERE / "heuristic_list.js").read_text(encoding="utf-8"),
)


def heuristic_list(project: Project, lines: Sequence[Line], opened: str | None) -> None:
    """Draw the list; what is done in it is taken before the page runs again."""

    def stepped() -> None:
        st.session_state[ACTED] = True
        for step in steps.new_steps(KEY)[0]:
            try:
                _take(project, step)
            except EmbtuneError as error:
                st.session_state[NOTE] = plain(str(error))

    unsaved = {one.number for one in drafts(project).values() if one.changed}
    data = list_data(project, lines, unsaved)
    data["open"] = int(opened) if opened and opened.isdecimal() else None
    data["taken"] = steps.taken(KEY)
    _mount(key=KEY, data=data, on_steps_change=stepped)


def list_data(project: Project, lines: Sequence[Line], unsaved: Collection[int | None]) -> dict[str, Any]:
    """Return what the browser is sent: plain values."""
    color = colors(project)
    kinds = {name: kind.title for name, kind in project.heuristics.kinds().items()}
    return {
        "lines": [
            {
                "id": line.heuristic.id,
                "name": line.heuristic.name,
                "says": line.heuristic.says,
                "kind": kinds.get(line.heuristic.kind, line.heuristic.kind),
                "labels": _chips(project, line, color),
                "state": line.heuristic.state,
                "why": line.heuristic.why,
                "selected": line.heuristic.selected,
                "unsaved": line.heuristic.id in unsaved,
                "numbers": _numbers(line),
                "suggested": None if line.suggested is None else asdict(line.suggested),
            }
            for line in lines
        ]
    }


def _chips(project: Project, line: Line, color: dict[str, str]) -> list[dict[str, str]]:
    """Return the labels it votes for: those it can, else those it did."""
    names = list(line.heuristic.labels)
    if not names and line.numbers is not None:
        by_number = {label.id: label.name for label in project.labels}
        names = [by_number[number] for number in line.numbers.by_label if number in by_number]
    chips = [{"name": name, "color": color.get(name, NONE_COLOR)} for name in names[:_SHOWN_LABELS]]
    if len(names) > _SHOWN_LABELS:
        chips.append({"name": f"{len(names) - _SHOWN_LABELS:,} more", "color": NONE_COLOR})
    return chips


def _numbers(line: Line) -> dict[str, Any] | None:
    found = line.numbers
    if found is None:
        return None
    low, high = found.interval
    return {
        "precision": found.precision,
        "low": low if found.n_known else None,
        "high": high,
        "known": found.n_known,
        "right": found.n_right,
        "hits": found.hits,
        "coverage": found.coverage,
        "overlaps": found.overlaps,
        "conflicts": found.conflicts,
        "adds": found.adds,
    }


def _take(project: Project, step: dict[str, Any]) -> None:
    number = int(step["id"])
    if step["kind"] == "select":
        project.heuristics.select({number: bool(step["on"])})
    elif step["kind"] == "open":
        open_slot(project, str(number))
    elif step["kind"] == "records" and step["what"] in _MEANS:
        _open_number(project, number, step["what"])


def _open_number(project: Project, number: int, what: str) -> None:
    """Open the records behind a heuristic's number."""
    found = project.heuristics.get(number)
    rows = project.heuristics.rows(number, what)
    if what == "known":  # wrong ones first
        wrong = project.heuristics.rows(number, "wrong")
        rows = np.concatenate([wrong, np.setdiff1d(rows, wrong)])
    name = f"{_MEANS[what]} {found.name}"
    open_records(
        project,
        rows,
        f"{name[:1].upper()}{name[1:]}",
        origin={"heuristic": number, "what": what, "run": found.run.id if found.run else None},
        why=lambda: _why(project, found, what, rows),
    )


def _why(project: Project, found: Heuristic, what: str, rows: NDArray[np.int64]) -> list[str]:
    """Say of each record what was voted; what others voted, or what people said, where it is about that."""
    names = {label.id: label.name for label in project.labels}
    matrix = project.heuristics.votes()
    own = next(i for i, one in enumerate(matrix.heuristics) if one.id == found.id)
    lines = []
    labels = project.label_state().label_ids[rows]
    for votes, sure, label in zip(matrix.labels[rows], matrix.confidence[rows, own], labels, strict=True):
        said = f"{found.name} votes {names.get(int(votes[own]), 'a label that is gone')}"
        if sure < 1:
            said += f", {sure:.0%} sure"
        if what == "known":
            right = "right" if votes[own] == label else f"wrong: it is labelled {names.get(int(label), '?')}"
            said += f"; {right}"
        elif what in ("overlaps", "conflicts"):
            left_out = (ABSTAIN, votes[own]) if what == "conflicts" else (ABSTAIN,)
            others = [
                f"{one.name} {names.get(int(vote), '?')}"
                for one, vote in zip(matrix.heuristics, votes, strict=True)
                if one.id != found.id and vote not in left_out
            ]
            said += "".join(f"; {other}" for other in others[:3]) + (" …" if len(others) > 3 else "")
        lines.append(said)
    return lines
