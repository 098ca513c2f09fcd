"""Labels as the eye meets them: coloured chips, and one button each with its hotkey."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape

import streamlit as st

from embtune.labeling.labelset import NONE_COLOR, UNLABELLED_COLOR
from embtune.project import Project
from embtune.store.labelset import Label
from pages.shared.layout import plain

SHOWN = 30
"""So many labels have a button; the others are found by typing."""


def chip(name: str | None, color: str | None = None) -> str:
    """Return a label as a small coloured piece of HTML; None reads "unlabelled"."""
    color = color or UNLABELLED_COLOR
    text = escape(name) if name else "unlabelled"
    return f'<span class="chip" style="border-color:{color};background:{color}26">{text}</span>'


def label_chip(project: Project, name: str | None) -> str:
    """Return the chip of a label of this project, in the label's colour."""
    return chip(name, colors(project).get(name or "", None))


def colors(project: Project) -> dict[str, str]:
    """Map label name to its colour, "none of these" included."""
    return {label.name: label.color for label in project.labels} | {"none of these": NONE_COLOR}


def label_buttons(
    project: Project,
    key: str,
    on_choose: Callable[..., None],
    *,
    args: tuple = (),
    shortcuts: bool = True,
    none_of_these: bool = True,
    disabled: bool = False,
    suffix: str = "",
    order: Sequence[int] = (),
) -> None:
    """Draw one button per label; each calls `on_choose(label name or None, *args)`.

    `shortcuts` gives every button its label's hotkey (0 for "none of these"): at most one such set a page.
    `order` are the numbers of the labels to come first; the others follow in the order of the label set.
    """
    place = {label_id: i for i, label_id in enumerate(order)}
    labels: Sequence[Label] = sorted(project.labels, key=lambda label: place.get(label.id, len(place)))
    with st.container(horizontal=True, gap="small"):
        for label in labels[:SHOWN]:
            hotkey = label.hotkey if shortcuts else None
            st.button(
                f"{plain(label.name)}{suffix}",
                key=f"{key}_{label.id}",
                on_click=on_choose,
                args=(label.name, *args),
                shortcut=hotkey,
                disabled=disabled,
            )
        if none_of_these:
            st.button(
                "none of these",
                key=f"{key}_none",
                on_click=on_choose,
                args=(None, *args),
                shortcut="0" if shortcuts else None,
                disabled=disabled,
                type="tertiary",
            )
    if len(labels) > SHOWN:
        names = [label.name for label in labels[SHOWN:]]

        def chosen() -> None:
            name = st.session_state[f"{key}_more"]
            if name is not None:
                st.session_state[f"{key}_more"] = None
                on_choose(name, *args)

        st.selectbox(
            "More labels",
            names,
            index=None,
            key=f"{key}_more",
            placeholder=f"{len(names):,} more labels: type to find",
            label_visibility="collapsed",
            disabled=disabled,
            on_change=chosen,
        )
    _color_buttons(key, labels[:SHOWN])


def _color_buttons(key: str, labels: Sequence[Label]) -> None:
    rules = "".join(
        f".st-key-{key}_{label.id} button {{border-left: .45em solid {label.color};}}" for label in labels
    )
    st.html(f"<style>{rules}</style>")


@st.dialog("New label")
def new_label_dialog(project: Project) -> None:
    """Ask for a label's name and description."""
    from pages.shared.layout import told

    with st.form("new_label", border=False):
        name = st.text_input("Name", max_chars=200)
        description = st.text_input("When to give it (optional)")
        if st.form_submit_button("Add label", type="primary"):
            with told():
                project.add_label(name, description=description)
                st.rerun()
