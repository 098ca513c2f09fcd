"""How the records moved from the map of raw to the map of a tuned version, and who changed sides."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from embtune.errors import BadInputError
from embtune.maps.movement import Crossings
from embtune.store.artifacts import rows_trained_on

if TYPE_CHECKING:
    from embtune.project import Project

METHODS = ("pca", "umap")
"""The maps whose movement means something: one that labels guided moves by what it was told."""


@dataclass(frozen=True)
class Movement:
    """Two maps of the same n records, and what crossed between them.

    Attributes
    ----------
    before, after
        Shape (n, 2): the map of raw, and that of the version laid over it.
    labels, known
        Shape (n,), label numbers or -1: the labels in force, which make the regions; and what is known to be
        right, the reference label or else the label in force.
    trained
        Shape (n,): whether the version learned from the record's label.
    crossings
        Which records lie in another label's region than before.
    k
        Labelled neighbours on the map that make a record's region.
    """

    before: NDArray[np.float32]
    after: NDArray[np.float32]
    labels: NDArray[np.int64]
    known: NDArray[np.int64]
    trained: NDArray[np.bool_]
    crossings: Crossings
    k: int

    @property
    def into_own(self) -> NDArray[np.int64]:
        """Rows that reached the region of their own class, those no training saw first."""
        return self._ordered(self.crossings.into_own)

    @property
    def out_of_own(self) -> NDArray[np.int64]:
        """Rows that left the region of their own class, those no training saw first."""
        return self._ordered(self.crossings.out_of_own)

    @property
    def counts(self) -> dict[str, int]:
        """How many records crossed, and of which kind; `unseen` were not trained on."""
        found, unseen = self.crossings, ~self.trained
        named = found.crossed & (self.known >= 0)
        return {
            "records": len(self.before),
            "labelled": int((self.labels >= 0).sum()),
            "crossed": int(found.crossed.sum()),
            "not_known": int((found.crossed & (self.known < 0)).sum()),
            "between_others": int((named & ~found.into_own & ~found.out_of_own).sum()),
            "into_own": int(found.into_own.sum()),
            "out_of_own": int(found.out_of_own.sum()),
            "unseen": int(((self.known >= 0) & unseen).sum()),
            "unseen_into_own": int((found.into_own & unseen).sum()),
            "unseen_out_of_own": int((found.out_of_own & unseen).sum()),
        }

    def _ordered(self, chosen: NDArray[np.bool_]) -> NDArray[np.int64]:
        rows = np.flatnonzero(chosen)
        return rows[np.argsort(self.trained[rows], kind="stable")]


def movement(project: Project, version: str, method: str = "umap") -> Movement | None:
    """Compare a version's map with that of raw; None while the UMAP of one of the two is not drawn.

    The stored maps stay as they are: only here is the version's laid over that of raw.

    Raises
    ------
    BadInputError
        If the embedding is raw itself, or the method is none of `METHODS`.
    """
    from embtune.maps.movement import crossings, procrustes, region_neighbors, regions

    if version == "raw":
        raise BadInputError("A movement goes from raw to a tuned version: name a version such as v1.")
    if method not in METHODS:
        raise BadInputError(f"A movement is shown on {' or '.join(METHODS)}, not on {method!r}.")
    if method == "pca":  # drawn at once
        for name in ("raw", version):
            project.map(name, method)
    before, after = (project.find_map(name, method) for name in ("raw", version))
    if before is None or after is None:
        return None

    def compare() -> Movement:
        raw, tuned = (project.map(name, method) for name in ("raw", version))
        assert raw is not None
        assert tuned is not None
        n = min(len(raw), len(tuned))
        state = project.label_state()
        labels = np.where(state.label_ids[:n] < 0, -1, state.label_ids[:n]).astype(np.int64)
        reference = project.reference()[:n]
        known = np.where(reference >= 0, reference, labels)
        trained = np.zeros(n, dtype=np.bool_)
        rows = [row for row, _ in rows_trained_on(project.db, project.id, version) if row < n]
        trained[rows] = True
        k = region_neighbors(labels)
        return Movement(
            before=raw[:n],
            after=procrustes(tuned[:n], raw[:n]),
            labels=labels,
            known=known,
            trained=trained,
            crossings=crossings(regions(raw[:n], labels, k), regions(tuned[:n], labels, k), known),
            k=k,
        )

    stamp = (project.revision, before.file, after.file)
    found: Movement = project.cached(("movement", version, method), stamp, compare)
    return found
