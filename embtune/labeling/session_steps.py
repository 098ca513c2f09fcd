"""What a person does with the records of a session, key by key."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from embtune.errors import ConflictError, EmbtuneError

if TYPE_CHECKING:
    from embtune.labeling.sessions import SessionBook
    from embtune.project import Project


@dataclass(frozen=True)
class Step:
    """One thing a person did with the record at a position of a session.

    `kind` is "label" (with a label's name, or None: "none of these"; with `new` a label that is not there yet
    is added first), "skip", "back", "undo", "go", "flag" (`on`), "comment" (`text`), or "hotkey": the label
    gets the key `text`; with `on`, the label that has it gets the other one in exchange. `predicted` is what
    the model showed with a label: its number, and how sure it was. `gone` says that the label meant was
    deleted, so that there is no name for it.
    """

    kind: str
    position: int
    label: str | None = None
    new: bool = False
    on: bool = True
    text: str = ""
    predicted: tuple[int, float] | None = None
    gone: bool = False


def take(book: SessionBook, project: Project, session_id: int, steps: Sequence[Step], *, again: bool) -> None:
    """Take steps in their order; see `SessionBook.take`."""
    first: EmbtuneError | None = None
    refused: list[int | None] = []  # per label step that no undo took back: its place if it was refused
    for step in steps:
        if step.kind == "undo" and refused and (place := refused.pop()) is not None:
            book.go_to(session_id, place)  # it gave no answer: the one before it is not meant
            continue
        try:
            _take_one(book, project, session_id, step, again)
        except EmbtuneError as error:
            first = first or error
            if step.kind == "label":
                refused.append(step.position)
        else:
            if step.kind == "label":
                refused.append(None)
    if first is not None:
        raise first


def _take_one(book: SessionBook, project: Project, session_id: int, step: Step, again: bool) -> None:
    if step.kind == "skip":
        book.skip(session_id, step.position)
    elif step.kind == "back":
        book.go_to(session_id, step.position - 1)
    elif step.kind == "go":
        book.go_to(session_id, step.position)
    elif step.kind == "undo" and not again:
        book.undo(session_id)
    elif step.kind == "label":
        _label(book, session_id, step, again)
    elif step.kind == "flag":
        project.flag([_row(book, session_id, step)], step.on)
    elif step.kind == "comment":
        project.comment(_row(book, session_id, step), step.text)
    elif step.kind == "hotkey":
        _hotkey(book.project_of(book.get(session_id)), step)


def _label(book: SessionBook, session_id: int, step: Step, again: bool) -> None:
    if again and any(
        item.state == "labelled" for item in book.items(session_id, step.position, step.position + 1)
    ):
        return
    if step.gone:
        raise ConflictError(
            f"The label given to record {step.position + 1:,} was deleted meanwhile: give it another one."
        )
    name = step.label
    if step.new and name is not None:
        project = book.project_of(book.get(session_id))
        known = {label.name.casefold(): label.name for label in project.labels}
        name = known.get(name.strip().casefold()) or project.add_label(name).name
    book.answer(session_id, step.position, name, predicted=step.predicted)


def _hotkey(project: Project, step: Step) -> None:
    """Give a label its key; with `on`, the label that has the key gets the other one's in exchange."""
    if step.gone:
        raise ConflictError("The label that was to get another key was deleted meanwhile.")
    label = project.label_named(step.label or "")
    keys: dict[str, str | None] = {label.name: step.text}
    owner = next((one for one in project.labels if one.hotkey == step.text), None)
    if step.on and owner is not None:
        keys[owner.name] = label.hotkey
    project.label_set.set_hotkeys(keys)


def _row(book: SessionBook, session_id: int, step: Step) -> int:
    return book.item(session_id, step.position).row
