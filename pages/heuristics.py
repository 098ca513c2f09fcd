"""Heuristics: write what was noticed as rules, try them on ten records, run them, and judge them."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from embtune.errors import EmbtuneError
from embtune.project import Project
from embtune.store.heuristics import QUEUED, RUNNING
from embtune.work.heuristics import Heuristic, Line
from pages.shared import heuristic_suggestions
from pages.shared.heuristic_bin import deleted_just_now, deleted_ones
from pages.shared.heuristic_drafts import NEW, drafts, keep_drafts, open_slot, opened_slot
from pages.shared.heuristic_editor import begin, editor, go_on, kind_choice
from pages.shared.heuristic_list import ACTED, NOTE, heuristic_list
from pages.shared.heuristic_lookup_lists import lists_dialog
from pages.shared.heuristic_running import JOB, failed, run_button
from pages.shared.heuristic_sessions import go_if_asked
from pages.shared.heuristic_suggestions import SUGGESTED, VIEW, VIEW_CHOICE, YOURS
from pages.shared.jobs import job_card, running_job
from pages.shared.layout import empty, plain, title
from pages.shared.state import require_project

_CSS = """
<style>
  @media (max-width: 1200px) {
    .st-key-heuristics_body > div > [data-testid="stHorizontalBlock"] {flex-wrap: wrap;}
    .st-key-heuristics_body > div > [data-testid="stHorizontalBlock"] > [data-testid="stColumn"] {
      min-width: 100%;}
  }
</style>
"""


def page() -> None:
    """Draw the page."""
    project = require_project()
    st.session_state.pop(ACTED, None)
    go_if_asked()
    if not project.labels:
        title("Heuristics")
        empty(
            "A heuristic votes for a label, and there is no label yet. Add the first ones, and label a few "
            "records: they tell later how often a heuristic is right.",
            to="label_set",
            action="Add labels",
        )
        return
    st.html(_CSS)
    lines = project.heuristics.lines()
    known = {str(line.heuristic.id): line.heuristic for line in lines}
    slot = _slot(project, known)
    try:
        keep_drafts(project)
    except EmbtuneError as error:
        st.session_state[NOTE] = plain(str(error))
    job = running_job(project, JOB)
    found = [line.heuristic for line in lines]
    _header(project, found, slot, running=job is not None)
    if note := st.session_state.pop(NOTE, None):
        st.error(note, icon=":material/error:")
    deleted_just_now(project)
    if job is not None:
        job_card(project, job.id, key="heuristics_")
    else:
        failed(project, found)
    asked = st.session_state.get(VIEW) == SUGGESTED  # of a shape or a session, say
    if not lines and slot is None and not asked:
        _nothing_yet(project)
        return
    with st.container(key="heuristics_body"):
        left, right = st.columns([3, 2], gap="medium")
    with left:
        _left(project, lines, slot)
    with right:
        if slot is None:
            _nothing_open(project)
        elif slot == NEW:
            kind_choice(project)
        else:
            editor(project, slot, known.get(slot), running=job is not None)


def _slot(project: Project, known: dict[str, Heuristic]) -> str | None:
    """Return what is open; what the address names and is not there any more is nothing."""
    slot = opened_slot(project)
    kinds = project.heuristics.kinds()
    begun = drafts(project)
    new = slot is not None and (slot == NEW or slot.removeprefix(f"{NEW}-") in kinds or slot in begun)
    if slot is None or slot in known or new:
        return slot
    open_slot(project, None)
    return None


def _header(project: Project, found: Sequence[Heuristic], slot: str | None, *, running: bool) -> None:
    """Draw the heading, and what can be done with the heuristics together."""
    writing = slot is not None and slot in drafts(project) and drafts(project)[slot].changed
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        with st.container(width="stretch"):
            title("Heuristics", "What you noticed, as rules that vote on every record.")
        if st.button("Look-up lists", key="heuristics_lists", icon=":material/list_alt:"):
            known = project.lookup_lists.all()
            lists_dialog(project, known[0].id if known else None)
        st.button(
            "New heuristic",
            key="heuristics_new",
            icon=":material/add:",
            on_click=open_slot,
            args=(project, NEW),
            disabled=slot == NEW,
        )
        if found:
            run_button(project, found, running=running, primary=not writing)


def _left(project: Project, lines: list[Line], slot: str | None) -> None:
    """Draw the list, or what is suggested."""
    views = {YOURS: f"Yours {len(lines):,}", SUGGESTED: "Suggested"}
    kept = st.session_state.get(VIEW, YOURS)

    def keep() -> None:
        heuristic_suggestions.show(st.session_state[VIEW_CHOICE])

    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        view = st.segmented_control(
            "Show",
            list(views),
            default=None if VIEW_CHOICE in st.session_state else kept,
            required=True,
            key=VIEW_CHOICE,
            format_func=views.get,
            label_visibility="collapsed",
            width="content",
            on_change=keep,
        )
        st.space("stretch")
        deleted_ones(project)
    if view == SUGGESTED:
        heuristic_suggestions.suggestions(project)
        return
    if not lines:
        st.caption("None is saved yet.")
        return
    if any(line.heuristic.state in (QUEUED, RUNNING) for line in lines):
        _live(project)
    else:
        heuristic_list(project, lines, slot)
    n = sum(line.heuristic.selected for line in lines)
    state = project.label_state()
    labelled = int((state.manual & state.labelled).sum())
    but = ""
    if any(line.suggested is not None for line in lines):
        but = "; of a suggested one, only against labels kept aside or given since"
    st.caption(
        f"{n:,} of {len(lines):,} ticked for weak supervision. Precision is measured against the "
        f"{labelled:,} manual label{'' if labelled == 1 else 's'}{but}."
    )
    if not labelled:
        st.button(
            "Label typical records to know how often they are right",
            key="heuristics_label_some",
            icon=":material/keyboard:",
            type="tertiary",
            on_click=heuristic_suggestions.label_typical,
            args=(project,),
        )


@st.fragment(run_every=1.0)
def _live(project: Project) -> None:
    """Draw the list while some of it runs; what is done in it is the whole page's matter."""
    if st.session_state.pop(ACTED, False):
        st.rerun()
    heuristic_list(project, project.heuristics.lines(), opened_slot(project))


def _nothing_open(project: Project) -> None:
    with st.container(border=True):
        st.markdown(
            "Open a heuristic to change it and to see ten records with what it says of them, or write a "
            "new one."
        )
        st.caption("Click a number in the list to open those records as a session.")
        go_on(project)


def _nothing_yet(project: Project) -> None:
    """Say what a heuristic is, and offer the three best beginnings."""

    def suggested() -> None:
        st.session_state[VIEW] = SUGGESTED
        open_slot(project, NEW)

    with st.container(border=True, width=780):
        st.markdown(
            "A heuristic is a rule that votes for a label on every record it fits, and says nothing of the "
            "others: "
            "a text with “striker” or “penalty” is about Sports. Several that are each right most of the "
            "time "
            "become labels for the whole corpus, with a confidence."
        )
        with st.container(horizontal=True, gap="small"):
            st.button(
                "Write a look-up list",
                key="heuristics_first_lookup",
                icon=":material/list_alt:",
                type="primary",
                on_click=begin,
                args=(project, "lookup"),
            )
            st.button(
                "See suggested ones",
                key="heuristics_first_suggested",
                icon=":material/tips_and_updates:",
                on_click=suggested,
            )
            st.button(
                "Train an active learner",
                key="heuristics_first_learner",
                icon=":material/school:",
                on_click=begin,
                args=(project, "learner"),
            )
        go_on(project)
        state = project.label_state()
        if not (state.manual & state.labelled).any():
            st.caption(
                "There is no manual label yet. They tell how often a heuristic is right, and suggestions "
                "and the "
                "active learner learn from them."
            )
            st.button(
                "Label typical records first",
                key="heuristics_typical_first",
                icon=":material/keyboard:",
                type="tertiary",
                on_click=heuristic_suggestions.label_typical,
                args=(project,),
            )
    deleted_ones(project)


page()
