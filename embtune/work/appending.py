"""Records that came later: which they are, and their place on maps that were drawn without them."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from embtune.errors import EmbtuneError
from embtune.progress import Report, silent
from embtune.store.artifacts import MapRow, put_map

if TYPE_CHECKING:
    from embtune.project import Project
    from embtune.store.artifacts import EmbeddingRow

_PROBES = 64


def n_appended(project: Project, version: str) -> int:
    """Count the records that came after a version was made: its model places them, it never saw them.

    0 for a version of a release that did not keep how many there were.
    """
    known = project.version(version).labels.get("n_records")
    return 0 if known is None else max(0, project.n_records - int(known))


def n_placed(project: Project, embedding: str, method: str) -> int:
    """Count the records on a map that came after it was drawn; 0 where there is no such map."""
    made = project.find_map(embedding, method)
    return 0 if made is None else int(made.detail.get("placed", 0))


def first_later(project: Project, embedding: str, method: str) -> int:
    """Return the first row that is shown apart on a map: from it on, records came later.

    That is after the map was drawn, or after the version was made that it shows, which never saw them.
    """
    n = project.n_records
    made = project.find_map(embedding, method)
    first = n if made is None else made.n_rows - n_placed(project, embedding, method)
    return min(first, n - (0 if embedding == "raw" else n_appended(project, embedding)))


@dataclass(frozen=True)
class Before:
    """An embedding as it was before more records were embedded."""

    file: str
    n_rows: int
    rows: NDArray[np.int64]
    vectors: NDArray[np.float32]
    """Of `rows`: enough to tell whether they are still the same."""


def before_appending(project: Project) -> dict[str, Before]:
    """Note, before more records are embedded, what `extend_maps` has to know of every embedding."""
    from embtune.embedding.matrix import open_matrix

    noted = {}
    drawn = {made.embedding for made in project.maps}
    for row in project.embeddings:
        if row.name not in drawn:
            continue
        try:
            matrix = open_matrix(project.path(row.file))
        except EmbtuneError:  # its file is lost: it is about to be made anew
            continue
        rows = np.unique(np.linspace(0, row.n_rows - 1, _PROBES).astype(np.int64))
        noted[row.name] = Before(row.file, row.n_rows, rows, np.array(matrix[rows], dtype=np.float32))
    return noted


def extend_maps(project: Project, before: Mapping[str, Before], *, report: Report = silent) -> list[str]:
    """Place new records on the maps that were up to date before them, and move nothing else.

    A map of other vectors than there are now (another base model) is left as it is.

    Parameters
    ----------
    before
        What `before_appending` noted.

    Returns
    -------
    list of str
        The maps extended, as `method of embedding`.
    """
    extended = []
    for made in project.maps:
        row, old = project.find_embedding(made.embedding), before.get(made.embedding)
        if row is None or old is None or not _extends(project, row, old):
            continue
        if made.n_rows != old.n_rows or made.detail.get("vectors", old.file) != old.file:
            continue
        report(0, None, "", f"placing new records on the {made.method.upper()} map of {row.name}")
        _extend(project, made, row, report)
        extended.append(f"{made.method} of {row.name}")
    return extended


def _extends(project: Project, row: EmbeddingRow, old: Before) -> bool:
    """Say whether an embedding is the old one with more rows behind it."""
    if row.n_rows <= old.n_rows or not old.n_rows:
        return False
    now = project.vectors(row.name)
    return now.shape[1] == old.vectors.shape[1] and np.allclose(now[old.rows], old.vectors, atol=1e-4)


def _extend(project: Project, made: MapRow, row: EmbeddingRow, report: Report) -> None:
    from embtune.embedding.matrix import open_matrix, save_matrix
    from embtune.maps.placing import place_by_directions, place_by_neighbors

    vectors = project.vectors(row.name)
    old = np.asarray(open_matrix(project.path(made.file)), dtype=np.float32)
    drawn = made.n_rows - int(made.detail.get("placed", 0))  # those placed before decide nothing
    known, xy, new = vectors[:drawn], old[:drawn], vectors[made.n_rows : row.n_rows]
    if made.method == "pca":
        placed = place_by_directions(known, xy, new)
    else:
        placed = place_by_neighbors(known, xy, new, report=report)
    file = project.folder("maps") / f"{row.name}-{made.method}-{row.n_rows}-{int(time.time() * 1000)}.npy"
    save_matrix(file, np.concatenate([old, placed]))
    detail: dict[str, Any] = {**made.detail, "vectors": row.file, "placed": row.n_rows - drawn}
    put_map(
        project.db,
        project.id,
        embedding=row.name,
        method=made.method,
        n_rows=row.n_rows,
        file=project.relative(file),
        detail=detail,
    )
    project.path(made.file).unlink(missing_ok=True)
