"""Suggestions from some records alone, where no labels say how precise they are."""

from __future__ import annotations

import numpy as np

from embtune.heuristics.suggesting_lists import best_list
from embtune.heuristics.suggesting_search import TextIndex, apart
from embtune.heuristics.suggesting_suggestion import (
    FEWEST_TERMS,
    LOOKED_AT,
    Mask,
    Rows,
    Suggestion,
    Wanted,
    covering,
    distinct,
    list_config,
    shown_terms,
    term_config,
    written,
)

_APART = 3.0  # standard deviations; of thousands of terms, many reach two by chance
_TIMES_AS_OFTEN = 3  # in the rows, as in all records


def of_rows(index: TextIndex, rows: Rows, label: int, wanted: Wanted) -> list[Suggestion]:
    """Suggest what sets some rows apart from the rest where no labels say how precise it is."""
    if not len(rows) or len(rows) == index.n or "lookup" not in wanted.kinds:
        return []
    odds = apart(index, rows)[: index.n_terms]
    order = np.argsort(-odds, kind="stable")[:LOOKED_AT]
    order = order[odds[order] >= _APART]
    if not len(order):
        return []
    inside = np.zeros(index.n, dtype=bool)
    inside[rows] = True
    share = len(rows) / index.n
    asked = min(_TIMES_AS_OFTEN * share, (1 + share) / 2)
    taken, covered = best_list(index.holds[order], inside - asked, fewest=min(3, index.fewest))
    singles = [
        _unmeasured(index, [place], label, covering(index, place), inside, wanted) for place in order.tolist()
    ]
    singles = distinct(index, singles, order.tolist(), wanted.limit)
    if len(taken) < FEWEST_TERMS:
        return singles
    whole = _unmeasured(index, order[taken].tolist(), label, covered, inside, wanted)
    return [whole, *singles][: wanted.limit]


def _unmeasured(
    index: TextIndex, places: list[int], label: int, covered: Mask, inside: Mask, wanted: Wanted
) -> Suggestion:
    hits, held = int(covered.sum()), int((covered & inside).sum())
    adds = int(covered.sum() if wanted.voted is None else (covered & ~wanted.voted).sum())
    return Suggestion(
        kind="lookup",
        config=list_config(index, label, places) if len(places) > 1 else term_config(index, label, places[0]),
        label=label,
        shown=shown_terms([written(index, place) for place in places]),
        precision=None,
        low=0.0,
        high=1.0,
        n_known=0,
        expected=held / max(1, hits),
        hits=hits,
        coverage=hits / index.n,
        adds=adds,
        score=held / max(1, int(inside.sum())) * held / max(1, hits),
        is_list=len(places) > 1,
        why=f"In {held:,} of these {int(inside.sum()):,} records and {hits - held:,} others.",
    )
