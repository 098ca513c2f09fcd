"""The label set of a task: every change is one action of the journal, and can be taken back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from embtune.errors import BadInputError
from embtune.labeling.label_impact import Impact, counted, impact
from embtune.labeling.labelset import checked_color, checked_hotkey, checked_name, free_color, hotkey_for
from embtune.store import journal
from embtune.store.journal import Action, Vote
from embtune.store.labelset import (
    Change,
    Label,
    apply_changes,
    insert_label,
    label_rows,
    refuse_twins,
)

if TYPE_CHECKING:
    from embtune.project import Project, Records

_AS_IT_IS: Any = object()


class LabelSet:
    """The labels of one task of a project.

    Raises
    ------
    UnknownChoiceError
        From any method, if a label that is named does not exist.
    ConflictError
        From any method, if somebody else changed the same at the same time.
    """

    def __init__(self, project: Project) -> None:
        self._project = project

    def create(
        self, name: str, *, color: str | None = None, hotkey: str | None = None, description: str = ""
    ) -> Action:
        """Add a label at the end; colour and hotkey are chosen if not given.

        Raises
        ------
        BadInputError
            If the name is empty or taken, the colour is none, or the hotkey is taken or reserved.
        """
        new = self._new(name, color, hotkey, description)
        with self._project.db.write() as connection:
            change = self._insert(connection, new)
            action_id = self._note(connection, [change], f"Added the label {new['name']}", made=True)
        return self._done(action_id)

    def edit(
        self,
        name: str,
        *,
        new_name: str = _AS_IT_IS,
        color: str = _AS_IT_IS,
        hotkey: str | None = _AS_IT_IS,
        description: str = _AS_IT_IS,
    ) -> Action:
        """Change what is said of a label, all of it as one action; what is not given stays.

        Raises
        ------
        BadInputError
            If a value cannot be, or nothing would change.
        """
        label = self._project.label_named(name)
        others = [one for one in self._project.labels if one.id != label.id]
        wanted: dict[str, Any] = {}
        if new_name is not _AS_IT_IS:
            wanted["name"] = checked_name(new_name, others)
        if color is not _AS_IT_IS:
            wanted["color"] = checked_color(color)
        if hotkey is not _AS_IT_IS:
            wanted["hotkey"] = checked_hotkey(hotkey, others)
        if description is not _AS_IT_IS:
            wanted["description"] = description.strip()
        changes = [
            Change(label.id, column, getattr(label, column), value)
            for column, value in wanted.items()
            if getattr(label, column) != value
        ]
        if not changes:
            raise BadInputError(f"The label {name!r} is like that already: nothing was changed.")
        return self.change(changes, _edit_summary(label, changes))

    def rename(self, name: str, new_name: str) -> Action:
        """Give a label another name; its annotations stay with it."""
        return self.edit(name, new_name=new_name)

    def describe(self, name: str, description: str) -> Action:
        """Say when to give a label."""
        return self.edit(name, description=description)

    def recolour(self, name: str, color: str) -> Action:
        """Give a label another colour, written like #0072B2."""
        return self.edit(name, color=color)

    def set_hotkeys(self, keys: Mapping[str, str | None]) -> Action:
        """Give labels their keys, as one action, so that two can swap theirs; None takes a key away.

        Raises
        ------
        BadInputError
            If a key is reserved, belongs to a label that keeps it, or nothing would change.
        """
        labels = {name: self._project.label_named(name) for name in keys}
        kept = [one for one in self._project.labels if one.name not in labels]
        changes = []
        given: dict[str, str] = {}
        for name, label in labels.items():
            key = checked_hotkey(keys[name], kept)
            if key is not None and key in given:
                raise BadInputError(f"The key {key!r} is given to {given[key]!r} and to {name!r}.")
            given |= {key: name} if key else {}
            if key != label.hotkey:
                changes.append(Change(label.id, "hotkey", label.hotkey, key))
        if not changes:
            raise BadInputError("The labels have these keys already: nothing was changed.")
        one = f"Gave {next(iter(keys))} the key {next(iter(keys.values())) or 'none'}"
        return self.change(changes, one if len(keys) == 1 else f"Changed the keys of {len(changes):,} labels")

    def reorder(self, names: Sequence[str]) -> Action:
        """Put labels first, in that order; those not named follow in the order they have.

        Raises
        ------
        BadInputError
            If a label is named twice, or the order is as it was.
        """
        first = [self._project.label_named(name) for name in names]
        if len({label.id for label in first}) < len(first):
            raise BadInputError("A label is named twice: it has one place.")
        rest = [label for label in self._project.labels if label.name not in set(names)]
        changes = [
            Change(label.id, "position", label.position, place)
            for place, label in enumerate([*first, *rest])
            if label.position != place
        ]
        if not changes or [label.name for label in [*first, *rest]] == [
            label.name for label in self._project.labels
        ]:
            raise BadInputError("The labels are in that order already: nothing was changed.")
        return self.change(changes, "Put the labels in another order")

    def move(self, name: str, place: int) -> Action:
        """Move a label to a place, counted from 1; the others keep their order."""
        label = self._project.label_named(name)
        names = [one.name for one in self._project.labels if one.id != label.id]
        if not 1 <= place <= len(names) + 1:
            raise BadInputError(f"There is no place {place}: there are {len(names) + 1:,} labels.")
        return self.reorder([*names[: place - 1], name, *names[place - 1 :]])

    def merge(self, names: str | Sequence[str], into: str) -> Action:
        """Let the annotations of labels count as another's, at once; undo brings the labels back.

        Raises
        ------
        BadInputError
            If a label would be merged into itself, or none is named.
        """
        chosen = [names] if isinstance(names, str) else list(dict.fromkeys(names))
        target = self._project.label_named(into)
        merged = [self._project.label_named(name) for name in chosen]
        if not merged or target in merged:
            raise BadInputError(f"Name another label to merge into {into!r}.")
        changes = [Change(label.id, "merged_into", None, target.id) for label in merged]
        what = ", ".join(chosen) if len(chosen) < 4 else f"{len(chosen):,} labels"
        n = sum(self.impact(name).n_records for name in chosen)
        return self.change(changes, f"Merged {what} into {into}", n_records=n)

    def delete(self, name: str) -> Action:
        """Take a label out of the set: its annotations stop counting; undo brings them back."""
        label = self._project.label_named(name)
        n = self.impact(name).n_records
        return self.change(
            [Change(label.id, "deleted", False, True)], f"Deleted the label {name}", n_records=n
        )

    def split(
        self,
        name: str,
        new_name: str,
        chosen: Records | None = None,
        *,
        slice_name: str | None = None,
        color: str | None = None,
        hotkey: str | None = None,
        description: str = "",
    ) -> Action:
        """Give those records of a label that are named, or in a slice, a new label; both as one action.

        Parameters
        ----------
        chosen, slice_name
            Which records; those among them that have another label or none are left alone.

        Raises
        ------
        BadInputError
            If none of the records has the label, or the new label cannot be.
        """
        rows = self.rows_to_split(name, chosen, slice_name=slice_name)
        if not len(rows):
            raise BadInputError(f"None of these records has the label {name!r}: nothing was split off.")
        label = self._project.label_named(name)
        new = self._new(new_name, color, hotkey, description)
        project = self._project
        with project.db.write() as connection:
            change = self._insert(connection, new)
            action_id = journal.insert_action(
                connection,
                project.id,
                [Vote(row, change.label_id) for row in rows.tolist()],
                source="manual",
                annotator=project.annotator,
                label_id=change.label_id,
                summary=f"Split {counted(len(rows), 'record')} of {name} off into {new['name']}",
                detail={"changes": [change.as_list()], "made": True, "split_from": label.id},
                task_id=project.task.id,
            )
        return self._done(action_id)

    def rows_to_split(
        self, name: str, chosen: Records | None = None, *, slice_name: str | None = None
    ) -> NDArray[np.int64]:
        """Rows that have a label now, of those that are named or in a slice."""
        project = self._project
        label_id = project.label_named(name).id
        if (chosen is None) == (slice_name is None):
            raise BadInputError("Name either records or a slice.")
        wanted = project.slice_rows(slice_name) if slice_name is not None else chosen
        assert wanted is not None
        rows = np.unique(project.rows_of(wanted))
        theirs: NDArray[np.int64] = rows[project.label_state().label_ids[rows] == label_id]
        return theirs

    def impact(self, name: str) -> Impact:
        """Tell what hangs on a label, before it is changed."""
        return impact(self._project, name)

    # ---- writing ----------------------------------------------------------------------------

    def _new(self, name: str, color: str | None, hotkey: str | None, description: str) -> dict[str, Any]:
        """Return the columns of a label that does not exist yet."""
        labels = self._project.labels
        position = max((label.position for label in labels), default=-1) + 1
        return {
            "name": checked_name(name, labels),
            "position": position,
            "color": checked_color(color) if color else free_color(position, {one.color for one in labels}),
            "hotkey": checked_hotkey(hotkey, labels) if hotkey else hotkey_for([o.hotkey for o in labels]),
            "description": description.strip(),
        }

    def _insert(self, connection: Any, new: dict[str, Any]) -> Change:
        """Write a new label within the caller's transaction; return the change that it is."""
        project = self._project
        label_id = insert_label(connection, project.id, project.task.id, **new)
        refuse_twins(label_rows(connection, project.id), [label_id])
        return Change(label_id, "deleted", True, False)

    def change(self, changes: Sequence[Change], summary: str, **options: Any) -> Action:
        """Change columns of labels as one action, all of it or nothing."""
        with self._project.db.write() as connection:
            apply_changes(connection, self._project.id, changes)
            action_id = self._note(connection, changes, summary, **options)
        return self._done(action_id)

    def _note(
        self,
        connection: Any,
        changes: Sequence[Change],
        summary: str,
        *,
        n_records: int = 0,
        **detail: Any,
    ) -> int:
        """Write the action for changes already applied, within the caller's transaction."""
        return journal.insert_action(
            connection,
            self._project.id,
            [],
            source="manual",
            annotator=self._project.annotator,
            label_id=changes[0].label_id,
            summary=summary,
            detail={"changes": [change.as_list() for change in changes]} | detail,
            task_id=self._project.task.id,
            kind=journal.LABEL_SET,
            n_records=n_records,
        )

    def _done(self, action_id: int) -> Action:
        found = journal.get_action(self._project.db, self._project.id, action_id)
        assert found is not None
        return found


def _edit_summary(label: Label, changes: Sequence[Change]) -> str:
    words = {"name": "name", "color": "colour", "hotkey": "key", "description": "description"}
    said = [words[change.column] for change in changes]
    if said == ["name"]:
        return f"Renamed {label.name} to {changes[0].after}"
    if said == ["hotkey"]:
        return f"Gave {label.name} the key {changes[0].after or 'none'}"
    listed = f"{', '.join(said[:-1])} and {said[-1]}" if len(said) > 1 else said[0]
    return f"Changed the {listed} of {label.name}"
