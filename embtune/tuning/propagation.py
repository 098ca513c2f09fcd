"""Class scores for every record by label propagation over a nearest-neighbour graph."""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from embtune.progress import Report, silent

if TYPE_CHECKING:
    from collections.abc import Iterator

Matrix = NDArray[np.float32]

SIZES = (10, 20, 40, 80)
"""Neighbourhoods: one graph in which the nearest 10 count four times, up to 20 three times, and so on."""

ALPHAS = (0.9, 0.95)
"""How far labels travel: the share a record takes from its neighbours in every step."""

_POWER = 3  # of the cosine: far neighbours count less
_TOLERANCE = 1e-3
_FEWEST_STEPS = 12  # so far labels reach at least, where the tolerance would let them stop at once
_BLOCK_COLUMNS = 256


def rank_weighted_graph(rows: NDArray[np.int64], cosine: Matrix, sizes: Sequence[int] = SIZES) -> Any:
    """Make the normalised graph that labels travel over.

    Parameters
    ----------
    rows, cosine
        Shape (n, k), most similar first, as `embtune.neighbors.exact.nearest` gives them.
    sizes
        Neighbourhood sizes whose graphs are added up; those above k are cut to k.

    Returns
    -------
    scipy.sparse.csr_array
        Shape (n, n), symmetric, float32: D^-1/2 (W + W^T) D^-1/2, its eigenvalues within [-1, 1].

    Notes
    -----
    W holds cosine^3 times the number of `sizes` that the neighbour's rank is within: propagating over the sum
    of the graphs costs one propagation and comes out as the mean over them does.
    """
    from scipy import sparse

    n, k = rows.shape
    counted = sum((np.arange(k) < min(size, k)).astype(np.float32) for size in sizes)
    weights = np.maximum(cosine, 0.0).astype(np.float32) ** _POWER * counted
    start = np.arange(0, n * k + 1, k)
    directed = sparse.csr_array((weights.ravel(), rows.ravel(), start), shape=(n, n))
    both = directed + directed.T
    degree = np.asarray(both.sum(axis=1)).ravel()
    scale = sparse.diags_array((1.0 / np.sqrt(np.maximum(degree, 1e-12))).astype(np.float32))
    graph = sparse.csr_array(scale @ both @ scale, dtype=np.float32)
    graph.sort_indices()
    return graph


def class_seeds(
    n: int, rows: NDArray[np.int64], labels: NDArray[np.int64], weights: Matrix, n_classes: int
) -> Matrix:
    """Return what is put in at labelled records, shape (n, n_classes): each class sends out the same in all.

    Balanced sources keep a class with many labels from flooding the graph; where one class has more labels
    than another says how they were found more than how common it is.
    """
    seeds: Matrix = np.zeros((n, n_classes), dtype=np.float32)
    np.add.at(seeds, (rows, labels), weights)
    total = seeds.sum(axis=0)
    seeds /= np.where(total > 0, total, 1.0).astype(np.float32)
    return seeds


def propagate(
    graph: Any,
    seeds: Matrix,
    *,
    alphas: Sequence[float] = ALPHAS,
    device: str = "cpu",
    report: Report = silent,
) -> Matrix:
    """Spread class seeds over the graph, for several alphas at once, and take the mean of their class shares.

    Parameters
    ----------
    graph
        As `rank_weighted_graph` makes it.
    seeds
        Shape (n, C), as `class_seeds` makes it.
    alphas
        Each in (0, 1).
    device
        `cuda` or `cpu`; whatever else there is counts as `cpu`, for it has no sparse products.
    report
        Told after every step; what it raises ends the work.

    Returns
    -------
    scores
        Shape (n, C), rows sum to 1. Records that no label reaches have equal shares.

    Notes
    -----
    Zhou et al. (2003), Learning with local and global consistency: F = (1 - a) (I - a S)^-1 Y. The inverse is
    taken by its Chebyshev series, whose coefficients are known in closed form, 2 r^j / sqrt(1 - a^2) with
    r = (1 - sqrt(1 - a^2)) / a: the products S T_j(S) Y are shared by all alphas, and about 25 of them do
    where plain iteration takes 125.
    """
    import torch

    where = torch.device("cuda" if device == "cuda" else "cpu")
    n, n_columns = seeds.shape
    ratios = [(1 - math.sqrt(1 - a * a)) / a for a in alphas]
    steps = max(_FEWEST_STEPS, *(math.ceil(math.log(_TOLERANCE) / math.log(ratio)) for ratio in ratios))
    scores = np.empty((n, n_columns), dtype=np.float32)
    with _sparse_quietly():
        matrix = torch.sparse_csr_tensor(
            torch.from_numpy(graph.indptr.astype(np.int64)),
            torch.from_numpy(graph.indices.astype(np.int64)),
            torch.from_numpy(graph.data),
            size=graph.shape,
            device=where,
            check_invariants=False,  # not said, torch warns
        )
        spread = []
        for a in range(0, n_columns, _BLOCK_COLUMNS):
            block = torch.from_numpy(np.ascontiguousarray(seeds[:, a : a + _BLOCK_COLUMNS])).to(where)
            before, now = block, matrix @ block
            sums = [block + 2 * ratio * now for ratio in ratios]
            for j in range(2, steps + 1):
                before, now = now, 2 * (matrix @ now) - before
                for total, ratio in zip(sums, ratios, strict=True):
                    total.add_(now, alpha=2 * ratio**j)
                report(j + a // _BLOCK_COLUMNS * steps, steps * -(-n_columns // _BLOCK_COLUMNS), "steps", "")
            spread.append(sums)
    scores[:] = 0
    for i in range(len(alphas)):
        share = torch.cat([sums[i] for sums in spread], dim=1).clamp_(min=0)
        total = share.sum(dim=1, keepdim=True)
        share = torch.where(total > 0, share / total, torch.full_like(share, 1 / n_columns))
        scores += share.cpu().numpy() / len(alphas)
    return scores


def neighbour_scores(
    rows: NDArray[np.int64], cosine: Matrix, scores: Matrix, *, power: int = _POWER
) -> Matrix:
    """Give records outside the graph the mean scores of their nearest known records.

    Parameters
    ----------
    rows, cosine
        Shape (m, k): the k nearest known records of each new one.
    scores
        Shape (n, C), of the known records, rows sum to 1.

    Returns
    -------
    Matrix
        Shape (m, C), rows sum to 1.

    Notes
    -----
    One step of the propagation itself: Delalleau, Bengio and Le Roux (2005), Efficient non-parametric
    function induction in semi-supervised learning.
    """
    weights = np.maximum(cosine, 1e-6).astype(np.float32) ** power
    weights /= weights.sum(axis=1, keepdims=True)
    found: Matrix = np.einsum("mk,mkc->mc", weights, scores[rows])
    return found


@contextmanager
def _sparse_quietly() -> Iterator[None]:
    import warnings

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Sparse .* tensor support is in beta")
        yield
