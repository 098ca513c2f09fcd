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
from pages.shared.heuristic_drafts import NEW, drafts, open_slot, opened_slot
from pages.shared.heuristic_editor import begin, editor, kind_choice
from pages.shared.heuristic_list import ACTED, NOTE, go_if_asked, heuristic_list
from pages.shared.heuristic_lookup_lists import lists_dialog
from pages.shared.heuristic_programs import why_not
from pages.shared.jobs import job_card, last_job, running_job
from pages.shared.layout import empty, plain, title
from pages.shared.state import require_project

YOURS, SUGGESTED = "yours", "suggested"
_VIEW = "heuristics_view"
_JOB = "heuristics"
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
    heuristic_suggestions.go_if_asked()
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
    job = running_job(project, _JOB)
    _header(project, [line.heuristic for line in lines], slot, running=job is not None)
    if note := st.session_state.pop(NOTE, None):
        st.error(note, icon=":material/error:")
    deleted_just_now(project)
    if job is not None:
        job_card(project, job.id, key="heuristics_")
    else:
        _ended(project, known)
    asked = st.session_state.get(_VIEW) == SUGGESTED  # of a shape or a session, say
    if not lines and slot is None and not asked:
        _nothing_yet(project)
        return
    with st.container(key="heuristics_body"):
        left, right = st.columns([3, 2], gap="medium")
    with left:
        _left(project, lines, slot)
    with right:
        if slot is None:
            _nothing_open()
        elif slot == NEW:
            kind_choice(project)
        else:
            editor(project, slot, known.get(slot), running=job is not None)


def _slot(project: Project, known: dict[str, Heuristic]) -> str | None:
    """Return what is open; what the address names and is not there any more is nothing."""
    slot = opened_slot(project)
    kinds = project.heuristics.kinds()
    new = slot is not None and (slot == NEW or slot.removeprefix(f"{NEW}-") in kinds)
    if slot is None or slot in known or new:
        return slot
    open_slot(project, None)
    return None


def _header(project: Project, found: Sequence[Heuristic], slot: str | None, *, running: bool) -> None:
    """Draw the heading, and what can be done with the heuristics together."""
    stale = [one for one in found if _may_run(project, one)]
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
            n = len(stale)
            st.button(
                _run_title(n, waiting=any(not one.current for one in found), running=running),
                key="heuristics_run",
                icon=":material/play_arrow:",
                type="secondary" if writing or not n else "primary",
                disabled=running or not n,
                help=_left_out(project, found),
                on_click=_run,
                args=(project, [one.id for one in stale]),
            )


def _run_title(n: int, *, waiting: bool, running: bool) -> str:
    if running:
        return "Running …"
    if n:
        return f"Run {n:,} heuristic{'' if n == 1 else 's'}"
    return "None to run together" if waiting else "All are up to date"


def _may_run(project: Project, one: Heuristic) -> bool:
    """Tell whether a heuristic runs with the others: not if texts would leave the machine unasked."""
    if one.current or one.state in (QUEUED, RUNNING):
        return False
    return one.asks is None and one.kind != "llm" and why_not(project, one.kind) is None


def _left_out(project: Project, found: Sequence[Heuristic]) -> str | None:
    """Say which of those that are not current do not run with the others, and why."""
    parts = []
    waiting = [one for one in found if not one.current and one.state not in (QUEUED, RUNNING)]
    n_code = sum(one.kind == "code" and why_not(project, "code") is not None for one in waiting)
    n_asking = sum(one.kind == "llm" for one in waiting)
    if n_code:
        parts.append(f"{n_code:,} in Python do not run: code is switched off here.")
    if n_asking:
        parts.append(f"{n_asking:,} that ask a language model are run one by one, from the editor.")
    return " ".join(parts) or None


def _run(project: Project, numbers: list[int]) -> None:
    try:
        project.heuristics.start(numbers)
    except EmbtuneError as error:
        st.session_state[NOTE] = plain(str(error))


def _ended(project: Project, known: dict[str, Heuristic]) -> None:
    """Say that the last run ended badly as a whole, while its heuristics still wait for one."""
    last = last_job(project, _JOB)
    if last is None or last.state not in ("failed", "interrupted"):
        return
    waiting = [known[str(number)] for number in last.parameters.get("which", []) if str(number) in known]
    if any(not one.current for one in waiting):
        why = last.error or "its process ended"
        st.error(
            f"The last run did not end: {plain(why.rstrip('.'))}. Run them again.", icon=":material/error:"
        )


def _left(project: Project, lines: list[Line], slot: str | None) -> None:
    """Draw the list, or what is suggested."""
    views = {YOURS: f"Yours {len(lines):,}", SUGGESTED: "Suggested"}
    kept = st.session_state.get(_VIEW, YOURS)

    def keep() -> None:
        st.session_state[_VIEW] = st.session_state["heuristics_view_choice"]

    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        view = st.segmented_control(
            "Show",
            list(views),
            default=kept,
            required=True,
            key="heuristics_view_choice",
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


def _nothing_open() -> None:
    with st.container(border=True):
        st.markdown(
            "Open a heuristic to change it and to see ten records with what it says of them, or write a "
            "new one."
        )
        st.caption("Click a number in the list to open those records as a session.")


def _nothing_yet(project: Project) -> None:
    """Say what a heuristic is, and offer the three best beginnings."""

    def suggested() -> None:
        st.session_state[_VIEW] = SUGGESTED
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
