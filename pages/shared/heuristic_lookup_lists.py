"""The dialog of look-up lists: make, edit, import, export, and see who uses them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

from embtune.errors import EmbtuneError
from embtune.project import Project
from embtune.store.lookup_lists import LookupList
from pages.shared.heuristic_drafts import Draft, lines_in
from pages.shared.layout import plain

_CHOSEN, _ERROR, _DONE, _EPOCH = (f"heuristics_lists_{name}" for name in ("chosen", "error", "done", "epoch"))
_TYPED = "heuristics_lists_typed"


def lists_dialog(project: Project, chosen: int | None = None, draft: Draft | None = None) -> None:
    """Open the dialog at a list; one that is made in it is used by the heuristic being written."""
    st.session_state[_CHOSEN] = chosen
    for key in (_ERROR, _DONE):
        st.session_state.pop(key, None)
    _dialog(project, draft)


@st.dialog("Look-up lists", width="medium", on_dismiss="rerun")
def _dialog(project: Project, draft: Draft | None) -> None:
    known = {one.id: one for one in project.lookup_lists.all()}
    options: list[int | None] = [*known, None]
    now = st.session_state.get(_CHOSEN)
    if now not in known:
        now = next(iter(known), None) if now is not None else None
    epoch = st.session_state.setdefault(_EPOCH, 0)

    def choose() -> None:
        st.session_state[_CHOSEN] = st.session_state[f"heuristics_lists_which_{epoch}"]
        for key in (_ERROR, _DONE):
            st.session_state.pop(key, None)

    if known:
        st.selectbox(
            "List",
            options,
            index=options.index(now),
            key=f"heuristics_lists_which_{epoch}",
            format_func=lambda number: "New list …" if number is None else known[number].name,
            on_change=choose,
        )
    else:
        st.markdown(
            "A look-up list holds terms that several heuristics share: names of teams, product words, "
            "greetings. "
            "A change of the list makes those heuristics outdated until they run again."
        )
    _form(project, known.get(now) if now is not None else None, draft)
    if note := st.session_state.get(_ERROR):
        st.error(note, icon=":material/error:")
    elif note := st.session_state.get(_DONE):
        st.success(note, icon=":material/check:")


def _form(project: Project, found: LookupList | None, draft: Draft | None) -> None:
    """Draw one list's fields; what was typed stays until it is saved, also over an error."""
    epoch = st.session_state[_EPOCH]
    typed: dict[str, Any] = st.session_state.setdefault(_TYPED, {}).setdefault(
        (project.id, found.id if found else None), {}
    )
    stored = {
        "name": found.name if found else "",
        "about": found.description if found else "",
        "terms": "\n".join(found.terms) if found else "",
    }
    of = found.id if found else "new"

    keys = {name: f"heuristics_list_{name}_{of}_{epoch}" for name in stored}

    def bound(name: str) -> dict[str, Any]:
        def keep() -> None:
            typed[name] = st.session_state[keys[name]]

        return {"key": keys[name], "on_change": keep}

    def collect() -> dict[str, Any]:
        """Take up what was typed last, which may come with the click that saves it."""
        typed.update(
            {name: now for name, key in keys.items() if (now := st.session_state[key]) != stored[name]}
        )
        return typed

    values = stored | typed
    left, right = st.columns([2, 3])
    left.text_input("Name", values["name"], max_chars=200, placeholder="sports words", **bound("name"))
    right.text_input("What it holds (optional)", values["about"], **bound("about"))
    n = len(lines_in(values["terms"]))
    st.text_area(
        f"Terms, one a line{f' ({n:,})' if n else ''}", values["terms"], height=220, **bound("terms")
    )
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.button(
            "Save list" if found else "Make the list",
            key=f"heuristics_list_save_{of}",
            type="primary",
            on_click=_told,
            args=(_save, project, found, collect, draft),
        )
        if found is not None:
            st.download_button(
                "Export",
                "\n".join(found.terms) + "\n",
                f"{found.name}.txt",
                "text/plain",
                key=f"heuristics_list_export_{of}",
                icon=":material/download:",
                on_click="ignore",
            )
            users = project.lookup_lists.users(found.id)
            st.button(
                "Delete",
                key=f"heuristics_list_delete_{of}",
                icon=":material/delete:",
                disabled=bool(users),
                help="Take it out of the heuristics that use it first." if users else None,
                on_click=_told,
                args=(_delete, project, found),
            )
            st.caption(f"Used by {plain(', '.join(users))}." if users else "No heuristic uses it.")
    key = f"heuristics_list_file_{of}_{epoch}"
    st.file_uploader(
        "Add terms from a file" if found else "Or make a list of a file",
        type=["txt", "csv", "json"],
        key=key,
        help="Text with a term a line; CSV, whose first column counts or the one named term or value; or "
        "JSON.",
        on_change=lambda: _told(_import, project, found, key, draft),
    )


def _told(act: Callable[..., str | None], *given: Any) -> None:
    """Do something; say in one sentence what came of it."""
    for key in (_ERROR, _DONE):
        st.session_state.pop(key, None)
    try:
        done = act(*given)
    except EmbtuneError as error:
        st.session_state[_ERROR] = plain(str(error))
        return
    st.session_state[_EPOCH] += 1
    if done:
        st.session_state[_DONE] = plain(done)


def _save(
    project: Project,
    found: LookupList | None,
    collect: Callable[[], dict[str, Any]],
    draft: Draft | None,
) -> str:
    book = project.lookup_lists
    typed = collect()
    given = {"name": typed.get("name"), "description": typed.get("about")}
    terms = lines_in(typed["terms"]) if "terms" in typed else None
    if found is None:
        made = book.add(given["name"] or "", terms or [], description=given["description"] or "")
        _take_up(draft, made)
    else:  # what somebody else did to a field that was not touched here stays
        made = book.change(found.id, **given, terms=terms)
    typed.clear()
    st.session_state[_CHOSEN] = made.id
    return f"Saved {made.name} with {len(made.terms):,} term{'' if len(made.terms) == 1 else 's'}."


def _import(project: Project, found: LookupList | None, key: str, draft: Draft | None) -> str | None:
    uploaded = st.session_state.get(key)
    if uploaded is None:
        return None
    before = len(found.terms) if found else 0
    made = project.lookup_lists.import_file(
        uploaded.getvalue(), name=uploaded.name, add_to=found.id if found else None
    )
    if found is None:
        _take_up(draft, made)
    else:
        st.session_state[_TYPED].get((project.id, found.id), {}).pop("terms", None)
    st.session_state[_CHOSEN] = made.id
    return f"Added {len(made.terms) - before:,} terms of {uploaded.name} to {made.name}."


def _delete(project: Project, found: LookupList) -> str:
    project.lookup_lists.delete(found.id)
    st.session_state[_CHOSEN] = None
    return f"Deleted {found.name}."


def _take_up(draft: Draft | None, made: LookupList) -> None:
    if draft is not None and "lists" in draft.raw:
        draft.put(lists=[*draft.raw["lists"], made.id])
