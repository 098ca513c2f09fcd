"""Merging, splitting and deleting a label: each says first what hangs on it."""

from __future__ import annotations

import streamlit as st

from embtune.project import Project
from embtune.store.labelset import Label
from pages.shared.layout import plain, told


def impact_lines(project: Project, label: Label) -> None:
    """Say what hangs on a label, with the annotations by source and the versions by name."""
    impact = project.label_set.impact(label.name)
    st.markdown(f"**{plain(label.name)}**: {impact.sentence}.")
    more = []
    if len(impact.by_source) > 1:
        more.append(", ".join(f"{n:,} {source}" for source, n in impact.by_source.items()))
    if impact.versions:
        names = ", ".join(impact.versions)
        more.append(f"{names} stay{'s' if len(impact.versions) == 1 else ''} as trained until you tune again")
    if more:
        st.caption(" · ".join(more))


@st.dialog("Merge a label into another")
def merge_dialog(project: Project, label: Label) -> None:
    """Ask into which label another goes."""
    impact_lines(project, label)
    into = st.selectbox(
        "Merge into",
        [one.name for one in project.labels if one.id != label.id],
        index=None,
        key="label_merge_into",
        placeholder="Type to find a label",
    )
    if into is not None:
        other = project.label_set.impact(into)
        st.markdown(
            f"All of it counts as **{plain(into)}** from now on, which has {other.n_records:,} now. "
            f"{plain(label.name)} leaves the label set. Undo brings it back with what it had."
        )
    if st.button(
        f"Merge into {plain(into)}" if into else "Merge",
        key="label_merge_sure",
        type="primary",
        disabled=into is None,
    ):
        with told():
            project.label_set.merge(label.name, str(into))
            st.rerun()


@st.dialog("Delete a label")
def delete_dialog(project: Project, label: Label) -> None:
    """Ask before a label is taken out of the set."""
    impact_lines(project, label)
    impact = project.label_set.impact(label.name)
    if impact.n_annotations or impact.n_reference:
        st.markdown(
            "None of it counts any more: a record has no label then, or the one that was given to it before. "
            "Undo brings all of it back. To keep the annotations, merge the label into another."
        )
    if st.button("Delete label", key="label_delete_sure", type="primary"):
        with told():
            project.label_set.delete(label.name)
            st.rerun()


@st.dialog("Split a label")
def split_dialog(project: Project, label: Label) -> None:
    """Ask which records of a label get a new one."""
    impact_lines(project, label)
    name = st.text_input("New label", max_chars=200, key="label_split_name")
    slices = [one.name for one in project.slices()]
    way = "Text contains"
    if slices:
        ways = ["Text contains", "In a slice"]
        way = st.radio("Which of its records", ways, key="label_split_way", horizontal=True)
    with told():
        if way == "In a slice":
            chosen = st.selectbox("Slice", slices, key="label_split_slice")
            rows = project.label_set.rows_to_split(label.name, slice_name=chosen)
        else:
            words = st.text_input(
                "Records whose text contains",
                key="label_split_words",
                live=True,
                type="search",
                placeholder="Words, or “several together” in quotes",
            )
            rows = project.label_set.rows_to_split(
                label.name, project.rows_matching({"words": words}) if words else []
            )
        n = len(rows)
        if way == "In a slice" or words:
            st.caption(f"{n:,} record{'' if n == 1 else 's'} of {plain(label.name)} would move.")
        text = f"Split off {n:,} record{'' if n == 1 else 's'}" if n else "Split off"
        if st.button(text, key="label_split_sure", type="primary", disabled=not n or not name.strip()):
            project.label_set.split(label.name, name, rows)
            st.rerun()
