"""What the Records page shows: kept for the visit and in the address, so that a link opens it again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from embtune.errors import EmbtuneError
from embtune.filtering.query import leaves, parse
from embtune.project import Project

WAYS = ("keyword", "regex", "meaning")
SIZES = (25, 50, 100)
_NAMES = ("find", "by", "q", "sort", "page", "size", "cols", "slice")


@dataclass(frozen=True)
class View:
    """The search, the filter, the order and the page of it; `page` counts from 0."""

    find: str = ""
    by: str = "keyword"
    filter: dict[str, Any] | None = None
    sort: dict[str, Any] | None = None
    page: int = 0
    size: int = 50
    columns: tuple[str, ...] = ()

    @property
    def query(self) -> dict[str, Any] | None:
        """The search and the filter as one query."""
        parts = [part for part in (self._search(), self.filter) if part]
        if len(parts) == 2 and set(parts[1]) == {"all"}:
            return {"all": [parts[0], *parts[1]["all"]]}
        return {"all": parts} if len(parts) == 2 else (parts[0] if parts else None)

    @property
    def asks_for_similar(self) -> bool:
        """Whether the query asks for what is similar to something: the order then is by similarity."""
        try:
            return any(leaf.kind == "similar" for leaf in leaves(parse(self.query)))
        except EmbtuneError:
            return False

    def _search(self) -> dict[str, Any] | None:
        words = self.find.strip()
        if not words:
            return None
        if self.by == "meaning":
            return {"similar": {"text": words}}
        return {"text": {"regex": words}} if self.by == "regex" else {"words": words}

    def params(self) -> dict[str, str]:
        """The address that opens this view: only what is not as usual."""
        usual = View()
        given = {
            "find": self.find,
            "by": self.by if self.find and self.by != usual.by else "",
            "q": _compact(self.filter),
            "sort": _compact(self.sort),
            "page": str(self.page + 1) if self.page else "",
            "size": str(self.size) if self.size != usual.size else "",
            "cols": _compact(list(self.columns)) if self.columns else "",
        }
        return {name: value for name, value in given.items() if value}


def from_params(params: Mapping[str, str]) -> View:
    """Read a view out of an address; what cannot be read is as usual."""
    usual = View()
    chosen = _parsed(params.get("q"), dict)
    if params.get("slice"):
        mine = {"slice": params["slice"]}
        chosen = mine if chosen is None else {"all": [mine, chosen]}
    page, size = params.get("page", "1"), params.get("size", "")
    return View(
        find=params.get("find", ""),
        by=params["by"] if params.get("by") in WAYS else usual.by,
        filter=chosen,
        sort=_parsed(params.get("sort"), dict),
        page=max(0, int(page) - 1) if page.isdecimal() and len(page) < 9 else 0,
        size=int(size) if size in map(str, SIZES) else usual.size,
        columns=tuple(str(name) for name in _parsed(params.get("cols"), list) or ()),
    )


def current_view(project: Project) -> View:
    """Return what to show: a new address first, else what was shown before.

    The address counts when it is not the one that the page wrote itself.
    """
    given = {name: st.query_params[name] for name in _NAMES if name in st.query_params}
    known: tuple[int, dict[str, str], View] | None = st.session_state.get("records_view")
    if known is None or known[0] != project.id or (given and given != known[1]):
        _forget_selection()
        show(project, from_params(given))
    return st.session_state["records_view"][2]


def show(project: Project, view: View) -> None:
    """Make this the view, here and in the address."""
    params = view.params()
    for name in _NAMES:
        if name in params and st.query_params.get(name) != params[name]:
            st.query_params[name] = params[name]
        elif name not in params and name in st.query_params:
            del st.query_params[name]
    st.session_state["records_view"] = (project.id, params, view)


def change(project: Project, **values: Any) -> None:
    """Change the view; anything but the page itself begins at the first page again."""
    view = st.session_state["records_view"][2]
    if set(values) - {"page", "columns"}:
        values = {"page": 0} | values
    if set(values) & {"find", "by", "filter"}:
        _forget_selection()
    show(project, replace(view, **values))


def by_meaning(view: View, way: str) -> dict[str, Any]:
    """A search by meaning brings its own order: in a random one its answer would be lost."""
    return {"sort": None} if way == "meaning" and (view.sort or {}).get("by") == "random" else {}


def keep_address(project: Project, view: View) -> None:
    """Write the address again: another page may have cleared it."""
    if {name: st.query_params[name] for name in _NAMES if name in st.query_params} != view.params():
        show(project, view)


@dataclass(frozen=True)
class Shown:
    """The records of a view, in an order that stays while they are labelled, and when they were found."""

    key: Any
    rows: NDArray[np.int64]
    revision: int


def shown_rows(project: Project, view: View) -> Shown:
    """Return the records of the view. Labelling does not change them; a new view or `refresh` does."""
    key = (
        project.id,
        project.task.id,
        project.n_records,
        json.dumps([view.query, view.sort], sort_keys=True),
    )
    known: Shown | None = st.session_state.get("records_shown")
    if known is None or known.key != key:
        revision = project.revision
        known = Shown(key, project.rows_matching(view.query, sort=view.sort), revision)
        st.session_state["records_shown"] = known
    return known


def refresh() -> None:
    """Look for the records anew."""
    st.session_state.pop("records_shown", None)


def selected() -> NDArray[np.int64]:
    """Rows that are ticked, in the order of the ticks."""
    rows: NDArray[np.int64] = st.session_state.get("records_selected", np.empty(0, dtype=np.int64))
    return rows


def select(rows: NDArray[np.int64], on: bool) -> None:
    """Tick records, or take the tick off."""
    before = selected()
    if on:
        fresh = rows[~np.isin(rows, before)]
        st.session_state["records_selected"] = np.concatenate([before, fresh])
    else:
        st.session_state["records_selected"] = before[~np.isin(before, rows)]


def _forget_selection() -> None:
    st.session_state.pop("records_selected", None)


def clear_selection() -> None:
    """Take all ticks off."""
    _forget_selection()


def _compact(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False) if value else ""


def _parsed(text: str | None, kind: type) -> Any:
    try:
        value = json.loads(text) if text else None
    except ValueError:
        return None
    return value if isinstance(value, kind) and value else None
