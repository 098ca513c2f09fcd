"""Looking back at sessions: which answers match, and how the work went."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from embtune.errors import NotReadyError
from embtune.labeling.pace import Pace, pace_of
from embtune.labeling.state import NONE_OF_THESE, NONE_OF_THESE_NAME
from embtune.store import session_answers, sessions
from embtune.store.labelset import label_targets, labels_ever
from embtune.store.session_answers import Given
from embtune.store.sessions import SessionHead, SessionItem, SessionRow

if TYPE_CHECKING:
    from embtune.project import Project

STATES = ("labelled", "skipped", "to do")


@dataclass(frozen=True)
class Summary:
    """How a session went: answers as they were typed, later corrections left out."""

    session: SessionRow
    embedding: str | None
    pace: Pace
    labels: dict[str, int]


def summaries(project: Project, chosen: Sequence[SessionRow]) -> list[Summary]:
    """Sum up sessions, in the order given; all from one reading of the journal per change of labels."""

    def read() -> dict[int, list[Given]]:
        found: dict[int, list[Given]] = {}
        for given in session_answers.typed_answers(project.db, project.id):
            found.setdefault(given.session_id, []).append(given)
        return found

    typed: dict[int, list[Given]] = project.cached("typed answers", project.revision, read)
    names = labels_ever(project.db, project.id)
    made = []
    for session in chosen:
        answers = typed.get(session.id, [])
        given: dict[str, int] = {}
        for one in reversed(answers):
            name = NONE_OF_THESE_NAME if one.label_id is None else names.get(one.label_id, "a deleted label")
            given[name] = given.get(name, 0) + 1
        pace = pace_of(
            [one.at for one in answers],
            [one.label_id for one in answers],
            [one.predicted for one in answers],
        )
        made.append(Summary(session, session.origin.get("embedding"), pace, given))
    return made


def matching(
    project: Project, session: SessionHead, show: str, *, changed: bool, disagrees: bool
) -> list[SessionItem]:
    """Return the places of a session that match; see `SessionBook.review`."""
    items = sessions.list_items(project.db, session.id)
    in_force = project.label_state().label_ids
    if session.origin.get("blind") and (changed or disagrees or show not in ("all", *STATES)):
        items = [item for item in items if item.state == "labelled"]  # what others said stays hidden
    if show in STATES:
        items = [item for item in items if item.state == show]
    elif show != "all":
        wanted = NONE_OF_THESE if show == NONE_OF_THESE_NAME else project.label_named(show).id
        items = [item for item in items if in_force[item.row] == wanted]
    if changed:
        given = labels_given(project, session.id)
        items = [
            item for item in items if item.position in given and in_force[item.row] != given[item.position]
        ]
    if disagrees:
        guess = project.quick_predictions("active")
        if guess is None:
            raise NotReadyError("Label a few records of two labels first: until then no model disagrees.")
        items = [
            item
            for item in items
            if in_force[item.row] >= 0
            and item.row < len(guess[0])
            and guess[0][item.row] != in_force[item.row]
        ]
    return items


def labels_given(project: Project, session_id: int) -> dict[int, int]:
    """Map position to the number of the label answered there, as merged since."""
    targets = label_targets(project.db, project.id)
    given = session_answers.labels_given(project.db, session_id)
    return {
        position: NONE_OF_THESE if label_id is None else targets.get(label_id) or label_id
        for position, label_id in given.items()
    }


def label_counts(project: Project, session: SessionHead) -> dict[str, int]:
    """Count the labels in force on its records; where labels are hidden, on those answered only."""
    items = sessions.list_items(project.db, session.id)
    if session.origin.get("blind"):
        items = [item for item in items if item.state == "labelled"]
    labels = project.label_state().label_ids[np.array([item.row for item in items], dtype=np.int64)]
    known = {label.name: label.id for label in project.labels} | {NONE_OF_THESE_NAME: NONE_OF_THESE}
    counts = {name: int((labels == label_id).sum()) for name, label_id in known.items()}
    return {name: n for name, n in counts.items() if n}
