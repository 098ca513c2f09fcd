"""Find a record: by words, by meaning, by id, at random, or the next without a label."""

from __future__ import annotations

import random
from collections.abc import Callable

import streamlit as st

from embtune.errors import EmbtuneError
from embtune.project import Project
from pages.shared.layout import plain
from pages.shared.record_list import Line, record_list

_PLACES = {
    "words": "Words that its text contains",
    "meaning": "What it is about, in your own words",
    "id": "The first characters of its id",
}
_MOST = 50
_SHOWN = 8


def finder(project: Project, current: int | None, choose: Callable[[int], None]) -> bool:
    """Draw the search box with its results, and tell if there are any.

    `choose(row)` is called with what was picked.
    """
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        box = st.empty()
        way = st.segmented_control(
            "Find by",
            list(_PLACES),
            default="words",
            key="neighbors_how",
            required=True,
            label_visibility="collapsed",
            width="content",
        )
        query = box.text_input(
            "Find a record",
            key="neighbors_query",
            placeholder=_PLACES[way or "words"],
            icon=":material/search:",
            label_visibility="collapsed",
            on_change=_reopen,
        ).strip()
        st.button("Random", key="neighbors_random", on_click=_random, args=(project, choose))
        st.button("Next unlabelled", key="neighbors_next", on_click=_next, args=(project, current, choose))
    if note := st.session_state.pop("neighbors_note", None):
        st.info(note)
    return bool(query) and _results(project, way or "words", query, choose)


def _results(project: Project, way: str, query: str, choose: Callable[[int], None]) -> bool:
    if st.session_state.get("neighbors_folded") == (way, query):
        st.button(
            f"Show what “{plain(query[:60])}” found",
            key="neighbors_unfold",
            type="tertiary",
            icon=":material/expand_more:",
            on_click=_reopen,
        )
        return False
    try:
        found = _search(project, way, query)
    except EmbtuneError as error:
        st.error(plain(str(error)), icon=":material/error:")
        return False
    if not found:
        st.info(_nothing(way, query))
        return False

    showing = st.session_state.get("neighbors_showing", _SHOWN)
    records = project.records([row for row, _ in found[:showing]])
    count = f"the first {_MOST}" if len(found) == _MOST and way != "meaning" else f"{len(found):,}"
    with st.container(border=True):
        st.caption(
            f"The {len(found)} nearest in meaning · pick one"
            if way == "meaning"
            else f"{count} found · pick one"
        )
        record_list(
            "neighbors_results",
            project,
            [
                Line(record, cosine=cosine)
                for record, (_, cosine) in zip(records, found[:showing], strict=True)
            ],
            on_open=choose,
        )
        if len(found) > showing:
            st.button(
                f"Show all {len(found)}",
                key="neighbors_more",
                type="tertiary",
                on_click=lambda: st.session_state.update(neighbors_showing=_MOST),
            )
    return True


def _search(project: Project, way: str, query: str) -> list[tuple[int, float | None]]:
    """Return (row, cosine) of what was found; the same question is asked only once."""
    asked = (project.id, way, query, project.n_records, project.active_embedding)
    known = st.session_state.get("neighbors_found")
    if known is not None and known[0] == asked:
        return known[1]
    found: list[tuple[int, float | None]]
    if way == "meaning":
        with st.spinner(
            "Reading your words (the model loads once, which takes some seconds)", show_time=True
        ):
            near = project.search_by_meaning(query, k=min(_MOST, 24), embedding="active")
        found = [(one.record.row, one.cosine) for one in near]
    elif way == "id":
        found = [(record.row, None) for record in project.search_ids(query, limit=_MOST)]
    else:
        found = [(record.row, None) for record in project.search(query, limit=_MOST)]
    st.session_state["neighbors_found"] = (asked, found)
    return found


def _nothing(way: str, query: str) -> str:
    shown = plain(query[:80])
    if way == "id":
        return f"No record's id begins with “{shown}”."
    return f"No record contains “{shown}”. Try fewer words, or search by meaning."


def fold() -> None:
    """Put the results away: something was chosen."""
    way, query = st.session_state.get("neighbors_how"), st.session_state.get("neighbors_query")
    if query:
        st.session_state["neighbors_folded"] = (way, query.strip())


def _reopen() -> None:
    st.session_state.pop("neighbors_folded", None)
    st.session_state.pop("neighbors_showing", None)


def _random(project: Project, choose: Callable[[int], None]) -> None:
    choose(random.randrange(project.n_records))


def _next(project: Project, current: int | None, choose: Callable[[int], None]) -> None:
    row = project.next_unlabelled(-1 if current is None else current)
    if row is None:
        st.session_state["neighbors_note"] = "Every record has an answer."
    else:
        choose(row)
