"""Sessions: an ordered list of records, one answer after the other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from embtune.errors import BadInputError, NotFoundError
from embtune.labeling import session_review
from embtune.labeling.pace import Pace, pace_of
from embtune.labeling.session_review import STATES, Summary
from embtune.labeling.session_steps import Step, take
from embtune.store import session_answers, sessions
from embtune.store.annotators import ARBITRATION
from embtune.store.journal import Action
from embtune.store.sessions import SessionHead, SessionItem, SessionRow

if TYPE_CHECKING:
    from embtune.project import Project, Records

__all__ = ["STATES", "SessionBook", "Step"]


class SessionBook:
    """The sessions of one project. Every step is in the database before the next record shows."""

    def __init__(self, project: Project) -> None:
        self._project = project

    # ---- making them ------------------------------------------------------------------------

    def create(
        self,
        chosen: Records,
        name: str,
        *,
        kind: str = "list",
        origin: dict[str, Any] | None = None,
        cosine: Sequence[float] | None = None,
        why: Sequence[str | None] | None = None,
    ) -> int:
        """Make a session of records in the given order; return its number.

        Parameters
        ----------
        kind, origin
            What it came from: "similar" with {"record", "embedding"}, "shape" with {"map", "polygons"}, …
            An origin with {"blind": True} hides labels until they are given, one with {"arbitrate": True}
            shows what each annotator said, and its answers settle their differences.
        cosine
            One value per record where the order is by similarity.
        why
            One line per record: why it comes at its place.
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
            task_id=self._project.task.id,
            why=why,
        )

    def create_of(self, kind: str, **options: Any) -> int:
        """Make a session of one of the kinds; see `embtune.labeling.session_kinds.create_of`."""
        from embtune.labeling.session_kinds import create_of

        return create_of(self._project, kind, **options)

    def create_unlabelled(self, n: int, *, order: str = "random") -> int:
        """Make a session of up to n records without an answer, "random" or "uncertain" first.

        Raises
        ------
        BadInputError
            If every record has an answer, or the order is neither of the two.
        NotReadyError
            If "uncertain" is asked for with labels of fewer than two classes.
        """
        if order not in ("random", "uncertain"):
            raise BadInputError(f"The order is {order!r}; it must be 'random' or 'uncertain'.")
        return self.create_of(order, n=n)

    # ---- what they are ----------------------------------------------------------------------

    def get(self, session_id: int) -> SessionRow:
        """Return a session with its progress."""
        found = sessions.list_sessions(self._project.db, self._project.id, session_id)
        if not found:
            raise NotFoundError(f"Project {self._project.name!r} has no session {session_id}.")
        return found[0]

    def project_of(self, session: SessionRow | SessionHead) -> Project:
        """Return the project under the label task of a session."""
        project = self._project
        if session.task_id is None or session.task_id == project.task.id:
            return project
        names = {task.id: task.name for task in project.tasks}
        if session.task_id not in names:
            raise NotFoundError(f"The label task of the session {session.name!r} was deleted.")
        return project.view(task=names[session.task_id])

    def items(self, session_id: int, start: int = 0, stop: int | None = None) -> list[SessionItem]:
        """Its places from `start` to `stop` (not included), in order."""
        return sessions.list_items(self._project.db, session_id, start=start, stop=stop)

    def item(self, session_id: int, position: int) -> SessionItem:
        """Its place at a position.

        Raises
        ------
        BadInputError
            If there is no such place.
        """
        return self._item(self._head(session_id), position)

    def upcoming(self, session_id: int, n: int) -> list[SessionItem]:
        """The place at the cursor and the next ones to do, n at most; empty at the end."""
        session = self.get(session_id)
        here = self.items(session_id, session.cursor, session.cursor + 1)
        return here + sessions.list_to_do(
            self._project.db, session_id, start=session.cursor + 1, limit=max(0, n - len(here))
        )

    # ---- answering --------------------------------------------------------------------------

    def answer(
        self,
        session_id: int,
        position: int,
        label: str | None,
        *,
        advance: bool = True,
        predicted: tuple[int, float] | None = None,
    ) -> Action:
        """Label the record at a position (None: "none of these"), save, and move on.

        The vote and the cursor are written together. With `advance` off the cursor stays, for corrections.
        `predicted` is what the model showed with the record (label number, confidence), kept with the answer.
        """
        session = self._head(session_id)
        item = self._item(session, position)
        detail = _settling(session)
        if predicted is not None:
            detail |= {"predicted": int(predicted[0]), "sure": round(float(predicted[1]), 4)}
        return self.project_of(session).label(
            [item.row],
            label,
            source="session",
            detail=detail,
            session=(session_id, [position], self._next(session, position) if advance else None),
        )

    def correct(self, session_id: int, positions: Sequence[int], label: str | None) -> Action:
        """Label the records at several positions as one action; the cursor stays."""
        session = self._head(session_id)
        row_at = {item.position: item.row for item in self.items(session_id)} if len(positions) > 1 else {}
        rows = [row_at[place] if place in row_at else self._item(session, place).row for place in positions]
        return self.project_of(session).label(
            rows,
            label,
            source="session",
            detail=_settling(session),
            session=(session_id, [int(place) for place in positions], None),
        )

    def undo(self, session_id: int) -> Action | None:
        """Take back the annotator's last answer in this session and go back to it; None if there is none.

        What others answered here stays, and so does what was done elsewhere since, such as on the map.
        """
        last = session_answers.recent_answers(
            self._project.db, self._head(session_id).id, limit=1, annotator=self._project.annotator
        )
        if not last:
            return None
        position, given = last[0]
        undone = self._project.undo(given.action_id)
        self.go_to(session_id, position)
        return undone

    def skip(self, session_id: int, position: int) -> None:
        """Pass over the record at a position, and move on."""
        session = self._head(session_id)
        self._item(session, position)
        sessions.mark_skipped(self._project.db, session_id, position, cursor=self._next(session, position))

    def take_back_skips(self, session_id: int) -> None:
        """Put the skipped records back to do, and the cursor on the first place to do."""
        sessions.take_back_skips(self._project.db, self._head(session_id).id)
        self.go_to_first(session_id)

    def go_to_first(self, session_id: int) -> None:
        """Set the cursor on the first place to do; past the last one if there is none."""
        self.go_to(session_id, self._next(self._head(session_id), -1))

    def go_to(self, session_id: int, position: int) -> None:
        """Set the cursor to a position; just past the last one means finished."""
        session = self._head(session_id)
        sessions.move_cursor(self._project.db, session_id, min(max(position, 0), session.n_items))

    def rename(self, session_id: int, name: str) -> None:
        """Give a session another name."""
        sessions.rename_session(self._project.db, self._head(session_id).id, name.strip() or "Session")

    def delete(self, session_id: int) -> None:
        """Forget a session; the labels given in it stay."""
        sessions.delete_session(self._project.db, self._head(session_id).id)

    def take(self, session_id: int, steps: Sequence[Step], *, again: bool = False) -> None:
        """Take the steps of a person in their order, each on the record it was meant for.

        Parameters
        ----------
        again
            They may have been taken before, by a server that stopped: places that have an answer keep it.

        Raises
        ------
        EmbtuneError
            The first one, after all steps were tried: one that cannot be taken stops no other.
        """
        take(self, self._project, session_id, steps, again=again)

    # ---- looking back -----------------------------------------------------------------------

    def pace(self, session_id: int, last: int = 20) -> Pace:
        """Say how fast the last answers came, how often the label changed, and how many were foreseen."""
        found = [
            given for _, given in session_answers.recent_answers(self._project.db, session_id, limit=last)
        ]
        return pace_of(
            [given.at for given in found],
            [given.label_id for given in found],
            [given.predicted for given in found],
        )

    def summary(self, session_id: int) -> Summary:
        """How the whole session went; see `embtune.labeling.session_review`."""
        return session_review.summaries(self._project, [self.get(session_id)])[0]

    def summaries(self) -> list[Summary]:
        """How the sessions went in which something was answered, the last used first, to be compared."""
        worked = [session for session in self._project.sessions() if session.n_labelled]
        return session_review.summaries(self._project, worked)

    def review(
        self,
        session_id: int,
        show: str = "all",
        *,
        changed: bool = False,
        disagrees: bool = False,
        start: int = 0,
        stop: int | None = None,
    ) -> tuple[int, list[SessionItem]]:
        """Return how many places match, and those from `start` to `stop` of them, in order.

        Parameters
        ----------
        show
            "all", one of `STATES`, or the name of a label or "none of these": the label in force.
        changed
            Only those whose label in force is not what was answered here.
        disagrees
            Only those whose label in force is not what the quick model says.
        """
        session = self._head(session_id)
        items = session_review.matching(
            self.project_of(session), session, show, changed=changed, disagrees=disagrees
        )
        return len(items), items[start:stop]

    def label_counts(self, session_id: int) -> dict[str, int]:
        """How many of its records have which label now, in the order of the label set."""
        session = self._head(session_id)
        return session_review.label_counts(self.project_of(session), session)

    def follow(self, action: Action, *, undone: bool) -> None:
        """Put the cursor back to where an undone answer was given (or on, when it is redone)."""
        session_id, position = action.detail.get("session"), action.detail.get("position")
        if session_id is None or position is None:
            return
        try:
            session = self._head(int(session_id))
        except NotFoundError:
            return  # the session was deleted; its labels live on
        places = [int(place) for place in action.detail.get("positions", [position])]
        sessions.settle_answers(self._project.db, self._project.id, session.id, places)
        if action.detail.get("moved", True):
            self.go_to(session.id, int(position) if undone else self._next(session, int(position)))

    def _head(self, session_id: int) -> SessionHead:
        found = sessions.session_head(self._project.db, self._project.id, session_id)
        if found is None:
            raise NotFoundError(f"Project {self._project.name!r} has no session {session_id}.")
        return found

    def _next(self, session: SessionHead, position: int) -> int:
        """Return the next place to do after a position; past the end when none is left there."""
        found = sessions.list_to_do(self._project.db, session.id, start=position + 1)
        return found[0].position if found else session.n_items

    def _item(self, session: SessionHead, position: int) -> SessionItem:
        found = self.items(session.id, position, position + 1)
        if not found:
            raise BadInputError(
                f"The session {session.name!r} has no place {position + 1}; it has {session.n_items:,}."
            )
        return found[0]


def _settling(session: SessionHead) -> dict[str, Any]:
    """Say in an action whether it settles what annotators answered differently."""
    return {ARBITRATION: 1} if session.origin.get("arbitrate") else {}
