"""Labels that came with an import: which of them go when the import is undone, and why others stay."""

from __future__ import annotations

from typing import TYPE_CHECKING

from embtune.labeling.label_impact import counted
from embtune.store.labelset import Change

if TYPE_CHECKING:
    from embtune.labeling.undoing import Ground
    from embtune.store.journal import Action


def labels_that_go(action: Action, on: Ground) -> tuple[list[Change], dict[str, str]]:
    """Return the changes that take out the labels an import added, and by name why others stay."""
    changes, left = [], {}
    for label_id in action.detail["new_labels"]:
        label = on.labels.get(label_id)
        if label is None or not label.in_use:
            continue
        why = _why_it_stays(action, label_id, on)
        if why is None:
            changes.append(Change(label_id, "deleted", False, True))
        else:
            left[label.name] = why
    return changes, left


def _why_it_stays(action: Action, label_id: int, on: Ground) -> str | None:
    n = on.given.get(label_id, 0) - on.own.get((action.id, label_id), 0)
    if n:
        return f"{counted(n, 'other annotation')} {'carries' if n == 1 else 'carry'} it"
    n = on.reference.get(label_id, 0)
    if n:
        return f"it is the reference label of {counted(n, 'record')}"
    merged = next((row.name for row in on.labels.values() if row.merged_into == label_id), None)
    if merged is not None:
        return f"{merged} was merged into it"
    return on.meant.get(label_id)
