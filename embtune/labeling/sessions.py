"""Sessions: an ordered list of records, one answer after the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from embtune.errors import BadInputError, NotFoundError
from embtune.labeling.state import NONE_OF_THESE
from embtune.store import sessions
from embtune.store.journal import Action
from embtune.store.sessions import SessionItem, SessionRow

if TYPE_CHECKING:
    from embtune.project import Project, Records


STATES = ("labelled", "skipped", "to do")


@dataclass(frozen=True)
class Pace:
    """How the last answers went: `per_minute` is None below three, `switches` are changes of label."""

    n: int
    per_minute: float | None
    switches: int


class SessionBook:
    """The sessions of one project. Every step is in the database before the next record shows."""

    def __init__(self, project: Project) -> None:
        self._project = project

    def create(
        self,
        chosen: Records,
        name: str,
        *,
        kind: str = "list",
        origin: dict[str, Any] | None = None,
        cosine: Sequence[float] | None = None,
    ) -> int:
        """Make a session of records in the given order; return its number.

        Parameters
        ----------
        kind, origin
            What it came from: "similar" with {"record", "embedding"}, "shape" with {"map", "polygons"}, …
        cosine
            One value per record where the order is by similarity.
        """
        rows = self._project.rows_of(chosen)
        if not len(rows):
            raise BadInputError("A session needs at least one record.")
        if len(np.unique(rows)) != len(rows):
            raise BadInputError("A record stands in the list twice: a session shows each once.")
        values = [float(value) for value in cosine] if cosine is not None else [None] * len(rows)
        return sessions.create_session(
            self._project.db,
            self._project.id,
            name=name.strip() or "Session",
            kind=kind,
            origin=origin or {},
            annotator=self._project.annotator,
            rows=rows.tolist(),
            cosine=values,
        )

    def get(self, session_id: int) -> SessionRow:
        """Return a session with its progress."""
        found = sessions.list_sessions(self._project.db, self._project.id, session_id)
        if not found:
            raise NotFoundError(f"Project {self._project.name!r} has no session {session_id}.")
        return found[0]

    def items(self, session_id: int, start: int = 0, stop: int | None = None) -> list[SessionItem]:
        """Its places from `start` to `stop` (not included), in order."""
        return sessions.list_items(self._project.db, session_id, start=start, stop=stop)

    def answer(self, session_id: int, position: int, label: str | None, *, advance: bool = True) -> Action:
        """Label the record at a position (None: "none of these"), save, and move on.

        The vote and the cursor are written together. With `advance` off the cursor stays, for corrections.
        """
        session = self.get(session_id)
        item = self._item(session, position)
        return self._project.label(
            [item.row],
            label,
            source="session",
            session=(session_id, [position], self._next(session, position) if advance else None),
        )

    def correct(self, session_id: int, positions: Sequence[int], label: str | None) -> Action:
        """Label the records at several positions as one action; the cursor stays."""
        session = self.get(session_id)
        rows = [self._item(session, position).row for position in positions]
        return self._project.label(
            rows, label, source="session", session=(session_id, [int(p) for p in positions], None)
        )

    def undo(self, session_id: int) -> Action | None:
        """Take back the last answer given in this session and go back to it; None if there is none.

        What was done elsewhere since, a shape drawn on the map for example, stays.
        """
        last = sessions.recent_answers(self._project.db, self.get(session_id).id, limit=1)
        return self._project.undo(last[0][0]) if last else None

    def skip(self, session_id: int, position: int) -> None:
        """Pass over the record at a position, and move on."""
        session = self.get(session_id)
        self._item(session, position)
        sessions.mark_skipped(self._project.db, session_id, position, cursor=self._next(session, position))

    def take_back_skips(self, session_id: int) -> None:
        """Put the skipped records back to do, and the cursor on the first place to do."""
        session = self.get(session_id)
        sessions.take_back_skips(self._project.db, session_id)
        self.go_to(session_id, self._next(session, -1))

    def go_to(self, session_id: int, position: int) -> None:
        """Set the cursor to a position; just past the last one means finished."""
        session = self.get(session_id)
        sessions.move_cursor(self._project.db, session_id, min(max(position, 0), session.n_items))

    def rename(self, session_id: int, name: str) -> None:
        """Give a session another name."""
        sessions.rename_session(self._project.db, self.get(session_id).id, name.strip() or "Session")

    def delete(self, session_id: int) -> None:
        """Forget a session; the labels given in it stay."""
        sessions.delete_session(self._project.db, self.get(session_id).id)

    def pace(self, session_id: int, last: int = 20) -> Pace:
        """Say how fast the last answers came, and how often the label changed between two of them."""
        found = sessions.recent_answers(self._project.db, session_id, limit=last)
        return pace_of([answer[3] for answer in found], [answer[2] for answer in found])

    def review(
        self, session_id: int, show: str = "all", *, start: int = 0, stop: int | None = None
    ) -> tuple[int, list[SessionItem]]:
        """Return how many places match, and those from `start` to `stop` of them, in order.

        Parameters
        ----------
        show
            "all", one of `STATES`, or the name of a label or "none of these": the label in force.
        """
        items = self.items(session_id)
        if show in STATES:
            items = [item for item in items if item.state == show]
        elif show != "all":
            none_of_these = show == "none of these"
            wanted = NONE_OF_THESE if none_of_these else self._project.label_named(show).id
            labels = self._project.label_state().label_ids
            items = [item for item in items if labels[item.row] == wanted]
        return len(items), items[start:stop]

    def follow(self, action: Action, *, undone: bool) -> None:
        """Put the cursor back to where an undone answer was given (or on, when it is redone)."""
        session_id, position = action.detail.get("session"), action.detail.get("position")
        if session_id is None or position is None:
            return
        try:
            session = self.get(int(session_id))
        except NotFoundError:
            return  # the session was deleted; its labels live on
        places = [int(place) for place in action.detail.get("positions", [position])]
        sessions.settle_answers(self._project.db, self._project.id, session.id, places)
        if action.detail.get("moved", True):
            self.go_to(session.id, int(position) if undone else self._next(session, int(position)))

    def _next(self, session: SessionRow, position: int) -> int:
        """Return the next place to do after a position; past the end when none is left there."""
        found = sessions.first_to_do(self._project.db, session.id, start=position + 1)
        return session.n_items if found is None else found

    def _item(self, session: SessionRow, position: int) -> SessionItem:
        found = self.items(session.id, position, position + 1)
        if not found:
            raise BadInputError(
                f"The session {session.name!r} has no place {position + 1}; it has {session.n_items:,}."
            )
        return found[0]


def pace_of(times: Sequence[float], labels: Sequence[int | None], *, pause: float = 60.0) -> Pace:
    """Compute the pace of answers given one after the other.

    Parameters
    ----------
    times
        When each was given, newest first, in seconds; a gap longer than `pause` seconds is no work.
    labels
        What each said, in the same order.
    """
    gaps = [later - earlier for later, earlier in zip(times, times[1:], strict=False)]
    worked = [gap for gap in gaps if 0 < gap <= pause]
    per_minute = 60 * len(worked) / sum(worked) if len(worked) >= 2 else None
    switches = sum(a != b for a, b in zip(labels, labels[1:], strict=False))
    return Pace(len(times), per_minute, switches)
