"""What may be undone or redone: whole actions, in any order that leaves the label set sound."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from embtune.errors import ConflictError
from embtune.store.journal import VOTES, Action
from embtune.store.labelset import (
    Change,
    LabelRow,
    changed,
    label_rows,
    references,
    targets_of,
    votes_standing,
)

if TYPE_CHECKING:
    from embtune.project import Project


@dataclass(frozen=True)
class Ground:
    """What decides it: the labels as they are, how many annotations and reference labels new ones have."""

    labels: Mapping[int, LabelRow]
    given: Mapping[int, int]
    reference: Mapping[int, int]


def ground(connection: Any, project_id: int, actions: Sequence[Action]) -> Ground:
    """Read what decides over undoing or redoing some actions."""
    made = {change.label_id for action in actions if _made(action) for change in changes_of(action)}
    return Ground(
        labels=label_rows(connection, project_id),
        given=votes_standing(connection, project_id, made) if made else {},
        reference={one: references(connection, project_id, [one]) for one in made},
    )


def changes_of(action: Action) -> list[Change]:
    """Return the changes of the label set that came with an action."""
    return [Change(*values) for values in action.detail.get("changes", [])]


def changes_to_turn(action: Action, on: Ground) -> list[Change]:
    """Return the changes of the label set that undo an action that stands, or redo one that does not.

    Raises
    ------
    ConflictError
        If it cannot be: the message says what stands in the way.
    """
    changes = changes_of(action)
    if action.undone_at is None:
        if _made(action):
            for change in changes:
                _refuse_used(on, change.label_id, own=action.n_records if action.kind == VOTES else 0)
        changes = [change.reversed() for change in reversed(changes)]
    elif not changes and action.label_id is not None:
        label = on.labels.get(action.label_id)
        if label is None or targets_of(on.labels).get(label.id, label.id) is None:
            name = "its label" if label is None else repr(label.name)
            raise ConflictError(f"The label {name} was deleted since: bring it back first.")
    changed(on.labels, changes)
    return changes


def refusals(project: Project, actions: Sequence[Action]) -> dict[int, str]:
    """Say of those actions that cannot be undone, or redone, why not; by action number."""
    why = {}
    with project.db.read() as connection:
        on = ground(connection, project.id, [one for one in actions if one.undone_at is None])
    for action in actions:
        try:
            changes_to_turn(action, on)
        except ConflictError as error:
            why[action.id] = str(error)
    return why


def _made(action: Action) -> bool:
    return bool(action.detail.get("made"))


def _refuse_used(on: Ground, label_id: int, *, own: int) -> None:
    """Refuse to take back a new label on which something stands that came later."""
    label = on.labels.get(label_id)
    if label is None or not label.in_use:
        return  # told by its changes
    n = on.given.get(label_id, 0) - own
    if n > 0:
        raise ConflictError(
            f"{n:,} annotation{' carries' if n == 1 else 's carry'} the label {label.name!r} that this made: "
            "undo those first, or delete the label."
        )
    merged = next((row.name for row in on.labels.values() if row.merged_into == label_id), None)
    if merged is not None:
        raise ConflictError(f"{merged!r} was merged into {label.name!r} since: take that back first.")
    n = on.reference.get(label_id, 0)
    if n:
        raise ConflictError(
            f"{n:,} record{' has' if n == 1 else 's have'} {label.name!r} as reference label: "
            "delete the label instead."
        )
