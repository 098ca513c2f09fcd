"""Spot checks: ten records of a bulk action, drawn at random and answered again, tell its error rate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from embtune.errors import BadInputError, NotFoundError
from embtune.evaluation.wilson import wilson
from embtune.store.journal import (
    VOTES,
    Action,
    answers_in_sessions,
    answers_of_action,
    get_action,
    put_detail,
)
from embtune.store.labelset import label_targets

if TYPE_CHECKING:
    from embtune.project import Project

N_DRAWN = 10
KIND = "spot check"
_KEY = "spot_check"


@dataclass(frozen=True)
class SpotCheck:
    """What spot checks of an action found so far.

    Attributes
    ----------
    n, n_wrong
        Records answered again, and how many of them got another answer than the action gave.
    rate, low, high
        The share that was wrong, with Wilson's 95 % interval; 0, 0 and 1 before the first answer.
    n_drawn
        Records drawn.
    session
        The session of the last draw; it may be deleted.
    """

    n: int
    n_wrong: int
    rate: float
    low: float
    high: float
    n_drawn: int
    session: int

    @property
    def complete(self) -> bool:
        """Whether every record drawn was answered."""
        return self.n >= self.n_drawn

    @property
    def sentence(self) -> str:
        """The same in words: "1 of 10 wrong: 10 % (95 % interval 2 to 40 %)"."""
        if not self.n:
            return f"{self.n_drawn} drawn, none answered yet"
        so_far = "" if self.complete else f", {self.n_drawn - self.n} to go"
        return (
            f"{self.n_wrong} of {self.n} wrong{so_far}: {self.rate:.0%} "
            f"(95 % interval {100 * self.low:.0f} to {100 * self.high:.0f} %)"
        ).replace("%", " %", 1)


def spot_check(project: Project, action_id: int) -> int:
    """Draw records of an action at random into a session; return its number.

    A check that is not answered to its end goes on. After it, more records are drawn, none twice, and count
    together with the first ones. Neither the card nor the session's name tells what the action gave: who
    knows the label under test is led by it.

    Raises
    ------
    BadInputError
        If the action gave no labels, was undone, or every record of it was drawn.
    """
    action = _action(project, action_id)
    if action.kind != VOTES or action.undone_at is not None:
        why = "it was undone" if action.undone_at is not None else "it gave no labels"
        raise BadInputError(f"“{action.summary}” cannot be checked: {why}.")
    given = {
        row: label
        for row, (answer, label) in answers_of_action(project.db, project.id, action_id).items()
        if answer != "cleared"
    }
    if not given:
        raise BadInputError(f"“{action.summary}” cannot be checked: it gave no labels.")
    draws = _draws(action)
    found = spot_check_result(project, action_id)
    if found is not None and not found.complete and _exists(project, found.session):
        return found.session
    drawn = {row for draw in draws for row in draw["rows"]}
    left = np.array(sorted(given.keys() - drawn), dtype=np.int64)
    if found is not None and not found.complete:  # its session was deleted: the same records once more
        left = np.array(draws[-1]["rows"], dtype=np.int64)
        draws = draws[:-1]
    if not len(left):
        raise BadInputError(f"Every record of “{action.summary}” was checked already.")
    seed = [action_id, len(draws)]
    rows = np.random.default_rng(seed).choice(left, min(N_DRAWN, len(left)), replace=False)
    n = f"{action.n_records:,} record{'' if action.n_records == 1 else 's'}"
    task = next((one.name for one in project.tasks if one.id == action.task_id), None)
    session = project.view(task=task).create_session(
        rows,
        f"Spot check of {n}, action {action_id}",
        kind=KIND,
        origin={"action": action_id, "blind": True},
        why=[f"drawn at random from an action on {n}"] * len(rows),
    )
    old = [draw["session"] for draw in _draws(action)[len(draws) :]]
    draw = {"session": session, "earlier": old, "seed": seed, "rows": [int(row) for row in rows]}
    with project.db.write() as connection:
        put_detail(connection, project.id, action_id, _KEY, {"draws": [*draws, draw]})
    return session


def spot_check_result(project: Project, action_id: int) -> SpotCheck | None:
    """Return what the spot checks of an action found; None if there was none.

    It is kept with the action, and stays when the session is deleted.
    """
    return results(project, [_action(project, action_id)]).get(action_id)


def results(project: Project, actions: Sequence[Action]) -> dict[int, SpotCheck]:
    """Return the results of those actions that were checked, by action number."""
    checked = [action for action in actions if _draws(action)]
    if not checked:
        return {}
    targets = label_targets(project.db, project.id)
    return {action.id: _result(project, action, targets) for action in checked}


def _result(project: Project, action: Action, targets: dict[int, int | None]) -> SpotCheck:
    draws = _draws(action)
    rows = [row for draw in draws for row in draw["rows"]]
    sessions = {number for draw in draws for number in (draw["session"], *draw.get("earlier", []))}
    answers = answers_in_sessions(project.db, project.id, rows, sessions)
    given = answers_of_action(project.db, project.id, action.id, rows)

    def now(answer: tuple[str, int | None]) -> tuple[str, int | None]:
        kind, label = answer
        return kind, None if label is None else targets.get(label, label)

    n_wrong = sum(now(answer) != now(given[row]) for row, answer in answers.items())
    n = len(answers)
    low, high = wilson(n_wrong, n)
    found = SpotCheck(n, n_wrong, n_wrong / n if n else 0.0, low, high, len(rows), draws[-1]["session"])
    known = {"n": n, "n_wrong": n_wrong}
    if {key: action.detail[_KEY].get(key) for key in known} != known:
        with project.db.write() as connection:
            put_detail(connection, project.id, action.id, _KEY, {"draws": draws} | known)
    return found


def _draws(action: Action) -> list[dict[str, Any]]:
    draws: list[dict[str, Any]] = action.detail.get(_KEY, {}).get("draws", [])
    return draws


def _action(project: Project, action_id: int) -> Action:
    found = get_action(project.db, project.id, action_id)
    if found is None:
        raise NotFoundError(f"Project {project.name!r} has no action {action_id}.")
    return found


def _exists(project: Project, session_id: int) -> bool:
    try:
        project.session(session_id)
    except NotFoundError:
        return False
    return True
