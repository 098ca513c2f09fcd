"""What may be undone or redone: whole actions, in any order that leaves everything sound."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from embtune.errors import ConflictError
from embtune.labeling.label_tasks import changes_of_tasks
from embtune.labeling.made_labels import labels_that_go
from embtune.labeling.other_actions import embedding_to_turn, weak_run_to_turn
from embtune.store.artifacts import Active, active_within
from embtune.store.heuristics import state_of_rules
from embtune.store.journal import EMBEDDING, TASK, VOTES, WEAK_RUN, Action, votes_of_actions
from embtune.store.labelset import (
    Change,
    LabelRow,
    changed,
    label_rows,
    references_by_label,
    targets_of,
    votes_standing,
)
from embtune.store.records import reference_state
from embtune.store.tasks import TaskChange, TaskRow, TaskUse, changed_tasks, task_rows, task_use, why_kept
from embtune.store.weak_runs import WeakRun, weak_runs_within

if TYPE_CHECKING:
    from embtune.project import Project


@dataclass(frozen=True)
class Ground:
    """What decides it: labels and tasks as they are, and what hangs on those that some actions made.

    Attributes
    ----------
    labels, tasks
        All of the project by number, also those deleted.
    given, own, reference, meant
        By number of a label that an action made: annotations that stand, those of the action itself (by
        action and label), reference labels, and what else means it, such as "1 heuristic votes for it".
        `own` is known also of undone annotations under several labels, where labels were deleted.
    kept, use
        By number of a task that an action made or deleted: what keeps it from going, and what hangs on it.
    runs
        By task, the runs of weak supervision; only where an action is about them.
    active
        The active embedding, and all there are; only where an action is about them.
    """

    labels: Mapping[int, LabelRow]
    tasks: Mapping[int, TaskRow]
    given: Mapping[int, int] = field(default_factory=dict)
    own: Mapping[tuple[int, int], int] = field(default_factory=dict)
    reference: Mapping[int, int] = field(default_factory=dict)
    meant: Mapping[int, str] = field(default_factory=dict)
    kept: Mapping[int, str | None] = field(default_factory=dict)
    use: Mapping[int, TaskUse] = field(default_factory=dict)
    runs: Mapping[int, Sequence[WeakRun]] = field(default_factory=dict)
    active: Active | None = None


@dataclass(frozen=True)
class Turn:
    """What undoing or redoing an action does besides marking it.

    `left` are labels that it made and that stay all the same, by name with the reason. `weak` and `embedding`
    hold the run and the embedding that are to be in force, where it is about that.
    """

    labels: tuple[Change, ...] = ()
    tasks: tuple[TaskChange, ...] = ()
    left: Mapping[str, str] = field(default_factory=dict)
    weak: tuple[int | None] | None = None
    embedding: str | None = None


def ground(connection: Any, project: Project, actions: Sequence[Action]) -> Ground:
    """Read what decides over undoing or redoing some actions, within the caller's transaction."""
    standing = [action for action in actions if action.undone_at is None]
    made = {change.label_id for action in standing if _made(action) for change in changes_of(action)}
    brought = {label_id for action in standing for label_id in new_labels(action)}
    about = {change.task_id for action in actions for change in changes_of_tasks(action)}
    run_of = {one.task_id for one in actions if one.kind == WEAK_RUN and one.task_id is not None}
    ids = made | brought
    labels = label_rows(connection, project.id)
    counted = [one.id for one in standing if new_labels(one)]
    if None in targets_of(labels).values():
        undone = (one for one in actions if one.undone_at is not None and one.kind == VOTES)
        counted += [one.id for one in undone if one.label_id is None]
    return Ground(
        labels=labels,
        tasks=task_rows(connection, project.id),
        given=votes_standing(connection, project.id, ids) if ids else {},
        own=votes_of_actions(connection, counted) if counted else {},
        reference=references_by_label(connection, project.id) if ids else {},
        meant=_meant(project, brought),
        kept={task_id: why_kept(connection, project.id, task_id) for task_id in about},
        use={task_id: task_use(connection, task_id) for task_id in about},
        runs={task_id: weak_runs_within(connection, project.id, task_id) for task_id in run_of},
        active=active_within(connection, project.id) if any(a.kind == EMBEDDING for a in actions) else None,
    )


def changes_of(action: Action) -> list[Change]:
    """Return the changes of the label set that came with an action."""
    return [Change(*values) for values in action.detail.get("changes", [])]


def new_labels(action: Action) -> list[int]:
    """Return the numbers of the labels that an import added to the label set."""
    return list(action.detail.get("new_labels", []))


def to_turn(action: Action, on: Ground) -> Turn:
    """Return what undoes an action that stands, or redoes one that does not.

    Raises
    ------
    ConflictError
        If it cannot be: the message says what stands in the way.
    """
    task = on.tasks.get(action.task_id or 0)
    if task is not None and task.deleted:
        raise ConflictError(f"The label task {task.name!r} was deleted since: bring it back first.")
    undo = action.undone_at is None
    if action.kind == TASK:
        return Turn(tasks=_tasks_to_turn(action, on))
    if action.kind == WEAK_RUN:
        return Turn(weak=(weak_run_to_turn(action, on.runs.get(action.task_id or 0, ())),))
    if action.kind == EMBEDDING:
        assert on.active is not None
        return Turn(embedding=embedding_to_turn(action, on.active))
    if new_labels(action):
        changes, left = labels_that_go(action, on) if undo else (_labels_that_come_back(action, on), {})
        if not undo:
            _refuse_lost(action, on, changes)
        changed(on.labels, changes)
        return Turn(labels=tuple(changes), left=left)
    return Turn(labels=tuple(_labels_to_turn(action, on)))


def refusals(project: Project, actions: Sequence[Action]) -> dict[int, str]:
    """Say of those actions that cannot be undone, or redone, why not; by action number."""

    def find() -> dict[int, str]:
        why = {}
        with project.db.read() as connection:
            on = ground(connection, project, actions)
        for action in actions:
            try:
                to_turn(action, on)
            except ConflictError as error:
                why[action.id] = str(error)
        return why

    # A page asks at every click. What the revision does not count is told beside it.
    with project.db.read() as connection:
        active = active_within(connection, project.id)
    stamp = (
        tuple((action.id, action.undone_at) for action in actions),
        project.revision,
        reference_state(project.db, project.id),
        state_of_rules(project.db, project.id),
        active,
    )
    found: dict[int, str] = project.cached("refusals", stamp, find)
    return found


def _labels_to_turn(action: Action, on: Ground) -> list[Change]:
    changes = changes_of(action)
    if action.undone_at is None:
        if _made(action):
            for change in changes:
                _refuse_used(on, change.label_id, own=action.n_records if action.kind == VOTES else 0)
        changes = [change.reversed() for change in reversed(changes)]
    else:
        _refuse_lost(action, on, changes)
    changed(on.labels, changes)
    return changes


def _refuse_lost(action: Action, on: Ground, changes: Sequence[Change]) -> None:
    """Refuse to redo annotations under a label that is gone, and that does not come back with them."""
    if action.label_id is None:
        given = {label_id for of, label_id in on.own if of == action.id}
    else:
        given = set() if changes else {action.label_id}
    targets = targets_of(on.labels)
    for label_id in sorted(given - {change.label_id for change in changes}):
        label = on.labels.get(label_id)
        if label is None or targets.get(label_id, label_id) is None:
            name = "its label" if label is None else repr(label.name)
            raise ConflictError(f"The label {name} was deleted since: bring it back first.")


def _labels_that_come_back(action: Action, on: Ground) -> list[Change]:
    gone = (on.labels.get(label_id) for label_id in action.detail.get("labels_gone", []))
    return [Change(label.id, "deleted", True, False) for label in gone if label and label.deleted]


def _tasks_to_turn(action: Action, on: Ground) -> tuple[TaskChange, ...]:
    changes = changes_of_tasks(action)
    if action.undone_at is None:
        changes = [change.reversed() for change in reversed(changes)]
    after = changed_tasks(on.tasks, changes)
    for task_id, row in after.items():
        if not row.deleted or on.tasks[task_id].deleted:
            continue
        use, why = on.use[task_id], on.kept[task_id]
        if _made(action) and use.n_labels:
            n = use.n_labels
            why = (
                f"It has {n:,} label{'' if n == 1 else 's'}: undo what added {'it' if n == 1 else 'them'} "
                "first, or delete the task on Label set."
            )
        if why is not None:
            raise ConflictError(f"The label task {row.name!r} stays. {why}")
    return tuple(changes)


def _made(action: Action) -> bool:
    return bool(action.detail.get("made"))


def _meant(project: Project, label_ids: set[int]) -> dict[int, str]:
    """Say of labels what means them besides annotations: heuristics and slices."""
    if not label_ids:
        return {}
    from embtune.labeling.label_impact import meant_by

    return meant_by(project, label_ids)


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
