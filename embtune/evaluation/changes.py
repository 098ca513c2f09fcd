"""What a tuning changed around every record: neighbours gained and lost, and whose region it lies in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embtune.errors import BadInputError, UnknownChoiceError

Ids = NDArray[np.int64]
Mask = NDArray[np.bool_]

UNKNOWN = -1
VOTERS = 9
"""Labelled records that say in whose region a record lies, at most: odd, so that two classes rarely tie."""

_BLOCK = 8192
_MOST_PRODUCTS = 20_000_000  # records x labelled records: beyond, a search would keep a page waiting


@dataclass(frozen=True)
class Turnover:
    """Which neighbours came and went: both of shape (n, k), over the lists after and before.

    Attributes
    ----------
    gained
        Neighbours of now that were none before.
    lost
        Neighbours of before that are none now.
    """

    gained: Mask
    lost: Mask


@dataclass(frozen=True)
class LabelEffect:
    """How many neighbours have the record's own label, before and after; all of shape (n,).

    Attributes
    ----------
    before, after
        Neighbours with the record's own label; 0 for a record without one.
    known_before, known_after
        Neighbours with any label.
    judged
        Records that have a label, and a neighbour with one on either side: the others tell nothing.
    """

    before: Ids
    after: Ids
    known_before: Ids
    known_after: Ids
    judged: Mask

    @property
    def change(self) -> Ids:
        """Neighbours of the own label won (above 0) or lost (below 0). Shape (n,)."""
        return self.after - self.before


@dataclass(frozen=True)
class Totals:
    """Records counted: improved, harmed and unchanged add up to `n`."""

    n: int
    improved: int
    harmed: int
    unchanged: int

    def share(self, count: int) -> float:
        """Return a count as a share of all; 0 where there are none."""
        return count / self.n if self.n else 0.0


def turnover(before: Ids, after: Ids) -> Turnover:
    """Compare two lists of neighbours, row by row.

    Parameters
    ----------
    before, after
        Shape (n, k): row numbers, none twice in one list.

    Raises
    ------
    BadInputError
        If the shapes differ.
    """
    if before.shape != after.shape:
        raise BadInputError(
            f"The neighbour lists have the shapes {before.shape} and {after.shape}: compare equal ones."
        )
    gained, lost = np.empty(after.shape, dtype=bool), np.empty(before.shape, dtype=bool)
    for start in range(0, len(before), _BLOCK):
        part = slice(start, start + _BLOCK)
        same = before[part, :, None] == after[part, None, :]
        lost[part], gained[part] = ~same.any(axis=2), ~same.any(axis=1)
    return Turnover(gained, lost)


def label_effect(before: Ids, after: Ids, labels: Ids) -> LabelEffect:
    """Count same-label neighbours on both sides.

    Parameters
    ----------
    before, after
        Shape (n, k): neighbours of every record.
    labels
        Shape (n,): class of every record, negative where it is not known.
    """
    own = labels[:, None]
    around = [labels[side] for side in (before, after)]
    same = [((side == own) & (own >= 0)).sum(axis=1) for side in around]
    known = [(side >= 0).sum(axis=1) for side in around]
    judged = (labels >= 0) & (known[0] + known[1] > 0)
    return LabelEffect(same[0], same[1], known[0], known[1], judged)


def totals(effect: LabelEffect, among: Mask | None = None) -> Totals:
    """Count improved, harmed and unchanged records among those that can be judged.

    Parameters
    ----------
    among
        Shape (n,): records that count, such as those no training has seen; all by default.
    """
    chosen = effect.judged if among is None else effect.judged & among
    change = effect.change[chosen]
    return Totals(len(change), int((change > 0).sum()), int((change < 0).sum()), int((change == 0).sum()))


def order_most_improved(effect: LabelEffect, moved: Ids) -> Ids:
    """Rows that won neighbours of their own label, the largest win first; `moved` (n,) breaks ties."""
    rows = np.flatnonzero(effect.judged & (effect.change > 0))
    return rows[np.lexsort((-moved[rows], -effect.change[rows]))]


def order_most_harmed(effect: LabelEffect, moved: Ids) -> Ids:
    """Rows that lost neighbours of their own label, the largest loss first; `moved` (n,) breaks ties."""
    rows = np.flatnonzero(effect.judged & (effect.change < 0))
    return rows[np.lexsort((-moved[rows], effect.change[rows]))]


def order_most_changed(effect: LabelEffect, moved: Ids) -> Ids:
    """Rows with any new neighbour, labelled or not, the most new ones first."""
    rows = np.flatnonzero(moved > 0)
    return rows[np.argsort(-moved[rows], kind="stable")]


ORDERS: dict[str, Callable[[LabelEffect, Ids], Ids]] = {
    "most improved": order_most_improved,
    "most harmed": order_most_harmed,
    "most changed": order_most_changed,
}


def order_by(name: str, effect: LabelEffect, moved: Ids) -> Ids:
    """Return rows in one of `ORDERS`.

    Parameters
    ----------
    moved
        Shape (n,): how many neighbours each record gained.
    """
    if name not in ORDERS:
        raise UnknownChoiceError("order", name, ORDERS)
    return ORDERS[name](effect, moved)


def n_voters(labels: Ids, k: int) -> int:
    """Say how many of the nearest labelled records decide on a region.

    Half of a mean class at most, or the records of another class would have to be asked; `VOTERS` and k at
    most. `labels` has shape (n,), negative where there is none.
    """
    known = labels[labels >= 0]
    room = len(known) // (2 * max(1, len(np.unique(known))))
    return max(1, min(VOTERS, k, room))


def regions(vectors: NDArray[Any], neighbors: Ids, labels: Ids, voters: int) -> Ids:
    """Say in whose region every record lies: the class of most of its nearest labelled records.

    Parameters
    ----------
    vectors
        Shape (n, d), rows of unit length.
    neighbors
        Shape (n, k): each record's neighbours, nearest first. Where they hold `voters` labelled ones, these
        decide; else all labelled records are searched.
    labels
        Shape (n,): class of every record, negative where it is not known. A record's own does not count.
    voters
        Labelled records asked.

    Returns
    -------
    classes
        Shape (n,): of equally frequent classes the nearest one's; -1 where no labelled record was found.
    """
    n = len(neighbors)
    labelled = np.flatnonzero(labels >= 0)
    voters = max(1, min(voters, neighbors.shape[1], len(labelled) - 1))
    found = labels[neighbors]
    known = found >= 0
    # Labelled ones first, each group in its order: the first `voters` are the nearest labelled records.
    order = np.argsort(~known, axis=1, kind="stable")[:, :voters]
    votes = np.take_along_axis(found, order, axis=1)
    short = np.flatnonzero(known.sum(axis=1) < voters)
    if len(short) and len(labelled) > 1 and len(short) * len(labelled) <= _MOST_PRODUCTS:
        votes[short] = labels[_nearest_labelled(vectors, short, labelled, voters)]
    out = np.empty(n, dtype=np.int64)
    for start in range(0, n, _BLOCK):
        part = votes[start : start + _BLOCK]
        counts = ((part[:, :, None] == part[:, None, :]) & (part >= 0)[:, None, :]).sum(axis=2)
        out[start : start + len(part)] = part[np.arange(len(part)), counts.argmax(axis=1)]
    return out


def crossed(before: Ids, after: Ids) -> Mask:
    """Tell which records lie in another class's region than before; both of shape (n,), -1 unknown."""
    moved: Mask = (before >= 0) & (after >= 0) & (before != after)
    return moved


def _nearest_labelled(vectors: NDArray[Any], rows: Ids, labelled: Ids, k: int) -> Ids:
    """Rows of the labelled records nearest to each of `rows`, itself left out: shape (len(rows), k)."""
    known = np.ascontiguousarray(vectors[labelled], dtype=np.float32)
    place = np.full(int(max(rows.max(), labelled.max())) + 1, -1, dtype=np.int64)
    place[labelled] = np.arange(len(labelled))
    out = np.empty((len(rows), k), dtype=np.int64)
    for start in range(0, len(rows), 1024):
        part = rows[start : start + 1024]
        cosine = np.asarray(vectors[part], dtype=np.float32) @ known.T
        own = np.flatnonzero(place[part] >= 0)
        cosine[own, place[part][own]] = -np.inf
        best = np.argpartition(-cosine, k - 1, axis=1)[:, :k]
        by_cosine = np.argsort(-np.take_along_axis(cosine, best, axis=1), axis=1, kind="stable")
        out[start : start + len(part)] = labelled[np.take_along_axis(best, by_cosine, axis=1)]
    return out
