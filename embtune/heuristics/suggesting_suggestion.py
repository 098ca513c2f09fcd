"""What a suggestion is, and how one is written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embtune.heuristics.base import TEXT
from embtune.heuristics.suggesting_search import TextIndex

Rows = NDArray[np.int64]
Mask = NDArray[np.bool_]

KINDS = ("lookup", "regex", "nearest")

LOOKED_AT = 100
"""Single terms that are looked at."""

_SAME = 0.8  # of a term's records, held by a better one, from which on it says nothing new
_SAME_PATTERN = 0.5
_SHOWN = 6
FEWEST_TERMS = 2
"""Of a list."""


@dataclass(frozen=True)
class Suggestion:
    """A heuristic that could be made a draft as it is.

    Attributes
    ----------
    kind
        `lookup`, `regex` or `nearest`.
    config
        The kind's fields as plain JSON; the records of `nearest` are rows.
    label
        Number of the label; `ABSTAIN` where none is known yet.
    shown
        Such as `goal, striker +12`.
    precision, low, high
        Share of the records it hits that have the label, and its 95 % interval; precision is None, and the
        interval (0, 1), where no label says. See `suggest` for how it is measured.
    n_known
        How many labelled records say so.
    expected
        The share as guesses about all records it hits have it; for want of labels.
    hits, coverage
        How many records of the corpus it hits, and their share.
    adds
        Of those, how many nothing voted on before; all where no votes were given.
    score
        `low` times the share of the corpus it adds.
    is_list
        Whether it is a label's best terms together.
    why
        One line.
    """

    kind: str
    config: dict[str, Any]
    label: int
    shown: str
    precision: float | None
    low: float
    high: float
    n_known: int
    expected: float
    hits: int
    coverage: float
    adds: int
    score: float
    is_list: bool
    why: str


@dataclass(frozen=True)
class Wanted:
    """What is asked of all suggestions; see `suggesting.suggest`."""

    voted: Mask | None
    embedding: str | None
    limit: int
    at_least: float | None
    kinds: Sequence[str]
    rows: Rows | None = None


def distinct(
    index: TextIndex, suggestions: list[Suggestion], places: Sequence[int], limit: int
) -> list[Suggestion]:
    """Keep the best by score, and of those that hit nearly the same records one."""
    if not suggestions:
        return []
    held = index.holds[np.array(places)]
    share = (
        np.asarray((held @ held.T).todense()) / index.often[places][:, None]
    )  # of each one's records, in others
    order = sorted(range(len(suggestions)), key=lambda i: (-suggestions[i].score, suggestions[i].kind, i))
    kept: list[int] = []
    for i in order:
        if len(kept) == limit or suggestions[i].adds == 0:
            break
        if (share[i, kept] < (_SAME if suggestions[i].kind == "lookup" else _SAME_PATTERN)).all():
            kept.append(i)
    return [suggestions[i] for i in kept]


def covering(index: TextIndex, place: int) -> Mask:
    """Tell which records hold a term, shape (n,)."""
    covered = np.zeros(index.n, dtype=bool)
    covered[index.holds.indices[index.holds.indptr[place] : index.holds.indptr[place + 1]]] = True
    return covered


def n_added(index: TextIndex, place: int, voted: Mask | None) -> int:
    """Count the records that hold a term and have no vote yet."""
    rows = index.holds.indices[index.holds.indptr[place] : index.holds.indptr[place + 1]]
    return len(rows) if voted is None else int((~voted[rows]).sum())


def term_config(index: TextIndex, label: int, place: int) -> dict[str, Any]:
    """Return what finds one term or pattern."""
    if place >= index.n_terms:
        return {"label": label, "pattern": index.names[place], "case": False, "fields": [TEXT]}
    match = "prefix" if place in index.forms else "word"
    return {"label": label, "terms": [index.names[place]], "match": match, "case": False, "fields": [TEXT]}


def list_config(index: TextIndex, label: int, places: Sequence[int]) -> dict[str, Any]:
    """Whole words; a beginning of words is spelt out as the words that the texts hold."""
    terms = [form for place in places for form in index.forms.get(place, (index.names[place],))]
    return {
        "label": label,
        "terms": list(dict.fromkeys(terms)),
        "match": "word",
        "case": False,
        "fields": [TEXT],
    }


def written(index: TextIndex, place: int) -> str:
    """Write a term, with a star where it stands for all words that begin so."""
    return index.names[place] + "*" if place in index.forms else index.names[place]


def shown_terms(terms: Sequence[str]) -> str:
    """Write the first terms, and how many more there are."""
    more = len(terms) - _SHOWN
    return ", ".join(terms[:_SHOWN]) + (f" +{more}" if more > 0 else "")
