"""What weak supervision is started with: the label model, when it counts as sure, and which records."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st

from embtune.errors import EmbtuneError
from embtune.heuristics.base import ABSTAIN
from embtune.project import Project
from embtune.work.heuristics import Heuristic
from pages.shared.layout import plain
from pages.shared.weak_chosen import forget_shown

JOB = "weak supervision"
NOTE = "weak_note"
THRESHOLD = 0.7


def form(project: Project, *, running: bool) -> None:
    """Draw the choices and the page's one primary button; above it what is missing, if it cannot run."""
    models = project.weak.models()
    chosen = [one for one in project.heuristics.all() if one.selected]
    with st.container(border=True):
        slot = st.container()
        with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
            name = st.selectbox(
                "Label model",
                list(models),
                index=list(models).index(project.weak.default_model())
                if "weak_model" not in st.session_state
                else 0,
                format_func=lambda key: models[key].title,
                key="weak_model",
                bind="query-params",
                width=270,
            )
            model = models[name]
            threshold = st.slider(
                "Sure from",
                0.5,
                0.95,
                THRESHOLD,
                0.05,
                format="%.2f",
                key="weak_threshold",
                bind="query-params",
                width=150,
                help="The confidence from which on the ways to label are compared. Every label is kept with "
                "its confidence; Tune and Export ask again from where on to use them.",
            )
            with st.container(width="content"):
                everywhere = st.toggle(
                    "Also records without a vote",
                    model.vectors,
                    key=f"weak_everywhere_{name}",
                    disabled=not model.vectors,
                    width="content",
                    help="The label model can tell from the vectors what such a record is about."
                    if model.vectors
                    else "This label model knows nothing of a record but its votes.",
                )
                st.space("xxsmall")
            st.space("stretch")
            reason = project.weak.why_not(name)
            n, k = n_to_label(project, chosen, everywhere=everywhere and model.vectors), len(chosen)
            if st.button(
                "Labelling …" if running else _button(n, k, votes=model.votes),
                type="primary",
                key="weak_start",
                disabled=running or reason is not None or not n,
            ):
                start(project, {"model": name, "threshold": threshold, "everywhere": everywhere})
        _about(project)
        if reason is not None and not running:
            with slot:
                _missing(project, reason)


def start(project: Project, options: dict[str, Any]) -> None:
    """Start the job; what is in its way is told above the page."""
    try:
        project.weak.start(**options)
    except EmbtuneError as error:
        st.session_state[NOTE] = plain(str(error))
    else:
        forget_shown()
    st.rerun()


def _leave_out(project: Project) -> None:
    """Untick the heuristics whose votes are not those of now."""
    stale = {one.id: False for one in project.heuristics.all() if one.selected and not one.current}
    project.heuristics.select(stale)


def n_to_label(project: Project, chosen: list[Heuristic], *, everywhere: bool) -> int:
    """Count the records without a person's answer that can get a weak label."""
    free = ~project.label_state().manual
    if not everywhere:
        votes = project.heuristics.votes([one.id for one in chosen]).labels
        free &= (votes != ABSTAIN).any(axis=1)
    return int(np.count_nonzero(free))


def _button(n: int, k: int, *, votes: bool) -> str:
    records = f"Label {n:,} record{'' if n == 1 else 's'}"
    return f"{records} by {k:,} heuristic{'' if k == 1 else 's'}" if votes else f"{records} without votes"


def _about(project: Project) -> None:
    """Say of the chosen model what it does; of all behind a click, with those that cannot run here."""
    models = project.weak.models()
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.caption(models[st.session_state["weak_model"]].about, width="content")
        with st.popover("All label models", type="tertiary", icon=":material/help:"):
            for name, one in models.items():
                missing = project.weak.why_not(name)
                general = missing == project.weak.why_not()
                more = f"  \n:orange[{plain(missing)}]" if missing and not general else ""
                st.markdown(f"**{plain(one.title)}**  \n{plain(one.about)}{more}", width=460)


def _missing(project: Project, reason: str) -> None:
    st.warning(plain(reason), icon=":material/rule:")
    with st.container(horizontal=True, vertical_alignment="center"):
        if "up to date" in reason:
            st.button("Leave them out", key="weak_leave_out", on_click=_leave_out, args=(project,))
        if "embedding" in reason:
            st.page_link("pages/projects.py", label="Embed the records", icon=":material/folder_open:")
        elif "label records" in reason:
            st.page_link("pages/sessions.py", label="Label records", icon=":material/keyboard:")
        elif "at least two" in reason:
            st.page_link("pages/label_set.py", label="Add labels", icon=":material/label:")
        elif "heuristic" in reason:
            st.page_link("pages/heuristics.py", label="Open the heuristics", icon=":material/rule:")
