"""What every kind of heuristic is: a checked configuration, and a way from records to votes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from embtune.progress import Report

ABSTAIN = -1
"""What a heuristic says of a record that it has no opinion on; and of unknown labels."""

TEXT = "text"
"""In a list of fields: the record's text as the project's template makes it."""


class Config(BaseModel):
    """Base of every kind's configuration: plain JSON, nothing unknown in it.

    Labels and look-up lists are held by their numbers, so that renaming them changes no heuristic.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)


@dataclass(frozen=True)
class Depends:
    """What a heuristic's votes hang on beside its own configuration.

    Attributes
    ----------
    lists
        Numbers of look-up lists.
    embedding
        Name of an embedding, such as "raw"; None if it needs none.
    learns
        Whether it learns from the manual labels.
    asks
        Address of a service that the records' texts are sent to; None if they stay here.
    """

    lists: tuple[int, ...] = ()
    embedding: str | None = None
    learns: bool = False
    asks: str | None = None


@dataclass(frozen=True)
class Span:
    """Where in a field (or `TEXT`) a heuristic found what it looks for: characters start to end."""

    field: str
    start: int
    end: int


@dataclass(frozen=True)
class Found:
    """The votes of one heuristic on m records.

    Attributes
    ----------
    labels
        Shape (m,), int64: a label's number or `ABSTAIN`.
    confidence
        Shape (m,), float32 in [0, 1]: how sure the heuristic says it is; 1 for rules, 0 where it abstains.
    notes
        What the run has to tell: what was learned from how many labels, what it cost. Plain JSON.
    """

    labels: NDArray[np.int64]
    confidence: NDArray[np.float32]
    notes: dict[str, Any] = field(default_factory=dict)


class Corpus(Protocol):
    """What heuristics see of a project. Everything is by row and read when asked for."""

    n: int
    """How many records there are."""

    field_names: Sequence[str]
    """The imported fields."""

    label_names: Mapping[int, str]
    """Names of the label set by number, in its order."""

    labels: NDArray[np.int64]
    """Shape (n,): the manual labels that may be learned from, `ABSTAIN` elsewhere."""

    folds: NDArray[np.int64]
    """Shape (n,): which of five parts a record is in; the same record is always in the same one."""

    def texts(self, rows: NDArray[np.int64] | None = None) -> Sequence[str]:
        """The texts of all records, or of some rows in that order."""

    def values(self, name: str, rows: NDArray[np.int64] | None = None) -> Sequence[Any]:
        """A field's values (or, for `TEXT`, the texts) of all records, or of some rows in that order."""

    def ids(self, rows: NDArray[np.int64]) -> Sequence[str]:
        """The record ids of some rows, for messages."""

    def vectors(self, embedding: str) -> NDArray[np.float32]:
        """An embedding's unit vectors, shape (n, d)."""

    def terms(self, list_id: int) -> Sequence[str]:
        """The terms of a look-up list."""

    def answers(self, keys: Sequence[str]) -> Mapping[str, str]:
        """What a service answered before, by key; only for kinds that ask one."""

    def remember(self, answers: Mapping[str, str]) -> None:
        """Keep a service's answers at once, so that a stop loses none."""


class Kind(Protocol):
    """One kind of heuristic, in a file of its own; `embtune.heuristics.kinds` lists them."""

    name: ClassVar[str]
    """As the database and the command line have it, such as `lookup`."""

    title: ClassVar[str]
    """As a person reads it, such as "Look-up list"."""

    about: ClassVar[str]
    """One sentence: what it votes on."""

    Config: ClassVar[type[Config]]

    def depends(self, config: Any) -> Depends:
        """What its votes hang on."""

    def voting(self, config: Any) -> tuple[int, ...]:
        """Numbers of the labels it can vote for; empty for any of the label set."""

    def describe(self, config: Any, label_names: Mapping[int, str]) -> str:
        """Say in a few words what it does, such as `goal, striker +12 → Sports`."""

    def run(self, config: Any, corpus: Corpus, rows: NDArray[np.int64], report: Report) -> Found:
        """Vote on some rows; shapes (len(rows),).

        A kind that learns votes on a record that it could learn from only by a model fitted without that
        record's fold. So its votes on labelled records are as honest as on the others.

        Raises
        ------
        HeuristicError
            Naming the record it failed on, or what is missing.
        """

    def spans(self, config: Any, corpus: Corpus, rows: NDArray[np.int64]) -> list[list[Span]]:
        """Where it found what it looks for, per row; empty lists for kinds that look at the whole."""
