"""The neighbour graph of an embedding that labels travel over: computed once, kept on disk."""

from __future__ import annotations

import contextlib
import threading
import uuid
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from embtune.project import Project
    from embtune.store.artifacts import EmbeddingRow

AT_ONCE = 4_000
"""Up to so many records the graph takes a moment; of more it is computed beside."""

MOST_RECORDS = 60_000
"""Beyond, comparing all with all takes minutes: the quick model does without a graph."""

THREAD = "embtune graph"


def graph_of(project: Project, row: EmbeddingRow, *, wait: bool = False) -> Any:
    """Return the graph of an embedding, as `embtune.tuning.propagation.rank_weighted_graph` makes it.

    None while it is computed beside, and for very many records; with `wait` only for the latter.
    """
    kept: _Kept = project.cached(("graph", row.name), row.file, lambda: _Kept(_path(project, row)))
    if kept.graph is None:
        vectors = project.vectors(row.name)
        if 2 <= len(vectors) <= MOST_RECORDS:
            kept.make(vectors, beside=not wait and len(vectors) > AT_ONCE)
    return kept.graph


def has_graph(project: Project, row: EmbeddingRow) -> bool:
    """Tell whether the graph of an embedding is there; nothing is computed."""
    kept: _Kept = project.cached(("graph", row.name), row.file, lambda: _Kept(_path(project, row)))
    return kept.graph is not None or kept.path.is_file()


def prepare_graph(project: Project, embedding: str) -> None:
    """Compute the graph at the end of the job that made an embedding, so that no page waits for it."""
    row = project.find_embedding(embedding)
    if row is not None:
        graph_of(project, row, wait=True)


class _Kept:
    """The graph of one matrix: in memory, else on disk, else to be made."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.graph: Any = None
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def make(self, vectors: NDArray[np.float32], *, beside: bool) -> None:
        """Load or compute it; with `beside`, what must be computed is computed in a thread."""
        if self.graph is None and self.path.is_file():
            self.graph = _load(self.path, len(vectors))
        if self.graph is not None:
            return
        if not beside:
            self._compute(vectors)
        elif self._thread is None:
            self._thread = threading.Thread(target=self._compute, args=(vectors,), name=THREAD, daemon=True)
            self._thread.start()

    def _compute(self, vectors: NDArray[np.float32]) -> None:
        from embtune.neighbors.exact import nearest
        from embtune.tuning.propagation import SIZES, rank_weighted_graph

        with self._lock:
            if self.graph is None:
                made = rank_weighted_graph(*nearest(vectors, min(max(SIZES), len(vectors) - 1)))
                with contextlib.suppress(OSError):  # a full disk: next time it is computed again
                    _save(self.path, made)
                self.graph = made


def _save(path: Path, graph: Any) -> None:
    partial = path.with_name(f"{path.stem}.{uuid.uuid4().hex[:8]}.partial")
    try:
        with partial.open("wb") as file:
            np.savez(file, data=graph.data, indices=graph.indices.astype(np.int32), indptr=graph.indptr)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def _load(path: Path, n: int) -> Any:
    """Read a graph; None if the file is no whole graph of n records."""
    from scipy import sparse

    try:
        with path.open("rb") as file, np.load(file) as parts:
            data, indices, indptr = parts["data"], parts["indices"], parts["indptr"]
        if len(indptr) != n + 1 or len(data) != len(indices) or int(indptr[-1]) != len(data):
            return None
        return sparse.csr_array((data, indices, indptr), shape=(n, n))
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None


def _path(project: Project, row: EmbeddingRow) -> Path:
    """Return where the graph of an embedding is kept; graphs of matrices that are no more go away."""
    folder = project.folder("graphs")
    alive = {Path(one.file).stem for one in project.embeddings}
    for path in folder.glob("*.npz"):
        if path.stem not in alive:
            path.unlink(missing_ok=True)
    return folder / f"{Path(row.file).stem}.npz"
