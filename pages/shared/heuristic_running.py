"""Running heuristics together: the button, and what is offered of those that failed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from embtune.errors import EmbtuneError
from embtune.project import Project
from embtune.store.heuristics import FAILED, QUEUED, RUNNING
from embtune.work.heuristics import Heuristic
from pages.shared.heuristic_drafts import open_slot
from pages.shared.heuristic_list import NOTE
from pages.shared.heuristic_programs import why_not
from pages.shared.jobs import last_job
from pages.shared.layout import plain

JOB = "heuristics"


def run_button(project: Project, found: Sequence[Heuristic], *, running: bool, primary: bool) -> None:
    """Draw the button that runs what is new or outdated; those that failed have one of their own."""
    stale = [one for one in found if one.state != FAILED and _may_run(project, one)]
    n = len(stale)
    st.button(
        _run_title(n, waiting=any(not one.current for one in found), running=running),
        key="heuristics_run",
        icon=":material/play_arrow:",
        type="primary" if primary and n else "secondary",
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


def _ended(project: Project, found: Sequence[Heuristic]) -> None:
    """Say that the last run ended badly as a whole, while its heuristics still wait for one."""
    last = last_job(project, JOB)
    if last is None or last.state not in ("failed", "interrupted"):
        return
    which = last.parameters.get("which", [])
    if any(one.id in which and not one.current for one in found):
        why = last.error or "its process ended"
        st.error(
            f"The last run did not end: {plain(why.rstrip('.'))}. Run them again.", icon=":material/error:"
        )


def failed(project: Project, found: Sequence[Heuristic]) -> None:
    """Say which failed; offer to run them again, or to change those that would fail again."""
    _ended(project, found)
    again = [one for one in found if one.state == FAILED and not one.edit_first and _may_run(project, one)]
    broken = [one for one in found if one.edit_first]
    if again:
        _notice(
            f"{_named(again)} failed{_why(again)}",
            "Run again",
            key="heuristics_run_again",
            icon=":material/replay:",
            on_click=_run,
            args=(project, [one.id for one in again]),
        )
    if broken:
        one = len(broken) == 1
        _notice(
            f"{_named(broken)} cannot run as {'it is' if one else 'they are'} written{_why(broken)}",
            "Edit it" if one else "Edit the first",
            key="heuristics_edit_failed",
            icon=":material/edit:",
            on_click=open_slot,
            args=(project, str(broken[0].id)),
        )


def _notice(said: str, action: str, **button: Any) -> None:
    with st.container(border=True, horizontal=True, vertical_alignment="center", gap="small", wrap=False):
        st.markdown(f":material/error: {said}", width="stretch")
        st.button(action, **button)


def _why(some: Sequence[Heuristic]) -> str:
    """Say why one failed; of several, that the list says it."""
    return f": {plain(some[0].why or '')}" if len(some) == 1 else ". The list says why."


def _named(some: Sequence[Heuristic]) -> str:
    names = [f"**{plain(one.name)}**" for one in some[:2]]
    if len(some) > 2:
        names.append(f"{len(some) - 2:,} more")
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
