"""What a refinery snapshot holds, in embtune's words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embtune.records.readers.table import Table

LOOKUP, LEARNER, CODE = "lookup", "learner", "code"


@dataclass(frozen=True)
class Attribute:
    """A field of the records: its name, refinery's type of it, and whether it is part of the primary key."""

    name: str
    data_type: str
    is_key: bool = False


@dataclass(frozen=True)
class Label:
    """A label with the colour and key it had; None where it had none that is known."""

    name: str
    color: str | None
    hotkey: str | None


@dataclass(frozen=True)
class Task:
    """A label task. `spans` ones mark places in a field's text, which embtune does not."""

    name: str
    field: str | None
    spans: bool
    labels: tuple[Label, ...]


@dataclass(frozen=True)
class LookupList:
    """A look-up list; `blocked` are the terms that refinery had crossed out."""

    name: str
    description: str
    terms: tuple[str, ...]
    blocked: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Votes:
    """Labels of some records.

    Attributes
    ----------
    rows
        Shape (m,), int64, rising: rows of the snapshot's table.
    labels
        Shape (m,), int64: places in the task's labels.
    confidence
        Shape (m,), float32 in [0, 1].
    """

    rows: NDArray[np.int64]
    labels: NDArray[np.int64]
    confidence: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.rows)


@dataclass(frozen=True, eq=False)
class ManualLabels:
    """Labels given by people, oldest first; those of refinery's gold star last, whenever they were given.

    `rows` and `labels` are as in `Votes`; `users` (m of them) are names, `times` seconds since 1970 (0 where
    unknown), `gold` says which had the star. All have shape (m,).
    """

    rows: NDArray[np.int64]
    labels: NDArray[np.int64]
    users: tuple[str, ...]
    times: NDArray[np.float64]
    gold: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.rows)


@dataclass(frozen=True)
class Statistics:
    """What refinery counted for a heuristic and one of its labels, as stored."""

    label: str
    true_positives: int
    false_positives: int
    false_negatives: int
    coverage: int
    hits: int
    conflicts: int
    overlaps: int


@dataclass(frozen=True)
class Lookup:
    """A labelling function that only looks terms up.

    Attributes
    ----------
    label
        Name of the label it votes for.
    fields
        Fields it looks in.
    lists
        Names of the look-up lists it takes its terms from.
    terms
        Terms written in its code.
    match
        "part": anywhere in the text; "word": as whole words.
    case
        Whether upper and lower case differ.
    note
        In what it may differ from the code; empty if in nothing.
    """

    label: str
    fields: tuple[str, ...]
    lists: tuple[str, ...] = ()
    terms: tuple[str, ...] = ()
    match: str = "part"
    case: bool = False
    note: str = ""


@dataclass(frozen=True)
class Learner:
    """An active learner.

    Attributes
    ----------
    classifier
        As `embtune.heuristics.learner` calls it.
    embedding
        Name of the embedding in refinery.
    min_confidence
        From which confidence on it votes.
    labels
        Names of the labels it may vote for; None for all of its task.
    written
        The classifier as its code has it, such as `LogisticRegression()`; arguments do not come over.
    """

    classifier: str
    embedding: str
    min_confidence: float
    labels: tuple[str, ...] | None = None
    written: str = ""


@dataclass(frozen=True, eq=False)
class Heuristic:
    """An information source.

    Attributes
    ----------
    kind
        `lookup` or `learner`, whose translated `config` is there; else `code`.
    type
        refinery's: LABELING_FUNCTION, ACTIVE_LEARNING, …
    selected
        Whether refinery's weak supervision heard it.
    spans
        Whether it marks places in a text: such a one has neither votes nor a task that came over.
    why
        Why it stays code; empty if it does not.
    statistics
        One per label it voted for.
    votes
        As stored; None for spans.
    created_at, ran_at
        Seconds since 1970; `ran_at` is the end of its last run that worked. None where unknown.
    code_changed
        Whether its code is another than that of its last run that worked.
    """

    name: str
    description: str
    task: str
    kind: str
    type: str
    code: str
    selected: bool
    spans: bool
    config: Lookup | Learner | None
    why: str
    statistics: tuple[Statistics, ...]
    votes: Votes | None
    created_at: float | None = None
    ran_at: float | None = None
    code_changed: bool = False

    @property
    def coverage(self) -> int:
        """Records it covered, as stored: of a classifying one, each record is counted for one label."""
        return sum(one.coverage for one in self.statistics)


@dataclass(frozen=True, eq=False)
class WeakRun:
    """A run of refinery's weak supervision whose labels are still there; `heuristics` are names."""

    task: str
    heuristics: tuple[str, ...]
    votes: Votes
    created_at: float | None
    finished_at: float | None


@dataclass(frozen=True)
class Slice:
    """A named part of the records: a `query` of embtune's, or `rows` in their order, or `lost` says why not.

    `task` is the label task that its query asks, None if it asks none.
    """

    name: str
    query: dict[str, Any] | None = None
    rows: tuple[int, ...] | None = None
    task: str | None = None
    notes: tuple[str, ...] = ()
    lost: str = ""


@dataclass(frozen=True)
class Comment:
    """A comment on a record."""

    row: int
    text: str
    user: str
    time: float | None


@dataclass(frozen=True, eq=False)
class Snapshot:
    """A refinery project.

    Attributes
    ----------
    file
        Name of the file it was read from.
    table
        Its records, fields in refinery's order; `Votes.rows` and the like count its rows from 0.
    manual
        Manual labels by name of a task that came over.
    left_out
        How many there are of what has no place in embtune, by what it is.
    notes
        What was mended, one sentence each.
    """

    file: str
    name: str
    description: str
    table: Table
    attributes: tuple[Attribute, ...]
    tasks: tuple[Task, ...]
    lists: tuple[LookupList, ...]
    heuristics: tuple[Heuristic, ...]
    manual: dict[str, ManualLabels]
    weak_runs: tuple[WeakRun, ...]
    slices: tuple[Slice, ...]
    comments: tuple[Comment, ...]
    embeddings: tuple[str, ...]
    left_out: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def task(self, name: str) -> Task:
        """Return a task by name."""
        return next(task for task in self.tasks if task.name == name)

    @property
    def classifying(self) -> tuple[Task, ...]:
        """The tasks that came over."""
        return tuple(task for task in self.tasks if not task.spans)
