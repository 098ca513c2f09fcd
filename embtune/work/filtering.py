"""Which records a query finds, and in which order."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from embtune.errors import BadInputError, NotReadyError
from embtune.filtering.masks import mask_of
from embtune.filtering.matches import cut_at_matches, highlight_pattern
from embtune.filtering.query import Group, Leaf, Node, leaves, parse
from embtune.filtering.recent import Recent
from embtune.filtering.sorting import Sort, ordered, parse_sort, shuffled, text_ranks
from embtune.store.heuristics import state_of_rules
from embtune.store.slices import list_slices
from embtune.work.conditions import Conditions, label_places, similarity_values, vote_origins
from embtune.work.graphs import has_graph

if TYPE_CHECKING:
    from embtune.project import Project

Query = Mapping[str, Any]

_KEPT = 24
_MODEL_KINDS = frozenset({"predicted", "differs"})


def rows_matching(
    project: Project, query: Query | None = None, *, sort: Mapping[str, Any] | None = None
) -> NDArray[np.int64]:
    """Return the rows of the records that a query finds, in order.

    Parameters
    ----------
    query
        See `embtune.filtering.query`; None finds all.
    sort
        See `embtune.filtering.sorting.parse_sort`; None is by row, or by similarity where the query asks
        for what is similar to something.

    Returns
    -------
    rows
        Shape (m,), read-only. Kept until something changes that the answer hangs on, so that the pages of a
        long result cost nothing.

    Raises
    ------
    BadInputError
        Naming the place in the query or the sort that cannot be used; also for a search that takes too long.
    NotReadyError
        If it asks for predictions, maps or versions that are not there yet.
    """
    tree, order = parse(query), parse_sort(sort)
    kept: Recent[NDArray[np.int64]] = project.cached("filter results", 0, lambda: Recent(_KEPT))
    key = json.dumps([query, sort], sort_keys=True, default=_plain)
    stamp = _stamp(project)
    found = kept.get(key, stamp)
    if found is None:
        answers = Conditions(project)
        mask = mask_of(tree, project.n_records, answers)
        found = _in_order(project, np.flatnonzero(mask), tree, order)
        found.setflags(write=False)
        kept.put(key, found, stamp)
    return found


def still_matching(
    project: Project, query: Query | None, rows: NDArray[np.int64]
) -> NDArray[np.bool_] | None:
    """Tell which of some rows, shape (m,), a query still finds; None where a new model would have to say."""
    tree = parse(query)
    if any(leaf.kind in _MODEL_KINDS for leaf in leaves(tree)):
        return None
    found: NDArray[np.bool_] = mask_of(tree, project.n_records, Conditions(project))[rows]
    return found


def matches_in(project: Project, query: Query | None, texts: Sequence[str]) -> list[list[str]]:
    """Cut texts where a query's words stand: every second piece is a match."""
    return cut_at_matches(texts, highlight_pattern(parse(query)))


def similarities(
    project: Project, query: Query | None, rows: NDArray[np.int64]
) -> NDArray[np.float32] | None:
    """Return the cosines of some rows, shape (m,), to what a query is similar to; None if to nothing."""
    leaf = _similar_leaf(parse(query))
    return None if leaf is None else similarity_values(project, leaf.value, leaf.path)[rows]


def _in_order(project: Project, rows: NDArray[np.int64], tree: Node, order: Sort | None) -> NDArray[np.int64]:
    if order is None:
        leaf = _similar_leaf(tree)
        if leaf is None:
            return rows
        return ordered(rows, similarity_values(project, leaf.value, leaf.path), descending=True)
    if order.by == "row":
        return rows[::-1].copy() if order.descending else rows
    if order.by == "random":
        return shuffled(rows, project.n_records, order.seed)
    if order.by == "typical":
        from embtune.labeling.accepting import typical_rows

        if project.find_embedding("raw") is None:
            raise NotReadyError("The records are not embedded yet, so none is known to be typical.")
        places = np.full(project.n_records, -1, dtype=np.int64)
        typical = typical_rows(project, seed=order.seed)
        places[typical] = np.arange(len(typical))
        return ordered(rows, places, descending=order.descending)
    return ordered(rows, _keys(project, tree, order), descending=order.descending)


def _keys(project: Project, tree: Node, order: Sort) -> NDArray[Any]:
    """What to sort by, by row; NaN (or -1 for whole numbers) where there is nothing. Shape (n,)."""
    n = project.n_records
    state = project.label_state()
    if order.by == "confidence":
        return np.where(state.sources >= 0, state.confidence, np.nan)
    if order.by == "label":
        return label_places(project)
    if order.by == "updated":
        return vote_origins(project)[2]
    if order.by == "uncertainty":
        found = project.quick_predictions("active")
        if found is None:
            raise NotReadyError("Label a few records of two labels first: until then no model is unsure.")
        keys = np.full(n, np.nan, dtype=np.float32)
        keys[: len(found[1])] = 1 - found[1][:n]
        return keys
    if order.by == "outlier":
        from embtune.work.finding import odd_scores

        scores = odd_scores(project)
        assert scores is not None
        return scores
    if order.by == "field":
        assert order.field is not None
        return Conditions(project).ranks(order.field, text_ranks)
    return _similarity(project, tree, order)


def _similarity(project: Project, tree: Node, order: Sort) -> NDArray[np.float32]:
    if order.of is not None:
        value = next(iter(leaves(parse({"similar": dict(order.of)})))).value
        return similarity_values(project, value, "sort")
    leaf = _similar_leaf(tree)
    if leaf is None:
        raise BadInputError(
            'To sort by similarity, say to what: {"by": "similarity", "text": "…"} or "to" with records.'
        )
    return similarity_values(project, leaf.value, leaf.path)


def _similar_leaf(tree: Node) -> Leaf | None:
    """The first condition that asks for what is similar, and is not turned round."""
    if isinstance(tree, Leaf):
        return tree if tree.kind == "similar" else None
    if isinstance(tree, Group):
        return next((found for part in tree.parts if (found := _similar_leaf(part)) is not None), None)
    return None


def _stamp(project: Project) -> Any:
    # What is predicted changes once the graph is there, which is computed beside.
    embeddings = tuple((row.name, row.file, has_graph(project, row)) for row in project.embeddings)
    maps = tuple((row.embedding, row.method, row.file) for row in project.maps)
    slices = tuple((one.id, one.name, one.updated_at) for one in list_slices(project.db, project.id))
    rules = state_of_rules(project.db, project.id)
    return project.revision, embeddings, project.active_embedding, maps, slices, rules


def _plain(value: Any) -> Any:
    return value.tolist() if hasattr(value, "tolist") else str(value)
