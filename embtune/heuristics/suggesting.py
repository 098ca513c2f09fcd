"""Heuristics that the labels at hand speak for, each with a precision it was not found on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embtune.heuristics.base import ABSTAIN
from embtune.heuristics.suggesting_making import of_label
from embtune.heuristics.suggesting_rows import of_rows
from embtune.heuristics.suggesting_search import Search, TextIndex
from embtune.heuristics.suggesting_suggestion import KINDS, Suggestion, Wanted

__all__ = ["Suggestion", "TextIndex", "suggest", "suggest_all", "suggest_from_rows"]

Rows = NDArray[np.int64]
Mask = NDArray[np.bool_]


def suggest(
    texts: Sequence[str] | TextIndex,
    labels: Rows,
    *,
    label: int,
    folds: Rows,
    vectors: NDArray[Any] | None = None,
    embedding: str | None = None,
    voted: Mask | None = None,
    limit: int = 20,
    at_least: float | None = None,
    kinds: Sequence[str] = KINDS,
) -> list[Suggestion]:
    """Suggest heuristics for a label: its best look-up list first, then others by score.

    Parameters
    ----------
    texts
        The n texts, or their index, which is worth keeping: it does not hang on labels.
    labels
        Shape (n,): manual labels that may be learned from, `ABSTAIN` elsewhere.
    label
        The label to suggest for.
    folds
        Shape (n,): which part each record is in; the more parts, the more labels the search has.
    vectors
        Shape (n, d), rows of unit length. With them records are told by meaning, and a radius is suggested.
    embedding
        Name of the vectors, for a radius; without one none is suggested.
    voted
        Shape (n,): records that heuristics at hand vote on already.
    limit
        How many to return at most.
    at_least
        The precision asked of a term; half-way from the label's share to certainty if not given.
    kinds
        Which kinds to suggest.

    Returns
    -------
    list of Suggestion
        None where fewer than two labels are in use, or nothing tells this one.

    Notes
    -----
    No figure comes from the labels it was found on. A list (its whole greedy choice) and a radius (records
    and cosine) are found anew without each fold, and tried on the labels of that fold; the precision is that
    of all such trials together, with Wilson's interval. A single term cannot be measured so: one that is
    found without each fold in turn is tried on all its records, which gives its naive share back, luck
    included. So of all terms found without a fold, what is learnt is how precise those of like evidence
    turned out to be on it; a term's precision and interval are of that Beta distribution, given its evidence:
    see `suggesting_scores.Belief`.

    Terms are searched by labels and by guesses at all other records, made from the same labels
    (`suggesting_guess`): so a term that two labelled records hold is judged by the hundreds that hold it.
    """
    wanted = Wanted(voted, embedding, limit, at_least, kinds)
    search = Search(_index(texts), labels, folds, vectors)
    return of_label(search, label, wanted)


def suggest_all(
    texts: Sequence[str] | TextIndex,
    labels: Rows,
    *,
    folds: Rows,
    vectors: NDArray[Any] | None = None,
    embedding: str | None = None,
    voted: Mask | None = None,
    limit: int = 20,
    at_least: float | None = None,
    kinds: Sequence[str] = KINDS,
) -> dict[int, list[Suggestion]]:
    """Suggest for every label in use, at most `limit` each; see `suggest`."""
    wanted = Wanted(voted, embedding, limit, at_least, kinds)
    search = Search(_index(texts), labels, folds, vectors)
    return {label: of_label(search, label, wanted) for label in search.label_ids.tolist()}


def suggest_from_rows(
    texts: Sequence[str] | TextIndex,
    rows: Rows,
    labels: Rows,
    *,
    folds: Rows,
    label: int | None = None,
    vectors: NDArray[Any] | None = None,
    embedding: str | None = None,
    voted: Mask | None = None,
    limit: int = 20,
    at_least: float | None = None,
    kinds: Sequence[str] = KINDS,
) -> list[Suggestion]:
    """Suggest what sets some records apart from the rest, such as those of a shape, a session or a slice.

    Parameters
    ----------
    rows
        The records.
    label
        The label they stand for; by default the most frequent one among them.

    Returns
    -------
    list of Suggestion
        With the precision for that label, as `suggest` has it. Where labels cannot say (the label is in no
        other record, or none is known), what sets the rows apart, without a precision.
    """
    index = _index(texts)
    own = labels[rows]
    own = own[own != ABSTAIN]
    if label is None:
        label = int(np.bincount(own).argmax()) if len(own) else ABSTAIN
    wanted = Wanted(voted, embedding, limit, at_least, kinds, rows)
    search = Search(index, labels, folds, vectors)
    if label in search.label_ids.tolist() and len(search.label_ids) > 1:
        return of_label(search, label, wanted)
    return of_rows(index, rows, label, wanted)


def _index(texts: Sequence[str] | TextIndex) -> TextIndex:
    return texts if isinstance(texts, TextIndex) else TextIndex(texts)
