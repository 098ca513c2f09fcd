"""A record's neighbourhood under raw and under a tuned version, with the labels around it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from embtune.errors import BadInputError, NotReadyError
from embtune.neighbors.compare import Neighborhood, Share, compare, label_share, neighborhood

if TYPE_CHECKING:
    from embtune.project import Project


@dataclass(frozen=True)
class Shares:
    """Same-label shares of a neighbourhood; None where the record itself has no label of that kind."""

    labels: Share | None
    reference: Share | None


def compare_neighbors(
    project: Project, chosen: str | int, k: int = 25, version: str | None = None
) -> tuple[Neighborhood, Neighborhood | None]:
    """Return the k nearest records under raw and under a version, each with its ranks in the other.

    Without a version the second is None.

    Raises
    ------
    NotReadyError
        If the record is newer than one of the embeddings.
    """
    if k < 1:
        raise BadInputError(f"k is {k}; it must be at least 1.")
    row = int(project.rows_of(chosen)[0])
    names = ["raw"] if version is None else ["raw", version]
    indexes = [project.index(name) for name in names]
    for name, index in zip(names, indexes, strict=True):
        if row >= index.n:
            raise NotReadyError(f"The record is newer than the embedding {name!r}: embed again.")
    if version is None:
        return neighborhood(indexes[0], row, k), None
    return compare(indexes[0], indexes[1], row, k)


def neighbor_shares(project: Project, chosen: str | int, around: Neighborhood) -> Shares:
    """Count how many neighbours have the record's label, by the labels in force and by reference label."""
    row = int(project.rows_of(chosen)[0])
    counted = [
        label_share(int(ids[row]), ids[around.rows]) if ids[row] >= 0 else None
        for ids in (project.label_state().label_ids, project.reference())
    ]
    return Shares(*counted)


def next_unlabelled(project: Project, after: int = -1) -> int | None:
    """Return the next row without any answer, starting over at the first; None when all have one."""
    from embtune.labeling.state import UNLABELLED

    open_rows = np.flatnonzero(project.label_state().label_ids == UNLABELLED)
    if not len(open_rows):
        return None
    return int(open_rows[np.searchsorted(open_rows, after, side="right") % len(open_rows)])
