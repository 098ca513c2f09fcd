"""What label models are given: votes, the manual labels that may be learned from, and the vectors."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embtune.errors import BadInputError, TooFewLabelsError
from embtune.weak_supervision.vectors import VectorOpinion, look_at_vectors

Matrix = NDArray[np.float32]
Numbers = NDArray[np.int64]

N_FOLDS = 5


@dataclass(frozen=True)
class Evidence:
    """Votes and labels as places among the C classes, -1 where there is none; `evidence_of` makes it.

    Attributes
    ----------
    votes, confidence
        Shape (n, m): what each heuristic says, and how sure it says it is, in [0, 1].
    known, folds
        Shape (n,): manual labels that may be learned from, and which of five parts a record is in.
    classes
        Shape (C,): label numbers by place.
    seen
        Shape (m,): heuristics made with the manual labels in view. On those labels they do better than
        elsewhere, so how good they are is judged by the other records.
    aside
        Shape (n,): manual labels that nothing learned from and no heuristic was made on, to calibrate by
        where there are no vectors.
    vectors
        Shape (n, d), rows of unit length, or None.
    graph
        Of `embtune.tuning.propagation.rank_weighted_graph`, or None.
    beside
        Vectors and graph of another view of the same records, or None.
    """

    votes: Numbers
    confidence: Matrix
    known: Numbers
    folds: Numbers
    classes: Numbers
    seen: NDArray[np.bool_]
    aside: Numbers
    vectors: NDArray[Any] | None = None
    graph: Any = None
    beside: tuple[NDArray[Any], Any] | None = None
    seed: int = 0

    @property
    def n(self) -> int:
        """How many records there are."""
        return len(self.known)

    @property
    def n_classes(self) -> int:
        """How many classes there are."""
        return len(self.classes)

    @cached_property
    def voted(self) -> NDArray[np.bool_]:
        """Shape (n,): records that at least one heuristic votes on."""
        return np.asarray((self.votes >= 0).any(axis=1))

    @cached_property
    def seen_votes(self) -> bool:
        """Whether a heuristic that was made in view of the manual labels votes on any record."""
        return bool((self.votes[:, self.seen] >= 0).any())

    @cached_property
    def rows(self) -> Numbers:
        """Shape (h,): the rows with a manual label, in order."""
        return np.flatnonzero(self.known >= 0)

    @cached_property
    def look(self) -> VectorOpinion | None:
        """What the vectors and the manual labels say without any vote; None without vectors.

        Raises
        ------
        TooFewLabelsError
            If the manual labels are of fewer than two classes.
        """
        if self.vectors is None:
            return None
        self.need_labels()
        return look_at_vectors(
            self.vectors,
            self.rows,
            self.known[self.rows],
            self.n_classes,
            graph=self.graph,
            beside=self.beside,
            seed=self.seed,
        )

    @cached_property
    def n_known(self) -> int:
        """How many classes have a manual label."""
        return len(np.unique(self.known[self.rows]))

    def need_labels(self) -> None:
        """Raise TooFewLabelsError where there is nothing to learn classes from."""
        n_found = self.n_known
        if n_found < 2:
            raise TooFewLabelsError(
                f"The {len(self.rows):,} manual labels are of {n_found} "
                f"{'class' if n_found == 1 else 'classes'}; label records of at least 2 classes first."
            )

    def without_fold(self, fold: int) -> Numbers:
        """Return the known labels less those of a fold, shape (n,)."""
        return np.where(self.folds == fold, -1, self.known)


def evidence_of(
    votes: Numbers,
    confidence: NDArray[Any],
    known: Numbers,
    folds: Numbers,
    classes: Numbers,
    *,
    seen: NDArray[np.bool_] | None = None,
    aside: Numbers | None = None,
    vectors: NDArray[Any] | None = None,
    graph: Any = None,
    beside: tuple[NDArray[Any], Any] | None = None,
    seed: int = 0,
) -> Evidence:
    """Check what is given and turn label numbers into places among the classes.

    Parameters
    ----------
    votes, confidence
        Shape (n, m): label numbers or -1, and confidences. Votes for labels that are no class count as none.
    known, folds
        Shape (n,): label numbers or -1, and parts in 0..4.
    classes
        Shape (C,), distinct label numbers, at least two.
    seen
        Shape (m,), see `Evidence`; without it all heuristics count as seen, which is the cautious side.
    aside
        Shape (n,): label numbers or -1; see `Evidence`.
    vectors, graph, beside
        See `Evidence`.
    seed
        Of folds and drawings; the same seed gives the same answer.

    Raises
    ------
    BadInputError
        If shapes do not fit, or there are fewer than two classes.
    """
    votes = np.asarray(votes, dtype=np.int64)
    classes = np.asarray(classes, dtype=np.int64)
    n = len(known)
    if votes.ndim != 2 or len(votes) != n or len(folds) != n:
        raise BadInputError(f"There are votes of shape {votes.shape} and {len(folds)} folds for {n} records.")
    if np.shape(confidence) != votes.shape:
        raise BadInputError(f"Confidences of shape {np.shape(confidence)} do not fit votes of {votes.shape}.")
    if vectors is not None and len(vectors) != n:
        raise BadInputError(f"There are {len(vectors)} vectors for {n} records.")
    if len(classes) < 2 or len(np.unique(classes)) != len(classes):
        raise BadInputError(f"Weak supervision needs at least 2 classes; there are {len(classes)}.")
    if seen is None:
        seen = np.ones(votes.shape[1], dtype=bool)
    if len(seen) != votes.shape[1]:
        raise BadInputError(f"There are {len(seen)} marks of what was seen for {votes.shape[1]} heuristics.")
    return Evidence(
        places_of(votes, classes),
        np.clip(np.nan_to_num(np.asarray(confidence, dtype=np.float32)), 0, 1),
        places_of(known, classes),
        np.asarray(folds, dtype=np.int64) % N_FOLDS,
        classes,
        np.asarray(seen, dtype=bool),
        np.full(n, -1, dtype=np.int64) if aside is None else places_of(aside, classes),
        vectors,
        graph,
        beside,
        seed,
    )


def places_of(labels: Numbers, classes: Numbers) -> Numbers:
    """Turn label numbers into places among the classes; -1 for what is none of them."""
    order = np.argsort(classes)
    at = np.minimum(np.searchsorted(classes[order], labels), len(classes) - 1)
    found: Numbers = np.where(classes[order[at]] == labels, order[at], -1)
    return found


def numbers_of(places: Numbers, classes: Numbers) -> Numbers:
    """Turn places among the classes into label numbers; -1 stays."""
    found: Numbers = np.where(places >= 0, classes[places], -1)
    return found
