"""The filter as chips: what stands in the address as a tree, a person sees as conditions in a row."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import streamlit as st

from embtune.errors import EmbtuneError
from embtune.filtering.query import parse
from embtune.filtering.wording import wording

Filter = dict[str, Any] | None

_HERE = Path(__file__).parent
_OTHER = {"all": "any", "any": "all"}
_mount = st.components.v2.component(
    "embtune_records_chips",
    html='<div class="chips"></div>',
    css=(_HERE / "records_chips.css").read_text(encoding="utf-8"),
    js=(_HERE / "records_chips.js").read_text(encoding="utf-8"),
)


def filter_chips(key: str, chosen: Filter, on_change: Callable[[Filter], None]) -> None:
    """Draw the chips of a filter; `on_change` gets what it becomes by a click."""

    def acted() -> None:
        done = st.session_state[key].get("act")
        if done:
            on_change(after(chosen, done["what"], [int(place) for place in done["at"]]))

    join, parts = conditions(chosen)
    _mount(key=key, data={"join": join, "parts": [_shown(part) for part in parts]}, on_act_change=acted)


def conditions(chosen: Filter) -> tuple[str, list[dict[str, Any]]]:
    """Return how a filter's conditions are joined, "all" or "any", and what they are."""
    if not chosen:
        return "all", []
    kind, value = next(iter(chosen.items()))
    if kind in _OTHER and isinstance(value, list) and all(isinstance(part, dict) for part in value):
        return kind, value
    return "all", [chosen]


def after(chosen: Filter, what: str, at: Sequence[int]) -> Filter:
    """Return the filter after a click on a chip: "negate", "remove", "join" or "clear".

    `at` is the way to the chip: its place, or those of its group and in it; for "join" that of the group.
    """
    join, parts = conditions(chosen)
    if what == "clear":
        return None
    if what == "join" and not at:
        return _whole(_OTHER[join], parts)
    place, *inner = at
    if not 0 <= place < len(parts):
        return chosen  # the browser's chips were of a filter before this one
    if inner or what == "join":
        changed = after(parts[place], what, inner)
    elif what == "negate":
        part = parts[place]
        changed = part["not"] if set(part) == {"not"} else {"not": part}
    else:
        changed = None
    parts = [*parts[:place], *([changed] if changed else []), *parts[place + 1 :]]
    return _whole(join, parts)


def added(chosen: Filter, leaf: dict[str, Any], beside: int | None = None) -> Filter:
    """Return the filter with one more condition: of its own, or as an alternative to the one at a place."""
    join, parts = conditions(chosen)
    if beside is None:
        return _whole(join, [*parts, leaf])
    inner, members = conditions(parts[beside])
    if len(members) < 2:
        inner = _OTHER[join]
    return _whole(join, [*parts[:beside], {inner: [*members, leaf]}, *parts[beside + 1 :]])


def without_kind(chosen: Filter, kind: str) -> Filter:
    """Return the filter without its outermost conditions of a kind."""
    join, parts = conditions(chosen)
    return _whole(join, [part for part in parts if kind not in part])


def _whole(join: str, parts: list[dict[str, Any]]) -> Filter:
    if len(parts) == 1 and not set(parts[0]) & set(_OTHER):
        return parts[0]
    return {join: parts} if parts else None


def said(part: dict[str, Any]) -> str:
    """Return a condition in words, also one that cannot be used."""
    try:
        return wording(parse(part))
    except EmbtuneError:
        return str(part)[:80]


def _shown(part: dict[str, Any], *, inside: bool = False) -> dict[str, Any]:
    kind = next(iter(part), "")
    members = part[kind] if kind in _OTHER and isinstance(part[kind], list) else []
    simple = all(isinstance(one, dict) and not _is_group(one) for one in members)
    if len(members) > 1 and simple and not inside:
        return {"join": kind, "parts": [_shown(one, inside=True) for one in members]}
    return {"words": said(part), "negated": kind == "not"}


def _is_group(part: dict[str, Any]) -> bool:
    return bool(set(part) & set(_OTHER))
