"""Where a heuristic comes from: one that was suggested is measured on labels that it was not found on."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from embtune.heuristics.base import ABSTAIN
from embtune.labeling.state import MANUAL_SOURCES
from embtune.store.heuristics import first_given, list_versions
from embtune.work.heuristic_corpus import manual_labels

if TYPE_CHECKING:
    from embtune.heuristics.suggesting import Suggestion
    from embtune.project import Project
    from embtune.work.heuristic_states import Heuristic

_BEGINNING = "Suggested: "
_UNKNOWN = "no label tells how often it is right."
_FIGURES = re.compile(r"(\d+) % right \((\d+) to (\d+) %, n ([\d,]+)\)")


@dataclass(frozen=True)
class Suggested:
    """How often a heuristic was right when it was suggested, on labels that it was not found on.

    `precision` is None, and the interval `low` to `high` (0, 1), where no label told; `n` labels told.
    """

    precision: float | None = None
    low: float = 0.0
    high: float = 1.0
    n: int = 0


def described(suggestion: Suggestion) -> str:
    """Return the description of a heuristic that comes from a suggestion; `suggested` reads it."""
    if suggestion.precision is None or not suggestion.n_known:
        return _BEGINNING + _UNKNOWN
    shares = (f"{100 * share:.0f}" for share in (suggestion.precision, suggestion.low, suggestion.high))
    right, low, high = shares
    return (
        f"{_BEGINNING}{right} % right ({low} to {high} %, n {suggestion.n_known:,}) on labels it was not "
        "found on."
    )


def suggested(description: str) -> Suggested | None:
    """Return the figures of a heuristic that was suggested, None of one that somebody wrote."""
    if not description.startswith(_BEGINNING):
        return None
    found = _FIGURES.match(description, len(_BEGINNING))
    if found is None:
        return Suggested()
    right, low, high = (int(share) / 100 for share in found.groups()[:3])
    return Suggested(right, low, high, int(found[4].replace(",", "")))


def labels_to_judge(project: Project, one: Heuristic) -> NDArray[np.int64]:
    """Return the manual labels that tell how often a heuristic's votes are right; `ABSTAIN` elsewhere.

    Of one that somebody wrote, all. Of one that was suggested, those that suggestions are not found on
    (kept aside) and those of records that nobody had labelled when the version that voted was made.

    Returns
    -------
    numpy.ndarray
        Shape (n,), int64: numbers of labels.
    """
    known = manual_labels(project)
    if suggested(one.description) is None or one.run is None:
        return known
    ran = one.run.version
    made = [kept.created_at for kept in list_versions(project.db, one.id) if kept.version == ran]
    seen = _first_given(project) <= (made[0] if made else np.inf)
    if not project.measures_on_reference:
        seen &= ~project.kept_aside()
    return np.where(seen, ABSTAIN, known)


def _first_given(project: Project) -> NDArray[np.float64]:
    """When a person first answered for each record, undone answers too; infinity where nobody did."""

    def make() -> NDArray[np.float64]:
        rows, times = first_given(project.db, project.id, project.task.id, sorted(MANUAL_SOURCES))
        found = np.full(project.n_records, np.inf)
        there = rows < len(found)
        found[rows[there]] = times[there]
        return found

    kept: NDArray[np.float64] = project.cached("first given", project.revision, make)
    return kept
