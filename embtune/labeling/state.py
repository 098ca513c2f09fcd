"""Which label counts for each record, out of all votes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

UNLABELLED = -1
NONE_OF_THESE = -2

# Weakest first: a vote is never outranked by one that stands before it.
SOURCES = ("model", "heuristic", "weak supervision", "import", "manual", "lasso", "session")
MANUAL_SOURCES = frozenset({"manual", "lasso", "session"})
_RANK = {name: min(i, SOURCES.index("manual")) for i, name in enumerate(SOURCES)}


@dataclass(frozen=True)
class LabelState:
    """The label in force for each of n records.

    Attributes
    ----------
    label_ids
        Shape (n,): a label's number, `UNLABELLED` or `NONE_OF_THESE`.
    sources
        Shape (n,): place in `SOURCES` of who gave it, -1 where nobody did.
    confidence
        Shape (n,): of that vote, in [0, 1]; 0 where there is none.
    vote_ids
        Shape (n,): the annotation's number, 0 where there is none.
    """

    label_ids: NDArray[np.int64]
    sources: NDArray[np.int8]
    confidence: NDArray[np.float32]
    vote_ids: NDArray[np.int64]

    @property
    def labelled(self) -> NDArray[np.bool_]:
        """Records that have a label; "none of these" is an answer but no label."""
        return self.label_ids >= 0

    @property
    def manual(self) -> NDArray[np.bool_]:
        """Records whose answer came from a person."""
        return self.sources >= SOURCES.index("manual")


def resolve(votes: Sequence[tuple[int, int | None, str, str, float, int]], n_records: int) -> LabelState:
    """Pick each record's vote that counts: manual before automatic, then the newest.

    Parameters
    ----------
    votes
        (row, label id, answer, source, confidence, annotation id) of the votes that are not undone.
    n_records
        Length of the result.
    """
    state = LabelState(
        np.full(n_records, UNLABELLED, dtype=np.int64),
        np.full(n_records, -1, dtype=np.int8),
        np.zeros(n_records, dtype=np.float32),
        np.zeros(n_records, dtype=np.int64),
    )
    if not votes:
        return state
    rows, labels, answers, sources, confidence, ids = zip(*votes, strict=True)
    row = np.asarray(rows, dtype=np.int64)
    label = np.array([UNLABELLED if value is None else value for value in labels], dtype=np.int64)
    label[np.array([answer == "none" for answer in answers])] = NONE_OF_THESE
    rank = np.array([_RANK.get(source, 0) for source in sources])
    number = np.asarray(ids, dtype=np.int64)
    order = np.lexsort((number, rank, row))
    last = np.append(np.flatnonzero(np.diff(row[order])), len(order) - 1)
    best = order[last]
    best = best[row[best] < n_records]
    at = row[best]
    cleared = label[best] == UNLABELLED
    state.label_ids[at] = label[best]
    state.sources[at] = np.where(cleared, -1, np.array([SOURCES.index(s) for s in sources])[best])
    state.confidence[at] = np.where(cleared, 0, np.asarray(confidence, dtype=np.float32)[best])
    state.vote_ids[at] = np.where(cleared, 0, number[best])
    return state


def count_labels(label_ids: NDArray[np.int64]) -> dict[int, int]:
    """Count the records of every label number; `UNLABELLED` and `NONE_OF_THESE` are left out. Shape (n,)."""
    numbers, counts = np.unique(label_ids[label_ids >= 0], return_counts=True)
    return dict(zip(numbers.tolist(), counts.tolist(), strict=True))


def kept_aside(record_ids: Sequence[str], *, one_in: int = 5) -> NDArray[np.bool_]:
    """Tell which records' labels are kept for measuring and never trained on: one in five.

    The choice hangs on the record's id alone, so that it is the same today and after the next thousand
    labels, and no version ever trained on what a later one is measured with. Shape (n,).
    """
    return np.array([int(record_id[:8], 16) % one_in == 0 for record_id in record_ids], dtype=bool)
