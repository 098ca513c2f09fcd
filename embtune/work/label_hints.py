"""What is shown beside a record that is to be labelled: the model's guess, and the nearest labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from embtune.work.predicting import model_within, recent_probabilities

if TYPE_CHECKING:
    from embtune.project import Project

NEAREST = 5
_MOST_LABELLED = 20_000


@dataclass(frozen=True)
class Guess:
    """What the quick model says of a record, and how sure it is, from 0 to 1."""

    label_id: int
    label: str
    confidence: float


@dataclass(frozen=True)
class Hints:
    """For each of m records: the model's guess, the labels of the nearest labelled ones, the likeliest.

    `nearest` reads "4 of 5 Sports" and is empty without labels; `likely` holds label numbers. `waiting` tells
    that the first model is on its way.
    """

    guesses: list[Guess | None]
    nearest: list[str]
    likely: list[list[int]]
    waiting: bool = False


def label_hints(project: Project, rows: Sequence[int], *, n_likely: int = 0, wait: float = 0.0) -> Hints:
    """Gather hints for records from what is known already, without waiting for a newer model.

    Parameters
    ----------
    rows
        The m records, as row numbers.
    n_likely
        How many of the likeliest labels to list for each; the first of the label set until there is a model.
    wait
        How many seconds the very first model may take.
    """
    asked = np.asarray(rows, dtype=np.int64)
    first = [label.id for label in project.labels[:n_likely]]
    empty = Hints([None] * len(asked), [""] * len(asked), [first] * len(asked))
    if project.find_embedding("raw") is None or not len(asked):
        return empty
    names = {label.id: label.name for label in project.labels}
    vectors = project.vectors("active")
    known = asked < len(vectors)
    if wait and recent_probabilities(project) is None:
        model_within(project, "active", wait)
    nearest = np.array(empty.nearest, dtype=object)
    nearest[known] = _nearest(project, vectors, asked[known], names)
    found = project.recent_predictions("active")
    guesses: list[Guess | None] = [None] * len(asked)
    if found is not None:
        # Of a record that somebody answered the model knows the answer: no opinion of its own.
        answered = project.label_state().given[asked]
        for i in np.flatnonzero((asked < len(found[0])) & ~answered):
            label_id = int(found[0][asked[i]])
            if label_id in names:
                guesses[i] = Guess(label_id, names[label_id], float(found[1][asked[i]]))
    state = project.label_state()
    waiting = recent_probabilities(project) is None and len(np.unique(state.label_ids[state.labelled])) > 1
    return Hints(guesses, nearest.tolist(), _likely(project, asked, n_likely, first, names), waiting)


def likely_labels(project: Project, rows: Sequence[int], n: int) -> list[list[int]]:
    """List the n likeliest labels of each record, as numbers, the likeliest first."""
    names = {label.id: label.name for label in project.labels}
    asked = np.asarray(rows, dtype=np.int64)
    return _likely(project, asked, n, [label.id for label in project.labels[:n]], names)


def _nearest(
    project: Project, vectors: NDArray[np.float32], rows: NDArray[np.int64], names: dict[int, str]
) -> list[str]:
    """Say which label is commonest among the nearest records that somebody labelled."""
    state = project.label_state()
    labelled = np.flatnonzero(state.labelled & state.given)
    labelled = labelled[labelled < len(vectors)]
    if not len(labelled) or not len(rows):
        return [""] * len(rows)
    if len(labelled) > _MOST_LABELLED:  # the newest labels say most
        newest = np.argpartition(state.vote_ids[labelled], -_MOST_LABELLED)[-_MOST_LABELLED:]
        labelled = labelled[newest]
    cosine = vectors[rows] @ vectors[labelled].T
    cosine[rows[:, None] == labelled[None, :]] = -np.inf  # a record is not its own neighbour
    k = min(NEAREST, len(labelled))
    places = np.argpartition(-cosine, k - 1, axis=1)[:, :k]
    lines = []
    for i, ids in enumerate(state.label_ids[labelled[places]]):
        ids = ids[np.isfinite(cosine[i, places[i]])]
        numbers, counts = np.unique(ids, return_counts=True)
        best = int(counts.argmax()) if len(ids) else 0
        lines.append(f"{counts[best]} of {len(ids)} {names.get(int(numbers[best]), '')}" if len(ids) else "")
    return lines


def _likely(
    project: Project, rows: NDArray[np.int64], n: int, first: list[int], names: dict[int, str]
) -> list[list[int]]:
    """List the n likeliest labels of each record, the likeliest first."""
    if not n:
        return [[] for _ in rows]
    found = recent_probabilities(project)
    if found is None:
        return [first for _ in rows]
    ids, chances = found
    lists = []
    for row in rows:
        ranked = ids[np.argsort(-chances[row], kind="stable")[:n]].tolist() if row < len(chances) else []
        ranked = [label_id for label_id in ranked if label_id in names]
        lists.append((ranked + [one for one in first if one not in ranked])[:n])
    return lists
