"""The conditions of the query language: what each takes."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from embtune.errors import BadInputError

OPERATORS = ("equals", "contains", "begins", "ends", "regex", "in", "between", ">", "<", "empty")
MANUAL_DIFFERS, TUNED_DIFFERS = "manual and automatic", "raw and tuned"
N_SIMILAR = 200
VOTED = ("hits", "overlaps", "conflicts", "adds", "known", "right", "wrong")
_MOST = 2**63 - 1  # a database's numbers end there
_LARGEST = sys.float_info.max


@dataclass(frozen=True)
class Comparison:
    """An operator of `OPERATORS` with its value; `case` tells whether upper and lower case differ."""

    op: str
    value: Any
    case: bool = False


def refuse(path: str, what: str) -> BadInputError:
    """Return the error for a place in a query."""
    return BadInputError(f"The filter cannot be used at {path}: {what}")


def _words(value: Any, path: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise refuse(path, f"write the words to look for, not {short(value)}.")
    return _whole(value, path).strip()


def _whole(value: str, path: str) -> str:
    if any("\ud800" <= char <= "\udfff" for char in value):  # half of a pair: no database takes it
        raise refuse(path, f"{short(value)} holds half a character.")
    return value


def _text(value: Any, path: str) -> Comparison:
    if not isinstance(value, Mapping):
        raise refuse(
            path, f'write an operator with its value, such as {{"contains": "goal"}}, not {short(value)}.'
        )
    rest = {key: one for key, one in value.items() if key != "case"}
    case = value.get("case", False)
    if not isinstance(case, bool):
        raise refuse(path, f'"case" is true or false, not {short(case)}.')
    if len(rest) != 1 or next(iter(rest)) not in OPERATORS:
        raise refuse(path, f"give one operator of {', '.join(OPERATORS)}; there is {short(list(rest))}.")
    op, wanted = next(iter(rest.items()))
    return Comparison(op, _operand(op, wanted, f"{path}.{op}"), case)


def _operand(op: str, value: Any, path: str) -> Any:
    if op == "empty":
        return _flag(value, path)
    if op in ("in", "between"):
        if not isinstance(value, (list, tuple)) or not value or not all(_is_plain(one) for one in value):
            raise refuse(path, f"it takes a list of texts or numbers, not {short(value)}.")
        if op == "between" and len(value) != 2:
            raise refuse(path, f"it takes two values, from and to, not {short(value)}.")
        return tuple(value)
    if op in ("contains", "begins", "ends", "regex"):
        if not isinstance(value, str) or not value:
            raise refuse(path, f"it takes a text, not {short(value)}.")
        return _whole(value, path)
    if not _is_plain(value):
        raise refuse(path, f"it takes a text or a number, not {short(value)}.")
    return value


def _field(value: Any, path: str) -> tuple[str, Comparison]:
    if not isinstance(value, Mapping) or not isinstance(value.get("name"), str):
        raise refuse(path, f'name the field, as in {{"name": "year", "equals": 1990}}, not {short(value)}.')
    return value["name"], _text({key: one for key, one in value.items() if key != "name"}, path)


def _names(value: Any, path: str) -> tuple[str | None, ...]:
    several = list(value) if isinstance(value, (list, tuple)) else [value]
    if not several or not all(one is None or isinstance(one, str) for one in several):
        raise refuse(path, f"it takes a label's name, several, or none (null), not {short(value)}.")
    return tuple(several)


def _texts(value: Any, path: str) -> tuple[str, ...]:
    several = [value] if isinstance(value, str) else value
    if (
        not isinstance(several, (list, tuple))
        or not several
        or not all(isinstance(one, str) for one in several)
    ):
        raise refuse(path, f"it takes a name or several, not {short(value)}.")
    return tuple(several)


def _range(value: Any, path: str) -> tuple[float, float]:
    good = isinstance(value, (list, tuple)) and len(value) == 2 and all(_is_number(one) for one in value)
    if not good or not 0 <= value[0] <= value[1] <= 1:
        raise refuse(path, f"it takes two numbers from 0 to 1, the smaller first, not {short(value)}.")
    return float(value[0]), float(value[1])


def _predicted(value: Any, path: str) -> dict[str, Any]:
    if isinstance(value, (str, list, tuple)):
        value = {"label": value}
    _only(value, path, ("label", "confidence", "embedding"), least=1)
    label = value.get("label")
    return {
        "label": None if label is None else _texts(label, f"{path}.label"),
        "confidence": _range(value.get("confidence", (0, 1)), f"{path}.confidence"),
        "embedding": _embedding(value, path),
    }


def _differs(value: Any, path: str) -> str | tuple[str, ...]:
    if value in (MANUAL_DIFFERS, TUNED_DIFFERS):
        return str(value)
    if isinstance(value, (list, tuple)) and len(value) == 2:
        return _texts(value, path)
    raise refuse(
        path, f"it takes {MANUAL_DIFFERS!r}, {TUNED_DIFFERS!r} or two embeddings, not {short(value)}."
    )


def _flag(value: Any, path: str) -> bool:
    if not isinstance(value, bool):
        raise refuse(path, f"it takes true or false, not {short(value)}.")
    return value


def _commented(value: Any, path: str) -> bool | str:
    return _flag(value, path) if isinstance(value, bool) else _words(value, path)


def _reference(value: Any, path: str) -> Any:
    return value if value is True or value == "differs" else _names(value, path)


def _inside(value: Any, path: str) -> dict[str, Any]:
    if isinstance(value, Mapping) and set(value) == {"action"}:
        return {"action": _number(value["action"], f"{path}.action")}
    _only(value, path, ("embedding", "method", "polygons"), least=3)
    polygons = value["polygons"]
    if not isinstance(polygons, (list, tuple)) or not polygons or not all(map(_is_polygon, polygons)):
        raise refuse(f"{path}.polygons", "it takes polygons of three or more points, each two numbers.")
    if not isinstance(value["method"], str):
        raise refuse(
            f"{path}.method", f"it takes a map's method such as 'umap', not {short(value['method'])}."
        )
    return {
        "embedding": _embedding(value, path),
        "method": value["method"],
        "polygons": tuple(tuple((float(x), float(y)) for x, y in polygon) for polygon in polygons),
    }


def _cluster(value: Any, path: str) -> dict[str, Any]:
    _only(value, path, ("clustering", "cluster"), least=2)
    chosen = value["cluster"]
    several = chosen if isinstance(chosen, (list, tuple)) else [chosen]
    return {
        "clustering": _number(value["clustering"], f"{path}.clustering"),
        "cluster": tuple(_number(one, f"{path}.cluster") for one in several),
    }


def _similar(value: Any, path: str) -> dict[str, Any]:
    _only(value, path, ("to", "text", "n", "embedding"), least=1)
    if ("to" in value) == ("text" in value):
        raise refuse(path, 'give either "text" or the records "to" be like.')
    n = _number(value.get("n", N_SIMILAR), f"{path}.n")
    if n < 1:
        raise refuse(f"{path}.n", f"at least 1 record is found, not {n}.")
    found: dict[str, Any] = {"n": n, "embedding": _embedding(value, path)}
    if "text" in value:
        return found | {"text": _words(value["text"], f"{path}.text")}
    return found | {"to": _records(value["to"], f"{path}.to")}


def _records(value: Any, path: str) -> tuple[str | int, ...]:
    several = [value] if isinstance(value, (str, int)) else value
    if not isinstance(several, (list, tuple)) or not several or not all(map(_is_record, several)):
        raise refuse(path, f"it takes ids or rows of records, not {short(value)}.")
    return tuple(several)


def _embedding(value: Mapping[str, Any], path: str) -> str:
    name = value.get("embedding", "active")
    if not isinstance(name, str):
        raise refuse(f"{path}.embedding", f"it takes an embedding's name, not {short(name)}.")
    return name


def _only(value: Any, path: str, names: tuple[str, ...], *, least: int) -> None:
    if not isinstance(value, Mapping) or not set(value) <= set(names) or len(value) < least:
        raise refuse(path, f"it takes {', '.join(names)}, not {short(value)}.")


def _number(value: Any, path: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise refuse(path, f"it takes a whole number, not {short(value)}.")
    if not -_MOST <= value <= _MOST:
        raise refuse(path, f"{short(value)} is a number that nothing has.")
    return value


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) <= _LARGEST


def _is_plain(value: Any) -> bool:
    return isinstance(value, str) or _is_number(value)


def _is_polygon(value: Any) -> bool:
    if not isinstance(value, (list, tuple)) or len(value) < 3:
        return False
    return all(
        isinstance(point, (list, tuple)) and len(point) == 2 and all(map(_is_number, point))
        for point in value
    )


def _is_record(value: Any) -> bool:
    return isinstance(value, str) or (
        isinstance(value, int) and not isinstance(value, bool) and abs(value) <= _MOST
    )


def short(value: Any) -> str:
    """Return a value as an error may quote it."""
    text = repr(value)
    return text if len(text) <= 60 else text[:59] + "…"


def _heuristic(value: Any, path: str) -> dict[str, Any]:
    if isinstance(value, str):
        value = {"name": value}
    _only(value, path, ("name", "label", "what"), least=1)
    what = value.get("what", "hits")
    if what not in VOTED:
        raise refuse(f"{path}.what", f"it is one of {', '.join(VOTED)}, not {short(what)}.")
    return {
        "name": _words(value.get("name"), f"{path}.name"),
        "label": _names(value["label"], f"{path}.label") if "label" in value else None,
        "what": what,
    }


def _weak(value: Any, path: str) -> dict[str, Any]:
    if value is None or isinstance(value, (str, list, tuple)):
        value = {"label": value}
    _only(value, path, ("label", "confidence"), least=1)
    return {
        "label": _names(value["label"], f"{path}.label") if "label" in value else None,
        "confidence": _range(value.get("confidence", (0, 1)), f"{path}.confidence"),
    }


LEAVES: dict[str, Callable[[Any, str], Any]] = {
    "words": _words,
    "text": _text,
    "field": _field,
    "label": _names,
    "source": _texts,
    "annotator": _texts,
    "confidence": _range,
    "predicted": _predicted,
    "differs": _differs,
    "flagged": _flag,
    "commented": _commented,
    "reference": _reference,
    "inside": _inside,
    "cluster": _cluster,
    "slice": _words,
    "heuristic": _heuristic,
    "weak": _weak,
    "action": _number,
    "similar": _similar,
    "records": _records,
}
"""How the value of each condition is checked and made plain."""
