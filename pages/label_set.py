"""Label set: the classes of a task, what hangs on each, and the tasks themselves."""

from __future__ import annotations

import zlib

import streamlit as st

from embtune.labeling.state import NONE_OF_THESE, count_labels
from embtune.project import Project
from embtune.store.labelset import Label
from pages.shared.chips import chip, new_label_dialog
from pages.shared.label_dialogs import delete_dialog, merge_dialog, split_dialog
from pages.shared.label_tasks import task_section
from pages.shared.layout import empty, plain, title, told
from pages.shared.state import require_project

CHOSEN = "label_set_chosen"
ROWS = 16  # that a page shows at once; with more, the table scrolls


def label_table(project: Project, labels: list[Label]) -> Label | None:
    """List the labels, or those whose name or description is asked for; return the chosen one."""
    import pandas as pd

    words = st.text_input(
        "Find a label",
        key="label_set_find",
        type="search",
        live=True,
        placeholder=f"Find one of {len(labels):,} labels" if len(labels) > 1 else "Find a label",
        label_visibility="collapsed",
    )
    wanted = (words or "").casefold().split()
    shown = [
        label
        for label in labels
        if all(word in f"{label.name} {label.description}".casefold() for word in wanted)
    ]
    if not shown:
        st.markdown(f"No label is called “{plain(words or '')}”.")
        return None
    ids = [label.id for label in shown]
    chosen = st.session_state.get(CHOSEN)
    place = ids.index(chosen) if chosen in ids else 0
    state = project.label_state()
    counts = count_labels(state.label_ids)
    known_true = count_labels(project.reference())
    columns = {
        " ": ["█"] * len(shown),
        "label": [label.name for label in shown],
        "key": [label.hotkey or "" for label in shown],
        "records": [counts.get(label.id, 0) for label in shown],
    }
    if known_true:
        columns["reference"] = [known_true.get(label.id, 0) for label in shown]
    columns["when to give it"] = [label.description for label in shown]
    table = pd.DataFrame(columns)
    colors = [f"color: {label.color}" for label in shown]
    # By what is listed: a choice made in one list must not point into another.
    key = f"label_table_{hash(tuple(ids)) & 0xFFFFFFFF:x}"

    def choose() -> None:
        rows = st.session_state[key]["selection"]["rows"]
        if rows:
            st.session_state[CHOSEN] = ids[rows[0]]

    st.dataframe(
        table.style.apply(lambda _: colors, subset=[" "]),
        key=key,
        hide_index=True,
        on_select=choose,
        selection_mode="single-row-required",
        selection_default={"selection": {"rows": [place]}},
        height="content" if len(shown) <= ROWS else 620,
        column_config={
            " ": st.column_config.TextColumn(width=28),
            "label": st.column_config.TextColumn(width="medium"),
            "key": st.column_config.TextColumn(width=44),
            "records": st.column_config.NumberColumn(format="localized", width=72),
            "reference": st.column_config.NumberColumn(format="localized", width=78),
        },
    )
    return shown[place]


def editor(project: Project, label: Label, n_labels: int) -> None:
    """Show one label: what is said of it, what hangs on it, and what can be done with it."""
    book = project.label_set
    with st.container(border=True):
        impact = book.impact(label.name)
        st.html(
            f'<div style="font-size:1.1em">{chip(label.name, label.color)}</div>'
            f'<div class="quiet num" style="margin-top:.3em">{impact.sentence}</div>'
        )
        with st.form(f"label_edit_{label.id}", border=False):
            name = st.text_input("Name", label.name, max_chars=200, key=_key("name", label, label.name))
            about = st.text_input(
                "When to give it", label.description, key=_key("about", label, label.description)
            )
            left, middle, right = st.columns(3, vertical_alignment="bottom")
            color = left.color_picker("Colour", label.color, key=_key("color", label, label.color))
            hotkey = middle.text_input(
                "Key", label.hotkey or "", max_chars=1, key=_key("key", label, label.hotkey)
            )
            at = _place(project, label)
            place = right.number_input("Place", 1, n_labels, at, key=_key("place", label, at))
            saved = st.form_submit_button("Save", key=f"label_save_{label.id}")
        if saved:
            with told():
                save(project, label, name, about, color, hotkey, int(place))
                st.rerun()
        with st.container(horizontal=True, gap="small"):
            if st.button("Merge into …", key="label_merge", icon=":material/merge:", disabled=n_labels < 2):
                merge_dialog(project, label)
            if st.button("Split off …", key="label_split", icon=":material/call_split:"):
                split_dialog(project, label)
            if st.button("Delete …", key="label_delete", icon=":material/delete:"):
                delete_dialog(project, label)


def _key(field: str, label: Label, now: object) -> str:
    """Name a field by what it holds now: changed elsewhere, it shows that and saves nothing older."""
    return f"label_{field}_{label.id}_{zlib.crc32(repr(now).encode()):x}"


def save(project: Project, label: Label, name: str, about: str, color: str, hotkey: str, place: int) -> None:
    """Keep what was changed of a label."""
    given = {
        "new_name": (label.name, name.strip()),
        "description": (label.description, about.strip()),
        "color": (label.color.upper(), color.upper()),
        "hotkey": (label.hotkey or "", hotkey.strip().casefold()),
    }
    new = {key: now for key, (before, now) in given.items() if now != before}
    if new:
        project.label_set.edit(label.name, **new)
    if place != _place(project, label):
        project.label_set.move(str(new.get("new_name", label.name)), place)


def _place(project: Project, label: Label) -> int:
    return 1 + [one.id for one in project.labels].index(label.id)


def page() -> None:
    """Draw the page."""
    project = require_project()
    labels = project.labels
    tasks = project.tasks
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        with st.container(width="stretch"):
            of = f" of the task **{plain(project.task.name)}**" if len(tasks) > 1 else ""
            title("Label set", f"The labels{of}, in their order. Every change can be undone on History.")
        if st.button("New label", key="label_new", type="primary", icon=":material/add:"):
            new_label_dialog(project)
    if labels:
        left, right = st.columns([3, 2], gap="medium")
        with left:
            chosen = label_table(project, labels)
            n_none = int((project.label_state().label_ids == NONE_OF_THESE).sum())
            st.caption(
                f"A record that no label fits is answered **none of these**, key 0: {n_none:,} so far. "
                "It is an answer, but no label: nothing is trained on it."
            )
        with right:
            if chosen is not None:
                editor(project, chosen, len(labels))
    else:
        empty(
            f"**{plain(project.task.name)}** has no labels yet. Add the first one, then give it on **Map**, "
            "**Neighbors** or in a session."
        )
    task_section(project)


page()
