"""What is already known of how embeddings compare, without computing it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from embtune.errors import TooFewLabelsError
from embtune.store.artifacts import find_evaluation, list_evaluations
from embtune.work.measuring import PAGE_KS, unseen_by
from embtune.work.questions import evaluation_key, question

if TYPE_CHECKING:
    from embtune.evaluation.topk import Difference
    from embtune.project import Project

MOST_FOR_MAPS = 50_000  # records; beyond, two UMAPs would take longer than all the rest


@dataclass(frozen=True)
class Comparison:
    """Stored results of several embeddings, all measured on the same records.

    Attributes
    ----------
    results
        One per embedding, as `evaluate` returned it, in the order asked for.
    fresh
        Whether labels and vectors are still those that were measured.
    difference
        Last embedding minus first, at `main_k` neighbours; None for one embedding alone.
    """

    results: tuple[dict[str, Any], ...]
    fresh: bool
    difference: Difference | None


def comparison_options(
    project: Project,
    names: Sequence[str],
    *,
    slice: str | None = None,  # noqa: A002 -- the word users know
) -> dict[str, Any]:
    """Return how those embeddings are to be measured: the options of `evaluate`, ready for JSON.

    No record is measured on that one of the versions was trained on; with a slice, only its records are.
    """
    versions = {version.name for version in project.versions}
    return {
        "ks": list(PAGE_KS),
        "n_queries": 2000,
        "seed": 0,
        "among": "reference",
        "leave_out": [name for name in names if name in versions],
        "maps": project.n_records <= MOST_FOR_MAPS,
    } | ({} if slice is None else {"slice": slice})


def known_comparison(
    project: Project,
    names: Sequence[str],
    *,
    slice: str | None = None,  # noqa: A002
) -> Comparison | None:
    """Return what was measured of those embeddings with `comparison_options`, or None.

    Results for the labels of now are preferred; else the newest ones that were measured together.

    Raises
    ------
    TooFewLabelsError
        If there is nothing to measure on, and nothing was measured before.
    NotFoundError, NotReadyError
        If there is no such slice, or it holds no record.
    """
    options = comparison_options(project, names, slice=slice)
    asked = question(**options)
    leave_out = options.pop("leave_out")
    refused = None
    exact: list[dict[str, Any] | None] = []
    try:
        measure = unseen_by(project, leave_out, among=options["among"], slice=slice)
    except TooFewLabelsError as error:
        refused = error
    else:
        for name in names:
            key = evaluation_key(project.require_embedding(name).file, measure, **options)
            exact.append(find_evaluation(project.db, project.id, name, key))
    fresh = [result for result in exact if result is not None]
    if len(fresh) == len(names):
        return Comparison(tuple(fresh), True, _difference(project, fresh))
    older = [_by_measure(project, name, asked) for name in names]
    shared = [key for key in older[0] if all(key in known for known in older)]
    if shared:
        found = [known[shared[-1]] for known in older]
        return Comparison(tuple(found), False, _difference(project, found))
    if refused is not None:
        raise refused
    return None


def _by_measure(project: Project, name: str, asked: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Results of one embedding for that question by what they were measured on, the newest last."""
    stored = reversed(list_evaluations(project.db, project.id, name))
    return {result["measure"]: result for result in stored if result.get("question") == asked}


def _difference(project: Project, results: Sequence[dict[str, Any]]) -> Difference | None:
    first, last = results[0]["main_shares"], results[-1]["main_shares"]
    if len(results) < 2 or not first or not last:
        return None
    from embtune.evaluation.topk import mean_difference

    names = tuple(result["embedding"] for result in results)
    found: Difference = project.cached(
        ("difference", names),
        [(result["measure"], result["top_k"]) for result in results],
        lambda: mean_difference(np.array(last), np.array(first)),
    )
    return found
