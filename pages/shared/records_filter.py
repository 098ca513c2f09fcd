"""Build one condition of a filter: what it is about, how it compares, and with what."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

from embtune.filtering.query import MANUAL_DIFFERS, TUNED_DIFFERS
from embtune.labeling.state import NONE_OF_THESE_NAME, SOURCES
from embtune.project import Project
from pages.shared.layout import plain
from pages.shared.records_chips import Filter, added, conditions, said

_OPERATORS = {
    "contains": "contains",
    "equals": "is",
    "begins": "begins with",
    "ends": "ends with",
    "in": "is one of",
    "between": "is between",
    ">": "is more than",
    "<": "is less than",
    "regex": "matches the regex",
    "empty": "is empty",
}
_NO_LABEL = "no label"
_OWN = "a condition of its own"

Built = dict[str, Any] | None


def filter_popover(project: Project, chosen: Filter, on_change: Callable[[Filter], None]) -> None:
    """Draw the button that opens the builder; `on_change` gets the filter with the new condition."""
    opened = st.session_state.get("records_builder", 0)  # a new name for all widgets once one is added
    with st.popover("Filter", icon=":material/add:", key=f"records_filter_{opened}"):
        kinds = [name for name, (_, there) in _KINDS.items() if there is None or there(project)]
        kind = st.selectbox("About", kinds, key=f"records_new_kind_{opened}")
        leaf = _KINDS[kind][0](project, f"records_new_{opened}_{kind}")
        beside = _beside(chosen, opened)

        def add() -> None:
            st.session_state["records_builder"] = opened + 1
            on_change(added(chosen, leaf, beside))

        st.button(
            "Add filter", type="primary", key=f"records_add_{opened}", disabled=leaf is None, on_click=add
        )


def _beside(chosen: Filter, opened: int) -> int | None:
    """Ask whether the condition stands alone or as an alternative to another."""
    join, parts = conditions(chosen)
    if not parts:
        return None
    word = "or" if join == "all" else "and"
    choices = {_OWN: None} | {f"{word} with: {plain(said(part))[:70]}": i for i, part in enumerate(parts)}
    return choices[st.selectbox("Join as", list(choices), key=f"records_new_join_{opened}")]


def _text(project: Project, key: str) -> Built:
    test = _operator(key, text=True)
    return None if test is None else {"text": test}


def _field(project: Project, key: str) -> Built:
    name = st.selectbox("Field", project.field_names, key=f"{key}_name")
    test = _operator(f"{key}_{name}", text=False)
    return None if test is None or name is None else {"field": {"name": name, **test}}


def _operator(key: str, *, text: bool) -> Built:
    names = [name for name in _OPERATORS if not text or name not in ("in", "between", ">", "<", "empty")]
    op = st.selectbox("Operator", names, key=f"{key}_op", format_func=_OPERATORS.get)
    if op == "empty":
        return {"empty": True}
    if op == "between":
        left, right = st.columns(2)
        low = left.text_input("From", key=f"{key}_low").strip()
        high = right.text_input("To", key=f"{key}_high").strip()
        value: Any = [_typed(low), _typed(high)] if low and high else None
    elif op == "in":
        words = st.text_input("Values, with commas between", key=f"{key}_in")
        value = [word.strip() for word in words.split(",") if word.strip()] or None
    else:
        given = st.text_input("Value", key=f"{key}_value")
        value = (_typed(given.strip()) if op in (">", "<") else given) if given.strip() else None
    case = st.checkbox("Upper and lower case differ", key=f"{key}_case")
    if value is None:
        return None
    return {op: value} | ({"case": True} if case else {})


def _typed(given: str) -> str | int | float:
    try:
        number = float(given)
    except ValueError:
        return given
    return int(number) if number.is_integer() and abs(number) < 1e15 else number


def _one_or_all(names: list[str | None]) -> Any:
    return names[0] if len(names) == 1 else names


def _label(project: Project, key: str) -> Built:
    names = [_NO_LABEL, *(label.name for label in project.labels), NONE_OF_THESE_NAME]
    chosen = st.multiselect("Label is", names, key=f"{key}_names", placeholder="one or several")
    return {"label": _one_or_all([None if n == _NO_LABEL else n for n in chosen])} if chosen else None


def _source(project: Project, key: str) -> Built:
    chosen = st.multiselect(
        "Source is", list(reversed(SOURCES)), key=f"{key}_names", placeholder="one or several"
    )
    return {"source": _one_or_all(list(chosen))} if chosen else None


def _annotator(project: Project, key: str) -> Built:
    names = project.annotators()
    chosen = st.multiselect("Labelled by", names, key=f"{key}_names", placeholder="one or several")
    return {"annotator": _one_or_all(list(chosen))} if chosen else None


def _confidence(project: Project, key: str) -> Built:
    low, high = st.slider("Confidence, in %", 0, 100, (0, 100), key=f"{key}_range")
    return {"confidence": [low / 100, high / 100]}


def _predicted(project: Project, key: str) -> Built:
    names = st.multiselect(
        "Predicted label", [label.name for label in project.labels], key=f"{key}_names", placeholder="any"
    )
    low, high = st.slider("Confidence, in %", 0, 100, (0, 100), key=f"{key}_range")
    value: dict[str, Any] = {"confidence": [low / 100, high / 100]}
    return {"predicted": value | ({"label": list(names)} if names else {})}


def _differs(project: Project, key: str) -> Built:
    ways = {"A person's label and the automatic one": MANUAL_DIFFERS}
    if project.versions:
        ways["What raw and tuned predict"] = TUNED_DIFFERS
    ways["The label and the reference label"] = "reference"
    way = ways[st.selectbox("What differs", list(ways), key=f"{key}_way")]
    return {"reference": "differs"} if way == "reference" else {"differs": way}


def _marks(project: Project, key: str) -> Built:
    kind = st.selectbox("Mark", ["flagged", "has a comment", "a comment contains"], key=f"{key}_mark")
    if kind != "a comment contains":
        return {"flagged" if kind == "flagged" else "commented": True}
    words = st.text_input("Words", key=f"{key}_words").strip()
    return {"commented": words} if words else None


def _reference(project: Project, key: str) -> Built:
    names = ["has one", "has none", *(label.name for label in project.labels)]
    chosen = st.selectbox("Reference label", names, key=f"{key}_name")
    return {"reference": {"has one": True, "has none": None}.get(chosen, chosen)}


def _shape(project: Project, key: str) -> Built:
    drawn = {
        f"{plain(action.summary)} on the map of {action.detail['map']['embedding']}": action.id
        for action in project.history(200)
        if action.detail.get("shapes") and action.detail.get("map")
    }
    if not drawn:
        st.caption("No shape was labelled yet: draw one on the Map page.")
        return None
    return {"inside": {"action": drawn[st.selectbox("Shape", list(drawn), key=f"{key}_shape")]}}


def _slice(project: Project, key: str) -> Built:
    names = [one.name for one in project.slices()]
    if not names:
        st.caption("There is no slice yet: save a filter as one.")
        return None
    return {"slice": st.selectbox("Slice", names, key=f"{key}_name")}


def _cluster(project: Project, key: str) -> Built:
    known = {
        f"{one.method} of {one.embedding}, {len(one.names):,} clusters": one for one in project.clusterings()
    }
    if not known:
        st.caption("There are no clusters yet: find them on the Map page.")
        return None
    found = known[st.selectbox("Clusters", list(known), key=f"{key}_clustering")]
    places = st.multiselect(
        "Cluster",
        range(len(found.names)),
        format_func=lambda i: f"{found.names[i]} · {int(found.sizes[i]):,}",
        key=f"{key}_{found.id}_places",
        placeholder="one or several",
    )
    return {"cluster": {"clustering": found.id, "cluster": _one_or_all(list(places))}} if places else None


_VOTED_IN_WORDS = {
    "hits": "it votes",
    "conflicts": "another votes otherwise",
    "overlaps": "another votes, too",
    "adds": "no other votes",
    "right": "it is right about the manual label",
    "wrong": "it is wrong about the manual label",
}


def _heuristic(project: Project, key: str) -> Built:
    names = [one.name for one in project.heuristics.all() if one.run is not None]
    if not names:
        st.caption("No heuristic has run yet: write one on the Heuristics page.")
        return None
    name = st.selectbox("Heuristic", names, key=f"{key}_name")
    what = st.selectbox("Where", list(_VOTED_IN_WORDS), format_func=_VOTED_IN_WORDS.get, key=f"{key}_what")
    return {"heuristic": {"name": name, "what": what}}


def _weak(project: Project, key: str) -> Built:
    if project.weak.labels() is None:
        st.caption("Weak supervision has not run yet.")
        return None
    names = st.multiselect(
        "It says", [label.name for label in project.labels], key=f"{key}_names", placeholder="any label"
    )
    low, high = st.slider("Confidence, in %", 0, 100, (0, 100), key=f"{key}_range")
    return {"weak": {"confidence": [low / 100, high / 100]} | ({"label": list(names)} if names else {})}


def _has_labels(project: Project) -> bool:
    return bool(project.labels)


def _is_embedded(project: Project) -> bool:
    return project.find_embedding("raw") is not None


_KINDS: dict[str, tuple[Callable[[Project, str], Built], Callable[[Project], bool] | None]] = {
    "Label": (_label, None),
    "Text": (_text, None),
    "Field": (_field, lambda project: bool(project.field_names)),
    "Prediction": (_predicted, lambda project: _has_labels(project) and _is_embedded(project)),
    "Confidence": (_confidence, None),
    "Source": (_source, None),
    "Annotator": (_annotator, lambda project: hasattr(project, "annotators")),
    "Disagreement": (_differs, None),
    "Flag or comment": (_marks, None),
    "Reference label": (_reference, None),
    "Shape on the map": (_shape, _is_embedded),
    "Cluster": (_cluster, lambda project: hasattr(project, "clusterings") and _is_embedded(project)),
    "Slice": (_slice, None),
    "Heuristic": (_heuristic, None),
    "Weak supervision": (_weak, _has_labels),
}
