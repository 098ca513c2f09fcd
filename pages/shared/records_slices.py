"""Slices on the Records page: keep this filter under a name, and use, rename or delete those there are."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st
from numpy.typing import NDArray

from embtune.errors import EmbtuneError
from embtune.filtering.query import parse
from embtune.filtering.wording import wording
from embtune.project import Project
from embtune.store.slices import Slice
from pages.shared.layout import plain, told
from pages.shared.records_done import say_done
from pages.shared.records_state import View, refresh, selected

_FOLLOWS, _FIXED = "what matches, now and later", "these records, fixed"


def slices_popover(project: Project, view: View, rows: NDArray, on_use: Callable[[str], None]) -> None:
    """Draw the list of slices and the form that keeps another; `on_use` gets the name of one to show."""
    known = project.slices()
    opened = st.session_state.get("records_slices_opened", 0)  # a new name closes it
    with st.popover(
        f"Slices {len(known):,}" if known else "Slices",
        icon=":material/bookmark:",
        key=f"records_slices_{opened}",
    ):
        _keep(project, view, rows, opened)
        if known:
            st.divider()
        for one in known:
            _line(project, one, on_use)


def _keep(project: Project, view: View, rows: NDArray, opened: int) -> None:
    ticked = selected()
    n = len(ticked) if len(ticked) else len(rows)
    with st.container(gap="small"):
        st.markdown(f"**Save {'what is selected' if len(ticked) else 'this filter'} as a slice**")
        name = st.text_input("Name", key=f"records_slice_name_{opened}", max_chars=100)
        can_follow = bool(view.query) and not len(ticked)
        way = _FIXED
        if can_follow:
            way = st.radio(
                "It holds",
                [_FOLLOWS, _FIXED],
                key=f"records_slice_way_{opened}",
                label_visibility="collapsed",
            )

        def keep() -> None:
            given = st.session_state[f"records_slice_name_{opened}"]
            try:
                if way == _FOLLOWS:
                    project.save_slice(given, query=view.query)
                else:
                    project.save_slice(given, query=view.query, rows=ticked if len(ticked) else rows)
            except EmbtuneError as error:
                st.session_state["records_slice_note"] = plain(str(error))
                return
            st.session_state["records_slices_opened"] = opened + 1
            say_done(f"Saved the slice {given.strip()}")

        st.button(
            f"Save {n:,} records" if way == _FIXED else "Save the filter",
            key=f"records_slice_save_{opened}",
            type="primary",
            disabled=not name.strip() or not n,
            on_click=keep,
        )
        if note := st.session_state.pop("records_slice_note", None):
            st.error(note, icon=":material/error:")


def _line(project: Project, one: Slice, on_use: Callable[[str], None]) -> None:
    what = f"{one.n_static:,} records, fixed" if one.n_static is not None else said(one)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(f"**{plain(one.name)}**  \n:gray[:small[{plain(what[:90])}]]", width="stretch")
        st.button("Show", key=f"records_use_{one.id}", on_click=on_use, args=(one.name,))
        with st.popover("", icon=":material/more_horiz:", type="tertiary", key=f"records_more_{one.id}"):
            new = st.text_input(
                "Name", value=one.name, key=f"records_rename_{one.id}_{one.updated_at}", max_chars=100
            )
            if st.button("Rename", key=f"records_do_rename_{one.id}", disabled=new.strip() in ("", one.name)):
                with told():
                    project.rename_slice(one.name, new)
                    refresh()
                    st.rerun(scope="fragment")
            st.button("Delete", key=f"records_delete_{one.id}", on_click=_delete, args=(project, one.name))


def _delete(project: Project, name: str) -> None:
    with told():
        project.delete_slice(name)
        refresh()


def said(one: Slice) -> str:
    """Return what a slice's filter asks for, in words."""
    try:
        return wording(parse(one.query))
    except EmbtuneError:
        return "a filter that can no longer be used"
