"""A corpus held in plain lists and arrays, and keeping what is made of its texts once."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from embtune.errors import HeuristicError
from embtune.heuristics.base import ABSTAIN, TEXT, Corpus

N_FOLDS = 5

Made = TypeVar("Made")

_made: WeakKeyDictionary[Any, dict[Hashable, Any]] = WeakKeyDictionary()


class ArrayCorpus:
    """A `Corpus` in memory. Whoever has the records elsewhere takes it as a base and overrides the reading.

    Parameters
    ----------
    texts
        The n texts, by row.
    fields
        Values by field, n each.
    vectors
        Embeddings by name, each (n, d) with rows of unit length.
    labels
        Shape (n,): manual labels, `ABSTAIN` elsewhere; None for none at all.
    label_names
        By number, in their order.
    lists
        Terms by number of the look-up list.
    record_ids
        n of them; the rows' numbers if not given.
    made
        Where `made_once` keeps what it made of texts and fields. Corpora of the same records (with other
        labels, say) may share it.
    """

    def __init__(
        self,
        texts: Sequence[str],
        *,
        fields: Mapping[str, Sequence[Any]] | None = None,
        vectors: Mapping[str, NDArray[Any]] | None = None,
        labels: Sequence[int] | NDArray[np.int64] | None = None,
        label_names: Mapping[int, str] | None = None,
        lists: Mapping[int, Sequence[str]] | None = None,
        record_ids: Sequence[str] | None = None,
        made: dict[Hashable, Any] | None = None,
    ) -> None:
        self.n = len(texts)
        self._texts = texts
        self._fields = dict(fields or {})
        self._vectors = dict(vectors or {})
        self._lists = dict(lists or {})
        self._record_ids = [str(row) for row in range(self.n)] if record_ids is None else record_ids
        self._answers: dict[str, str] = {}
        self.field_names: Sequence[str] = tuple(self._fields)
        self.label_names: Mapping[int, str] = dict(label_names or {})
        given = np.full(self.n, ABSTAIN) if labels is None else labels
        self.labels: NDArray[np.int64] = np.asarray(given, dtype=np.int64)
        self.folds: NDArray[np.int64] = folds_of(self._record_ids)
        self.made: dict[Hashable, Any] = {} if made is None else made
        wrong = {name: len(values) for name, values in self._fields.items() if len(values) != self.n}
        if wrong or self.labels.shape != (self.n,) or len(self._record_ids) != self.n:
            raise ValueError(f"There are {self.n} texts, and not as many labels, ids or values: {wrong}.")

    def texts(self, rows: NDArray[np.int64] | None = None) -> Sequence[str]:
        """The texts of all records, or of some rows in that order."""
        return self._texts if rows is None else [self._texts[row] for row in rows.tolist()]

    def values(self, name: str, rows: NDArray[np.int64] | None = None) -> Sequence[Any]:
        """A field's values (or, for `TEXT`, the texts) of all records, or of some rows in that order.

        Raises
        ------
        HeuristicError
            If there is no such field.
        """
        if name == TEXT:
            return self.texts(rows)
        if name not in self._fields:
            there = ", ".join(self.field_names) or "none"
            raise HeuristicError(f"There is no field {name!r}; there are: {there}.")
        values = self._fields[name]
        return values if rows is None else [values[row] for row in rows.tolist()]

    def ids(self, rows: NDArray[np.int64]) -> Sequence[str]:
        """The record ids of some rows."""
        return [self._record_ids[row] for row in rows.tolist()]

    def vectors(self, embedding: str) -> NDArray[np.float32]:
        """An embedding's unit vectors, shape (n, d).

        Raises
        ------
        HeuristicError
            If there is no such embedding.
        """
        if embedding not in self._vectors:
            there = ", ".join(self._vectors) or "none"
            raise HeuristicError(f"There is no embedding {embedding!r}; there are: {there}.")
        return self._vectors[embedding]

    def terms(self, list_id: int) -> Sequence[str]:
        """The terms of a look-up list.

        Raises
        ------
        HeuristicError
            If there is no such list.
        """
        if list_id not in self._lists:
            raise HeuristicError(f"There is no look-up list of number {list_id}: choose another one.")
        return self._lists[list_id]

    def answers(self, keys: Sequence[str]) -> Mapping[str, str]:
        """What a service answered before, by key."""
        return {key: self._answers[key] for key in keys if key in self._answers}

    def remember(self, answers: Mapping[str, str]) -> None:
        """Keep a service's answers."""
        self._answers.update(answers)


def folds_of(record_ids: Sequence[str], n_folds: int = N_FOLDS) -> NDArray[np.int64]:
    """Spread records over folds by their ids alone: a record is in the same one always. Shape (n,)."""
    return np.array([zlib.crc32(key.encode("utf-8", "replace")) % n_folds for key in record_ids], np.int64)


def made_once(corpus: Corpus, key: Hashable, make: Callable[[], Made]) -> Made:
    """Return what `make` makes of a corpus' texts or fields, made once for the corpus (or its `made`)."""
    made = _kept(corpus)
    if key not in made:
        made[key] = make()
    found: Made = made[key]
    return found


def made_for(
    corpus: Corpus,
    key: Hashable,
    rows: NDArray[np.int64],
    make: Callable[[NDArray[np.int64] | None], Made],
) -> tuple[Made, NDArray[np.int64]]:
    """Return what `make` makes of the whole corpus, or of a few rows alone where that is quicker.

    Parameters
    ----------
    make
        Takes the rows to make it of; None for all of them, by row.

    Returns
    -------
    made, at
        `at` has the shape (len(rows),): where in it the rows are.
    """
    if key in _kept(corpus) or len(rows) * 4 >= corpus.n:
        return made_once(corpus, key, lambda: make(None)), rows
    return make(rows), np.arange(len(rows))


def _kept(corpus: Corpus) -> dict[Hashable, Any]:
    made: dict[Hashable, Any] | None = getattr(corpus, "made", None)
    return _made.setdefault(corpus, {}) if made is None else made
