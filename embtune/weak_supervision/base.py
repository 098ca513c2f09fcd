"""What every label model is: a way from votes and manual labels to class probabilities."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from embtune.weak_supervision.evidence import N_FOLDS, Evidence

Matrix = NDArray[np.float32]

BLIND, WITHOUT_SEEN, KNOWING = "blind", "without seen", "knowing"
"""What is said of a record with a manual label: without knowing it; the same, less the votes of heuristics
that were made in view of it; or with those votes, and so too good to be true."""


@dataclass(frozen=True)
class Opinion:
    """What a label model says.

    Attributes
    ----------
    probability
        Shape (n, C). A row sums to 1, or is all 0: no opinion.
    held_out
        Shape (h, C): the same of the rows with a manual label, by a model that did not know their label.
    calibrated
        Whether these probabilities need no more calibration.
    held_out_by
        How `held_out` was made: one of `BLIND`, `WITHOUT_SEEN` and `KNOWING`.
    judged
        Whether something could tell how often these votes are right; if not, probabilities are kept low.
    """

    probability: Matrix
    held_out: Matrix
    calibrated: bool = False
    held_out_by: str = BLIND
    judged: bool = True


class LabelModel(Protocol):
    """One way to make labels; `embtune.weak_supervision.models` lists them."""

    name: ClassVar[str]
    """As the database and the command line have it, such as `dawid-skene`."""

    title: ClassVar[str]
    """As a person reads it, such as "Dawid–Skene"."""

    about: ClassVar[str]
    """One sentence: what it does."""

    votes: ClassVar[bool]
    """Whether it uses the votes; if not, it is there to be compared with."""

    vectors: ClassVar[bool]
    """Whether it needs vectors, and so can speak of records without a vote."""

    def missing(self, n_heuristics: int, n_classes: int) -> str | None:
        """Say in one sentence why it cannot run here, or None."""

    def fit(self, evidence: Evidence) -> Opinion:
        """Learn and predict.

        Raises
        ------
        TooFewLabelsError
            If it learns from manual labels and they are of fewer than two classes.
        """


def cross_fitted(
    fit: Callable[[NDArray[np.int64]], Matrix], evidence: Evidence, *, learns: bool = True
) -> Opinion:
    """Run a model on all labels, and without each fold for the labels of that fold.

    Parameters
    ----------
    fit
        From known labels, shape (n,), to probabilities, shape (n, C).
    learns
        Whether it looks at the labels at all; if not, it runs once.
    """
    probability = fit(evidence.known)
    rows = evidence.rows
    if not learns:
        return Opinion(probability, probability[rows])
    held = np.zeros((len(rows), evidence.n_classes), dtype=np.float32)
    for fold in range(N_FOLDS):
        mine = evidence.folds[rows] == fold
        if mine.any():
            held[mine] = fit(evidence.without_fold(fold))[rows[mine]]
    return Opinion(probability, held)
