"""The nearest neighbours of all rows at once, each pair compared a single time."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embtune.neighbors.compiled import compiled
from embtune.progress import Report, silent

MOST_NEIGHBORS = 64
"""Beyond so many, keeping each row's list sorted costs more than the halved product saves."""

FEWEST_ROWS = 4_000
"""Below, comparing all with all takes less time than loading the compiler."""


def all_pairs(
    matrix: NDArray[np.float32], k: int, *, block: int = 1024, report: Report = silent
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Find the k most similar other rows of every row, exactly.

    Parameters
    ----------
    matrix
        Shape (n, d), rows of unit length, contiguous.
    k
        1 <= k < n, and best not above `MOST_NEIGHBORS`.
    block
        Rows compared at once; the similarity block takes up to block * n * 4 bytes.
    report
        Told after every block; the records count as done as their comparisons are.

    Returns
    -------
    rows, cosine
        Both (n, k), most similar first, equal ones in order of their row number.

    Notes
    -----
    A block is multiplied with itself and what comes after it only. Its scores are offered to its own rows
    and, read down the columns, to the later rows: half the products of comparing every row with every other.
    """
    import torch

    n = len(matrix)
    best = np.full((n, k), -np.inf, dtype=np.float32)
    rows = np.zeros((n, k), dtype=np.int64)
    worst = np.full(n, -np.inf, dtype=np.float32)
    everything = torch.from_numpy(matrix)
    to_rows, to_columns = compiled(_offer_to_rows), compiled(_offer_to_columns)
    n_threads = max(1, min(os.cpu_count() or 1, 16, n // 500))
    with ThreadPoolExecutor(n_threads) as pool:

        def share(offer: Callable[..., Any], first: int, last: int, scores: Any, start: int) -> None:
            bounds = np.linspace(first, last, n_threads + 1).astype(int).tolist()
            parts = [
                pool.submit(offer, scores, start, low, high, best, rows, worst)
                for low, high in pairwise(bounds)
            ]
            for part in parts:
                part.result()

        for start in range(0, n, block):
            stop = min(start + block, n)
            scores = (everything[start:stop] @ everything[start:].T).numpy()
            np.fill_diagonal(scores, -np.inf)
            share(to_rows, start, stop, scores, start)
            if stop < n:
                share(to_columns, stop, n, scores, start)
            # Of the pairs, those with a partner before `stop` are done.
            report(n * (1 - ((n - stop) / n) ** 2), n, "records", "nearest neighbours")
    return rows, best


def _offer_to_rows(scores: Any, start: int, first: int, last: int, best: Any, rows: Any, worst: Any) -> None:
    """Offer the rows from `start` on to the rows first..last-1; scores[0, 0] is of row `start` and itself."""
    k = best.shape[1]
    for row in range(first, last):
        i = row - start
        least = worst[row]
        for c in range(scores.shape[1]):
            score = scores[i, c]
            if score > least:
                place = k - 1
                while place > 0 and best[row, place - 1] < score:
                    best[row, place] = best[row, place - 1]
                    rows[row, place] = rows[row, place - 1]
                    place -= 1
                best[row, place] = score
                rows[row, place] = start + c
                least = best[row, k - 1]
        worst[row] = least


def _offer_to_columns(
    scores: Any, start: int, first: int, last: int, best: Any, rows: Any, worst: Any
) -> None:
    """Offer the block's rows to the later rows first..last-1, down the columns of the same scores."""
    k = best.shape[1]
    for i in range(scores.shape[0]):
        for row in range(first, last):
            score = scores[i, row - start]
            if score > worst[row]:
                place = k - 1
                while place > 0 and best[row, place - 1] < score:
                    best[row, place] = best[row, place - 1]
                    rows[row, place] = rows[row, place - 1]
                    place -= 1
                best[row, place] = score
                rows[row, place] = start + i
                worst[row] = best[row, k - 1]
