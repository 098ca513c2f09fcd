"""Before and after labels are given to many records at once: look first, then undo or spot-check."""

from __future__ import annotations

import time
from collections.abc import Callable
from html import escape

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from embtune.errors import BadInputError, NotReadyError
from embtune.labeling.labelset import UNLABELLED_COLOR
from embtune.project import Project
from embtune.work.looking import UNLABELLED_NAME, Look
from pages.shared.chips import colors, label_buttons
from pages.shared.layout import plain, told

_PATIENCE = 6.0  # seconds for the first model; it comes in a fraction of one, mostly
_STEP = 0.1
_N_SPOT = 10
_LONGEST = 130
MANY = 20
"""With more labels than these, their buttons come the likeliest first."""


def look_first(
    project: Project,
    rows: NDArray,
    embedding: str = "active",
    *,
    key: str,
    on_label: Callable[[NDArray, str | None, NDArray], object],
    label: str | None = None,
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
        `labelled`. Those of its third argument are left out if a person answered them since.
    label
        The label whose share is estimated; by default the likeliest.
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
    wait = _PATIENCE if careful else 0.0
    look = project.look_first(rows, label, embedding, relabel=relabel, wait=wait)
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
        if careful:
            words = (
                f"**Label those that are surely it** — {len(targets):,} if you say {plain(look.label or '')}"
            )
        else:
            words = f"**Label {_records(len(targets))}** — click, or press the key"
        st.markdown(words)

        def give(name: str | None) -> None:
            if current():
                with told():
                    chosen = targets
                    if careful and name != look.label:
                        chosen = _sure(project, look, name, embedding, relabel)
                    action = on_label(chosen, name, chosen[:0] if relabel else chosen)
                    st.session_state[f"{key}_message"] = getattr(action, "id", None)
                    st.session_state.pop(f"{key}_sure", None)

        # Of "none of these" nothing is predicted, so nobody knows which ones would be uncertain.
        order = _likeliest(project, look, embedding)
        label_buttons(project, f"{key}_give", give, none_of_these=not careful, order=order)
    else:
        st.caption("A person labelled all of them already.")
    if beside is not None:
        beside()
    places = [st.container() for _ in range(3)] if texts else []
    if texts:
        _texts(project, places[0], "Most central", look.central, key, on_take_out)
        _texts(project, places[1], "Farthest out", look.far, key, on_take_out, set(look.central.tolist()))
    look = _when_ready(project, rows, label, embedding, relabel, look, estimate)
    with estimate:
        _estimate(look, key, careful)
    if texts and len(look.least_certain):
        shown = {*look.central.tolist(), *look.far.tolist()}
        _texts(project, places[2], "Least certain", look.least_certain, key, on_take_out, shown)


def _sure(project: Project, look: Look, name: str | None, embedding: str, relabel: bool) -> NDArray:
    """Return those of the rows that were shown which are surely of a label that the page did not ask about.

    Raises
    ------
    NotReadyError
        If nothing is predicted of that label.
    BadInputError
        If none is surely of it.
    """
    found = None if name is None else project.look_first(look.rows, name, embedding, relabel=relabel)
    if found is None or found.purity is None:
        raise NotReadyError(
            f"Which ones are surely {name or 'none of these'} is not known: keep the uncertain ones in."
        )
    chosen = found.without_uncertain()
    if not len(chosen):
        raise BadInputError(f"None of these is surely {name}, so nothing was labelled.")
    return chosen


def _likeliest(project: Project, look: Look, embedding: str) -> list[int]:
    """Return the numbers of the labels predicted most in the selection, where there are many labels.

    Taken from the newest model there is: buttons do not wait for the next one, and must not move then.
    """
    if len(project.labels) <= MANY:
        return []
    found = project.recent_predictions(embedding)
    if found is None:
        numbers = {label.name: label.id for label in project.labels}
        return [numbers[name] for name, _ in look.predicted if name in numbers]
    guesses = found[0]
    ids, counts = np.unique(guesses[look.rows[look.rows < len(guesses)]], return_counts=True)
    return ids[np.argsort(-counts, kind="stable")].tolist()


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
    project: Project,
    rows: NDArray,
    label: str | None,
    embedding: str,
    relabel: bool,
    look: Look,
    place: object,
) -> Look:
    """Wait for the quick model, letting a click or a key through at every step."""
    until = time.monotonic() + _PATIENCE
    if look.pending:
        place = place.empty()
    while look.pending and time.monotonic() < until:
        place.caption("Estimating what is inside …")  # also where the script may be interrupted
        look = project.look_first(rows, label, embedding, relabel=relabel, wait=_STEP)
        if not look.pending:
            place.empty()
    return look


def _estimate(look: Look, key: str, careful: bool) -> None:
    """Say what is predicted, how pure the label would be, and offer to leave the uncertain out."""
    if look.pending:
        st.caption("The estimate takes longer than usual; it shows the next time.")
        return
    if look.label is not None and look.purity is None and look.predicted:
        st.caption(f"No label {plain(look.label)} to learn from yet: its share here is not known.")
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
            help="Each label then goes only to those for which it is at least twice as likely as any other",
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
