"""Heuristics that the manual labels speak for, ranked; one click makes a draft of one."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from embtune.errors import EmbtuneError, TooFewLabelsError
from embtune.project import Project
from pages.shared import heuristic_apart
from pages.shared.chips import label_chip
from pages.shared.heuristic_drafts import open_slot
from pages.shared.heuristic_sessions import go_to_session
from pages.shared.layout import plain

if TYPE_CHECKING:
    from embtune.heuristics.suggesting import Suggestion

NOTE = "heuristics_note"
YOURS, SUGGESTED = "yours", "suggested"
VIEW, VIEW_CHOICE = "heuristics_view", "heuristics_view_choice"
_SHOWN = 12
_FOUND, _MADE, _TAKEN = (f"heuristics_suggested_{name}" for name in ("found", "made", "taken"))
_CSS = """
<style>
  .suggested {line-height: 1.4; font-size: .95em; overflow-wrap: anywhere;}
  .suggested b {font-weight: 600;}
  .suggested .figures {font-size: .88em; opacity: .8; font-variant-numeric: tabular-nums;}
</style>
"""


def suggestions(project: Project) -> None:
    """Draw the suggestions of one label, of all, or of what sets a slice apart."""
    names = [label.name for label in project.labels]
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        label = st.selectbox(
            "For the label", names, None, key="heuristics_suggest_label", placeholder="All labels", width=220
        )
        within = heuristic_apart.choose(project)
    try:
        found = _found(project, label, within)
    except TooFewLabelsError as error:
        _not_yet(project, str(error))
        return
    except EmbtuneError as error:
        st.error(plain(str(error)), icon=":material/error:")
        return
    if not found:
        st.markdown(
            "The labels speak for nothing that holds up on labels it was not found on. More labels help, "
            "above "
            "all of the rarer classes."
        )
        return
    st.html(_CSS)
    if not any(one.label in {each.id for each in project.labels} for one in found):
        st.info(
            "None of these records has a label yet. Choose above which label they stand for, then any of "
            "these can become a draft. How often they are right shows once records are labelled.",
            icon=":material/label:",
        )
    st.caption(
        "Precision is measured on manual labels that a suggestion was not found on, with a 95 % interval. "
        "*Adds* counts records that no heuristic of yours votes on."
    )
    shown = st.session_state.get("heuristics_suggest_shown", _SHOWN)
    made = st.session_state.get(_MADE, {}).get(project.id, {})
    with st.container(gap="xsmall"):
        for place, one in enumerate(found[:shown]):
            _line(project, place, one, made.get(_identity(one)))
    if len(found) > shown:
        st.button(
            f"Show {len(found) - shown:,} more",
            key="heuristics_suggest_more",
            type="tertiary",
            on_click=lambda: st.session_state.update(heuristics_suggest_shown=shown + 30),
        )


def show(view: str) -> None:
    """Show the list, or what is suggested, from now on."""
    st.session_state[VIEW] = st.session_state[VIEW_CHOICE] = view
    st.session_state.pop(_TAKEN, None)


def done_with_one() -> None:
    """Go back to the list once what was taken is saved or runs; who took several goes on choosing."""
    if st.session_state.get(VIEW) == SUGGESTED and st.session_state.get(_TAKEN, 0) < 2:
        show(YOURS)


def _not_yet(project: Project, missing: str) -> None:
    """Say what is missing, and offer the records to label first."""
    with st.container(border=True):
        st.markdown(
            f"{plain(missing)} They come from the words that records of one label share and others do not."
        )
        st.button(
            "Label typical records",
            key="heuristics_typical",
            icon=":material/keyboard:",
            on_click=label_typical,
            args=(project,),
        )


def label_typical(project: Project) -> None:
    """Open a session of typical records."""
    try:
        go_to_session(project.sessions_book.create_of("typical", n=min(50, project.n_records)))
    except EmbtuneError as error:
        st.session_state[NOTE] = plain(str(error))


def _found(
    project: Project, label: str | None, within: tuple[str, NDArray[np.int64]] | None
) -> list[Suggestion]:
    """Return the suggestions, found anew once labels or heuristics have changed."""
    votes = tuple(one.run.file for one in project.heuristics.all() if one.run is not None)
    rows = None if within is None else within[1]
    which = None if rows is None else (len(rows), hash(rows.tobytes()))
    asked = (project.id, project.task.id, project.revision, votes, label, which)
    kept: dict[str, Any] = st.session_state.setdefault(_FOUND, {})
    if kept.get("asked") != asked:
        with st.spinner("Looking for words that tell the labels apart …", show_time=True):
            found = project.heuristics.suggest(label, records=rows)
        # Of all labels together the best come first; of one, its list of terms does, as it is given.
        kept["found"] = found if label or within else sorted(found, key=lambda one: -one.score)
        kept["asked"] = asked
    return kept["found"]


def _line(project: Project, place: int, one: Suggestion, drafted: int | None) -> None:
    """Draw one suggestion with its figures."""
    kind = project.heuristics.kinds()[one.kind].title
    figures = []
    if one.precision is not None and one.n_known:
        figures.append(
            f"<b>{one.precision:.0%}</b> right ({one.low:.0%} to {one.high:.0%}, n {one.n_known:,})".replace(
                "%", " %"
            )
        )
    share = 100 * one.coverage
    figures.append(f"covers {share:.{1 if share < 10 else 0}f} % ({one.hits:,})")
    figures.append(f"adds {one.adds:,}")
    names = {label.id: label.name for label in project.labels}
    name = names.get(one.label) if isinstance(one.label, int) else one.label
    with st.container(horizontal=True, vertical_alignment="center", gap="small", wrap=False):
        st.html(
            f'<div class="suggested">{label_chip(project, name)} <b>{escape(one.shown)}</b> '
            f'<span class="quiet">{escape(kind)}</span><div class="figures">{" · ".join(figures)}</div>'
            f'<div class="quiet">{escape(one.why)}</div></div>',
            width="stretch",
        )
        still = drafted is not None and any(found.id == drafted for found in project.heuristics.all())
        st.button(
            "Open" if still else "Make a draft",
            key=f"heuristics_draft_{place}_{_identity(one)}",
            type="tertiary" if still else "secondary",
            disabled=name is None,
            help="Choose the label they stand for above." if name is None else None,
            on_click=_open if still else _accept,
            args=(project, drafted) if still else (project, one),
            width=125,
        )


def _open(project: Project, number: int) -> None:
    open_slot(project, str(number))


def _accept(project: Project, one: Suggestion) -> None:
    try:
        made = project.heuristics.accept(one)
    except EmbtuneError as error:
        st.session_state[NOTE] = plain(str(error))
        return
    st.session_state.setdefault(_MADE, {}).setdefault(project.id, {})[_identity(one)] = made.id
    st.session_state[_TAKEN] = st.session_state.get(_TAKEN, 0) + 1
    open_slot(project, str(made.id))
    st.toast(f"Made the draft {plain(made.name)}", icon=":material/edit_note:")


def _identity(one: Suggestion) -> str:
    """Name a suggestion by what it is."""
    import zlib

    return f"{zlib.crc32(repr((one.kind, one.config)).encode()):x}"
