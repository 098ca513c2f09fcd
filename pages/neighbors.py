"""One record and the records most like it, before and after tuning."""

from __future__ import annotations

import random
from collections.abc import Callable

import streamlit as st

from embtune.errors import EmbtuneError
from embtune.project import Project, Record
from pages.shared.chips import label_buttons, new_label_dialog
from pages.shared.duplicates_dialog import offer_duplicates
from pages.shared.finder import finder, fold
from pages.shared.layout import plain, title, told
from pages.shared.neighbor_columns import (
    PAGE,
    judgement_line,
    neighbor_column,
    training_note,
    tuning_needs,
)
from pages.shared.record_card import record_meta, record_style, record_text, short
from pages.shared.record_list import Judging, Line, record_list
from pages.shared.state import embedding_names, embedding_title, require_project

MOST = 1000


def choose(row: int) -> None:
    """Open a record; the one before it can be gone back to."""
    current = st.session_state.get("neighbors_row")
    if current is not None and current != row:
        st.session_state.setdefault("neighbors_trail", []).append(current)
    st.session_state["neighbors_row"] = int(row)
    st.session_state["neighbors_first"] = 0
    fold()


def go_back() -> None:
    """Open the record that was open before."""
    st.session_state["neighbors_row"] = st.session_state["neighbors_trail"].pop()
    st.session_state["neighbors_first"] = 0


def give(label: str | None, project: Project, row: int) -> None:
    """Label a record."""
    try:
        project.label([row], label)
    except EmbtuneError as error:
        st.session_state["neighbors_note"] = plain(str(error))


def judging(project: Project, row: int) -> Judging:
    """Return how the neighbours of a record are judged."""

    def noted(judge: Callable[..., object]) -> Callable[..., None]:
        def judged(*said: float | None) -> None:
            try:
                judge(*said)
            except EmbtuneError as error:
                st.session_state["neighbors_note"] = plain(str(error))

        return judged

    marks = project.judgement_book.marks(row)
    return Judging(row, marks, noted(project.judge_pair), noted(project.judge_triplet))


def kept(name: str, default: str | int | None, least: int = 0, most: int = 10**9) -> str | int | None:
    """Return a choice of this visit, else of the address, else the default."""
    if f"neighbors_kept_{name}" in st.session_state:
        return st.session_state[f"neighbors_kept_{name}"]
    given = st.query_params.get(name)
    if given is None or not isinstance(default, int):
        return given or default
    return min(max(int(given), least), most) if given.isdecimal() else default


def keep(name: str, value: str | int | None) -> None:
    """Keep a choice for this visit and in the address."""
    st.session_state[f"neighbors_kept_{name}"] = value
    if value is not None and st.query_params.get(name) != str(value):
        st.query_params[name] = str(value)


def current_row(project: Project) -> int | None:
    """Return the record that is open: one sent here, this visit's, or the address's."""
    row = st.session_state.get("neighbors_row")
    if row is None and st.query_params.get("row", "").isdecimal():
        row = int(st.query_params["row"])
    if row is None or row >= project.n_records:
        return None
    st.session_state["neighbors_row"] = row
    st.query_params["row"] = str(row)
    return row


def beginnings(project: Project) -> None:
    """Offer a few records to someone who has not chosen one."""
    if "neighbors_seed" not in st.session_state:
        st.session_state["neighbors_seed"] = random.random()
    drawn = random.Random(st.session_state["neighbors_seed"])
    rows = drawn.sample(range(project.n_records), min(6, project.n_records))
    with st.container(border=True):
        st.markdown("Find a record above to see what is most like it, or begin with one of these.")
        record_list("neighbors_beginnings", project, [Line(r) for r in project.records(rows)], on_open=choose)


def query_card(project: Project, record: Record) -> None:
    """Show the record whose neighbours are below, with its label buttons."""
    with st.container(border=True):
        record_text(record.text)
        record_meta(project, record)
        if project.labels:
            with st.container(horizontal=True, vertical_alignment="center", gap="small"):
                label_buttons(project, "neighbors_label", give, args=(project, record.row))
                new_label(project)
        else:
            st.markdown("There is no label yet: add the first to label records here.")
            new_label(project)
        offer_duplicates(project, record)


def new_label(project: Project) -> None:
    """Offer to add a label."""
    if st.button("New label", key="neighbors_new_label", type="tertiary", icon=":material/add:"):
        new_label_dialog(project)


def comparison(project: Project, record: Record) -> None:
    """Show both neighbourhoods."""
    most = min(MOST, project.n_records - 1)
    versions = [name for name in reversed(embedding_names(project)) if name != "raw"]
    active = project.active_embedding
    versions.sort(key=lambda name: name != active)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.session_state.setdefault("neighbors_k", min(kept("k", PAGE, 5, MOST), max(most, 5)))
        st.html('<span class="quiet">neighbours</span>', width="content")
        k = st.number_input(
            "Neighbours", 5, max(most, 5), step=5, key="neighbors_k", label_visibility="collapsed", width=130
        )
        keep("k", k)
        version = versions[0] if versions else None
        if len(versions) > 1:
            wanted = kept("v", version)
            st.session_state.setdefault("neighbors_v", wanted if wanted in versions else version)
            st.html('<span class="quiet">beside raw</span>', width="content")
            version = st.selectbox(
                "Tuned version",
                versions,
                key="neighbors_v",
                format_func=lambda name: embedding_title(project, name),
                label_visibility="collapsed",
                width=130,
            )
        if version is not None:
            keep("v", version)
        st.space("stretch")
        first = pager(min(k, most))
    raw, tuned = compared(project, record.row, k, version)
    training_note(project, record.row, [side for side in (raw, tuned) if side is not None], first)
    left, right = st.columns(2, gap="medium")
    actions = {
        "first": first,
        "on_open": choose,
        "on_label": lambda row, label: give(label, project, row),
        "judging": judging(project, record.row),
    }
    started = None
    with left:
        started = neighbor_column(project, record, "raw", raw, other=version, **actions)
    with right:
        if tuned is None:
            tuning_needs(project)
        else:
            started = neighbor_column(project, record, version, tuned, other="raw", **actions) or started
    judgement_line(project)
    if started is not None:
        st.session_state["session_open"] = started
        st.switch_page("pages/sessions.py")


def pager(n: int) -> int:
    """Draw "1–25 of 100" with its two buttons where there is more than a page; return the first place."""
    first = min(st.session_state.get("neighbors_first", 0), (n - 1) // PAGE * PAGE)
    if n <= PAGE:
        return 0

    def move(by: int) -> None:
        st.session_state["neighbors_first"] = first + by

    st.html(f'<span class="num">{first + 1:,}–{min(first + PAGE, n):,} of {n:,}</span>', width="content")
    for name, by, icon, off in (
        ("earlier", -PAGE, "chevron_left", first == 0),
        ("later", PAGE, "chevron_right", first + PAGE >= n),
    ):
        st.button(
            "",
            key=f"neighbors_{name}",
            icon=f":material/{icon}:",
            help=f"The {PAGE} {'nearer' if by < 0 else 'farther'}",
            disabled=off,
            on_click=move,
            args=(by,),
        )
    return first


def compared(project: Project, row: int, k: int, version: str | None) -> tuple:
    """Return both neighbourhoods, computed once for a record, k and version."""
    names = ["raw"] if version is None else ["raw", version]
    stamp = (project.id, row, k, *(project.require_embedding(name).file for name in names))
    known = st.session_state.get("neighbors_compared")
    if known is None or known[0] != stamp:
        known = (stamp, project.compare_neighbors(row, k, version))
        st.session_state["neighbors_compared"] = known
    return known[1]


def page() -> None:
    """Draw the page."""
    title("Neighbors")
    project = require_project(embedded=True)
    record_style()
    row = current_row(project)
    found = finder(project, row, choose)
    if row is None:
        if not found:
            beginnings(project)
        return
    record = project.record(row)
    trail = st.session_state.get("neighbors_trail")
    if trail:
        before = short(project.record(trail[-1]).text)
        st.button(
            f"Back to “{plain(before)}”",
            key="neighbors_back",
            type="tertiary",
            icon=":material/arrow_back:",
            on_click=go_back,
        )
    query_card(project, record)
    if project.n_records < 2:
        st.info("A single record has no neighbours. Import more records.")
        return
    with told():
        comparison(project, record)


page()
