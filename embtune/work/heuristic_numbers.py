"""What heuristics are worth: their votes against each other and against the manual labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from embtune.errors import NotReadyError
from embtune.heuristics.base import ABSTAIN
from embtune.heuristics.statistics import Counts, Statistics, rows_where, statistics
from embtune.work.heuristic_corpus import manual_labels
from embtune.work.heuristic_origin import Suggested, labels_to_judge, suggested
from embtune.work.heuristic_runs import votes_of
from embtune.work.heuristic_states import Heuristic

if TYPE_CHECKING:
    from embtune.project import Project


@dataclass(frozen=True)
class Line:
    """A heuristic with its numbers; `numbers` is None while it has no votes."""

    heuristic: Heuristic
    numbers: Statistics | None

    @property
    def suggested(self) -> Suggested | None:
        """Of one that was suggested how often it was right then; its `numbers` know labels given since."""
        return suggested(self.heuristic.description)


@dataclass(frozen=True)
class VoteMatrix:
    """The newest votes of m heuristics on n records.

    Attributes
    ----------
    heuristics
        The m heuristics, in the columns' order.
    labels
        Shape (n, m), int64: a label's number or -1.
    confidence
        Shape (n, m), float32 in [0, 1].
    """

    heuristics: list[Heuristic]
    labels: NDArray[np.int64]
    confidence: NDArray[np.float32]


def votes(project: Project, chosen: Sequence[Heuristic]) -> VoteMatrix:
    """Return the newest votes of those heuristics that have any."""
    kept = [one for one in chosen if one.run is not None]
    n = project.n_records
    labels = np.full((n, len(kept)), ABSTAIN, dtype=np.int64)
    confidence = np.zeros((n, len(kept)), dtype=np.float32)
    for j, one in enumerate(kept):
        labels[:, j], confidence[:, j] = votes_of(project, one)
    return VoteMatrix(kept, labels, confidence)


def lines(project: Project, every: Sequence[Heuristic]) -> list[Line]:
    """Every heuristic with its numbers: coverage, hits, overlaps, conflicts, what it adds, precision.

    Precision is against the manual labels, of suggested ones against those that they were not found on (see
    `labels_to_judge`); overlaps, conflicts and what one adds are against all others that have votes.
    """
    voting = [one for one in every if one.run is not None]
    which = tuple((one.id, one.run.file, suggested(one.description)) for one in voting if one.run)
    found: list[Statistics] = project.cached(
        "heuristic numbers", (project.revision, which), lambda: _numbers(project, voting)
    )
    by_id = dict(zip((one.id for one in voting), found, strict=True))
    return [Line(one, by_id.get(one.id)) for one in every]


def _numbers(project: Project, voting: Sequence[Heuristic]) -> list[Statistics]:
    labels = votes(project, voting).labels
    found = statistics(labels, manual_labels(project))
    for j, one in enumerate(voting):
        if suggested(one.description) is not None:
            (judged,) = statistics(labels[:, [j]], labels_to_judge(project, one))
            by_label = {
                label: replace(counts, **_judgement(judged.by_label[label]))
                for label, counts in found[j].by_label.items()
            }
            found[j] = replace(found[j], **_judgement(judged), by_label=by_label)
    return found


def _judgement(counts: Counts) -> dict[str, Any]:
    return {"n_known": counts.n_known, "n_right": counts.n_right}


def rows(
    project: Project, every: Sequence[Heuristic], number: int, what: str = "hits", label: str | None = None
) -> NDArray[np.int64]:
    """Rows of the records behind one of a heuristic's numbers, ascending.

    Parameters
    ----------
    what
        "hits", "overlaps", "conflicts", "adds", "known", "right" or "wrong"; the last three among the labels
        that its precision is measured on.
    label
        Only those it voted so on.

    Raises
    ------
    NotReadyError
        If it has no votes yet.
    """
    matrix = votes(project, every)
    column = next((j for j, one in enumerate(matrix.heuristics) if one.id == number), None)
    if column is None:
        raise NotReadyError("This heuristic has no votes yet: run it first.")
    known = labels_to_judge(project, matrix.heuristics[column])
    found = rows_where(matrix.labels, column, what, known)
    if label is not None:
        found = found[matrix.labels[found, column] == project.label_named(label).id]
    return found
