"""The records a heuristic was tried on: what it found is marked, a word that is clicked becomes a term."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import streamlit as st

from embtune.errors import EmbtuneError
from embtune.heuristics.base import TEXT
from embtune.labeling.labelset import NONE_COLOR
from embtune.project import Project
from embtune.work.heuristic_runs import Trial, Tried
from pages.shared import steps
from pages.shared.chips import colors
from pages.shared.heuristic_drafts import Draft, lines_in
from pages.shared.heuristic_sessions import switch
from pages.shared.layout import plain
from pages.shared.state import go_to_record

_LONGEST = 4000
_HERE = Path(__file__).parent

_mount = st.components.v2.component(
    "embtune_heuristic_examples",
    html='<div class="examples"></div>',
    css=(_HERE / "heuristic_examples.css").read_text(encoding="utf-8"),
    js=steps.SCRIPT + (_HERE / "heuristic_examples.js").read_text(encoding="utf-8"),
)


def examples(project: Project, draft: Draft, found: Trial) -> None:
    """Draw the records; in a look-up heuristic, a word that is clicked becomes a term."""
    for warning in found.notes.get("warnings", []):
        st.caption(f":material/info: {plain(warning)}")
    if found.notes.get("printed"):
        with st.expander("Printed"):
            st.code(found.notes["printed"], language=None)
    if not found.lines:
        st.caption("None of them.")
        return
    if why := draft.trial.pop("refused", None):
        st.error(why, icon=":material/error:")
    key = f"heuristics_examples_{draft.slot}"
    words = draft.kind == "lookup"
    target = _target(project, draft) if words else None

    def stepped() -> None:
        for step in steps.new_steps(key)[0]:
            try:
                _add_term(project, draft, str(step["term"]), step.get("target"))
            except EmbtuneError as error:
                draft.trial["refused"] = plain(str(error))

    result = _mount(
        key=key,
        data={
            "lines": [_example(project, draft, line) for line in found.lines],
            "words": words,
            "target": target,
            "on_title": "Click to make this word a term; drag over several words for a phrase",
            "off_title": "A term was found here; click to take this word out, if it is one",
            "taken": steps.taken(key),
        },
        on_steps_change=stepped,
        on_open_change=lambda: None,
    )
    if result.open is not None:
        go_to_record(int(result.open))
        switch("neighbors", row=int(result.open))


def _target(project: Project, draft: Draft) -> int:
    """Say where clicked words go: the heuristic's own terms (0), or one of its look-up lists."""
    known = {one.id: one.name for one in project.lookup_lists.all()}
    options = [0, *(number for number in draft.raw.get("lists", ()) if number in known)]
    if done := draft.trial.get("added"):
        _added(project, draft, *done)
    if len(options) == 1:
        st.caption("Click a word to make it a term, or drag over several for a phrase.")
        return 0
    key = f"heuristics_target_{draft.slot}"
    if st.session_state.get(key) not in options:
        st.session_state.pop(key, None)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.html('<span class="quiet">Words you click go to</span>', width="content")
        return st.selectbox(
            "Clicked words go to",
            options,
            key=key,
            format_func=lambda number: f"the list {known[number]}" if number else "its own terms",
            label_visibility="collapsed",
            width=220,
        )


def _added(project: Project, draft: Draft, term: str, number: int, name: str) -> None:
    """Tell which word went to a list, and let that be taken back."""

    def undo() -> None:
        project.lookup_lists.remove_terms(number, [term])
        draft.trial.pop("added", None)

    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.caption(f"Added “{plain(term)}” to the list **{plain(name)}**", width="content")
        st.button("Undo", key=f"heuristics_added_{draft.slot}", type="tertiary", on_click=undo)


def _add_term(project: Project, draft: Draft, term: str, target: int | None) -> None:
    term = " ".join(term.split())
    if target:
        book = project.lookup_lists
        before = book.get(int(target))
        after = book.add_terms(before.id, [term])
        if len(after.terms) > len(before.terms):
            draft.trial["added"] = (term, after.id, after.name)
        return
    own = lines_in(draft.raw["terms"])
    left = [one for one in own if one.casefold() != term.casefold()]
    draft.put(terms="\n".join(left if len(left) < len(own) else [*own, term]))


def _example(project: Project, draft: Draft, line: Tried) -> dict[str, Any]:
    """Return one record as the browser is sent it."""
    color = colors(project)
    marks: dict[str, list[tuple[int, int]]] = {}
    for span in line.spans:
        marks.setdefault(span.field, []).append((span.start, span.end))
    looked = draft.raw.get("fields") or [draft.raw.get("field", TEXT)]
    shown = [name for name in looked if name == TEXT or name in line.fields] or [TEXT]
    if draft.kind == "field" and TEXT not in shown:
        shown.append(TEXT)
    parts = []
    for name in shown:
        value = line.text if name == TEXT else line.fields.get(name)
        parts.append(
            {
                "name": "" if name == TEXT else name,
                "pieces": pieces("" if value is None else str(value), marks.get(name, [])),
            }
        )
    return {
        "row": line.row,
        "id": line.record_id if len(line.record_id) <= 12 else line.record_id[:10],
        "parts": parts,
        "label": line.label,
        "color": color.get(line.label or "", NONE_COLOR) if line.label else None,
        "sure": f"{line.confidence:.0%}" if line.label and line.confidence < 1 else "",
        "manual": line.manual,
        "manual_color": color.get(line.manual or "", NONE_COLOR),
        "right": line.right,
    }


def pieces(text: str, marks: list[tuple[int, int]]) -> list[str]:
    """Cut a text at what was found in it: every second piece, from the second on, is marked."""
    cut = text[:_LONGEST]
    out, at = [], 0
    for start, end in sorted(marks):
        start, end = max(start, at), min(end, len(cut))
        if start < end:
            out += [cut[at:start], cut[start:end]]
            at = end
    return [*out, cut[at:] + ("…" if len(text) > _LONGEST else "")]
