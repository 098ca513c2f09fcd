"""Undoing what is about no record: which run of weak supervision is in force, which embedding is active."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from embtune.errors import ConflictError

if TYPE_CHECKING:
    from embtune.store.artifacts import Active
    from embtune.store.journal import Action
    from embtune.store.weak_runs import WeakRun


def weak_run_to_turn(action: Action, runs: Sequence[WeakRun]) -> int | None:
    """Return the number of the run that is to be in force, None for none.

    Raises
    ------
    ConflictError
        If another is in force than this action left, or the labels of the run are not kept any more.
    """
    before, after = action.detail.get("before"), action.detail.get("run")
    expected, wanted = (after, before) if action.undone_at is None else (before, after)
    now = next((run.id for run in runs if run.stands), None)
    if now != expected:
        raise ConflictError(f"{_run(now)} is in force since: choose on Weak supervision.")
    if wanted is not None and not any(run.id == wanted and run.action_id is not None for run in runs):
        raise ConflictError(f"The labels of run {wanted} are not kept any more: run it again.")
    return wanted


def embedding_to_turn(action: Action, active: Active) -> str:
    """Return the embedding that is to be active.

    Raises
    ------
    ConflictError
        If another is active than this action left, or the one before is gone.
    """
    before, after = str(action.detail.get("before")), str(action.detail.get("embedding"))
    expected, wanted = (after, before) if action.undone_at is None else (before, after)
    if active.name != expected:
        raise ConflictError(f"{active.name} is the active embedding since: choose on Tune.")
    if wanted not in active.known:
        raise ConflictError(f"{wanted} was deleted since: tune again.")
    return wanted


def _run(number: int | None) -> str:
    return "No run of weak supervision" if number is None else f"Run {number} of weak supervision"
