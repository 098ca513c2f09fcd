"""Before and after labels are given to many records at once: look first, then undo or spot-check."""

from __future__ import annotations

import time
from collections.abc import Callable
from html import escape

import streamlit as st
from numpy.typing import NDArray

from embtune.labeling.labelset import UNLABELLED_COLOR
from embtune.project import Project
from embtune.work.looking import UNLABELLED_NAME, Look
from pages.shared.chips import colors, label_buttons
from pages.shared.layout import plain, told

_PATIENCE = 6.0  # seconds for the first model; it comes in a fraction of one, mostly
_STEP = 0.1
_N_SPOT = 10
_LONGEST = 130


def look_first(
    project: Project,
    rows: NDArray,
    embedding: str = "active",
    *,
    key: str,
    on_label: Callable[[NDArray, str | None], object],
    on_take_out: Callable[[int], None] | None = None,
    current: Callable[[], bool] = lambda: True,
    title: str = "records inside",
    texts: bool = True,
    beside: Callable[[], None] | None = None,
) -> None:
    """Draw what a selection holds, and the buttons that label it.

    Counts, texts and buttons are there at once; the estimate follows when the quick model is ready.

    Parameters
    ----------
    key
        Begins the keys of all widgets; one such piece a page may use the label hotkeys.
    on_label
        Gives some rows a label (None: "none of these") and returns the action; what comes next is drawn by
        `labelled`.
    on_take_out
        Takes a row out of the selection; without it texts have no ×.
    current
        Tells whether what is drawn is still what is meant: a key for an older drawing labels nothing.
    title
        What follows the count in the heading.
    texts
        Whether to show central, far and uncertain texts.
    beside
        Draws further buttons under those of the labels.
    """
    relabel = bool(st.session_state.get(f"{key}_relabel", False))
    careful = bool(st.session_state.get(f"{key}_sure", False))
    # With the uncertain ones left out, which they are must be known before anything can be labelled.
    look = project.look_first(rows, embedding=embedding, relabel=relabel, wait=_PATIENCE if careful else 0.0)
    careful = careful and look.purity_sure is not None and len(look.uncertain) > 0
    st.markdown(f"### {look.n:,} {title}")
    _bar(project, look)
    if look.n_answered:
        st.toggle(
            f"Change the {look.n_answered:,} labelled too",
            key=f"{key}_relabel",
            help="Those that a person labelled already keep their label otherwise",
        )
    estimate = st.container()
    targets = look.without_uncertain() if careful else look.rows
    if len(targets):
        st.markdown(f"**Label {_records(len(targets))}** — click, or press the key")

        def give(name: str | None) -> None:
            if current():
                with told():
                    action = on_label(targets, name)
                    st.session_state[f"{key}_message"] = getattr(action, "id", None)
                    st.session_state.pop(f"{key}_sure", None)

        label_buttons(project, f"{key}_give", give)
    else:
        st.caption("A person labelled all of them already.")
    if beside is not None:
        beside()
    places = [st.container() for _ in range(3)] if texts else []
    if texts:
        _texts(project, places[0], "Most central", look.central, key, on_take_out)
        _texts(project, places[1], "Farthest out", look.far, key, on_take_out, set(look.central.tolist()))
    look = _when_ready(project, rows, embedding, relabel, look, estimate)
    with estimate:
        _estimate(look, key, careful)
    if texts and len(look.least_certain):
        shown = {*look.central.tolist(), *look.far.tolist()}
        _texts(project, places[2], "Least certain", look.least_certain, key, on_take_out, shown)


def labelled(project: Project, key: str) -> None:
    """Say what was just labelled, with its undo, and the way to check ten of it."""
    action_id = st.session_state.get(f"{key}_message")
    if action_id is None:
        return
    action = next((one for one in project.history(5) if one.id == action_id), None)
    if action is None or action.undone_at is not None:
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(f":green[:material/check:] {plain(action.summary)}", width="content")
        st.button(
            "Undo", key=f"{key}_undo", icon=":material/undo:", on_click=_undo, args=(project, action.id)
        )
        offered = hasattr(project, "spot_check") and action.n_records >= _N_SPOT
        if offered and st.button(
            f"Spot-check {_N_SPOT}",
            key=f"{key}_spot",
            type="tertiary",
            help="Label ten random ones of these one by one: it gives the error rate of this action",
        ):
            with told():
                open_session(project.spot_check(action.id))


def open_session(session_id: int) -> None:
    """Go to a session."""
    st.query_params["session"] = str(session_id)
    st.session_state["session_open"] = session_id
    st.switch_page("pages/sessions.py")


def _undo(project: Project, action_id: int) -> None:
    with told():
        project.undo(action_id)


def _when_ready(
    project: Project, rows: NDArray, embedding: str, relabel: bool, look: Look, place: object
) -> Look:
    """Wait for the quick model, letting a click or a key through at every step."""
    until = time.monotonic() + _PATIENCE
    if look.pending:
        place = place.empty()
    while look.pending and time.monotonic() < until:
        place.caption("Estimating what is inside …")  # also where the script may be interrupted
        look = project.look_first(rows, embedding=embedding, relabel=relabel, wait=_STEP)
        if not look.pending:
            place.empty()
    return look


def _estimate(look: Look, key: str, careful: bool) -> None:
    """Say what is predicted, how pure the likeliest label would be, and offer to leave the uncertain out."""
    if look.pending:
        st.caption("The estimate takes longer than usual; it shows the next time.")
        return
    if look.purity is None or look.label is None:
        return
    purity = look.purity_sure if careful and look.purity_sure is not None else look.purity
    others = [part for part in look.predicted if part[0] != look.label and part[1] >= 0.02][:3]
    rest = " · ".join(f"{percent(share)} {escape(name)}" for name, share in others)
    st.html(
        f'<div class="num" style="font-size:1.05em"><b>≈ {percent(purity.share)} {escape(look.label)}</b> '
        f'<span class="quiet" style="white-space:nowrap">'
        f"({100 * purity.low:.0f} to {percent(purity.high)})</span></div>"
        + (f'<div class="quiet num">else predicted: {rest}</div>' if rest else "")
    )
    if len(look.uncertain) and look.purity_sure is not None:
        better = "" if careful else f" (then ≈ {percent(look.purity_sure.share)})"
        st.toggle(
            f"Leave out the {len(look.uncertain):,} uncertain{better}",
            key=f"{key}_sure",
            help=f"Those for which {look.label} is not at least twice as likely as any other label",
        )


def percent(share: float) -> str:
    """Return a share as whole percent; never 100 or 0 where it only comes near to it."""
    if 0 < share < 0.005:
        return "< 1 %"
    if 0.995 <= share < 1:
        return "> 99 %"
    return f"{100 * share:.0f} %"


def _records(n: int) -> str:
    return f"{n:,} record{'' if n == 1 else 's'}"


def _bar(project: Project, look: Look) -> None:
    """One bar, cut by label, with the counts in words."""
    chips = colors(project)
    bar, words = "", []
    for name, count in look.labels:
        color = UNLABELLED_COLOR if name == UNLABELLED_NAME else chips.get(name, UNLABELLED_COLOR)
        width = 100 * count / max(look.n, 1)
        bar += f'<div style="width:{width:.2f}%;background:{color}" title="{escape(name)}"></div>'
        words.append(f"{count:,} {escape(name)}")
    if len(words) > 8:
        words = [*words[:7], f"{len(words) - 7} other labels"]
    st.html(
        f'<div style="display:flex;height:.7em;border-radius:.35em;overflow:hidden">{bar}</div>'
        f'<div class="quiet num" style="margin-top:.3em">{" · ".join(words)}</div>'
    )


def _texts(
    project: Project,
    place: object,
    caption: str,
    chosen: NDArray,
    key: str,
    on_take_out: Callable[[int], None] | None,
    shown: set[int] | frozenset[int] = frozenset(),
) -> None:
    """Show a few texts, each with a way to take it out; those that are shown already are left out."""
    chosen = [row for row in chosen.tolist() if row not in shown]
    if not chosen:
        return
    chips = colors(project)
    with place:
        st.caption(caption)
        for record in project.records(chosen):
            color = chips.get(record.label or "", "transparent")
            text = record.text if len(record.text) <= _LONGEST else record.text[: _LONGEST - 1] + "…"
            snippet = f'<div class="snippet" style="border-left:.3em solid {color}">{escape(text)}</div>'
            if on_take_out is None:
                st.html(snippet)
                continue
            left, right = st.columns([9, 1], vertical_alignment="center", gap="small")
            left.html(snippet)
            right.button(
                "",
                icon=":material/close:",
                key=f"{key}_out_{record.row}",
                help="Take this record out of the selection",
                type="tertiary",
                on_click=on_take_out,
                args=(record.row,),
            )
