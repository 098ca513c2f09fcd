"""Which records go into a session, in which order, and why each: one function per kind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from embtune.errors import BadInputError, NotFoundError
from embtune.labeling.state import UNLABELLED

if TYPE_CHECKING:
    from embtune.project import Project

Rows = NDArray[np.int64]

MOST_CENTRES = 200
"""Centres of a session of typical records, unless a number is given; of more records, several a centre."""


@dataclass(frozen=True)
class Chosen:
    """Records for a session: `rows` in order, one line `why` for each, and what the session is called."""

    name: str
    rows: Rows
    why: Sequence[str]
    origin: dict[str, Any] = field(default_factory=dict)
    cosine: NDArray[np.float32] | None = None


# ---- around something -----------------------------------------------------------------------------


def similar(
    project: Project, n: int, *, record: str | int, embedding: str = "active", unlabelled: bool = True
) -> Chosen:
    """Those nearest to a record by cosine."""
    name = project.require_embedding(embedding).name
    rows, cosine = project.neighbor_rows(record, max(1, len(project.vectors(name)) - 1), name)
    ranks = np.arange(1, len(rows) + 1)
    keep = _open(project)[rows] if unlabelled else np.ones(len(rows), dtype=bool)
    rows, cosine, ranks = rows[keep][:n], cosine[keep][:n], ranks[keep][:n]
    source = project.record(record)
    return Chosen(
        f"Similar to “{_short(source.text)}” under {name}",
        rows,
        [f"rank {rank:,}, cosine {_two(c)} under {name}" for rank, c in zip(ranks, cosine, strict=True)],
        {"record": source.id, "embedding": name},
        cosine,
    )


def shape(
    project: Project,
    n: int,
    *,
    polygons: Sequence[Any],
    embedding: str = "active",
    method: str = "umap",
    unlabelled: bool = True,
) -> Chosen:
    """Those inside polygons on a map, each (m, 2) in its coordinates, or {"x": …, "y": …}."""
    name = project.require_embedding(embedding).name
    corners = [np.column_stack([p["x"], p["y"]]) if isinstance(p, dict) else np.asarray(p) for p in polygons]
    rows = project.select(name, method, corners)
    origin = {
        "embedding": name,
        "method": method,
        "shapes": [{"x": p[:, 0].tolist(), "y": p[:, 1].tolist()} for p in corners],
    }
    return _central_first(
        project, n, rows, name, f"Inside a shape on the map of {name}", "the shape", origin, unlabelled
    )


def slice_(
    project: Project,
    n: int,
    *,
    slice: str | None = None,  # noqa: A002
    query: dict[str, Any] | None = None,
    sort: dict[str, Any] | None = None,
    unlabelled: bool = True,
) -> Chosen:
    """Those of a slice, or that match a query, in their order."""
    if slice is not None:
        rows, what = project.slice_rows(slice), f"slice “{slice}”"
    else:
        rows, what = project.rows_matching(query, sort=sort), "filter"
    places = np.arange(1, len(rows) + 1)
    if unlabelled:
        keep = _open(project)[rows]
        rows, places = rows[keep], places[keep]
    why = [f"place {place:,} of the {what}" for place in places[:n]]
    origin = {"slice": slice} if slice is not None else {"query": query, "sort": sort}
    return Chosen(f"{what[0].upper()}{what[1:]}", rows[:n], why, origin)


def cluster(
    project: Project,
    n: int,
    *,
    cluster: int | str,
    embedding: str = "active",
    method: str = "kmeans",
    k: int | None = None,
    unlabelled: bool = True,
) -> Chosen:
    """Those of a cluster, named or by its number, the most central first."""
    name = project.require_embedding(embedding).name
    found = project.clusters(name, method, k)
    assert found is not None  # they are made
    names = list(found.names)
    if isinstance(cluster, str):
        if cluster not in names:
            raise NotFoundError(f"There is no cluster {cluster!r} among the {len(names):,} of {name}.")
        cluster = names.index(cluster)
    rows = found.rows(cluster)
    what = f"“{names[cluster]}”"
    origin = {"embedding": name, "method": method, "cluster": cluster}
    return _central_first(project, n, rows, name, f"Cluster {what}", what, origin, unlabelled)


# ---- to begin, and to cover -----------------------------------------------------------------------


def at_random(project: Project, n: int, *, seed: int | None = None) -> Chosen:
    """Unlabelled ones, drawn at random."""
    rows = np.random.default_rng(seed).permutation(unlabelled_rows(project))[:n]
    return Chosen("Unlabelled, at random", rows, ["drawn at random"] * len(rows))


def typical(project: Project, n: int, *, embedding: str = "active", centres: int | None = None) -> Chosen:
    """Those nearest to the centres of the corpus."""
    from embtune.neighbors.spread import centres_of, nearest_to_centres

    row = project.require_embedding(embedding)
    k = centres or min(n, MOST_CENTRES)
    found = project.cached(
        ("centres", row.name, k), row.file, lambda: centres_of(project.vectors(row.name), k)
    )
    rows, centre, rank, cosine = nearest_to_centres(
        project.vectors(row.name), found, unlabelled_rows(project, row.name)
    )
    why = [
        f"nearest to centre {c + 1:,} of {len(found):,}" if r == 1 else f"number {r:,} of centre {c + 1:,}"
        for c, r in zip(centre[:n], rank[:n], strict=True)
    ]
    return Chosen(f"Typical records under {row.name}", rows[:n], why, {"embedding": row.name}, cosine[:n])


def diverse(project: Project, n: int, *, embedding: str = "active") -> Chosen:
    """Unlabelled ones that are far from all labelled ones and from each other."""
    from embtune.neighbors.spread import farthest_first

    name = project.require_embedding(embedding).name
    vectors = project.vectors(name)
    known = np.flatnonzero(project.label_state().labelled)
    rows, cosine = farthest_first(
        vectors, unlabelled_rows(project, name), n, known=known[known < len(vectors)]
    )
    why = [
        "the most central one" if np.isnan(c) else f"cosine {_two(c)} to the nearest one seen" for c in cosine
    ]
    return Chosen(f"Most diverse under {name}", rows, why, {"embedding": name})


def outliers(project: Project, n: int, *, embedding: str = "active") -> Chosen:
    """Unlabelled ones that are least like their neighbours."""
    name = project.require_embedding(embedding).name
    scores = project.outlier_scores(name)
    assert scores is not None  # they are made
    rows = unlabelled_rows(project, name)
    rows = rows[np.argsort(-scores[rows], kind="stable")][:n]
    why = [f"outlier score {scores[row]:.2f} under {name}" for row in rows]
    return Chosen(f"Outliers under {name}", rows, why, {"embedding": name})


# ---- what they share --------------------------------------------------------------------------------


def _open(project: Project) -> NDArray[np.bool_]:
    """Records without an answer. Shape (n,)."""
    found: NDArray[np.bool_] = project.label_state().label_ids == UNLABELLED
    return found


def unlabelled_rows(project: Project, embedding: str | None = None) -> Rows:
    """Rows without an answer, of those that the embedding has; never none in the whole project."""
    rows = np.flatnonzero(_open(project))
    if not len(rows):
        raise BadInputError("Every record has an answer, so there is nothing to put into a session.")
    return rows if embedding is None else rows[rows < len(project.vectors(embedding))]


def _central_first(
    project: Project,
    n: int,
    rows: Rows,
    embedding: str,
    name: str,
    what: str,
    origin: dict[str, Any],
    unlabelled: bool,
) -> Chosen:
    vectors = project.vectors(embedding)
    rows = rows[rows < len(vectors)]
    middle = vectors[rows].mean(axis=0) if len(rows) else np.zeros(vectors.shape[1], dtype=np.float32)
    middle /= max(float(np.linalg.norm(middle)), 1e-12)
    if unlabelled:
        rows = rows[_open(project)[rows]]
    if not len(rows):
        raise BadInputError(f"There is no record without an answer in {what}.")
    cosine = vectors[rows] @ middle
    order = np.argsort(-cosine, kind="stable")[:n]
    why = [f"cosine {_two(c)} to the middle of {what}" for c in cosine[order]]
    return Chosen(name, rows[order], why, origin)


def _two(value: float) -> str:
    return f"{value:.2f}".replace("0.", ".", 1) if abs(value) < 0.995 else f"{value:.2f}"


def _short(text: str, longest: int = 50) -> str:
    line = " ".join(text[: 4 * longest].split())
    return line if len(line) <= longest else line[:longest].rsplit(" ", 1)[0] + " …"
