"""All records as a table: search, filter, sort, and label in place without losing the place."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from embtune.errors import EmbtuneError
from embtune.project import Project
from pages.shared.check_predictions import accept_page
from pages.shared.layout import plain, told
from pages.shared.records_bulk import AT_ONCE, after_many, bulk_bar, first_label, give, label_dialog
from pages.shared.records_chips import added, filter_chips, without_kind
from pages.shared.records_done import last_done, note_done, undo_last
from pages.shared.records_filter import filter_popover
from pages.shared.records_slices import slices_popover
from pages.shared.records_state import (
    SIZES,
    WAYS,
    Shown,
    View,
    by_meaning,
    change,
    current_view,
    keep_address,
    refresh,
    select,
    selected,
    shown_rows,
)
from pages.shared.records_table import Table, label_names, records_table
from pages.shared.state import go_to_record, require_project

_PLACES = {
    "keyword": "Words in the text; “in quotes” they stay together",
    "regex": "A regular expression, such as (goal|match)s?",
    "meaning": "What it is about, in your own words",
}
# So that ticking a record does not push the table down where the line would be too long.
_NARROW = """
<style>
  @media (max-width: 1250px) {
    .st-key-records_bulk button:has([data-testid="stIconMaterial"]) p {display: none;}
  }
</style>
"""
_SORTS: dict[str, dict[str, Any] | None] = {
    "in their order": None,
    "most uncertain first": {"by": "uncertainty"},
    "least confident label first": {"by": "confidence"},
    "most confident label first": {"by": "confidence", "descending": True},
    "last labelled first": {"by": "updated"},
    "by label": {"by": "label"},
    "odd ones first": {"by": "outlier"},
    "typical ones first": {"by": "typical"},
    "at random": {"by": "random", "seed": 0},
}
_NEED_VECTORS = {"most uncertain first", "odd ones first", "typical ones first"}


@st.fragment
def page() -> None:
    """Draw the page; a label given in the table runs only this again."""
    if "records_find" not in st.session_state:
        refresh()  # widgets forget their state while another page is shown: this one was just opened
    view = current_view(project)
    keep_address(project, view)
    embedded = project.find_embedding("raw") is not None
    st.html(_NARROW)
    search(view, embedded)
    try:
        with reading(view):
            shown = shown_rows(project, view)
    except EmbtuneError as error:
        chips(view)
        st.error(plain(str(error)), icon=":material/error:")
        return
    gone = no_longer(view, shown)
    with st.container(key="records_tools"):
        if len(selected()):
            matching = shown.rows if gone is None else shown.rows[~gone]
            bulk_bar(project, view, matching, similar_to, lambda: slices(view, shown.rows))
        else:
            tools(view, shown, embedded)
    chips(view)
    after_many(project)
    if note := st.session_state.pop("records_note", None):
        st.error(note, icon=":material/error:")
    if not len(shown.rows):
        nothing(view)
        return
    first_label(project)
    table(view, shown, gone)


def reading(view: View) -> AbstractContextManager[None]:
    """Say why the first search by meaning takes a moment."""
    if view.by != "meaning" or not view.find.strip():
        return nullcontext()
    return st.spinner("Reading your words (the model loads once, which takes some seconds)", show_time=True)


def search(view: View, embedded: bool) -> None:
    """Draw the heading, the search box and its ways."""
    ways = [way for way in WAYS if embedded or way != "meaning"]
    st.session_state["records_find"] = view.find
    st.session_state["records_by"] = view.by if view.by in ways else ways[0]
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.title("Records", anchor=False, width="content")
        st.text_input(
            "Search",
            key="records_find",
            placeholder=_PLACES[view.by],
            icon=":material/search:",
            label_visibility="collapsed",
            on_change=lambda: change(
                project, find=st.session_state["records_find"], **by_meaning(view, view.by)
            ),
        )
        st.segmented_control(
            "Search by",
            ways,
            key="records_by",
            required=True,
            label_visibility="collapsed",
            width="content",
            on_change=lambda: change(
                project, by=st.session_state["records_by"], **by_meaning(view, st.session_state["records_by"])
            ),
        )


def filtered(chosen: dict[str, Any] | None) -> None:
    """Show what another filter finds."""
    change(project, filter=chosen)


def chips(view: View) -> None:
    """Draw the filter, condition by condition."""
    if view.filter:
        filter_chips("records_chips", view.filter, filtered)


def slices(view: View, rows: NDArray[np.int64]) -> None:
    """Draw the list of slices."""

    def use(name: str) -> None:
        opened = st.session_state.get("records_slices_opened", 0)
        st.session_state["records_slices_opened"] = opened + 1
        change(project, find="", filter={"slice": name}, sort=None)

    slices_popover(project, view, rows, use)


def tools(view: View, shown: Shown, embedded: bool) -> None:
    """Say how many records match; offer filters, slices, an order and a layout."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        n, whole = len(shown.rows), project.n_records
        found = f"**{n:,}** of {whole:,} records" if n < whole else f"**{n:,}** record{'' if n == 1 else 's'}"
        if view.asks_for_similar and view.sort is None:
            found += ", most similar first"
        st.markdown(found, width="content")
        filter_popover(project, view.filter, filtered)
        slices(view, shown.rows)
        st.space("stretch")
        order(view, embedded)
        layout(view)


def no_longer(view: View, shown: Shown) -> NDArray[np.bool_] | None:
    """Tell which of the records shown have stopped to match by what was labelled since; None if unknown."""
    if shown.revision == project.revision or not view.query:
        return np.zeros(len(shown.rows), dtype=np.bool_)
    still = project.still_matching(view.query, shown.rows)
    return None if still is None else ~still


def what_changed(gone: NDArray[np.bool_] | None) -> str:
    """Say what labelling has changed about the result that is shown; "" if nothing."""
    if gone is None:
        return "the predictions may have changed since"
    n = int(gone.sum())
    return f"{n:,} no longer match{'es' if n == 1 else ''}" if n else ""


def order(view: View, embedded: bool) -> None:
    """Choose the order."""
    choices = {name: sort for name, sort in _SORTS.items() if embedded or name not in _NEED_VECTORS}
    if view.asks_for_similar:
        choices = {"most similar first": None, "in their order": {"by": "row"}} | {
            name: sort for name, sort in choices.items() if sort is not None
        }
    for name in project.field_names:
        choices[f"{name} ↑"] = {"by": "field", "name": name}
        choices[f"{name} ↓"] = {"by": "field", "name": name, "descending": True}
    now = next((name for name, sort in choices.items() if sort == view.sort), None)
    if now is None and (view.sort or {}).get("by") == "random":
        now = f"at random, seed {view.sort.get('seed', 0)}" if view.sort else None
    if now is None:
        now = f"by {(view.sort or {}).get('by')}"
    choices.setdefault(now, view.sort)
    st.session_state["records_sort"] = now
    st.selectbox(
        "Order",
        list(choices),
        key="records_sort",
        label_visibility="collapsed",
        width=190,
        on_change=lambda: change(project, sort=choices[st.session_state["records_sort"]]),
    )
    if (view.sort or {}).get("by") == "random":
        st.button(
            "",
            icon=":material/casino:",
            key="records_seed",
            help="Draw another random order",
            on_click=lambda: change(
                project, sort={"by": "random", "seed": int((view.sort or {}).get("seed", 0)) + 1}
            ),
        )


def layout(view: View) -> None:
    """Choose the fields that stand beside the text, and how many records stand on a page."""
    names = project.field_names
    st.session_state["records_columns"] = [name for name in view.columns if name in names]
    st.session_state["records_size"] = view.size
    with st.popover("View", icon=":material/view_column:"):
        if names:
            st.multiselect(
                "Fields beside the text",
                names,
                key="records_columns",
                max_selections=4,
                placeholder="up to four",
                on_change=lambda: change(project, columns=tuple(st.session_state["records_columns"])),
            )
        st.segmented_control(
            "Records on a page",
            SIZES,
            key="records_size",
            required=True,
            on_change=lambda: change(project, size=st.session_state["records_size"]),
        )


def nothing(view: View) -> None:
    """Say that nothing matches, and what to do."""
    with st.container(border=True):
        st.markdown("**No record matches.** Take a filter off, or look for something else.")
        if view.find.strip() and view.by == "keyword":
            st.caption("Fewer words find more; a search by meaning needs no exact words.")
        st.button(
            "Show all records",
            key="records_all",
            icon=":material/restart_alt:",
            on_click=lambda: change(project, find="", filter=None),
        )


def table(view: View, shown: Shown, gone: NDArray[np.bool_] | None) -> None:
    """Draw the page of the table and take what was done in it."""
    last = (len(shown.rows) - 1) // view.size
    at = min(view.page, last)
    first = at * view.size
    rows = shown.rows[first : first + view.size]
    ticked = selected()
    done, can_undo = last_done()
    asked = records_table(
        "records_table",
        project,
        Table(
            rows=rows,
            first=first,
            n=len(shown.rows),
            size=view.size,
            columns=tuple(name for name in view.columns if name in project.field_names),
            query=view.query,
            cosines=project.similarities(view.query, rows),
            gone=frozenset() if gone is None else frozenset(rows[gone[first : first + view.size]].tolist()),
            selected=frozenset(rows[np.isin(rows, ticked)].tolist()),
            n_selected=len(ticked),
            done=done,
            can_undo=can_undo,
            changed=what_changed(gone),
            place=f"{hash(shown.key)} {shown.revision} {at} {view.size}",
        ),
        on_steps=lambda found: take(found, view),
        on_page=lambda page: change(project, page=page),
        on_similar=lambda row: similar_to([row]),
        on_refresh=refresh,
    )
    if asked is not None:
        go_to_record(asked)
        st.switch_page("pages/neighbors.py")
    wanted = st.session_state.pop("records_ask", None)
    if wanted is not None and len(selected()):
        label_dialog(project, view, selected(), wanted)


def take(found: list[dict[str, Any]], view: View) -> None:
    """Take what was done in the table, step by step; what cannot be taken is told above it."""
    names = label_names(project)
    for step in found:
        try:
            _take(project, step, names, view)
        except EmbtuneError as error:
            st.session_state["records_note"] = plain(str(error))


def _take(project: Project, step: dict[str, Any], names: dict[int, str | None], view: View) -> None:
    kind = step["kind"]
    if kind == "select":
        select(np.array(step["rows"], dtype=np.int64), bool(step["on"]))
    elif kind == "bulk":
        if len(selected()) > AT_ONCE:
            st.session_state["records_ask"] = step["label"]
        elif len(selected()) and step["label"] in names:
            give(project, selected(), names[step["label"]], view)
    elif kind == "label" and step["label"] in names:
        note_done(project.label([step["row"]], names[step["label"]]))
    elif kind == "flag":
        note_done(project.flag([step["row"]], bool(step["on"])))
    elif kind == "comment":
        note_done(project.comment(step["row"], str(step["text"])))
    elif kind == "accept":
        accept_page(project, view, step["rows"], step["labels"])
    elif kind == "undo":
        trail = st.session_state.get("records_trail", [])
        page_taken_back = bool(trail) and "accepted" in project.book.action(trail[-1]).detail
        undo_last(project)
        if page_taken_back:
            refresh()  # the page that was accepted comes back


def similar_to(rows: list[int]) -> None:
    """Show what is similar to some records: in place of the search and of another such condition."""
    view = current_view(project)
    to = rows[0] if len(rows) == 1 else rows
    chosen = added(without_kind(view.filter, "similar"), {"similar": {"to": to}})
    change(project, find="", filter=chosen, sort=None)


project = require_project()
with told():
    page()
