"""Several annotators on the same records: how far they agree, and where they differ."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from embtune.evaluation.agreement import agreement_of
from embtune.labeling.state import MANUAL_SOURCES, NONE_OF_THESE, NONE_OF_THESE_NAME, UNLABELLED
from embtune.store.annotators import Answers, answers_by_annotator

if TYPE_CHECKING:
    from embtune.project import Project


@dataclass(frozen=True)
class PairAgreement:
    """Two annotators on the n records that both answered; see `embtune.evaluation.agreement`."""

    first: str
    second: str
    n: int
    n_same: int
    share: float
    kappa: float | None


@dataclass(frozen=True)
class Difference:
    """A record that annotators answered differently: annotator → label."""

    row: int
    answers: dict[str, str]


def answers(project: Project) -> Answers:
    """Everybody's newest answer on every record of the label task, read once per change."""
    found: Answers = project.cached(
        "answers by annotator",
        project.revision,
        lambda: answers_by_annotator(project.db, project.id, project.task.id, MANUAL_SOURCES),
    )
    return found


def annotators(project: Project) -> dict[str, int]:
    """Map each annotator to how many records they answered."""
    found = answers(project)
    counts = np.bincount(found.who, minlength=len(found.annotators))
    return {name: int(n) for name, n in zip(found.annotators, counts, strict=True) if n}


def agreement(project: Project) -> list[PairAgreement]:
    """Compare every two annotators who answered some record both; those with most in common first.

    An answer that was given to settle a difference is nobody's own and does not count here.
    """
    found = answers(project)
    table = _table(project)
    pairs = []
    for i, j in combinations(range(len(table)), 2):
        both = (table[i] != UNLABELLED) & (table[j] != UNLABELLED)
        if both.any():
            one = agreement_of(table[i, both], table[j, both])
            names = found.annotators[i], found.annotators[j]
            pairs.append(PairAgreement(*names, one.n, one.n_same, one.share, one.kappa))
    return sorted(pairs, key=lambda pair: -pair.n)


def differing_rows(
    project: Project, first: str | None = None, second: str | None = None
) -> NDArray[np.int64]:
    """Rows that annotators answered differently and nobody settled yet; of those two only, if named."""
    found = answers(project)
    table = _table(project)
    if first is not None and second is not None:
        table = table[[i for i, name in enumerate(found.annotators) if name in (first, second)]]
    if len(table) < 2:
        return np.empty(0, dtype=np.int64)
    highest = table.max(axis=0, where=table != UNLABELLED, initial=np.iinfo(np.int64).min)
    lowest = table.min(axis=0, where=table != UNLABELLED, initial=np.iinfo(np.int64).max)
    rows = np.flatnonzero(highest > lowest)
    return rows[~np.isin(rows, found.settled)]


def answers_on(project: Project, rows: NDArray[np.int64]) -> list[Difference]:
    """What each annotator said of those records, in that order."""
    found = answers(project)
    table = _table(project)[:, rows]
    names = {label.id: label.name for label in project.labels} | {NONE_OF_THESE: NONE_OF_THESE_NAME}
    return [
        Difference(
            int(row),
            {
                who: names[label_id]
                for who, label_id in zip(found.annotators, column, strict=True)
                if label_id in names
            },
        )
        for row, column in zip(rows, table.T.tolist(), strict=True)
    ]


def _table(project: Project) -> NDArray[np.int64]:
    """Every annotator's answer on every record, `UNLABELLED` where there is none. Shape (annotators, n)."""

    def make() -> NDArray[np.int64]:
        found = answers(project)
        table = np.full((len(found.annotators), project.n_records), UNLABELLED, dtype=np.int64)
        table[found.who, found.rows] = found.labels
        return table

    made: NDArray[np.int64] = project.cached("table of answers", project.revision, make)
    return made
