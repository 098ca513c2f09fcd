"""Near-duplicates: records so alike that one label will do for all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embtune.errors import BadInputError

DEFAULT_THRESHOLD = 0.95
_SHARE_OF_USUAL = 0.2  # so much nearer than the nearest neighbour usually is
_LEAST, _MOST = 0.9, 0.999


@dataclass(frozen=True)
class DuplicateGroups:
    """Groups of near-duplicates among n records.

    Attributes
    ----------
    threshold
        The cosine from which on two records count as near-duplicates.
    group
        Shape (n,): the record's group from 0, the largest first; -1 where it has no near-duplicate.
    rows
        Shape (m,): records of all groups, group after group; in each the representative first, then by row.
    starts
        Shape (number of groups + 1,): where each group begins in `rows`, and the end.
    """

    threshold: float
    group: NDArray[np.int64]
    rows: NDArray[np.int64]
    starts: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.starts) - 1

    @property
    def sizes(self) -> NDArray[np.int64]:
        """Records of each group. Shape (number of groups,)."""
        return np.diff(self.starts)

    @property
    def representatives(self) -> NDArray[np.int64]:
        """The record of each group that is most like the others. Shape (number of groups,)."""
        return self.rows[self.starts[:-1]]

    def members(self, number: int) -> NDArray[np.int64]:
        """Rows of one group, the representative first."""
        return self.rows[self.starts[number] : self.starts[number + 1]]

    def as_lists(self) -> list[NDArray[np.int64]]:
        """Rows of every group."""
        return [self.members(i) for i in range(len(self))]


def duplicate_groups(
    rows: NDArray[Any], cosine: NDArray[Any], threshold: float = DEFAULT_THRESHOLD
) -> DuplicateGroups:
    """Group records by a chain of pairs that are alike.

    Parameters
    ----------
    rows, cosine
        Shape (n, k): the k nearest of every record, most similar first. Pairs beyond a record's k nearest
        are not seen, which parts a group only where it is far larger than k.
    threshold
        In (0, 1]: two records are near-duplicates from this cosine on.

    Raises
    ------
    BadInputError
        If the threshold is out of range.
    """
    from scipy import sparse
    from scipy.sparse.csgraph import connected_components

    check_threshold(threshold)
    n, k = rows.shape
    alike = cosine >= threshold - 1e-6  # equal texts come out a hair below 1
    source = np.repeat(np.arange(n), k).reshape(n, k)[alike]
    target = rows[alike].astype(np.int64)
    near = cosine[alike].astype(np.float64)
    pairs = sparse.csr_array((near, (source, target)), shape=(n, n))
    _, component = connected_components(pairs, directed=False)
    sizes = np.bincount(component, minlength=1)
    in_group = np.flatnonzero(sizes[component] > 1) if n else np.empty(0, dtype=np.int64)
    # How much each is like the others: of its pairs, from both sides.
    likeness = np.bincount(source, near, n) + np.bincount(target, near, n)
    number = np.full(len(sizes), -1, dtype=np.int64)
    large = np.flatnonzero(sizes > 1)
    number[large[np.argsort(-sizes[large], kind="stable")]] = np.arange(len(large))
    group = number[component] if n else np.empty(0, dtype=np.int64)
    ordered = in_group[np.argsort(group[in_group], kind="stable")]
    starts = np.concatenate([[0], np.cumsum(np.bincount(group[in_group], minlength=len(large)))])
    for start, stop in zip(starts[:-1].tolist(), starts[1:].tolist(), strict=True):
        members = ordered[start:stop]
        best = int(np.argmax(likeness[members]))
        ordered[start : start + best + 1] = np.roll(members[: best + 1], 1)
    return DuplicateGroups(threshold, group, ordered, starts.astype(np.int64))


def suggested_threshold(cosine: NDArray[Any]) -> float:
    """Suggest a cosine from which on records are near-duplicates, by how near the nearest usually are.

    Parameters
    ----------
    cosine
        Shape (n, k), k >= 1, of every record's nearest, most similar first.

    Notes
    -----
    A fifth of the median distance to the nearest, within .9 and .999: where all records are much alike, as
    short questions on one subject are, .95 would group what differs in its point.
    """
    if not len(cosine):
        return DEFAULT_THRESHOLD
    usual = 1 - float(np.median(cosine[:, 0]))
    at_most = 1 - DEFAULT_THRESHOLD
    return round(float(np.clip(1 - min(at_most, _SHARE_OF_USUAL * usual), _LEAST, _MOST)), 3)


def check_threshold(threshold: float) -> None:
    """Refuse a threshold that no cosine has."""
    if not 0 < threshold <= 1:
        raise BadInputError(f"The cosine is {threshold}; of near-duplicates it is above 0 and at most 1.")
