"""refinery's filters in embtune's query language; see `embtune.filtering.query`."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from embtune.records.refinery.model import Slice, Task
from embtune.records.refinery.raw_filters import LostError, as_elements

_MANUAL = ["manual", "lasso", "session"]
_WEAK = "weak supervision"
_OPERATORS = {
    "EQUAL": ("equals", True),
    "CONTAINS": ("contains", False),
    "CONTAINS_CS": ("contains", True),
    "BEGINS_WITH": ("begins", False),
    "BEGINS_WITH_CS": ("begins", True),
    "ENDS_WITH": ("ends", False),
    "ENDS_WITH_CS": ("ends", True),
    "GREATER": (">", False),
    "LESS": ("<", False),
}
_NUMBERS = ("INTEGER", "FLOAT")
_IN_FORCE = "Records that have a manual label too are not in it, for here that label is the one in force."


@dataclass(frozen=True)
class Naming:
    """What the ids and names of a filter stand for.

    Attributes
    ----------
    fields
        Type of each field by its name.
    label_tasks
        The task of each label by the label's id, and the label's name.
    """

    fields: Mapping[str, str]
    label_tasks: Mapping[str, tuple[Task, str]]


def as_slice(name: str, filter_data: Any, filter_raw: Any, naming: Naming) -> Slice:
    """Translate a dynamic slice; what cannot be asked here makes it a lost one that says so."""
    try:
        elements = _elements(filter_data) if filter_data else as_elements(filter_raw, list(naming.fields))
        return _Translation(naming).slice(name, elements)
    except LostError as lost:
        return Slice(name, lost=str(lost))
    except (KeyError, IndexError, TypeError, ValueError, AttributeError, RecursionError):
        return Slice(name, lost="its filter has a form that is not known here")


def _elements(filter_data: Any) -> list[dict[str, Any]]:
    """Return a filter's elements, which older versions wrote as texts of JSON."""
    return [json.loads(one) if isinstance(one, str) else dict(one) for one in filter_data]


class _Translation:
    def __init__(self, naming: Naming) -> None:
        self._naming = naming
        self._tasks: dict[str, Task] = {}
        self._notes: dict[str, None] = {}

    def slice(self, name: str, elements: Sequence[dict[str, Any]]) -> Slice:
        parts = self._written([one for one in elements if "RELATION" in one])
        for one in elements:
            if "SUBQUERIES" in one:
                found = _any([self._of_labels(asked) for asked in one["SUBQUERIES"]])
                parts.append({"not": found} if one["SUBQUERY_TYPE"] == "BLACKLIST" else found)
            elif one.get("ORDER_BY"):
                self._notes["It holds the same records; the order it showed them in did not come over."] = (
                    None
                )
            elif "RELATION" not in one and "ORDER_BY" not in one:
                raise LostError("its filter has a part that is not known here")
        if len(self._tasks) > 1:
            raise LostError("it asks for labels of several tasks at once")
        task = next(iter(self._tasks), None)
        query = {} if not parts else _all(parts)
        return Slice(name, query=query, task=task, notes=tuple(self._notes))

    # ---- what is written ------------------------------------------------------------------------

    def _written(self, elements: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """Return the conditions on fields, of which all must hold: "and" binds before "or", as in SQL."""
        groups: list[list[dict[str, Any]]] = []
        for one in elements:
            if one["RELATION"] == "OR" or not groups:
                groups.append([])
            asked = self._condition(one)
            if asked is not None:
                groups[-1].append({"not": asked} if one.get("NEGATION") else asked)
        if not groups or any(not group for group in groups):
            return []
        return groups[0] if len(groups) == 1 else [_any([_all(group) for group in groups])]

    def _condition(self, one: dict[str, Any]) -> dict[str, Any] | None:
        if "FILTER" in one:
            within = self._written(one["FILTER"])
            return _all(within) if within else None
        if one["TARGET_COLUMN"] == "CATEGORY" and one["OPERATOR"] == "EQUAL" and one["VALUES"] == ["SCALE"]:
            return None  # all of a project's records are of that category
        if one["TARGET_COLUMN"] != "DATA":
            raise LostError("it asks for something of a record that is not imported")
        field, *values = one["VALUES"]
        if field not in self._naming.fields:
            raise LostError(f"it asks for a field {str(field)[:60]!r} that the records do not have")
        return _field_condition(field, self._naming.fields[field], one["OPERATOR"], values)

    # ---- labels ---------------------------------------------------------------------------------

    def _of_labels(self, asked: dict[str, Any]) -> dict[str, Any]:
        template, values = asked["QUERY_TEMPLATE"], list(asked["VALUES"])
        if template == "SUBQUERY_HAS_COMMENTS":
            return {"commented": True}
        if template == "SUBQUERY_RLA_CONFIDENCE":
            self._notes[_IN_FORCE] = None
            low, high = sorted(min(max(float(value), 0.0), 1.0) for value in values)
            return {"all": [{"source": _WEAK}, {"confidence": [low, high]}]}
        if template in ("SUBQUERY_RLA_LABEL", "SUBQUERY_RLA_NO_LABEL"):
            return self._of_source(values[0], self._labels(values[1:]), template == "SUBQUERY_RLA_LABEL")
        what = "which heuristics voted" if "INFORMATION_SOURCE" in template else "where heuristics differ"
        raise LostError(f"it asks {what}")

    def _of_source(self, source: str, labels: list[str], has_one: bool) -> dict[str, Any]:
        if source not in ("MANUAL", "WEAK_SUPERVISION"):
            raise LostError("it asks for labels of a kind that is not known here")
        if has_one and not labels:
            raise LostError("it asks for labels and names none")
        if source == "WEAK_SUPERVISION":
            self._notes[_IN_FORCE] = None
        given: dict[str, Any] = {"source": _MANUAL if source == "MANUAL" else _WEAK}
        return {"all": [{"label": labels}, given]} if has_one else {"not": given}

    def _labels(self, ids: Sequence[str]) -> list[str]:
        names = []
        for own in ids:
            if own not in self._naming.label_tasks:
                raise LostError("it asks for a label that was deleted")
            task, name = self._naming.label_tasks[own]
            if task.spans:
                raise LostError(f"it asks for labels of {task.name!r}, which marks spans")
            self._tasks[task.name] = task
            names.append(name)
        return names


def _field_condition(field: str, data_type: str, operator: str, values: list[Any]) -> dict[str, Any] | None:
    """Translate one condition on a field; None where it holds for every record."""

    def asked(op: str, value: Any, case: bool = False) -> dict[str, Any]:
        return {"field": {"name": field, op: value, **({"case": True} if case else {})}}

    values = [_typed(value, data_type) for value in values]
    filled = [value for value in values if value not in ("", None)]
    if operator == "EQUAL" and not filled:
        return asked("empty", True)
    if not filled:
        return None
    value = filled[0]
    if operator in ("GREATER_EQUAL", "LESS_EQUAL"):
        sign = ">" if operator == "GREATER_EQUAL" else "<"
        return _any([asked(sign, value), asked("equals", value, True)])
    if operator == "BETWEEN":
        if len(filled) == 2:
            return asked("between", filled)
        return _field_condition(
            field, data_type, "GREATER_EQUAL" if values[0] == value else "LESS_EQUAL", filled
        )
    if operator == "IN":
        return asked("in", filled, True)
    if operator in ("IN_WC", "IN_WC_CS"):
        either = "|".join(_wildcards(str(one)) for one in filled)
        return asked("regex", f"(?s)^(?:{either})$", operator == "IN_WC_CS")
    if operator not in _OPERATORS:
        raise LostError(f"it compares a field by {str(operator)[:40]!r}, which is not known here")
    op, case = _OPERATORS[operator]
    if op in ("contains", "begins", "ends"):
        value = str(value)
    return asked(op, value, case)


def _typed(value: Any, data_type: str) -> Any:
    """Return a value as its field's type has it: a number where that is one, true and false as text."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if data_type in _NUMBERS and isinstance(value, str) and value.strip():
        value = float(value)
        value = int(value) if value.is_integer() else value
    if value is not None and not isinstance(value, (str, int, float)):
        raise TypeError("a filter compares with a text or a number")
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("a filter compares with numbers that there are")
    return value


def _wildcards(text: str) -> str:
    return "".join({"*": ".*", "?": ".", "%": ".*", "_": "."}.get(char) or re.escape(char) for char in text)


def _any(parts: list[dict[str, Any]]) -> dict[str, Any]:
    return parts[0] if len(parts) == 1 else {"any": parts}


def _all(parts: list[dict[str, Any]]) -> dict[str, Any]:
    return parts[0] if len(parts) == 1 else {"all": parts}
