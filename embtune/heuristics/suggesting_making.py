"""Making suggestions: a label's list, its single terms and patterns, its radius."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from embtune.evaluation.wilson import wilson
from embtune.heuristics.suggesting_lists import best_list, best_radius, typical
from embtune.heuristics.suggesting_scores import Evidence
from embtune.heuristics.suggesting_search import Fit, Search, TextIndex
from embtune.heuristics.suggesting_suggestion import (
    FEWEST_TERMS,
    LOOKED_AT,
    Mask,
    Suggestion,
    Wanted,
    distinct,
    list_config,
    n_added,
    shown_terms,
    term_config,
    written,
)

_IN_LISTS = 600  # terms that a list is chosen from


def of_label(search: Search, label: int, wanted: Wanted) -> list[Suggestion]:
    """Suggest for one label: its list first, then the others by score; see `suggesting.suggest`."""
    codes = np.flatnonzero(search.label_ids == label)
    if not len(codes) or len(search.label_ids) < 2:
        return []
    code = int(codes[0])
    found = []
    if "nearest" in wanted.kinds and wanted.embedding and search.vectors is not None:
        found += _radius(search, code, wanted)
    found += _singles(search, code, wanted)
    found.sort(key=lambda one: -one.score)
    whole = _list(search, code, wanted) if "lookup" in wanted.kinds else []
    return (whole + found)[: wanted.limit]


def _asked(search: Search, fit: Fit, code: int, wanted: Wanted) -> float:
    return search.precision_asked(fit, code) if wanted.at_least is None else wanted.at_least


def _found(search: Search, fit: Fit, code: int, wanted: Wanted, part: slice, most: int) -> Evidence:
    """Find terms (or patterns) of a label, and of the rows if there are any."""
    among = np.zeros(len(search.index.often), dtype=bool)
    among[part] = True
    if wanted.rows is not None:
        among &= search.setting_apart(wanted.rows, fit)
    return search.telling(fit, code, _asked(search, fit, code, wanted), most=most, among=among)


def _list(search: Search, code: int, wanted: Wanted) -> list[Suggestion]:
    """Suggest the best terms together."""
    index = search.index

    def choose(fit: Fit) -> tuple[list[int], Mask]:
        found = _found(search, fit, code, wanted, slice(0, index.n_terms), _IN_LISTS)
        terms = found.terms
        worth = search.worth(fit, code, _asked(search, fit, code, wanted), wanted.voted)
        taken, covered = best_list(
            index.holds[terms],
            worth,
            fewest=index.fewest,
            # Guesses by words alone are timid: what labels say of a term must carry over to its records.
            lift=found.precision - found.guessed if search.vectors is None else None,
            voted=wanted.voted,
        )
        return terms[taken].tolist(), covered

    terms, covered = choose(search.full)
    if len(terms) < FEWEST_TERMS:
        return []
    right, known = _tried(search, code, lambda fit: choose(fit)[1])
    why = f"{len(terms)} terms. {_trials(right, known)}"
    return [
        _measured(
            search,
            code,
            covered,
            (right, known),
            wanted,
            kind="lookup",
            config=list_config(index, int(search.label_ids[code]), terms),
            shown=shown_terms([written(index, term) for term in terms]),
            is_list=True,
            why=why,
        )
    ]


def _radius(search: Search, code: int, wanted: Wanted) -> list[Suggestion]:
    """Suggest what is near the label's typical records."""
    vectors = search.vectors
    assert vectors is not None
    own = np.flatnonzero(search.codes == code)
    if wanted.rows is not None:
        own = own[np.isin(search.rows[own], wanted.rows)]
    if not len(own):
        return []
    centres = typical(vectors, search.rows[own])
    cosine = np.asarray(vectors[centres] @ vectors.T, dtype=np.float32)

    def choose(fit: Fit) -> tuple[list[int], float, Mask]:
        kept = np.flatnonzero(~np.isin(centres, search.rows[fit.held_out]))
        if not len(kept):
            return [], 1.0, np.zeros(search.index.n, dtype=bool)
        worth = search.worth(fit, code, _asked(search, fit, code, wanted), wanted.voted)
        taken, at_least, covered = best_radius(cosine[kept], worth)
        return kept[taken].tolist(), at_least, covered

    places, at_least, covered = choose(search.full)
    if not places:
        return []
    right, known = _tried(search, code, lambda fit: choose(fit)[2])
    records = centres[places].tolist()
    config = {
        "label": int(search.label_ids[code]),
        "records": records,
        "how": "radius",
        "at_least": at_least,
        "embedding": wanted.embedding,
    }
    n = len(records)
    shown = f"within {at_least:.2f} of {n} typical record{'s' * (n > 1)}"
    why = _trials(right, known)
    return [
        _measured(
            search,
            code,
            covered,
            (right, known),
            wanted,
            kind="nearest",
            config=config,
            shown=shown,
            is_list=False,
            why=why,
        )
    ]


def _singles(search: Search, code: int, wanted: Wanted) -> list[Suggestion]:
    """Suggest terms and patterns one by one, without those that say what a better one says."""
    index, fit = search.index, search.full
    every = len(index.often)
    found = []
    if "lookup" in wanted.kinds:
        found.append(_found(search, fit, code, wanted, slice(0, index.n_terms), LOOKED_AT))
    if "regex" in wanted.kinds:
        found.append(_found(search, fit, code, wanted, slice(index.n_terms, every), LOOKED_AT))
    suggestions: list[Suggestion] = []
    label = int(search.label_ids[code])
    for evidence in found:
        precision, low, high = search.belief.precision(evidence)
        for i, place in enumerate(evidence.terms.tolist()):
            right, known = int(evidence.right[i]), int(evidence.known[i])
            hits, adds = int(index.often[place]), n_added(index, place, wanted.voted)
            suggestions.append(
                Suggestion(
                    kind="lookup" if place < index.n_terms else "regex",
                    config=term_config(index, label, place),
                    label=label,
                    shown=written(index, place),
                    precision=float(precision[i]),
                    low=float(low[i]),
                    high=float(high[i]),
                    n_known=known,
                    expected=float(evidence.guessed[i]),
                    hits=hits,
                    coverage=hits / index.n,
                    adds=adds,
                    score=float(low[i]) * adds / index.n,
                    is_list=False,
                    why=_why(index, place, right, known),
                )
            )
    places = [place for evidence in found for place in evidence.terms.tolist()]
    return distinct(index, suggestions, places, wanted.limit)


def _measured(
    search: Search,
    code: int,
    covered: Mask,
    tried: tuple[int, int],
    wanted: Wanted,
    **rest: Any,
) -> Suggestion:
    """Make a suggestion whose precision is that of its trials: how many were right, of how many."""
    right, known = tried
    low, high = wilson(right, known)
    adds = int(covered.sum() if wanted.voted is None else (covered & ~wanted.voted).sum())
    guessed = search.full.probability[covered, code]
    return Suggestion(
        label=int(search.label_ids[code]),
        precision=right / known if known else None,
        low=low,
        high=high,
        n_known=known,
        expected=float(guessed.mean()) if len(guessed) else 0.0,
        hits=int(covered.sum()),
        coverage=float(covered.mean()),
        adds=adds,
        score=low * adds / search.index.n,
        **rest,
    )


def _tried(search: Search, code: int, choose: Callable[[Fit], Mask]) -> tuple[int, int]:
    """Choose without each fold, try on it; return how many were right, and how many were hit."""
    trials = [
        search.tried(part, code, choose(part))
        for part in search.parts
        if (search.codes[part.learnt] == code).any()
    ]
    return sum(right for right, _ in trials), sum(known for _, known in trials)


def _trials(right: int, known: int) -> str:
    if not known:
        return "No label that it was not found on is among its hits."
    return f"Tried on labels it was not found on: {right:,} of {known:,} right."


def _why(index: TextIndex, place: int, right: int, known: int) -> str:
    what = "" if place < index.n_terms else f"Finds {index.says[place - index.n_terms]}. "
    if not known:
        return f"{what}No labelled record holds it; those like the records that do speak for the label."
    return (
        f"{what}{right} of {known} labelled records that hold it have the label; the estimate takes luck off."
    )
