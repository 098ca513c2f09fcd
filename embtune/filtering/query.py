"""The query language: plain JSON dictionaries, checked and turned into a tree.

A query has one key. Three join others: `{"all": […]}`, `{"any": […]}`, `{"not": {…}}`. The rest are leaves:

=============  =========================================================================================
`words`        `"a few words"`: each is in the text, in any case; "quoted words" stay together
`text`         `{"contains": "goal", "case": false}`: an operator of `OPERATORS` on the text
`field`        `{"name": "year", "between": [1990, 2000]}`: the same on an imported field
`label`        a name, several, None (no label) or "none of these"
`source`       who labelled: one or several of manual, lasso, session, import, …
`annotator`    one or several names
`confidence`   `[0.5, 0.9]`, of the label in force
`predicted`    `{"label": …, "confidence": [0, 0.6], "embedding": "active"}`, of the quick model
`differs`      "manual and automatic", "raw and tuned", or two embeddings whose predictions differ
`flagged`      true or false
`commented`    true, false, or words that a comment contains
`reference`    a name, several, None (has none), true (has one), or "differs" (from the label in force)
`inside`       `{"embedding": …, "method": …, "polygons": [[[x, y], …], …]}` or `{"action": number}`
`cluster`      `{"clustering": number, "cluster": number or several}`
`slice`        a slice's name
`heuristic`    `{"name": …, "label": …, "what": "hits"}`: what it voted (None: nothing); `what`: see `VOTED`
`weak`         `{"label": …, "confidence": [0.7, 1]}`: what the weak supervision in force says
`action`       the number of an action: the records it labelled or marked
`similar`      `{"to": [records], "n": 200, "embedding": "active"}`, or `{"text": "free text"}`; in an
               "all", the n most similar of what its other conditions leave
`records`      ids or rows
=============  =========================================================================================
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from embtune.filtering.leaves import (
    LEAVES,
    MANUAL_DIFFERS,
    N_SIMILAR,
    OPERATORS,
    TUNED_DIFFERS,
    VOTED,
    Comparison,
    refuse,
    short,
)

__all__ = [
    "MANUAL_DIFFERS",
    "N_SIMILAR",
    "OPERATORS",
    "TUNED_DIFFERS",
    "VOTED",
    "Comparison",
    "Group",
    "Leaf",
    "Node",
    "Not",
    "leaves",
    "parse",
    "refuse",
]


_DEEPEST = 30
_MOST_NODES = 1000


@dataclass(frozen=True)
class Leaf:
    """One condition; `path` says where in the query it stands."""

    kind: str
    value: Any
    path: str


@dataclass(frozen=True)
class Group:
    """Conditions joined by "all" or "any"."""

    kind: str
    parts: tuple[Node, ...]
    path: str


@dataclass(frozen=True)
class Not:
    """A condition turned round."""

    part: Node
    path: str


Node = Leaf | Group | Not


def parse(query: Mapping[str, Any] | None) -> Node:
    """Check a query and return its tree; None or an empty dictionary holds for every record.

    Raises
    ------
    BadInputError
        Naming the place in the query that cannot be used, and what can stand there.
    """
    if not query and isinstance(query, (Mapping, type(None))):
        return Group("all", (), "query")
    budget = [_MOST_NODES]
    return _node(query, "query", 0, budget)


def leaves(node: Node) -> Iterator[Leaf]:
    """Go through the conditions of a tree, in their order."""
    if isinstance(node, Leaf):
        yield node
    elif isinstance(node, Not):
        yield from leaves(node.part)
    else:
        for part in node.parts:
            yield from leaves(part)


def _node(given: Any, path: str, depth: int, budget: list[int]) -> Node:
    budget[0] -= 1
    if depth > _DEEPEST or budget[0] < 0:
        raise refuse(
            path[:60], f"it may have {_MOST_NODES:,} conditions, nested {_DEEPEST} deep, and has more."
        )
    if not isinstance(given, Mapping) or len(given) != 1:
        raise refuse(path, f'write one condition, such as {{"label": "Sports"}}, not {short(given)}.')
    kind, value = next(iter(given.items()))
    here = f"{path}.{kind}" if path != "query" else str(kind)
    if kind in ("all", "any"):
        if not isinstance(value, (list, tuple)):
            raise refuse(here, f"{kind!r} takes a list of conditions, not {short(value)}.")
        parts = tuple(_node(part, f"{here}[{i}]", depth + 1, budget) for i, part in enumerate(value))
        return Group(kind, parts, here)
    if kind == "not":
        return Not(_node(value, here, depth + 1, budget), here)
    check = LEAVES.get(kind)
    if check is None:
        raise refuse(path, f"there is no condition {kind!r}; there are all, any, not, {', '.join(LEAVES)}.")
    return Leaf(kind, check(value, here), here)
