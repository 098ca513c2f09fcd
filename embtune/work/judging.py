"""Which similarity judgements a training may learn from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from embtune.project import Project
    from embtune.tuning.judgements import Judgements


def judgements_for_training(project: Project) -> Judgements:
    """Gather the judgements in force, as rows, that a training may learn from.

    So that measuring stays honest, no pair and no triplet is among them that touches a record which is
    measured on: one with a reference label where there are enough of those, else one whose label is kept
    aside. Where annotators scored a pair differently, the mean counts; where one called b closer than c and
    another c closer than b, neither does.
    """
    from embtune.tuning.judgements import Judgements, without_contradictions

    def gather() -> Judgements:
        measured = kept_for_measuring(project)
        scores: dict[tuple[int, int], list[float]] = {}
        triplets: list[tuple[int, ...]] = []
        for one in project.judgements():
            if any(measured[row] for row in one.rows):
                continue
            if one.score is None:
                triplets.append(one.rows)
            else:
                scores.setdefault((min(one.rows), max(one.rows)), []).append(one.score)
        pairs = sorted(scores)
        found = Judgements(
            pairs=np.array(pairs, dtype=np.int64).reshape(-1, 2),
            scores=np.array([np.mean(scores[pair]) for pair in pairs], dtype=np.float32),
            triplets=without_contradictions(np.array(triplets, dtype=np.int64).reshape(-1, 3)),
        )
        found.check(project.n_records)
        return found

    known: Judgements = project.cached("judgements for training", project.revision, gather)
    return known


def n_judgements_left_out(project: Project) -> int:
    """Count the judgements in force that touch a record which is measured on, and so train nothing."""

    def count() -> int:
        measured = kept_for_measuring(project)
        return sum(any(measured[row] for row in one.rows) for one in project.judgements())

    known: int = project.cached("judgements left out", project.revision, count)
    return known


def kept_for_measuring(project: Project) -> NDArray[np.bool_]:
    """Tell which records are measured on, or will be. Shape (n,)."""
    if project.measures_on_reference:
        return project.reference() >= 0
    return project.kept_aside() & project.label_state().labelled
