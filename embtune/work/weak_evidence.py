"""What weak supervision hears of a project: votes, manual labels, vectors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from embtune.work.graphs import graph_of
from embtune.work.heuristic_corpus import folds_of, labels_to_learn_from, labels_to_measure_on
from embtune.work.heuristic_kinds import kind_for
from embtune.work.heuristic_states import Heuristic, checked
from embtune.work.words_view import words_beside

if TYPE_CHECKING:
    from embtune.project import Project
    from embtune.weak_supervision.evidence import Evidence

EMBEDDING = "raw"
# Kinds that vote on labelled records without knowing their labels: as good there as elsewhere.
_OUT_OF_FOLD = frozenset({"learner", "zero-shot", "llm"})


def n_newer(project: Project) -> int:
    """How many records are missing in the embedding; 0 if there is no embedding."""
    row = project.find_embedding(EMBEDDING)
    return 0 if row is None else max(project.n_records - row.n_rows, 0)


def vectors_of(project: Project) -> NDArray[np.float32] | None:
    """The vectors of all records, shape (n, d); None where some have none."""
    if project.find_embedding(EMBEDDING) is None or n_newer(project):
        return None
    return project.vectors(EMBEDDING)


def made_on_labels(project: Project, heuristic: Heuristic) -> bool:
    """Whether a heuristic was made with the manual labels in view, and so does better on them than elsewhere.

    Learners answer out of fold; but the vectors of a tuned version were moved by all labels together.
    """
    if heuristic.kind not in _OUT_OF_FOLD:
        return True
    kind = kind_for(project, heuristic.kind)
    name = kind.depends(checked(project, kind, heuristic.config)).embedding
    return name is not None and project.require_embedding(name).name != EMBEDDING


def gather(
    project: Project,
    chosen: Sequence[Heuristic],
    votes: NDArray[np.int64],
    confidence: NDArray[np.float32],
    seed: int,
) -> Evidence:
    """Gather what label models are given, the votes and confidences having the shape (n, len(chosen))."""
    from embtune.weak_supervision.evidence import evidence_of

    vectors = vectors_of(project)
    graph = None
    if vectors is not None:
        graph = graph_of(project, project.require_embedding(EMBEDDING), wait=True)
    return evidence_of(
        votes,
        confidence,
        labels_to_learn_from(project),
        folds_of(project),
        np.array([label.id for label in project.labels], dtype=np.int64),
        seen=np.array([made_on_labels(project, one) for one in chosen], dtype=bool),
        aside=None if project.measures_on_reference else labels_to_measure_on(project)[0],
        vectors=vectors,
        graph=graph,
        beside=None if vectors is None or graph is None else words_beside(project, vectors),
        seed=seed,
    )
