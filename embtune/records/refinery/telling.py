"""What came over from refinery and what did not, line by line."""

from __future__ import annotations

from dataclasses import dataclass

from embtune.records.refinery.checking import Check, checked
from embtune.records.refinery.model import CODE, LOOKUP, Learner, Snapshot

_LEFT_OUT = {
    "span tasks": "embtune labels whole records, not spans",
    "labels of span tasks": "they go with their tasks",
    "manual spans": "they go with their tasks",
    "weak spans": "they go with their tasks",
    "votes for spans": "they go with their tasks",
    "tokens of spans": "they go with their tasks",
    "blocked terms": "refinery's look-ups did not use them either",
    "embeddings": "the snapshot names them; embed the records here",
    "vectors": "they are of models that are not here; embed the records here",
    "logs of runs": "only the votes of each heuristic's last run are used",
    "weak supervision runs without labels": "a later run took the place of their labels, or these are spans",
    "code of calculated fields": "the fields came over with the values they had",
    "private comments": "they were for their author only",
    "comments on other things than records": "there is no place for them",
}


@dataclass(frozen=True)
class Line:
    """One kind of thing: how many came over, how many did not, and what there is to say of it."""

    what: str
    came: int
    left: int
    note: str = ""

    def __str__(self) -> str:
        """Return it as a sentence or two."""
        parts = [f"{self.came:,} came over"] if self.came or not self.left else []
        parts += [f"{self.left:,} did not"] if self.left else []
        return f"{self.what}: {', '.join(parts)}" + (f" ({self.note})." if self.note else ".")


def report(snapshot: Snapshot, checks: tuple[Check, ...] | None = None) -> tuple[Line, ...]:
    """Return what came over, then what did not.

    Parameters
    ----------
    checks
        What `checked` returned, if it was asked before.
    """
    lines = [
        Line("Records", len(snapshot.table.rows), 0),
        Line("Fields", len(snapshot.table.columns), 0, ", ".join(snapshot.table.columns[:10])),
        Line(
            "Label tasks", len(snapshot.classifying), 0, ", ".join(one.name for one in snapshot.classifying)
        ),
        Line("Labels", sum(len(task.labels) for task in snapshot.classifying), 0),
        Line(
            "Look-up lists", len(snapshot.lists), 0, _n(sum(len(one.terms) for one in snapshot.lists), "term")
        ),
        *_heuristics(snapshot, checked(snapshot) if checks is None else checks),
        Line("Manual labels", sum(map(len, snapshot.manual.values())), 0),
        Line("Weak labels", sum(len(run.votes) for run in snapshot.weak_runs), 0, _above(snapshot)),
        *_slices(snapshot),
    ]
    if snapshot.comments:
        lines.append(Line("Comments", len(snapshot.comments), 0))
    lines += [
        Line(f"{what[:1].upper()}{what[1:]}", 0, snapshot.left_out[what], why)
        for what, why in _LEFT_OUT.items()
        if snapshot.left_out.get(what)
    ]
    return tuple(lines)


def _heuristics(snapshot: Snapshot, checks: tuple[Check, ...]) -> list[Line]:
    n_lookups = sum(one.kind == LOOKUP for one in snapshot.heuristics)
    equal = sum(check.equal for check in checks)
    lines = []
    if n_lookups:
        note = f"{equal:,} of them find the very records that refinery's votes are on"
        lines.append(Line("Look-up heuristics", n_lookups, 0, note))
    for check in checks:
        if not check.equal:
            note = f"{check.found:,} records now, {check.voted:,} in refinery"
            lines.append(Line(f"Look-up heuristic {check.name!r}", 1, 0, f"{note}: {check.why}"))
    for one in snapshot.heuristics:
        if isinstance(one.config, Learner):
            note = f"{one.config.written} on {one.config.embedding!r}, which an embedding here replaces"
            lines.append(Line(f"Active learner {one.name!r}", 1, 0, note))
        elif one.kind == CODE:
            lines.append(Line(f"Heuristic {one.name!r}", 1, 0, f"as code, switched off: {one.why}"))
    return lines


def _slices(snapshot: Snapshot) -> list[Line]:
    kept = [one for one in snapshot.slices if not one.lost]
    lost = [one for one in snapshot.slices if one.lost]
    notes = [f"{one.name!r}: {note.rstrip('.')}" for one in kept for note in one.notes]
    notes += [f"{one.name!r} did not: {one.lost}" for one in lost]
    return [Line("Slices", len(kept), len(lost), "; ".join(notes))] if snapshot.slices else []


def _above(snapshot: Snapshot) -> str:
    sure = sum(int((run.votes.confidence > 0.7).sum()) for run in snapshot.weak_runs)
    return f"as an earlier run, {sure:,} of them with a confidence above 0.7" if snapshot.weak_runs else ""


def _n(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"
