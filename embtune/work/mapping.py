"""Make a 2-D map of an embedding and keep it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from embtune.errors import UnknownChoiceError
from embtune.progress import Report, silent
from embtune.store.artifacts import put_map

if TYPE_CHECKING:
    from embtune.project import Project


def make_map(
    project: Project, *, embedding: str = "raw", method: str = "pca", seed: int = 0, report: Report = silent
) -> dict[str, Any]:
    """Project an embedding to 2-D and keep the coordinates; each embedding and method has its own."""
    from embtune.embedding.matrix import save_matrix
    from embtune.maps.projection import METHODS

    if method not in METHODS:
        raise UnknownChoiceError("map method", method, METHODS)
    row = project.require_embedding(embedding)
    before = time.perf_counter()
    report(0, None, "", f"{method.upper()} of {embedding}")
    vectors = project.vectors(row.name)
    if method == "umap":
        xy = METHODS[method](vectors, seed=seed, report=report)
    else:
        xy = METHODS[method](vectors, seed=seed)
    seconds = round(time.perf_counter() - before, 3)
    old = next((m for m in project.maps if (m.embedding, m.method) == (row.name, method)), None)
    file = project.folder("maps") / f"{row.name}-{method}-{row.n_rows}-{int(time.time() * 1000)}.npy"
    save_matrix(file, xy)
    put_map(
        project.db,
        project.id,
        embedding=row.name,
        method=method,
        n_rows=row.n_rows,
        file=project.relative(file),
        detail={"seed": seed, "seconds": seconds, "vectors": row.file},
    )
    if old is not None:
        project.path(old.file).unlink(missing_ok=True)
    return {"embedding": row.name, "method": method, "n_records": row.n_rows, "seconds": seconds}
