"""Clusters of an embedding: found once, named, kept, and read against labels."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from embtune.errors import NotFoundError, UnknownChoiceError
from embtune.exploring.clusters import NO_CLUSTER, by_density, k_means, suggested_k, suggested_size
from embtune.progress import Report, silent
from embtune.store.clusterings import (
    ClusteringRow,
    delete_clusterings,
    insert_clustering,
    list_clusterings,
)
from embtune.store.records import fetch_texts

if TYPE_CHECKING:
    from embtune.project import Project

METHODS = {"kmeans": "k-means", "density": "by density (HDBSCAN)"}
"""The ways to cluster and how people call them."""

AT_ONCE = {"kmeans": 50_000, "density": 5_000}
"""Up to so many records a page may wait for the clusters; more take a job."""


@dataclass(frozen=True)
class Clustering:
    """Clusters of n records.

    Attributes
    ----------
    ids
        Shape (n,): cluster number from 0, -1 for a record that is in none, or newer than the clusters.
    names, words
        One for each cluster, the largest first: its name, and the words that set it apart.
    sizes
        Shape (number of clusters,).
    outdated
        Whether the embedding has changed since.
    """

    id: int
    embedding: str
    method: str
    parameters: dict[str, Any]
    ids: NDArray[np.int64]
    names: tuple[str, ...]
    words: tuple[tuple[str, ...], ...]
    sizes: NDArray[np.int64]
    outdated: bool
    created_at: float

    def rows(self, cluster: int) -> NDArray[np.int64]:
        """Rows of one cluster.

        Raises
        ------
        NotFoundError
            If there is no such cluster.
        """
        if not 0 <= cluster < len(self.names):
            raise NotFoundError(
                f"There is no cluster {cluster}: the clustering has {len(self.names)}, numbered from 0."
            )
        return np.flatnonzero(self.ids == cluster)


@dataclass(frozen=True)
class ClusterLine:
    """What labels say of one cluster.

    `labelled` is the share of its records that have a label; `label` the commonest prediction in it and
    `purity` that one's share, None before there are predictions.
    """

    cluster: int
    name: str
    size: int
    labelled: float
    label: str | None
    purity: float | None


def clusters(
    project: Project,
    embedding: str = "active",
    method: str = "kmeans",
    k: int | None = None,
    *,
    least: int | None = None,
    seed: int = 0,
    make: bool = True,
    report: Report = silent,
) -> Clustering | None:
    """Return the clusters of an embedding as it is now; found now if absent, or None with `make` off.

    Parameters
    ----------
    method
        "kmeans", or "density": HDBSCAN, which leaves records between the clusters in none.
    k
        Number of clusters by k-means; without it the newest clusters of that method serve, whatever their
        number, and else it follows from the number of records.
    least
        The least size of a cluster by density, likewise.

    Raises
    ------
    UnknownChoiceError
        If there is no such embedding or method.
    BadInputError
        If `k` or `least` is out of range.
    """
    if method not in METHODS:
        raise UnknownChoiceError("cluster method", method, METHODS)
    row = project.require_embedding(embedding)
    asked = {"k": k} if method == "kmeans" else {"least": least}
    for known in _rows(project):
        if known.embedding == row.name and known.method == method and not _outdated(project, known):
            wanted = {name: value for name, value in asked.items() if value is not None}
            if wanted.items() <= known.parameters.items():
                return _open(project, known)
    if not make:
        return None
    number = make_clusters(
        project, embedding=row.name, method=method, k=k, least=least, seed=seed, report=report
    )["clustering"]
    return clustering(project, number)


def make_clusters(
    project: Project,
    *,
    embedding: str = "active",
    method: str = "kmeans",
    k: int | None = None,
    least: int | None = None,
    seed: int = 0,
    report: Report = silent,
) -> dict[str, Any]:
    """Find clusters anew, name them and keep them; older ones stay. See `clusters`."""
    from embtune.embedding.matrix import save_matrix
    from embtune.exploring.cluster_names import cluster_names, cluster_words

    if method not in METHODS:
        raise UnknownChoiceError("cluster method", method, METHODS)
    row = project.require_embedding(embedding)
    before = time.perf_counter()
    vectors = project.vectors(row.name)
    n = len(vectors)
    parameters: dict[str, Any] = {"seed": seed, "vectors": row.file}
    if method == "kmeans":
        parameters["k"] = suggested_k(n) if k is None else k
        ids = k_means(vectors, parameters["k"], seed=seed, report=report)
    else:
        parameters["least"] = suggested_size(n) if least is None else least
        ids = by_density(vectors, parameters["least"], seed=seed, report=report)
    report(0, None, "", "names of the clusters")
    words = cluster_words(fetch_texts(project.db, project.id, stop=n), ids, seed=seed)
    names = cluster_names(words)
    sizes = np.bincount(ids[ids >= 0], minlength=len(names))
    parameters["seconds"] = round(time.perf_counter() - before, 2)
    file = project.folder("clusters") / f"{row.name}-{method}-{time.time_ns()}.npy"
    # The matrix files hold floats; float32 is exact up to 16 million clusters.
    save_matrix(file, ids.astype(np.float32)[:, None])
    number = insert_clustering(
        project.db,
        project.id,
        embedding=row.name,
        method=method,
        parameters=parameters,
        clusters=[
            {"name": name, "words": list(own), "size": int(size)}
            for name, own, size in zip(names, words, sizes.tolist(), strict=True)
        ],
        n_rows=n,
        file=project.relative(file),
    )
    return {
        "clustering": number,
        "embedding": row.name,
        "method": method,
        "n_clusters": len(names),
        "n_in_none": int((ids < 0).sum()),
        "n_records": n,
        "seconds": parameters["seconds"],
    }


def clusterings(project: Project) -> list[Clustering]:
    """All clusterings that are kept, newest first."""
    return [_open(project, row) for row in _rows(project)]


def clustering(project: Project, number: int) -> Clustering:
    """Return one clustering.

    Raises
    ------
    NotFoundError
        If it does not exist, or not any more.
    """
    for row in _rows(project):
        if row.id == number:
            return _open(project, row)
    raise NotFoundError(f"Project {project.name!r} has no clustering {number}: find the clusters again.")


def cluster_rows(project: Project, number: int, cluster: int) -> NDArray[np.int64]:
    """Rows of one cluster of one clustering."""
    return clustering(project, number).rows(cluster)


def delete_clustering(project: Project, number: int) -> None:
    """Forget a clustering; filters that name it find it no more."""
    file = next((row.file for row in _rows(project) if row.id == number), None)
    if file is None:
        raise NotFoundError(f"Project {project.name!r} has no clustering {number}.")
    delete_clusterings(project.db, project.id, [number])
    project.path(file).unlink(missing_ok=True)


def cluster_lines(project: Project, found: Clustering) -> list[ClusterLine]:
    """Read clusters against the labels and predictions of now, in their order."""
    predicted = project.recent_predictions(found.embedding) if _known(project, found) else None
    lines: list[ClusterLine] = project.cached(
        ("cluster lines", found.id),
        (project.revision, found.id, id(predicted)),
        lambda: _lines(project, found, predicted),
    )
    return lines


def _lines(project: Project, found: Clustering, predicted: Any) -> list[ClusterLine]:
    n = len(found.names)
    inside = found.ids >= 0
    labelled = project.label_state().labelled
    have = np.bincount(found.ids[inside & labelled[: len(found.ids)]], minlength=n)
    best, purity = np.full(n, -1, dtype=np.int64), np.full(n, np.nan)
    if predicted is not None:
        m = min(len(found.ids), len(predicted[0]))
        ids, said = found.ids[:m], predicted[0][:m]
        classes, place = np.unique(said, return_inverse=True)
        mine = ids >= 0
        counts = np.bincount(ids[mine] * len(classes) + place[mine], minlength=n * len(classes))
        counts = counts.reshape(n, len(classes))
        best = classes[counts.argmax(axis=1)]
        purity = counts.max(axis=1) / np.maximum(counts.sum(axis=1), 1)
    names = {label.id: label.name for label in project.labels}
    return [
        ClusterLine(
            cluster=i,
            name=found.names[i],
            size=int(found.sizes[i]),
            labelled=float(have[i] / max(1, found.sizes[i])),
            label=names.get(int(best[i])),
            purity=None if np.isnan(purity[i]) else float(purity[i]),
        )
        for i in range(n)
    ]


def _known(project: Project, found: Clustering) -> bool:
    return any(row.name == found.embedding for row in project.embeddings)


def _rows(project: Project) -> list[ClusteringRow]:
    return list_clusterings(project.db, project.id)


def _outdated(project: Project, row: ClusteringRow) -> bool:
    now = project.find_embedding(row.embedding)
    return now is None or now.file != row.parameters.get("vectors")


def _open(project: Project, row: ClusteringRow) -> Clustering:
    from embtune.embedding.matrix import open_matrix

    outdated, n = _outdated(project, row), project.n_records

    def load() -> Clustering:
        ids = np.full(n, NO_CLUSTER, dtype=np.int64)
        kept = np.asarray(open_matrix(project.path(row.file)))[:, 0].astype(np.int64)
        ids[: len(kept)] = kept[:n]
        return Clustering(
            id=row.id,
            embedding=row.embedding,
            method=row.method,
            parameters=row.parameters,
            ids=ids,
            names=tuple(one["name"] for one in row.clusters),
            words=tuple(tuple(one["words"]) for one in row.clusters),
            sizes=np.array([one["size"] for one in row.clusters], dtype=np.int64),
            outdated=outdated,
            created_at=row.created_at,
        )

    found: Clustering = project.cached(("clustering", row.id), (n, outdated), load)
    return found
