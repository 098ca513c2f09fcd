"""A project as heuristics see it."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from embtune.errors import HeuristicError
from embtune.heuristics.base import ABSTAIN, TEXT
from embtune.store.heuristics import keep_answers, known_answers
from embtune.store.lookup_lists import list_lookups
from embtune.store.records import fetch_texts

if TYPE_CHECKING:
    from embtune.project import Project

N_FOLDS = 5


class ProjectCorpus:
    """The records, fields, vectors and manual labels of a project's task; see `heuristics.base.Corpus`.

    It holds the labels as they were when it was made.
    """

    def __init__(self, project: Project) -> None:
        self._project = project
        self.n = project.n_records
        self.field_names: Sequence[str] = project.field_names
        self.label_names: Mapping[int, str] = {label.id: label.name for label in project.labels}
        self.labels = labels_to_learn_from(project)
        self.folds = folds_of(project)
        # What kinds make of the texts, such as their words, outlives this object.
        self.made: dict[Hashable, Any] = project.cached("made of texts", self.n, dict)
        self._lists: dict[int, tuple[str, ...]] | None = None

    def texts(self, rows: NDArray[np.int64] | None = None) -> Sequence[str]:
        """The texts of all records, or of some rows in that order."""
        every = all_texts(self._project)
        return every if rows is None else [every[row] for row in rows.tolist()]

    def values(self, name: str, rows: NDArray[np.int64] | None = None) -> Sequence[Any]:
        """A field's values, or the texts, of all records or of some rows in that order."""
        if name == TEXT:
            return self.texts(rows)
        if name not in self.field_names:
            raise HeuristicError(
                f"There is no field {name!r} in these records: choose one of "
                f"{', '.join([TEXT, *self.field_names])}."
            )
        every = self._project.field_values(name)
        return every if rows is None else [every[row] for row in rows.tolist()]

    def ids(self, rows: NDArray[np.int64]) -> Sequence[str]:
        """The record ids of some rows."""
        known = self._project.record_ids
        return [known[row] for row in rows.tolist()]

    def vectors(self, embedding: str) -> NDArray[np.float32]:
        """An embedding's unit vectors, shape (n, d)."""
        found = self._project.vectors(embedding)
        if len(found) < self.n:
            raise HeuristicError(
                f"{self.n - len(found):,} records are newer than the embedding {embedding!r}: embed them on "
                "the Projects page."
            )
        return found

    def terms(self, list_id: int) -> Sequence[str]:
        """The terms of a look-up list."""
        if self._lists is None:
            self._lists = {one.id: one.terms for one in list_lookups(self._project.db, self._project.id)}
        if list_id not in self._lists:
            raise HeuristicError("Its look-up list was deleted: choose another one.")
        return self._lists[list_id]

    def answers(self, keys: Sequence[str]) -> Mapping[str, str]:
        """What a service answered before, by key."""
        return known_answers(self._project.db, self._project.id, keys)

    def remember(self, answers: Mapping[str, str]) -> None:
        """Keep a service's answers at once."""
        keep_answers(self._project.db, self._project.id, answers)


def all_texts(project: Project) -> list[str]:
    """Every record's text, by row."""
    found: list[str] = project.cached(
        "plain texts", project.n_records, lambda: fetch_texts(project.db, project.id)
    )
    return found


def folds_of(project: Project) -> NDArray[np.int64]:
    """Which of five parts each record is in, by another part of its id than `kept_aside` looks at."""

    def make() -> NDArray[np.int64]:
        return np.array([int(key[8:16], 16) % N_FOLDS for key in project.record_ids], dtype=np.int64)

    found: NDArray[np.int64] = project.cached("folds", project.n_records, make)
    return found


def manual_labels(project: Project) -> NDArray[np.int64]:
    """The labels that people gave, by number, `ABSTAIN` elsewhere. Shape (n,)."""
    state = project.label_state()
    return np.where(state.manual & state.labelled, state.label_ids, ABSTAIN)


def labels_to_learn_from(project: Project) -> NDArray[np.int64]:
    """The manual labels that are not kept aside for measuring, `ABSTAIN` elsewhere. Shape (n,)."""
    found = manual_labels(project)
    if not project.measures_on_reference:
        found[project.kept_aside()] = ABSTAIN
    return found


def labels_to_measure_on(project: Project) -> tuple[NDArray[np.int64], str]:
    """Labels that nothing learned from, `ABSTAIN` elsewhere, shape (n,), and what they are.

    Reference labels of records without a manual label; in a project without enough of those, the manual
    labels that are kept aside.
    """
    manual = manual_labels(project)
    if project.measures_on_reference:
        return np.where(manual == ABSTAIN, project.reference(), ABSTAIN), "reference labels"
    return np.where(project.kept_aside(), manual, ABSTAIN), "manual labels kept aside"
