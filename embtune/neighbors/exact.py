"""Exact nearest neighbours by cosine, for one query at a time or for all rows at once."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from embtune.errors import BadInputError, VectorsError
from embtune.neighbors.all_pairs import FEWEST_ROWS, MOST_NEIGHBORS, all_pairs
from embtune.progress import Report, silent

_LARGEST_BLOCK = 64 * 2**20  # numbers, of four bytes


class ExactIndex:
    """Answer nearest-neighbour queries by comparing with every row.

    Parameters
    ----------
    vectors
        Shape (n, d), rows of unit length; read once into memory as float32.

    Raises
    ------
    VectorsError
        If `vectors` is not 2-D.

    Notes
    -----
    One matrix-vector product and a partial sort: about a millisecond for 20,000 x 384, some 70 ms for
    a million rows. Rows of equal cosine come in the order of their row number.
    """

    def __init__(self, vectors: NDArray[Any]) -> None:
        self._vectors = as_float32_matrix(vectors)
        self.n = len(self._vectors)

    def query(
        self, vector: NDArray[Any], k: int, *, leave_out: int | None = None
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Find the k rows most similar to `vector`.

        Parameters
        ----------
        vector
            Shape (d,), of unit length.
        k
            How many; cut to the number of rows there are.
        leave_out
            A row that may not be an answer.

        Returns
        -------
        rows, cosine
            Both (k,), most similar first.

        Raises
        ------
        BadInputError
            If k is below 1 or `leave_out` is no row.
        VectorsError
            If `vector` has another length than the rows.
        """
        if k < 1:
            raise BadInputError(f"k is {k}; ask for at least 1 neighbour.")
        cosine = self.cosines(vector)
        available = self.n
        if leave_out is not None:
            self._check_row(leave_out)
            cosine[leave_out] = -np.inf
            available -= 1
        rows = _largest(cosine, min(k, available))
        return rows, cosine[rows]

    def query_row(self, row: int, k: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Find the k rows most similar to row `row`, itself left out; its duplicates stay in.

        Returns and raises as `query` does.
        """
        self._check_row(row)
        return self.query(self._vectors[row], k, leave_out=row)

    def cosines(self, vector: NDArray[Any]) -> NDArray[np.float32]:
        """Return the cosine of `vector`, shape (d,), to every row, shape (n,)."""
        asked = np.asarray(vector, dtype=np.float32).ravel()
        if asked.shape[0] != self._vectors.shape[1]:
            raise VectorsError(
                f"The query vector has {asked.shape[0]} numbers, the indexed rows have "
                f"{self._vectors.shape[1]}; use vectors of one embedding."
            )
        found: NDArray[np.float32] = self._vectors @ asked
        return found

    def ranks_of(self, row: int, others: NDArray[np.int64]) -> NDArray[np.int64]:
        """Say at which place each of `others` stands among the neighbours of `row`.

        Parameters
        ----------
        row
            The row whose neighbours are ranked.
        others
            Shape (m,), rows to look up.

        Returns
        -------
        ranks
            Shape (m,); 1 is the nearest neighbour as `query_row` orders them, 0 is the row itself.
        """
        self._check_row(row)
        wanted = np.asarray(others, dtype=np.int64)
        for other in wanted[(wanted < 0) | (wanted >= self.n)][:1].tolist():
            self._check_row(other)
        cosine = self.cosines(self._vectors[row])
        cosine[row] = np.inf
        ranks = np.empty(self.n, dtype=np.int64)
        ranks[np.argsort(-cosine, kind="stable")] = np.arange(self.n)
        return ranks[wanted]

    def _check_row(self, row: int) -> None:
        if not 0 <= row < self.n:
            raise BadInputError(f"Row {row} does not exist: the index has {self.n} rows, counted from 0.")


def nearest(
    vectors: NDArray[Any],
    k: int,
    *,
    queries: NDArray[np.int64] | None = None,
    block: int = 1024,
    device: str = "cpu",
    report: Report = silent,
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Find the k most similar other rows of every row, exactly.

    Parameters
    ----------
    vectors
        Shape (n, d), rows of unit length.
    k
        Neighbours per row, 1 <= k < n; a row is never its own neighbour, its duplicates may be.
    queries
        Shape (q,), the rows to answer for; all by default.
    block
        Rows compared at once; the similarity block takes block * n * 4 bytes, and of very many rows fewer are
        compared at once to keep it at 256 MB.
    device
        Where torch multiplies: "cpu", "cuda", "mps".
    report
        Told after every block.

    Returns
    -------
    rows, cosine
        Both (q, k), most similar first; cosine is in [-1, 1], not a distance. Equal cosines come in the
        order of their row number; which of several equal ones takes the last place may be open.

    Raises
    ------
    VectorsError
        If `vectors` is not 2-D.
    BadInputError
        If k is out of range.

    Notes
    -----
    Self-matches left out, after Musgrave et al. (2020), arXiv:2003.08505.
    """
    import torch

    matrix = as_float32_matrix(vectors)
    n = len(matrix)
    if not 1 <= k < n:
        raise BadInputError(
            f"k is {k}, but {n} rows have {max(n - 1, 0)} neighbours each; k must be 1 to that."
        )
    block = max(1, min(block, _LARGEST_BLOCK // n))
    if queries is None and device == "cpu" and k <= MOST_NEIGHBORS and n >= FEWEST_ROWS:
        return all_pairs(matrix, k, block=block, report=report)
    asked = np.arange(n) if queries is None else np.asarray(queries, dtype=np.int64)
    rows = np.empty((len(asked), k), dtype=np.int64)
    cosine = np.empty((len(asked), k), dtype=np.float32)
    everything = torch.from_numpy(matrix).to(device)
    for start in range(0, len(asked), block):
        part = torch.from_numpy(asked[start : start + block]).to(device)
        scores = everything[part] @ everything.T
        scores[torch.arange(len(part), device=device), part] = -torch.inf
        best, found = torch.topk(scores, k, dim=1)
        # By row number first; the stable sort by cosine then keeps that order among equals.
        found, by_row = torch.sort(found, dim=1)
        best, by_cosine = torch.sort(torch.gather(best, 1, by_row), dim=1, descending=True, stable=True)
        stop = start + len(part)
        rows[start:stop] = torch.gather(found, 1, by_cosine).cpu().numpy()
        cosine[start:stop] = best.cpu().numpy()
        report(stop, len(asked), "records", "nearest neighbours")
    return rows, cosine


def as_float32_matrix(vectors: NDArray[Any]) -> NDArray[np.float32]:
    """Return `vectors` as a contiguous, writeable float32 matrix in memory; copies only where it must.

    Raises
    ------
    VectorsError
        If `vectors` is not 2-D.
    """
    if np.ndim(vectors) != 2:
        raise VectorsError(
            f"Vectors must be a matrix, one row per record; got an array of {np.ndim(vectors)} dimensions."
        )
    # torch warns about arrays it could not write to, which is what a read-only memory map is.
    on_disk = isinstance(vectors, np.memmap) or not vectors.flags.writeable
    made = np.array(vectors, dtype=np.float32, order="C", copy=True if on_disk else None, subok=False)
    return made


def _largest(values: NDArray[np.float32], k: int) -> NDArray[np.int64]:
    """Return the places of the k largest values, largest first, equal ones in order of place."""
    if k <= 0:
        return np.empty(0, dtype=np.int64)
    if k < len(values):
        least = np.partition(values, len(values) - k)[len(values) - k]
        above = np.flatnonzero(values > least)
        places = np.sort(np.concatenate([above, np.flatnonzero(values == least)[: k - len(above)]]))
    else:
        places = np.argsort(-values, kind="stable")[:k]
        return places.astype(np.int64)
    return places[np.argsort(-values[places], kind="stable")].astype(np.int64)
