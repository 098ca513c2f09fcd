"""Sessions: an ordered list of records, one answer after the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from embtune.errors import BadInputError, NotFoundError, NotReadyError
from embtune.labeling.pace import Pace, pace_of
from embtune.labeling.state import NONE_OF_THESE, UNLABELLED
from embtune.store import sessions
from embtune.store.journal import Action
from embtune.store.sessions import SessionItem, SessionRow

if TYPE_CHECKING:
    from embtune.project import Project, Records


STATES = ("labelled", "skipped", "to do")


@dataclass(frozen=True)
class Step:
    """One thing a person did with the record at a position of a session.

    `kind` is "label" (with a label's name, or None: "none of these"), "skip", "back", "undo" or "go".
    """

    kind: str
    position: int
    label: str | None = None


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

    def create_unlabelled(self, n: int, *, order: str = "random") -> int:
        """Make a session of up to n records without an answer; return its number.

        Parameters
        ----------
        order
            "random", or "uncertain": those first of which the quick model is least sure.

        Raises
        ------
        BadInputError
            If every record has an answer, or the order is neither of the two.
        NotReadyError
            If "uncertain" is asked for with labels of fewer than two classes.
        """
        project = self._project
        rows = np.flatnonzero(project.label_state().label_ids == UNLABELLED)
        if not len(rows):
            raise BadInputError("Every record has an answer, so there is nothing to put into a session.")
        if order == "random":
            chosen = np.random.default_rng().permutation(rows)[:n]
        elif order == "uncertain":
            found = project.quick_predictions("active")
            if found is None:
                raise NotReadyError("Label a few records of two labels first: until then no model is unsure.")
            rows = rows[rows < len(found[1])]
            chosen = rows[np.argsort(found[1][rows], kind="stable")][:n]
        else:
            raise BadInputError(f"The order is {order!r}; it must be 'random' or 'uncertain'.")
        name = "Unlabelled, at random" if order == "random" else "Unlabelled, most uncertain first"
        return self.create(chosen, name, kind=order)

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
        if not last:
            return None
        undone = self._project.undo(last[0][0])
        self.go_to(session_id, last[0][1])
        return undone

    def skip(self, session_id: int, position: int) -> None:
        """Pass over the record at a position, and move on."""
        session = self.get(session_id)
        self._item(session, position)
        sessions.mark_skipped(self._project.db, session_id, position, cursor=self._next(session, position))

    def take_back_skips(self, session_id: int) -> None:
        """Put the skipped records back to do, and the cursor on the first place to do."""
        session = self.get(session_id)
        sessions.take_back_skips(self._project.db, session.id)
        self.go_to_first(session_id)

    def go_to_first(self, session_id: int) -> None:
        """Set the cursor on the first place to do; past the last one if there is none."""
        self.go_to(session_id, self._next(self.get(session_id), -1))

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

    def take(self, session_id: int, steps: Sequence[Step], *, again: bool = False) -> None:
        """Take the steps of a person in their order, each on the record it was meant for.

        Parameters
        ----------
        again
            They may have been taken before, by a server that stopped: places that have an answer keep it.

        Raises
        ------
        EmbtuneError
            From the first step that cannot be taken; those before it stand.
        """
        for step in steps:
            if step.kind == "skip":
                self.skip(session_id, step.position)
            elif step.kind == "back":
                self.go_to(session_id, step.position - 1)
            elif step.kind == "go":
                self.go_to(session_id, step.position)
            elif step.kind == "undo" and not again:
                self.undo(session_id)
            elif step.kind == "label" and not (
                again and self._item(self.get(session_id), step.position).state == "labelled"
            ):
                self.answer(session_id, step.position, step.label)

    def upcoming(self, session_id: int, n: int) -> list[SessionItem]:
        """The place at the cursor and the next ones to do, n at most; empty at the end."""
        session = self.get(session_id)
        here = self.items(session_id, session.cursor, session.cursor + 1)
        return here + sessions.list_to_do(
            self._project.db, session_id, start=session.cursor + 1, limit=max(0, n - len(here))
        )

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

    def label_counts(self, session_id: int) -> dict[str, int]:
        """How many of its records have which label now, in the order of the label set."""
        labels = self._project.label_state().label_ids[[item.row for item in self.items(session_id)]]
        known = {label.name: label.id for label in self._project.labels} | {"none of these": NONE_OF_THESE}
        counts = {name: int((labels == label_id).sum()) for name, label_id in known.items()}
        return {name: n for name, n in counts.items() if n}

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
        found = sessions.list_to_do(self._project.db, session.id, start=position + 1)
        return found[0].position if found else session.n_items

    def _item(self, session: SessionRow, position: int) -> SessionItem:
        found = self.items(session.id, position, position + 1)
        if not found:
            raise BadInputError(
                f"The session {session.name!r} has no place {position + 1}; it has {session.n_items:,}."
            )
        return found[0]
