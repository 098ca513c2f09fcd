"""Votes and their undo: the one journal under every way of labelling."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from embtune.errors import BadInputError, ConflictError, NotFoundError, UnknownChoiceError
from embtune.labeling.state import MANUAL_SOURCES, SOURCES
from embtune.labeling.undoing import Turn, ground, new_labels, to_turn
from embtune.store import journal
from embtune.store.artifacts import put_active, put_by_hand
from embtune.store.journal import Action, Vote
from embtune.store.labelset import Change, Label, apply_changes, is_deleted
from embtune.store.marks import COMMENT, FLAG, insert_marks
from embtune.store.sessions import mark_answered
from embtune.store.tasks import apply_task_changes
from embtune.store.weak_runs import follow_action, replaced_actions, set_in_force

LONGEST_COMMENT = 10_000
# Undone by their number alone: who takes back their last label must not change the embedding with it.
_BY_NUMBER = (journal.EMBEDDING, journal.WEAK_RUN)

if TYPE_CHECKING:
    from embtune.project import Project, Records


class LabelBook:
    """The journal of one project: everything that can be undone, whoever did it."""

    def __init__(self, project: Project) -> None:
        self._project = project

    def add_label(self, name: str, **options: Any) -> Label:
        """Add a class name; see `LabelSet.create`."""
        self._project.label_set.create(name, **options)
        return self._project.label_named(name.strip())

    def rename_label(self, name: str, new_name: str) -> Label:
        """Give a label another name; see `LabelSet.rename`."""
        self._project.label_set.rename(name, new_name)
        return self._project.label_named(new_name.strip())

    def change(self, changes: Sequence[Change], summary: str, **detail: Any) -> Action:
        """Change columns of labels as one action; see `LabelSet.change`."""
        return self._project.label_set.change(changes, summary, **detail)

    def label(
        self,
        chosen: Records | str | int,
        label: str | None,
        *,
        source: str = "manual",
        annotator: str | None = None,
        confidence: float = 1.0,
        detail: dict[str, Any] | None = None,
        session: tuple[int, list[int], int | None] | None = None,
    ) -> Action:
        """Give records a label as one action, all of them or none.

        Parameters
        ----------
        chosen
            Record ids or row numbers.
        label
            A label of the label set; None means "none of these".
        source, annotator, confidence
            Who votes, and how sure, in [0, 1].
        detail
            Kept with the action: the shape that was drawn, for example.
        session
            (session number, positions, next cursor): ties the answer to its place in a session.
        """
        project = self._project
        if source not in SOURCES:
            raise UnknownChoiceError("label source", source, SOURCES)
        if not 0.0 <= confidence <= 1.0:
            raise BadInputError(f"The confidence is {confidence}; it must be from 0 to 1.")
        if source in MANUAL_SOURCES and confidence != 1.0:
            raise BadInputError("A vote given by a person has confidence 1.")
        rows = np.unique(project.rows_of(chosen))
        if not len(rows):
            raise BadInputError("No record was chosen, so nothing was labelled.")
        label_id = None if label is None else project.label_named(label).id
        what = "none of these" if label is None else label
        n = len(rows)
        summary = f"Labelled {n:,} record{'' if n == 1 else 's'} {what}"
        with project.db.write() as connection:
            if label_id is not None and is_deleted(connection, label_id):
                raise ConflictError(f"The label {label!r} was deleted meanwhile: nothing was labelled.")
            action_id = journal.insert_action(
                connection,
                project.id,
                [
                    Vote(row, label_id, "none" if label is None else "label", confidence)
                    for row in rows.tolist()
                ],
                source=source,
                annotator=annotator or project.annotator,
                label_id=label_id,
                summary=summary,
                detail=(detail or {}) | (_place(*session) if session else {}),
                task_id=project.task.id,
            )
            if session is not None:
                mark_answered(connection, session[0], session[1], action_id, cursor=session[2])
        return self.action(action_id)

    def clear(self, chosen: Records | str | int, *, source: str = "manual") -> Action:
        """Take the label off records, as an action of its own that can be undone."""
        project = self._project
        if source not in SOURCES:
            raise UnknownChoiceError("label source", source, SOURCES)
        rows = np.unique(project.rows_of(chosen))
        if not len(rows):
            raise BadInputError("No record was chosen, so nothing was changed.")
        with project.db.write() as connection:
            action_id = journal.insert_action(
                connection,
                project.id,
                [Vote(row, None, "cleared") for row in rows.tolist()],
                source=source,
                annotator=project.annotator,
                label_id=None,
                summary=f"Cleared {len(rows):,} record{'' if len(rows) == 1 else 's'}",
                detail={},
                task_id=project.task.id,
            )
        return self.action(action_id)

    def flag(self, chosen: Records | str | int, on: bool = True) -> Action:
        """Flag records for a second look, or take the flag off, as one action."""
        rows = np.unique(self._project.rows_of(chosen))
        n = f"{len(rows):,} record{'' if len(rows) == 1 else 's'}"
        return self._mark_records(rows, FLAG, "" if on else None, f"{'Flagged' if on else 'Unflagged'} {n}")

    def comment(self, chosen: str | int, text: str) -> Action:
        """Write the annotator's comment on a record, in place of their last one; an empty text takes it off.

        Raises
        ------
        BadInputError
            If it is longer than 10,000 characters.
        """
        text = text.strip()
        if len(text) > LONGEST_COMMENT:
            raise BadInputError(
                f"The comment has {len(text):,} characters; {LONGEST_COMMENT:,} are the most."
            )
        summary = "Commented on 1 record" if text else "Took back the comment on 1 record"
        return self._mark_records(self._project.rows_of(chosen)[:1], COMMENT, text or None, summary)

    def _mark_records(self, rows: Any, kind: str, text: str | None, summary: str) -> Action:
        if not len(rows):
            raise BadInputError("No record was chosen, so nothing was changed.")
        project = self._project
        with project.db.write() as connection:
            action_id = journal.insert_action(
                connection,
                project.id,
                [],
                source="manual",
                annotator=project.annotator,
                label_id=None,
                summary=summary,
                detail={"mark": kind} | ({"row": int(rows[0])} if len(rows) == 1 else {}),
                kind=journal.MARK,
                n_records=len(rows),
            )
            insert_marks(
                connection,
                project.id,
                action_id,
                rows.tolist(),
                kind=kind,
                text=text,
                annotator=project.annotator,
            )
        return self.action(action_id)

    def undo(self, action_id: int | None = None) -> Action | None:
        """Take back an action as a whole, by default `last()`; whatever came after it stays.

        A run of weak supervision that is taken back leaves its place to the run that it took it from. Labels
        that an import added go with it, unless something else has them; `detail["labels_left"]` says what.

        Raises
        ------
        ConflictError
            If later actions build on it; it says which.
        """
        return self._mark(action_id, undone=True)

    def redo(self, action_id: int | None = None) -> Action | None:
        """Bring back an undone action, by default the annotator's last one undone in this task or in none.

        A run of weak supervision takes the place of the one in force. Runs that were taken back only
        because another one took their place are brought back by their number alone.

        Raises
        ------
        ConflictError
            If it cannot stand any more: its label was deleted, or the label set changed otherwise.
        """
        return self._mark(action_id, undone=False)

    def last(self) -> Action | None:
        """Return the annotator's last action that stands, of this task or, such as a flag, of none.

        What others did is undone by its number alone, on History for example.
        """
        project = self._project
        found: Action | None = project.cached(
            ("last action", project.annotator), project.revision, lambda: self._newest(undone=False)
        )
        return found

    def _newest(self, *, undone: bool) -> Action | None:
        project = self._project
        task_id = project._task_id  # not `task.id`: a task just deleted is brought back from here too
        replaced = replaced_actions(project.db, project.id, task_id) if undone else set()
        found = journal.list_actions(
            project.db,
            project.id,
            limit=1 + len(replaced),
            undone=undone,
            annotator=project.annotator,
            task_id=task_id,
            but=_BY_NUMBER,
        )
        return next((one for one in found if one.id not in replaced), None)

    def _mark(self, action_id: int | None, *, undone: bool) -> Action | None:
        project = self._project
        if action_id is None:
            newest = self._newest(undone=not undone)
            if newest is None:
                return None
            action_id = newest.id
        with project.db.write() as connection:
            action = self.action(action_id)
            if (action.undone_at is not None) == undone:
                return action  # somebody else was faster
            turn = to_turn(action, ground(connection, project, [action]))
            journal.mark_undone(connection, project.id, action_id, undone=undone)
            if action.task_id is not None:
                follow_action(connection, project.id, action.task_id, action_id, undone=undone)
            self._turn(connection, action, turn)
        project.sessions_book.follow(action, undone=undone)
        return self.action(action_id)

    def _turn(self, connection: Any, action: Action, turn: Turn) -> None:
        """Do what goes with undoing or redoing an action, within the caller's transaction."""
        project_id = self._project.id
        if turn.labels:
            apply_changes(connection, project_id, turn.labels)
        if new_labels(action):
            gone = [change.label_id for change in turn.labels if change.after is True]
            journal.put_detail(connection, project_id, action.id, "labels_gone", gone)
            journal.put_detail(connection, project_id, action.id, "labels_left", dict(turn.left))
        if turn.tasks:
            apply_task_changes(connection, project_id, turn.tasks)
        if turn.weak is not None and action.task_id is not None:
            set_in_force(connection, project_id, action.task_id, turn.weak[0])
        if turn.embedding is not None:
            put_active(connection, project_id, turn.embedding)
            if "by_hand" in action.detail:
                mark = action.detail["by_hand" if action.undone_at is not None else "by_hand_before"]
                put_by_hand(connection, project_id, str(action.detail["embedding"]), mark)

    def action(self, action_id: int) -> Action:
        """Return an action by its number."""
        found = journal.get_action(self._project.db, self._project.id, action_id)
        if found is None:
            raise NotFoundError(f"Project {self._project.name!r} has no action {action_id}.")
        return found


def _place(session_id: int, positions: list[int], cursor: int | None) -> dict[str, Any]:
    """Say in an action where in which session it was given; corrections leave the cursor where it is."""
    return {
        "session": session_id,
        "position": positions[0],
        "positions": positions,
        "moved": cursor is not None,
    }
