"""Which label counts for each record, out of all votes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from embtune.store.votes import NONE_OF_THESE, UNLABELLED, Votes

__all__ = [
    "MANUAL_SOURCES",
    "NONE_OF_THESE",
    "NONE_OF_THESE_NAME",
    "SOURCES",
    "UNLABELLED",
    "LabelState",
    "count_labels",
    "kept_aside",
    "resolve",
]

NONE_OF_THESE_NAME = "none of these"

# Weakest first: a vote is never outranked by one that stands before it.
SOURCES = ("model", "heuristic", "weak supervision", "import", "manual", "lasso", "session")
MANUAL_SOURCES = frozenset({"manual", "lasso", "session"})
_FIRST_MANUAL = SOURCES.index("manual")


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
    def given(self) -> NDArray[np.bool_]:
        """Records whose answer came from a person or with the data, not from a rule or a model."""
        return self.sources >= SOURCES.index("import")

    @property
    def manual(self) -> NDArray[np.bool_]:
        """Records whose answer came from a person."""
        return self.sources >= _FIRST_MANUAL


def resolve(votes: Votes, n_records: int) -> LabelState:
    """Pick each record's vote that counts: manual before automatic, then by `SOURCES`, then the newest.

    Parameters
    ----------
    votes
        Those that are not undone, `sources` being places in `SOURCES`.
    n_records
        Length of the result; votes on later rows are left out.
    """
    rank = np.minimum(votes.sources, _FIRST_MANUAL)
    order = np.lexsort((votes.ids, rank, votes.rows))
    order = order[votes.rows[order] < n_records]
    is_last = np.append(np.diff(votes.rows[order]) != 0, True)[: len(order)]
    best = order[is_last]
    best = best[votes.labels[best] != UNLABELLED]  # a vote that clears leaves nothing
    at = votes.rows[best]
    state = LabelState(
        np.full(n_records, UNLABELLED, dtype=np.int64),
        np.full(n_records, -1, dtype=np.int8),
        np.zeros(n_records, dtype=np.float32),
        np.zeros(n_records, dtype=np.int64),
    )
    state.label_ids[at] = votes.labels[best]
    state.sources[at] = votes.sources[best]
    state.confidence[at] = votes.confidence[best]
    state.vote_ids[at] = votes.ids[best]
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
