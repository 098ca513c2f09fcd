"""The right side of the map: what is inside the shape, and the label to give it."""

from __future__ import annotations

import time
from collections.abc import Callable
from html import escape

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from embtune.labeling.labelset import UNLABELLED_COLOR
from embtune.labeling.state import NONE_OF_THESE
from embtune.maps.selection import Selection
from embtune.maps.shapes import central_and_odd
from embtune.project import Project
from embtune.work.mapping import METHODS
from pages.shared.chips import colors, label_buttons, new_label_dialog
from pages.shared.layout import told


def panel(
    project: Project,
    embedding: str,
    method: str,
    selection: Selection,
    rows: NDArray[np.int64],
    forget: Callable[[], None],
    current: Callable[[], bool],
) -> None:
    """Draw the panel: the three steps while nothing is drawn, else what is inside and the labels."""
    _message(project)
    if not selection.shapes:
        _steps(project)
        return
    if not len(rows):
        st.markdown("**No record inside.** Draw around some points.")
        return
    state = project.label_state()
    ids = state.label_ids[rows]
    open_rows = rows[~state.manual[rows]]
    st.markdown(f"### {len(rows):,} records inside")
    _mix(project, ids)
    prediction = st.container()
    relabel = False
    n_given = len(rows) - len(open_rows)
    if n_given:
        relabel = st.toggle(
            f"Also change the {n_given:,} that a person labelled already", key="map_relabel", value=False
        )
    targets = rows if relabel else open_rows
    if len(targets):
        st.caption(
            f"Label {len(targets):,} record{'' if len(targets) == 1 else 's'} — click, or press the key"
        )

        def give(name: str | None) -> None:
            if not current():  # drawn anew, and not looked at yet: the key was meant for what is seen now
                return
            with told():
                action = project.label(
                    targets,
                    name,
                    source="lasso",
                    detail={"map": {"embedding": embedding, "method": method}, **selection.as_dict()},
                )
                st.session_state["map_message"] = action.id
                forget()

        label_buttons(project, "map_give", give)
    else:
        st.caption("A person labelled all of them already.")
    with st.container(horizontal=True, gap="small"):
        if st.button("New label", key="map_new_label", icon=":material/add:", type="tertiary"):
            new_label_dialog(project)
        if st.button("Label one by one", key="map_session", icon=":material/keyboard:", type="tertiary"):
            session = project.create_session(
                rows,
                f"Inside a shape on the {METHODS[method]} of {embedding}",
                kind="shape",
                origin={"embedding": embedding, "method": method, **selection.as_dict()},
            )
            st.query_params["session"] = str(session)
            st.session_state["session_open"] = session
            st.switch_page("pages/sessions.py")
    _texts(project, embedding, selection, rows)
    with prediction:  # last: the first one takes a second, and the buttons above must not wait for it
        _predicted(project, embedding, rows)


def _message(project: Project) -> None:
    """Say what was just labelled, with its undo."""
    action_id = st.session_state.get("map_message")
    if action_id is None:
        return
    action = next((a for a in project.history(5) if a.id == action_id), None)
    if action is None or action.undone_at is not None:
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(f":green[:material/check:] {action.summary}", width="content")
        st.button("Undo", key="map_undo", icon=":material/undo:", on_click=project.undo, args=(action.id,))


def _steps(project: Project) -> None:
    st.markdown("### Draw around points that belong together")
    st.markdown(
        "1. Press the mouse on the map and draw a loop around a cloud.\n"
        "2. Read what is inside, and take out what does not fit.\n"
        "3. Click a label, or press its key. The points take its colour."
    )
    if not project.labels:
        st.markdown("The label set is empty: name the first thing you see on the map.")
        if st.button("New label", key="map_first_label", type="primary", icon=":material/add:"):
            new_label_dialog(project)
    else:
        chips = colors(project)
        counts = dict(zip(*np.unique(project.label_state().label_ids, return_counts=True), strict=True))
        lines = "".join(
            f'<div style="display:flex;justify-content:space-between;border-left:.45em solid '
            f'{chips[label.name]};padding:.1em .6em;margin:.15em 0"><span>{escape(label.name)} '
            f"<kbd>{escape(label.hotkey or '')}</kbd></span>"
            f'<span class="num">{counts.get(label.id, 0):,}</span></div>'
            for label in project.labels[:20]
        )
        st.html(lines)
        if st.button("New label", key="map_new_label_idle", icon=":material/add:", type="tertiary"):
            new_label_dialog(project)
    ready = project.readiness()
    if ready["enough"]:
        st.page_link("pages/tune.py", label="Enough labels: tune", icon=":material/arrow_forward:")
    else:
        for line in ready["missing"]:
            st.caption(line)


def _mix(project: Project, ids: NDArray[np.int64]) -> None:
    """One bar, cut by label, with the counts in words."""
    chips = colors(project)
    names = {label.id: label.name for label in project.labels} | {NONE_OF_THESE: "none of these"}
    values, counts = np.unique(
        np.where(ids < 0, np.where(ids == NONE_OF_THESE, ids, -1), ids), return_counts=True
    )
    parts = sorted(
        zip(values.tolist(), counts.tolist(), strict=True), key=lambda part: (part[0] == -1, -part[1])
    )
    bar, words = "", []
    for label_id, count in parts:
        name = names.get(label_id, "unlabelled")
        color = chips.get(name, UNLABELLED_COLOR)
        width = 100 * count / len(ids)
        bar += f'<div style="width:{width:.2f}%;background:{color}" title="{escape(name)}"></div>'
        words.append(f"{count:,} {escape(name)}")
    st.html(
        f'<div style="display:flex;height:.7em;border-radius:.35em;overflow:hidden">{bar}</div>'
        f'<div class="quiet num" style="margin-top:.3em">{" · ".join(words)}</div>'
    )


def _predicted(project: Project, embedding: str, rows: NDArray[np.int64]) -> None:
    found = project.recent_predictions(embedding)
    if found is None:  # the first model is being fitted beside: mostly done in a moment
        time.sleep(0.15)
        found = project.recent_predictions(embedding)
    if found is None:
        return
    names = {label.id: label.name for label in project.labels}
    inside = found[0][rows[rows < len(found[0])]]
    values, counts = np.unique(inside, return_counts=True)
    best = np.argsort(-counts)[:3]
    shares = " · ".join(
        f"{100 * counts[i] / len(inside):.0f} % {escape(names.get(int(values[i]), '?'))}" for i in best
    )
    st.html(f'<div class="quiet num">predicted {shares}</div>')


def _texts(project: Project, embedding: str, selection: Selection, rows: NDArray[np.int64]) -> None:
    """Texts that stand for the selection and those that fit it least, each with a way to take it out."""
    central, odd = central_and_odd(project.vectors(embedding), rows, 4)

    def take_out(row: int) -> None:
        st.session_state["map_selection"] = selection.without(row)
        st.session_state["map_drawn_on"] = st.session_state.get("map_mark")

    for caption, chosen in (("Most central", central), ("Odd ones out", odd)):
        if not len(chosen):
            continue
        st.caption(caption)
        for record in project.records(chosen):
            left, right = st.columns([9, 1], vertical_alignment="center", gap="small")
            color = colors(project).get(record.label or "", "transparent")
            text = record.text if len(record.text) <= 130 else record.text[:129] + "…"
            left.html(f'<div class="snippet" style="border-left:.3em solid {color}">{escape(text)}</div>')
            right.button(
                "",
                icon=":material/close:",
                key=f"map_out_{record.row}",
                help="Take this record out of the selection",
                type="tertiary",
                on_click=take_out,
                args=(record.row,),
            )
