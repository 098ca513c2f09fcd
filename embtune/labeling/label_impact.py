"""What hangs on a label: to be read before it is merged or deleted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

from embtune.store.heuristics import state_of_rules
from embtune.store.labelset import label_targets, label_use

if TYPE_CHECKING:
    from embtune.project import Project


@dataclass(frozen=True)
class Impact:
    """What hangs on a label.

    `n_annotations` are those that stand (`by_source` tells them apart), on `n_records` records, with what was
    merged into the label; `versions` learned from it, `n_heuristics` are written to vote for it, and
    `n_slices` ask for it in their filter.
    """

    label: str
    n_annotations: int
    by_source: dict[str, int]
    n_records: int
    n_reference: int
    versions: tuple[str, ...]
    n_sessions: int
    n_heuristics: int = 0
    n_slices: int = 0

    @property
    def sentence(self) -> str:
        """The same in words, such as "312 annotations on 288 records, 2 versions learned from it"."""
        parts = []
        if self.n_annotations:
            parts.append(
                f"{counted(self.n_annotations, 'annotation')} on {counted(self.n_records, 'record')}"
            )
        if self.n_reference:
            parts.append(counted(self.n_reference, "reference label"))
        if self.versions:
            parts.append(f"{counted(len(self.versions), 'version')} learned from it")
        if self.n_sessions:
            parts.append(f"given in {counted(self.n_sessions, 'session')}")
        if self.n_heuristics:
            verb = "votes" if self.n_heuristics == 1 else "vote"
            parts.append(f"{counted(self.n_heuristics, 'heuristic')} {verb} for it")
        if self.n_slices:
            parts.append(f"{counted(self.n_slices, 'slice')} ask{'s' if self.n_slices == 1 else ''} for it")
        return ", ".join(parts) or "nothing has it yet"


def impact(project: Project, name: str) -> Impact:
    """Count what hangs on a label, and on those that were merged into it.

    Raises
    ------
    UnknownChoiceError
        If there is no such label.
    """
    label_id = project.label_named(name).id

    def count() -> Impact:
        merged = [one for one, now in label_targets(project.db, project.id).items() if now == label_id]
        use = label_use(project.db, project.id, [label_id, *merged])
        return Impact(
            label=name,
            n_annotations=sum(use.by_source.values()),
            by_source=use.by_source,
            n_records=use.n_records,
            n_reference=use.n_reference,
            versions=use.versions,
            n_sessions=use.n_sessions,
            n_heuristics=n_heuristics,
            n_slices=n_slices,
        )

    n_heuristics = _heuristics_by_label(project)[name]
    n_slices = sum(label_id in one.labels.values() for one in project.slices() if not one.is_static)
    stamp = (project.revision, len(project.versions), n_heuristics, n_slices)
    found: Impact = project.cached(("impact", label_id), stamp, count)
    return found


def meant_by(project: Project, label_ids: Collection[int]) -> dict[int, str]:
    """Say of labels, of any task, what means them besides annotations; left out if nothing does."""
    out = {}
    for task in project.tasks:
        view = project.view(task=task.name)
        mine = [label for label in view.labels if label.id in label_ids]
        if not mine:
            continue
        rules = _heuristics_by_label(view)
        for label in mine:
            n = rules[label.name]
            if n:
                out[label.id] = f"{counted(n, 'heuristic')} {'votes' if n == 1 else 'vote'} for it"
    asked = Counter(
        label_id for one in project.slices() if not one.is_static for label_id in {*one.labels.values()}
    )
    for label_id in label_ids:
        n = asked[label_id]
        if n and label_id not in out:
            out[label_id] = f"{counted(n, 'slice')} {'asks' if n == 1 else 'ask'} for it"
    return out


def _heuristics_by_label(project: Project) -> Counter[str]:
    """How many heuristics are written to vote for each label; merged labels are followed."""

    def count() -> Counter[str]:
        return Counter(name for one in project.heuristics.all() for name in one.labels)

    stamp = (project.revision, state_of_rules(project.db, project.id))
    found: Counter[str] = project.cached("heuristics by label", stamp, count)
    return found


def counted(n: int, word: str) -> str:
    """Write a number with its noun: "1 record", "1,204 records"."""
    return f"{n:,} {word}{'' if n == 1 else 's'}"
