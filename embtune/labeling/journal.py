"""Votes and their undo: the one journal under every way of labelling."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from embtune.errors import BadInputError, NotFoundError, UnknownChoiceError
from embtune.labeling.labelset import HOTKEYS, color_for, hotkey_for, is_color
from embtune.labeling.state import MANUAL_SOURCES, NONE_OF_THESE_NAME, SOURCES
from embtune.store import journal
from embtune.store.journal import Action, Label, Vote
from embtune.store.sessions import mark_answered

if TYPE_CHECKING:
    from embtune.project import Project, Records


class LabelBook:
    """The label set and the journal of one project."""

    def __init__(self, project: Project) -> None:
        self._project = project

    def add_label(
        self, name: str, *, color: str | None = None, hotkey: str | None = None, description: str = ""
    ) -> Label:
        """Add a class name; colour and hotkey are chosen if not given.

        Raises
        ------
        BadInputError
            If the name is empty or taken, the colour is none, or the hotkey is taken or reserved.
        """
        project = self._project
        labels = project.labels
        name = _checked_name(name, labels)
        taken = {label.hotkey for label in labels}
        if hotkey is not None and (hotkey not in HOTKEYS or hotkey in taken):
            raise BadInputError(f"The hotkey {hotkey!r} is taken or reserved; free: {hotkey_for(taken)}.")
        if color is not None and not is_color(color):
            raise BadInputError(f"{color!r} is no colour; write it like #0072B2.")
        position = max((label.position for label in labels), default=-1) + 1
        with project.db.write() as connection:
            journal.insert_label(
                connection,
                project.id,
                name=name,
                position=position,
                color=color or color_for(position),
                hotkey=hotkey or hotkey_for(taken),
                description=description,
            )
        return project.label_named(name)

    def rename_label(self, name: str, new_name: str) -> Label:
        """Give a label another name; its votes stay with it."""
        label = self._project.label_named(name)
        new_name = _checked_name(new_name, [other for other in self._project.labels if other.id != label.id])
        journal.update_label(self._project.db, self._project.id, label.id, name=new_name)
        return self._project.label_named(new_name)

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
            )
            if session is not None:
                mark_answered(connection, session[0], session[1], action_id, cursor=session[2])
        return self._action(action_id)

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
            )
        return self._action(action_id)

    def undo(self, action_id: int | None = None) -> Action | None:
        """Take back an action as a whole, by default the last one that stands."""
        return self._mark(action_id, undone=True)

    def redo(self, action_id: int | None = None) -> Action | None:
        """Bring back an undone action, by default the last one undone."""
        return self._mark(action_id, undone=False)

    def last(self) -> Action | None:
        """Return the last action that stands."""
        project = self._project
        found: Action | None = project.cached(
            "last action",
            project.revision,
            lambda: next(iter(journal.list_actions(project.db, project.id, limit=1, undone=False)), None),
        )
        return found

    def _mark(self, action_id: int | None, *, undone: bool) -> Action | None:
        project = self._project
        if action_id is None:
            candidates = journal.list_actions(project.db, project.id, limit=1, undone=not undone)
            if not candidates:
                return None
            action_id = candidates[0].id
        action = self._action(action_id)
        journal.mark_undone(project.db, project.id, action_id, undone=undone)
        project.sessions_book.follow(action, undone=undone)
        return self._action(action_id)

    def _action(self, action_id: int) -> Action:
        found = journal.get_action(self._project.db, self._project.id, action_id)
        if found is None:
            raise NotFoundError(f"Project {self._project.name!r} has no action {action_id}.")
        return found


def _checked_name(name: str, others: Sequence[Label]) -> str:
    name = name.strip()
    if not name or len(name) > 200 or not name.isprintable():
        raise BadInputError("A label needs a name of 1 to 200 printable characters.")
    if name.casefold() == NONE_OF_THESE_NAME:
        raise BadInputError(f"{name!r} is what a record is answered that no label fits: take another name.")
    if any(label.name.casefold() == name.casefold() for label in others):
        raise BadInputError(f"There is a label {name!r} already.")
    return name


def _place(session_id: int, positions: list[int], cursor: int | None) -> dict[str, Any]:
    """Say in an action where in which session it was given; corrections leave the cursor where it is."""
    return {
        "session": session_id,
        "position": positions[0],
        "positions": positions,
        "moved": cursor is not None,
    }
