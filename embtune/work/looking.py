"""Look first: what a selection holds, and how many of it are what they are about to be called."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from embtune.evaluation.purity import Purity, as_if_typical, estimate_purity
from embtune.labeling.state import NONE_OF_THESE, NONE_OF_THESE_NAME
from embtune.maps.shapes import central_and_odd

if TYPE_CHECKING:
    from embtune.project import Project, Records
    from embtune.work.predicting import QuickModel

N_TEXTS = 4
UNLABELLED_NAME = "unlabelled"

Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Look:
    """What is in a selection, before it is labelled.

    Attributes
    ----------
    n
        Records in it.
    labels
        Name and count of the labels already there, the largest first, "unlabelled" last.
    rows
        Those that would be labelled: without a person's answer, or all of them.
    n_answered
        How many a person answered already.
    predicted
        Name and expected share of the likeliest labels among `rows`, largest first.
    label
        The label that purity and uncertain records are about: the one asked for, else the likeliest.
    purity, purity_sure
        Estimated share of `rows` that has the label; the same without the uncertain ones.
    uncertain
        Those of `rows` for which the label is not at least twice as likely as any other, the least likely
        first.
    central, far
        Up to 4 rows nearest to the selection's middle, and farthest from it.
    least_certain
        The first 4 of `uncertain`.
    pending
        Whether the quick model is still being fitted: then nothing is predicted yet.
    """

    n: int
    labels: tuple[tuple[str, int], ...]
    rows: Rows
    n_answered: int
    predicted: tuple[tuple[str, float], ...]
    label: str | None
    purity: Purity | None
    purity_sure: Purity | None
    uncertain: Rows
    central: Rows
    far: Rows
    least_certain: Rows
    pending: bool = False

    def without_uncertain(self) -> Rows:
        """Return the rows that would be labelled if the uncertain ones are left out."""
        return self.rows[~np.isin(self.rows, self.uncertain)]


def look_first(
    project: Project,
    chosen: Records,
    label: str | None = None,
    embedding: str = "active",
    *,
    relabel: bool = False,
    wait: float | None = None,
) -> Look:
    """Say what a selection holds, and estimate how many of it have the label that it is to be given.

    Parameters
    ----------
    chosen
        The records.
    label
        The label to be given; by default the one that is predicted most.
    relabel
        Whether records that a person answered would be labelled too.
    wait
        Seconds to wait for the quick model of the labels of now; None for as long as it takes.

    Raises
    ------
    UnknownChoiceError
        If there is no such label.
    """
    from embtune.work.predicting import model_within, quick_model

    rows = np.unique(project.rows_of(chosen))
    state = project.label_state()
    answered = state.manual[rows]
    targets = rows if relabel else rows[~answered]
    wanted = None if label is None else project.label_named(label).id
    vectors = project.vectors(project.require_embedding(embedding).name)
    placed = rows[rows < len(vectors)]
    central, far = central_and_odd(vectors, placed, N_TEXTS)
    pending = False
    if wait is None:
        model = quick_model(project)
    else:
        model, pending = model_within(project, "active", wait)
    names = {one.id: one.name for one in project.labels}
    predicted: tuple[tuple[str, float], ...] = ()
    purity = sure = None
    uncertain = np.empty(0, dtype=np.int64)
    learned = project.vectors("raw")  # what the model is on, whichever map was drawn on
    asked = targets[targets < len(learned)]
    if model is not None and len(asked):
        share = believed(model, asked)
        mix = share.mean(axis=0)
        order = np.argsort(-mix, kind="stable")
        predicted = tuple(
            (names.get(int(model.classes[i]), "?"), float(mix[i])) for i in order.tolist() if mix[i] >= 0.005
        )
        if wanted is None:
            wanted = int(model.classes[order[0]])
            label = names.get(wanted)
        at = int(np.searchsorted(model.classes, wanted))
        if at < len(model.classes) and model.classes[at] == wanted:
            unsure = _unsure(share, at)
            uncertain = asked[unsure][np.argsort(share[unsure, at], kind="stable")]
            purity = sure = purity_of(model, learned, asked, share[:, at], at, rows)
            left = ~unsure
            if 0 < left.sum() < len(asked):
                sure = purity_of(model, learned, asked[left], share[left, at], at, rows)
    return Look(
        n=len(rows),
        labels=_counts(state.label_ids[rows], names),
        rows=targets,
        n_answered=int(answered.sum()),
        predicted=predicted,
        label=label,
        purity=purity,
        purity_sure=sure if len(uncertain) < len(asked) else None,
        uncertain=uncertain,
        central=central,
        far=far,
        least_certain=uncertain[:N_TEXTS],
        pending=pending,
    )


def _counts(ids: Rows, names: dict[int, str]) -> tuple[tuple[str, int], ...]:
    values, counts = np.unique(ids, return_counts=True)
    named = names | {NONE_OF_THESE: NONE_OF_THESE_NAME}
    found: dict[str, int] = {}
    for value, count in zip(values.tolist(), counts.tolist(), strict=True):
        name = named.get(value, UNLABELLED_NAME)
        found[name] = found.get(name, 0) + count
    return tuple(sorted(found.items(), key=lambda one: (one[0] == UNLABELLED_NAME, -one[1])))


def _unsure(share: NDArray[np.float32], at: int) -> NDArray[np.bool_]:
    """Tell for which records the class is not at least twice as likely as any other. Shape (n,)."""
    others = np.delete(share, at, axis=1).max(axis=1)
    unsure: NDArray[np.bool_] = share[:, at] < 2 * others
    return unsure


def believed(model: QuickModel, rows: Rows) -> NDArray[np.float32]:
    """Return class probabilities of rows, shape (len(rows), C), in which a record's own label has no say.

    Except that of a record that somebody answered by itself: that is known.
    """
    share = model.fit.probability[rows]
    place_of = np.full(len(model.predicted), -1, dtype=np.int64)
    place_of[model.rows[model.fit.places]] = np.arange(len(model.fit.places))
    held = place_of[rows]
    at = np.flatnonzero(held >= 0)
    share[at] = model.fit.held_out[held[at]]
    alone = at[model.single[model.fit.places[held[at]]]]
    share[alone] = 0.0
    share[alone, model.labels[model.fit.places[held[alone]]]] = 1.0
    return share


def purity_of(
    model: QuickModel,
    vectors: NDArray[np.float32],
    rows: Rows,
    probability: NDArray[np.float32],
    at: int,
    selection: Rows,
) -> Purity:
    """Estimate the share of rows that has class `at`; what was answered within the selection counts too.

    Not where labels lie together: a spot was looked through because it is of one kind, which says little
    about what is around it beyond what the model has learned from it.
    """
    fit, tested = model.fit, model.tested
    assert tested is not None  # `quick_model` has labels
    known = model.single[fit.places] & np.isin(model.rows[fit.places], selection)
    known &= ~np.isin(model.rows[fit.places], rows)  # those count as they are
    right = model.labels[fit.places[known]] == at
    scattered = len(np.unique(fit.blocks)) == len(fit.blocks)
    n_seen = int(known.sum()) if scattered else 0
    mean = float(probability.mean())
    return estimate_purity(
        probability,
        correlation=tested.correlation_of(len(rows) / len(vectors)),
        untested=tested.untested(vectors[rows]),
        n_labels=float(fit.draws[at]),
        without=None if fit.without is None else fit.without[:, rows, at].mean(axis=1),
        seen=n_seen,
        seen_right=as_if_typical(right, fit.held_out[known, at], mean) * n_seen / max(int(known.sum()), 1),
    )
