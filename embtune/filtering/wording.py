"""Queries in words: what a chip, a session's name or a slice's line says."""

from __future__ import annotations

from typing import Any

from embtune.filtering.query import MANUAL_DIFFERS, TUNED_DIFFERS, Comparison, Leaf, Node, Not

NO_LABEL = "no label"

_TESTS = {"equals": "is", "begins": "begins with", "ends": "ends with", "regex": "matches"}
_NEGATED = {
    "is": "is not",
    "contains": "does not contain",
    "begins with": "does not begin with",
    "ends with": "does not end with",
    "matches": "does not match",
    "in": "not in",
}


def wording(node: Node) -> str:
    """Say a query in words: "label is Sports and text contains “goal”"."""
    return _say(node, inside=False) or "every record"


def _say(node: Node, *, inside: bool) -> str:
    if isinstance(node, Not):
        if isinstance(node.part, Leaf):
            return _leaf(node.part, negated=True)
        return f"not ({_say(node.part, inside=False)})"
    if isinstance(node, Leaf):
        return _leaf(node, negated=False)
    joined = f" {'and' if node.kind == 'all' else 'or'} ".join(_say(part, inside=True) for part in node.parts)
    return f"({joined})" if inside and len(node.parts) > 1 else joined


def _leaf(leaf: Leaf, *, negated: bool) -> str:
    kind, value = leaf.kind, leaf.value
    no = "not " if negated else ""
    if kind == "words":
        return f"text {'does not contain' if negated else 'contains'} “{value}”"
    if kind == "text":
        return _test("text", value, negated)
    if kind == "field":
        return _test(value[0], value[1], negated)
    if kind == "flagged":
        return "flagged" if value != negated else "not flagged"
    if kind == "commented" and isinstance(value, bool):
        return "has a comment" if value != negated else "has no comment"
    if kind == "commented":
        return f"{no}a comment contains “{value}”"
    if kind == "label" and value == (None,):
        return "has a label" if negated else NO_LABEL
    if kind == "reference" and value is True:
        return f"has {'no ' if negated else 'a '}reference label"
    if kind == "reference" and value == "differs":
        return f"label {'agrees with' if negated else 'differs from'} reference"
    if kind in ("label", "source", "annotator", "reference"):
        names = " or ".join(NO_LABEL if name is None else name for name in value)
        return f"{'labelled by' if kind == 'annotator' else kind + ' is'} {no}{names}"
    if kind == "confidence":
        return f"confidence {no}{_range(value)}"
    if kind == "differs":
        return no + _differs(value)
    return no + _other(kind, value)


def _other(kind: str, value: object) -> str:
    if isinstance(value, int):
        return f"of action {value:,}"
    assert isinstance(value, (dict, str, tuple))
    if kind == "slice":
        return f"in slice {value}"
    if kind in ("heuristic", "weak") and isinstance(value, dict):
        return _voted(kind, value)
    if isinstance(value, tuple):
        return f"{len(value):,} chosen record{'' if len(value) == 1 else 's'}"
    if isinstance(value, str):
        return f"{kind} {value}"
    under = "" if value.get("embedding", "active") == "active" else f" under {value['embedding']}"
    if kind == "predicted":
        names = "" if value["label"] is None else " " + " or ".join(value["label"])
        sure = "" if value["confidence"] == (0.0, 1.0) else f" {_range(value['confidence'])}"
        return f"predicted{names}{sure}{under}"
    if kind == "inside":
        return "inside a shape" + (f" on the map of {value['embedding']}" if "embedding" in value else "")
    if kind == "cluster":
        return f"in cluster {', '.join(str(one) for one in value['cluster'])}"
    if "text" in value:
        return f"near “{value['text']}” in meaning{under}"
    many = len(value["to"])
    return f"similar to {'a record' if many == 1 else f'{many:,} records'}{under}"


def _voted(kind: str, value: dict[str, Any]) -> str:
    names = value["label"]
    said = "" if names is None else " " + " or ".join("nothing" if one is None else one for one in names)
    if kind == "weak":
        sure = "" if value["confidence"] == (0.0, 1.0) else f", {_range(value['confidence'])}"
        return f"weak supervision says{said or ' something'}{sure}"
    what = "" if value["what"] == "hits" else f" ({value['what']})"
    return f"{value['name']} votes{said}{what}"


def _test(name: str, test: Comparison, negated: bool) -> str:
    case = ", exact case" if test.case else ""
    if test.op == "empty":
        return f"{name} is {'empty' if test.value != negated else 'not empty'}"
    if test.op == "between":
        return f"{name} {'not ' if negated else ''}between {test.value[0]} and {test.value[1]}{case}"
    said = _TESTS.get(test.op, test.op)
    said = _NEGATED.get(said, f"not {said}") if negated else said
    shown = ", ".join(str(one) for one in test.value) if test.op == "in" else str(test.value)
    quoted = f"“{shown}”" if test.op in ("contains", "begins", "ends", "regex") else shown
    return f"{name} {said} {quoted}{case}"


def _differs(value: str | tuple[str, ...]) -> str:
    if value == MANUAL_DIFFERS:
        return "manual label differs from the automatic one"
    if value == TUNED_DIFFERS:
        return "raw and tuned predict different labels"
    return f"{value[0]} and {value[1]} predict different labels"


def _range(value: tuple[float, float]) -> str:
    low, high = (f"{100 * bound:.0f}" for bound in value)
    if value[0] <= 0:
        return f"at most {high} %"
    return f"at least {low} %" if value[1] >= 1 else f"{low}–{high} %"
