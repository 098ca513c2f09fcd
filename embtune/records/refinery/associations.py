"""Who gave which record which label, sorted into people's labels, votes and weak labels."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from embtune.records.refinery.entries import Entry, Parts
from embtune.records.refinery.model import ManualLabels, Task, Votes

MANUAL, WEAK, SOURCE = "MANUAL", "WEAK_SUPERVISION", "INFORMATION_SOURCE"
_PART = "record_label_associations_data"


@dataclass
class Associations:
    """What was found.

    Attributes
    ----------
    manual
        By the task's name.
    votes
        By the information source's id.
    weak
        By the id of the run ("" where none is named) and the task's name.
    spans
        How many there are that mark spans, by their source type.
    invalid
        Manual labels that refinery held invalid, for another person's stood against them.
    """

    manual: dict[str, ManualLabels]
    votes: dict[str, Votes]
    weak: dict[tuple[str, str], Votes]
    spans: Counter[str] = field(default_factory=Counter)
    invalid: int = 0


def read_associations(
    parts: Parts,
    rows: Mapping[str, int],
    labels: Mapping[str, tuple[Task, int]],
    source_tasks: Mapping[str, Task],
    user_name: Callable[[str], str],
) -> Associations:
    """Read all of them.

    Parameters
    ----------
    rows
        Row of each record by its id.
    labels
        Task of each label by the label's id, and the label's place in it.
    source_tasks
        Task of each information source by its id.
    user_name
        What to call a user.

    Raises
    ------
    BadFileError
        If one names something that is not there, or a record has two labels where it can have one.
    """
    manual: defaultdict[str, dict[tuple[int, str], tuple[bool, float, int]]] = defaultdict(dict)
    votes: defaultdict[str, dict[int, tuple[int, float]]] = defaultdict(dict)
    weak: defaultdict[tuple[str, str], dict[int, tuple[int, float]]] = defaultdict(dict)
    found = Associations({}, {}, {})
    for _, entry in parts.with_ids(_PART):
        row = entry.refers("record_id", rows, "a record")
        task, label = entry.refers("labeling_task_label_id", labels, "a label")
        kind = entry.text("source_type")
        if kind not in (MANUAL, WEAK, SOURCE):
            raise entry.error("source_type", f"is {kind[:40]!r}, not one of {MANUAL}, {WEAK}, {SOURCE}")
        if kind == SOURCE and entry.refers("source_id", source_tasks, "a heuristic") is not task:
            raise entry.error("source_id", "names a heuristic of another task than the label's")
        if task.spans:
            found.spans[kind] += 1
        elif kind == MANUAL:
            found.invalid += entry.values.get("is_valid_manual_label") is False
            gold = entry.flag("is_gold_star")
            user = user_name(entry.text_or("created_by"))
            given = (gold, entry.time("created_at") or 0.0, label)
            key = (row, user)
            manual[task.name][key] = max(given, manual[task.name].get(key, given))
        elif kind == SOURCE:
            _one_each(votes[str(entry.values["source_id"])], row, label, entry)
        else:
            run = entry.text("weak_supervision_id") if entry.has("weak_supervision_id") else ""
            _one_each(weak[run, task.name], row, label, entry)
    found.manual = {task: _labels_of(given) for task, given in manual.items()}
    found.votes = {source: _votes_of(given) for source, given in votes.items()}
    found.weak = {run: _votes_of(given) for run, given in weak.items()}
    return found


def no_votes() -> Votes:
    """Return votes of none."""
    return _votes_of({})


def _one_each(given: dict[int, tuple[int, float]], row: int, label: int, entry: Entry) -> None:
    if row in given:
        raise entry.error("record_id", "names a record that has a label from there already")
    given[row] = (label, entry.share("confidence", 1.0))


def _votes_of(given: Mapping[int, tuple[int, float]]) -> Votes:
    rows = sorted(given)
    return Votes(
        np.array(rows, dtype=np.int64),
        np.array([given[row][0] for row in rows], dtype=np.int64),
        np.array([given[row][1] for row in rows], dtype=np.float32),
    )


def _labels_of(given: Mapping[tuple[int, str], tuple[bool, float, int]]) -> ManualLabels:
    ordered = sorted((gold, time, row, user, label) for (row, user), (gold, time, label) in given.items())
    return ManualLabels(
        rows=np.array([one[2] for one in ordered], dtype=np.int64),
        labels=np.array([one[4] for one in ordered], dtype=np.int64),
        users=tuple(one[3] for one in ordered),
        times=np.array([one[1] for one in ordered], dtype=np.float64),
        gold=np.array([one[0] for one in ordered], dtype=np.bool_),
    )
