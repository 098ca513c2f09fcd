"""What the editor shows of rules: look-up lists, regular expressions and conditions on a field."""

from __future__ import annotations

from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from embtune.heuristics.base import TEXT
from embtune.project import Project
from pages.shared.heuristic_drafts import NOT_EMPTY, Draft, lines_in
from pages.shared.heuristic_lookup_lists import lists_dialog
from pages.shared.layout import plain

_MATCHES = {"word": "whole words", "prefix": "beginnings of words", "part": "anywhere"}
_CONDITIONS = {
    "equals": "is",
    "contains": "contains",
    "begins": "begins with",
    "ends": "ends with",
    "regex": "matches the expression",
    "in": "is one of",
    ">": "is more than",
    "<": "is less than",
    "between": "is between",
    "empty": "is empty",
    NOT_EMPTY: "has a value",
    "length >": "is longer than",
    "length <": "is shorter than",
    "length between": "has a length between",
}
_LENGTHS = ("length >", "length <", "length between")


def start(project: Project, kind: str) -> dict[str, Any]:
    """Return the configuration that a new rule begins with."""
    first: dict[str, Any] = {"label": project.labels[0].id if project.labels else None}
    if kind == "lookup":
        return first | {
            "terms": [], "lists": [], "match": "word", "case": False, "fields": [TEXT], "at_least": 1,
        }  # fmt: skip
    if kind == "regex":
        return first | {"pattern": "", "case": False, "fields": [TEXT]}
    return first | {"field": TEXT, "op": "contains", "value": "", "case": False, "unit": "words"}


def lookup(project: Project, draft: Draft) -> None:
    """Terms of its own, shared lists, and how they are looked for."""
    n = len(lines_in(draft.raw["terms"]))
    st.text_area(
        f"Its own terms, one a line{f' ({n:,})' if n else ''}",
        height=118,
        placeholder="goal\nstriker\npenalty kick",
        **draft.bound("terms"),
    )
    _lists(project, draft)
    at_least = int(draft.raw["at_least"])
    said = [_MATCHES[draft.raw["match"]], _places(draft)]
    if at_least > 1:
        said.append(f"at least {at_least:,} terms")
    with _options(draft, said):
        left, right = st.columns(2)
        left.selectbox(
            "Find",
            list(_MATCHES),
            format_func=_MATCHES.get,
            **draft.bound("match", among=list(_MATCHES)),
        )
        right.number_input("At least so many terms", 1, 1000, **draft.bound("at_least", int))
        fields_choice(project, draft)
        case_choice(draft)


def _options(draft: Draft, said: list[str]) -> DeltaGenerator:
    """Return the place of what is seldom changed; its heading says how it stands."""
    if draft.raw["case"]:
        said.append("upper and lower case differ")
    return st.expander(f":small[Looks for {', '.join(said)}]", key=f"heuristics_{draft.slot}_options")


def _places(draft: Draft) -> str:
    fields = draft.raw["fields"]
    return f"in {' and '.join(plain(field_title(name)) for name in fields)}" if fields else "nowhere yet"


def _lists(project: Project, draft: Draft) -> None:
    known = {one.id: one for one in project.lookup_lists.all()}
    chosen = [number for number in draft.raw["lists"] if number in known]
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        st.multiselect(
            "Shared look-up lists",
            list(known),
            format_func=lambda number: f"{known[number].name} ({len(known[number].terms):,})",
            placeholder="Choose lists" if known else "There is no list yet",
            disabled=not known,
            **draft.bound("lists", among=list(known)),
        )
        if st.button(
            "Edit lists" if known else "Make a list",
            key=f"heuristics_lists_{draft.slot}",
            icon=":material/list_alt:",
        ):
            lists_dialog(project, chosen[0] if chosen else next(iter(known), None), draft)


def regex(project: Project, draft: Draft) -> None:
    """One expression."""
    st.text_area(
        "Expression",
        height=80,
        placeholder=r"\b(won|beat|lost)\b.*\b\d+-\d+",
        help=r"RE2's syntax: `\b` is a word's edge, `\d+` digits, `(a|b)` either, `.*` anything.",
        **draft.bound("pattern"),
    )
    with _options(draft, ["it", _places(draft)]):
        fields_choice(project, draft)
        case_choice(draft)


def field(project: Project, draft: Draft) -> None:
    """One condition on a field, or on how long it is."""
    names = [TEXT, *project.field_names]
    left, right = st.columns(2)
    left.selectbox(
        "Field",
        names,
        format_func=field_title,
        **draft.bound("field", among=names),
    )
    op = right.selectbox(
        "Condition",
        list(_CONDITIONS),
        format_func=_CONDITIONS.get,
        **draft.bound("op", among=list(_CONDITIONS)),
    )
    if op == "in":
        st.text_area("Values, one a line", height=110, **draft.bound("value"))
    elif op.endswith("between"):
        low, high = st.columns(2)
        low.text_input("From", **draft.bound("value"))
        high.text_input("To", **draft.bound("value_to"))
    elif op not in ("empty", NOT_EMPTY):
        st.text_input("Value", **draft.bound("value"))
    if op in _LENGTHS:
        units = ["words", "characters"]
        st.segmented_control("Counted in", units, required=True, **draft.bound("unit"))
    elif op in ("equals", "contains", "begins", "ends", "regex", "in"):
        case_choice(draft)


# ---- what several kinds ask ------------------------------------------------------------------


def label_choice(project: Project, draft: Draft, *, any_label: str | None = None) -> None:
    """Choose the label it votes for; `any_label` names the choice of none in particular."""
    labels = {label.id: label for label in project.labels}
    options: list[int | None] = [*([None] if any_label else []), *labels]
    now = draft.raw["label"]
    st.selectbox(
        "Votes for",
        options,
        format_func=lambda number: labels[number].name if number is not None else str(any_label),
        placeholder="Choose a label",
        **draft.bound("label", among=options),
    )
    if now in labels:
        color = labels[now].color
        st.html(
            f"<style>.st-key-{draft.key('label')} .react-aria-ComboBox > [role=group] "
            f"{{border-left: .45em solid {color};}}</style>"
        )


def labels_choice(project: Project, draft: Draft, title: str) -> None:
    """Choose several labels; none stands for all."""
    labels = {label.id: label.name for label in project.labels}
    st.multiselect(
        title,
        list(labels),
        format_func=labels.get,
        placeholder="All labels",
        **draft.bound("labels", among=list(labels)),
    )


def fields_choice(project: Project, draft: Draft) -> None:
    """Choose where to look."""
    names = [TEXT, *project.field_names]
    if len(names) == 1:
        return
    st.multiselect(
        "Look in",
        names,
        format_func=field_title,
        **draft.bound("fields", among=names),
    )


def case_choice(draft: Draft) -> None:
    """Choose whether upper and lower case differ."""
    st.checkbox("Upper and lower case differ", **draft.bound("case"))


def field_title(name: str) -> str:
    """Show a field's name; the record's text is no field."""
    return "the whole text" if name == TEXT else name
