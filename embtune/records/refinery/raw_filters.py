"""The filter a person set in refinery's browser, as the elements that refinery made of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

_EVERY = "Any Attribute"


class LostError(Exception):
    """Why a slice cannot come over; a clause, such as "it asks which heuristics voted"."""


def as_elements(filter_raw: Any, fields: Sequence[str]) -> list[dict[str, Any]]:
    """Return the elements of a filter that was kept as it was set: a group of controls for each thing.

    Only active controls count.

    Raises
    ------
    LostError
        If one of them asks what no element can.
    """
    if not isinstance(filter_raw, Mapping):
        raise LostError("its filter was not kept")
    found: list[dict[str, Any]] = []
    all_at_once = (filter_raw.get("DRILL_DOWN") or {}).get("DRILL_DOWN") is True
    for key, group in filter_raw.items():
        controls = [one for one in group.get("groupElements", []) if isinstance(one, Mapping)]
        if key == "ORDER_STATEMENTS":
            if any(order.get("active") for one in controls for order in one.get("orderBy", [])):
                found.append({"ORDER_BY": ["set"]})
            continue
        for one in controls:
            if not one.get("active"):
                continue
            if key == "ATTRIBUTES":
                found.append(_attribute(one, fields))
            elif key.startswith("LABELING_TASKS"):
                asked = _labels(one)
                if all_at_once and asked:
                    raise LostError("it asks for records that have every one of several labels")
                found += asked
            elif key == "COMMENTS":
                found.append(_comments(one))
            else:
                raise LostError(f"it asks for {key.lower().replace('_', ' ')[:40]}")
    return found


def _attribute(one: Mapping[str, Any], fields: Sequence[str]) -> dict[str, Any]:
    operator = str(one["operator"]).replace(" ", "_")
    if one.get("caseSensitive") and not operator.endswith("_CS"):
        operator += "_CS"
    value = one.get("searchValue", "")
    values = [part.strip() for part in str(value).split(",")] if operator.startswith("IN") else [value]
    if operator == "BETWEEN":
        values.append(one.get("searchValueBetween", ""))
    names = list(fields) if one["name"] == _EVERY else [one["name"]]
    asked = [
        {
            "RELATION": "OR" if number else "NONE",
            "NEGATION": False,
            "TARGET_COLUMN": "DATA",
            "OPERATOR": operator,
            "VALUES": [name, *values],
        }
        for number, name in enumerate(names)
    ]
    return {"RELATION": "AND", "NEGATION": bool(one.get("negate")), "FILTER": asked}


def _labels(one: Mapping[str, Any]) -> list[dict[str, Any]]:
    found = []
    for key, source in (("manualLabels", "MANUAL"), ("weakSupervisionLabels", "WEAK_SUPERVISION")):
        controls = one.get(key, [])
        chosen = [label for label in controls if label.get("active")]
        wanted = [label["id"] for label in chosen if label["id"] != "NO_LABEL" and not label.get("negate")]
        barred = [label["id"] for label in chosen if label["id"] != "NO_LABEL" and label.get("negate")]
        asked = [{"QUERY_TEMPLATE": "SUBQUERY_RLA_LABEL", "VALUES": [source, *wanted]}] if wanted else []
        if any(label["id"] == "NO_LABEL" for label in chosen):
            every = [label["id"] for label in controls if label["id"] != "NO_LABEL"]
            asked.append({"QUERY_TEMPLATE": "SUBQUERY_RLA_NO_LABEL", "VALUES": [source, *every]})
        if asked:
            found.append({"SUBQUERY_TYPE": "WHITELIST", "SUBQUERIES": asked})
        elif barred:
            without = [{"QUERY_TEMPLATE": "SUBQUERY_RLA_LABEL", "VALUES": [source, *barred]}]
            found.append({"SUBQUERY_TYPE": "BLACKLIST", "SUBQUERIES": without})
    bounds = one.get("confidence") or one.get("weakSupervisionConfidence") or {}
    if bounds.get("active"):
        values = [bounds["lower"] / 100, bounds["upper"] / 100]
        every = [label["id"] for label in one["weakSupervisionLabels"] if label["id"] != "NO_LABEL"]
        labelled = [{"QUERY_TEMPLATE": "SUBQUERY_RLA_LABEL", "VALUES": ["WEAK_SUPERVISION", *every]}]
        found.append({"SUBQUERY_TYPE": "WHITELIST", "SUBQUERIES": labelled})
        found.append(
            {
                "SUBQUERY_TYPE": "BLACKLIST" if bounds.get("negate") else "WHITELIST",
                "SUBQUERIES": [{"QUERY_TEMPLATE": "SUBQUERY_RLA_CONFIDENCE", "VALUES": values}],
            }
        )
    voters = one.get("informationSources") or one.get("heuristics") or []
    if any(voter.get("active") for voter in voters):
        raise LostError("it asks which heuristics voted")
    if (one.get("isWithDifferentResults") or {}).get("active"):
        raise LostError("it asks where heuristics differ")
    return found


def _comments(one: Mapping[str, Any]) -> dict[str, Any]:
    asked = one.get("hasComments") or one
    return {
        "SUBQUERY_TYPE": "BLACKLIST" if asked.get("negate") else "WHITELIST",
        "SUBQUERIES": [{"QUERY_TEMPLATE": "SUBQUERY_HAS_COMMENTS", "VALUES": [""]}],
    }
