"""top_k: the share of a record's nearest neighbours that have its label."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embtune.errors import BadInputError
from embtune.neighbors.exact import as_float32_matrix, nearest
from embtune.progress import Report, silent

_BLOCK = 1024


@dataclass(frozen=True)
class TopK:
    """Scores of one embedding.

    Attributes
    ----------
    ks
        Numbers of neighbours, ascending.
    mean, low, high
        For each k: the mean score over the queries and its 95 % bootstrap interval.
    per_query
        Shape (n_queries, len(ks)), each query's own score.
    queries
        Shape (n_queries,), rows that were asked, ascending.
    n_records
        Records searched, the query among them.
    skipped
        Those k that were asked for but have no meaning: larger than n_records - 1.
    """

    ks: tuple[int, ...]
    mean: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    per_query: NDArray[np.float32]
    queries: NDArray[np.int64]
    n_records: int
    skipped: tuple[int, ...] = ()


@dataclass(frozen=True)
class Difference:
    """A mean difference of scores over `n` queries and its 95 % bootstrap interval."""

    mean: float
    low: float
    high: float
    n: int


def top_k(
    vectors: NDArray[Any],
    labels: NDArray[np.int64],
    ks: Sequence[int],
    *,
    n_queries: int = 2000,
    seed: int = 0,
    n_bootstrap: int = 1000,
    report: Report = silent,
) -> TopK:
    """Score an embedding by the labels of nearest neighbours.

    Queries are drawn at random without replacement; neighbours are the k nearest by cosine among the same
    records, the query left out; a query's score is the share of them with its label.

    Parameters
    ----------
    vectors
        Shape (n, d), rows of unit length.
    labels
        Shape (n,), the class of every record.
    ks
        Numbers of neighbours. Those above n - 1 are left out and named in `skipped`.
    n_queries
        Records asked; all of them where there are not more.
    seed
        Of the queries and of the bootstrap. Equal seeds ask equal rows of equally many records.
    n_bootstrap
        Samples of the bootstrap over the queries.
    report
        Told after every block of queries.

    Returns
    -------
    top
        The scores; higher is better.

    Raises
    ------
    BadInputError
        If there are not as many labels as rows, or a k or n_queries is below 1.
    """
    matrix = as_float32_matrix(vectors)
    known = np.asarray(labels)
    n = len(matrix)
    if known.shape != (n,):
        raise BadInputError(f"There are {n} vectors, but {len(known)} labels; each record needs one.")
    if n_queries < 1:
        raise BadInputError(f"n_queries is {n_queries}; ask for at least 1 query.")
    wanted = sorted({int(k) for k in ks})
    if wanted and wanted[0] < 1:
        raise BadInputError(f"k is {wanted[0]}; a record has at least 1 neighbour.")
    used = tuple(k for k in wanted if k < n)
    rng = np.random.default_rng(seed)
    queries = np.arange(n) if n_queries >= n else np.sort(rng.choice(n, n_queries, replace=False))
    per_query = np.empty((len(queries), len(used)), dtype=np.float32)
    if used:
        for start in range(0, len(queries), _BLOCK):
            part = queries[start : start + _BLOCK]
            rows, _ = nearest(matrix, used[-1], queries=part)
            same = known[rows] == known[part][:, None]
            hits = np.cumsum(same, axis=1, dtype=np.int64)[:, np.array(used) - 1]
            per_query[start : start + len(part)] = hits / np.array(used)
            report(start + len(part), len(queries), "queries", "top_k")
    mean = per_query.mean(axis=0, dtype=np.float64) if len(queries) else np.zeros(len(used))
    low, high = _bootstrap(per_query, n_bootstrap, np.random.default_rng([seed, 1]))
    return TopK(
        ks=used,
        mean=tuple(mean.tolist()),
        low=tuple(low.tolist()),
        high=tuple(high.tolist()),
        per_query=per_query,
        queries=queries.astype(np.int64),
        n_records=n,
        skipped=tuple(k for k in wanted if k >= n),
    )


def same_label_share(neighbor_labels: NDArray[np.int64], label: int) -> float:
    """Return the share of labelled neighbours that have `label`; NaN if none of them has a label.

    Parameters
    ----------
    neighbor_labels
        Shape (k,); -1 is a neighbour without a label, which does not count.
    label
        The query's own.
    """
    labels = np.asarray(neighbor_labels)
    labelled = labels[labels >= 0]
    return float((labelled == label).mean()) if len(labelled) else float("nan")


def per_class(top: TopK, labels: NDArray[np.int64], names: Sequence[str]) -> list[dict[str, Any]]:
    """Split scores by the query's class.

    Parameters
    ----------
    top
        What `top_k` returned for these labels.
    labels
        Shape (top.n_records,), an index into `names` each.
    names
        The classes.

    Returns
    -------
    rows
        One for each class in the order of `names`: `label`, `n_queries`, and `top_k`, a mapping from k (as
        text, ready for JSON) to the mean score, None for a class without queries.

    Raises
    ------
    BadInputError
        If there are not as many labels as records were searched.
    """
    known = np.asarray(labels)
    if len(known) != top.n_records:
        raise BadInputError(f"The scores are of {top.n_records} records, but there are {len(known)} labels.")
    asked = known[top.queries]
    rows = []
    for i, name in enumerate(names):
        scores = top.per_query[asked == i].astype(np.float64)
        means = scores.mean(axis=0).tolist() if len(scores) else [None] * len(top.ks)
        by_k = {str(k): mean for k, mean in zip(top.ks, means, strict=True)}
        rows.append({"label": name, "n_queries": len(scores), "top_k": by_k})
    return rows


def paired_difference(a: TopK, b: TopK, k: int, seed: int = 0, n_bootstrap: int = 2000) -> Difference:
    """Compare two embeddings on the same queries: by how much `a` is better than `b`.

    Parameters
    ----------
    a, b
        Scores of the same queries among the same records.
    k
        The number of neighbours to compare at.
    seed, n_bootstrap
        Of the bootstrap, which draws queries and takes both scores of each.

    Returns
    -------
    difference
        Mean of a - b; an interval above 0 says that `a` is better.

    Raises
    ------
    BadInputError
        If the queries differ, or k was not scored in both.
    """
    for name, top in (("first", a), ("second", b)):
        if k not in top.ks:
            scored = ", ".join(map(str, top.ks)) or "none"
            raise BadInputError(f"k = {k} was not scored in the {name} of the two; scored are: {scored}.")
    if not np.array_equal(a.queries, b.queries):
        shared = len(np.intersect1d(a.queries, b.queries))
        raise BadInputError(
            f"The scores are of different queries ({len(a.queries)} and {len(b.queries)}, {shared} "
            "in common); score both with the same records, n_queries and seed."
        )
    return mean_difference(
        a.per_query[:, a.ks.index(k)], b.per_query[:, b.ks.index(k)], seed=seed, n_bootstrap=n_bootstrap
    )


def mean_difference(
    a: NDArray[Any], b: NDArray[Any], *, seed: int = 0, n_bootstrap: int = 2000
) -> Difference:
    """Compare two lists of scores of the same queries, both of shape (n,): the mean of a - b."""
    gap = np.asarray(a, dtype=np.float64) - np.asarray(b, dtype=np.float64)
    low, high = _bootstrap(gap[:, None], n_bootstrap, np.random.default_rng([seed, 2]))
    return Difference(float(gap.mean()), float(low[0]), float(high[0]), len(gap))


def _bootstrap(
    scores: NDArray[Any], n_bootstrap: int, rng: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Interval (95 %, percentile) of the mean over the rows of `scores`, shape (n, m): two arrays (m,)."""
    n, m = scores.shape
    if not n or not m:
        return np.zeros(m), np.zeros(m)
    values = scores.astype(np.float64)
    means = np.empty((n_bootstrap, m))
    for i in range(n_bootstrap):
        # How often each row was drawn: a product with counts, not a gather of rows.
        means[i] = np.bincount(rng.integers(0, n, n), minlength=n) @ values
    low, high = np.percentile(means / n, [2.5, 97.5], axis=0)
    return low, high
