"""Heuristics that the manual labels speak for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from embtune.errors import NotReadyError, TooFewLabelsError
from embtune.heuristics.base import ABSTAIN
from embtune.work.heuristic_corpus import all_texts, folds_of, labels_to_learn_from

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from embtune.heuristics.suggesting import Suggestion, TextIndex
    from embtune.project import Project, Records
    from embtune.work.heuristic_states import Heuristic

EMBEDDING = "raw"
LEAST_LABELS = 10
GOOD_LIST, GOOD_TERM = 0.6, 0.75  # precision
MOST_ACCEPTED = 8  # for a label


def suggest(
    project: Project,
    label: str | None = None,
    *,
    records: Records | None = None,
    limit: int = 20,
    every: bool = False,
    kinds: Sequence[str] | None = None,
) -> list[Suggestion]:
    """Suggest heuristics for a label, for all labels, or for what sets some records apart.

    They are found on the manual labels that are not kept aside, and their precision is measured on those
    that they were not found on; see `embtune.heuristics.suggesting`.

    Parameters
    ----------
    label
        A label's name; without it suggestions for every label.
    records
        Records of a shape, a session or a slice, to say what they have in common.
    limit
        How many at most, for each label.
    every
        Also those that heuristics of the book cover already; else what they add decides the order.
    kinds
        Of `lookup`, `regex`, `nearest`; all if not given.

    Raises
    ------
    TooFewLabelsError
        If fewer than ten records of two labels have a manual label.
    """
    from embtune.heuristics.suggesting import suggest as suggest_one
    from embtune.heuristics.suggesting import suggest_all, suggest_from_rows

    labels = labels_to_learn_from(project)
    known = labels[labels != ABSTAIN]
    if records is None and (len(known) < LEAST_LABELS or len(np.unique(known)) < 2):
        raise TooFewLabelsError(
            f"Suggestions need {LEAST_LABELS} manual labels of at least 2 classes to learn from; there are "
            f"{len(known)} of {len(np.unique(known))}: label some typical records first."
        )
    options: dict[str, Any] = {"folds": folds_of(project), "limit": limit}
    if project.find_embedding(EMBEDDING) is not None:
        vectors = project.vectors(EMBEDDING)
        if len(vectors) == project.n_records:
            options |= {"vectors": vectors, "embedding": EMBEDDING}
    if kinds is not None:
        options["kinds"] = kinds
    if not every:
        options["voted"] = _voted(project)
    index = text_index(project)
    number = None if label is None else project.label_named(label).id
    if records is not None:
        rows = project.rows_of(records)
        if not len(rows):
            raise NotReadyError("No record was chosen, so there is nothing to suggest from.")
        return suggest_from_rows(index, rows, labels, label=number, **options)
    if number is not None:
        return suggest_one(index, labels, label=number, **options)
    found = suggest_all(index, labels, **options)
    return [one for each in project.labels for one in found.get(each.id, ())]


def accept_good(project: Project, label: str | None = None) -> list[Heuristic]:
    """Make drafts of suggestions by a fixed rule, with nobody looking.

    Of every label's best look-ups the rule takes the list, unless its cross-fitted precision is known and
    below `GOOD_LIST`, and single terms whose precision is at least `GOOD_TERM`. What is in the book as it is
    comes no second time.
    """
    known = [(one.kind, one.config) for one in project.heuristics.all()]
    made = []
    for one in suggest(project, label, limit=MOST_ACCEPTED, every=True, kinds=("lookup",)):
        least = GOOD_LIST if one.is_list else GOOD_TERM
        if (one.precision is None and not one.is_list) or (one.precision or 1.0) < least:
            continue
        config = project.heuristics.checked(one.kind, **one.config).model_dump(mode="json")
        if (one.kind, config) not in known:
            made.append(project.heuristics.accept(one))
    return made


def text_index(project: Project) -> TextIndex:
    """The words of all texts, read once."""
    from embtune.heuristics.suggesting import TextIndex

    found: TextIndex = project.cached("text index", project.n_records, lambda: TextIndex(all_texts(project)))
    return found


def _voted(project: Project) -> NDArray[np.bool_]:
    found: NDArray[np.bool_] = (project.heuristics.votes().labels != ABSTAIN).any(axis=1)
    return found
