"""Labels out of a file's fields: their values, their confidence, and the votes they stand for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import sqlalchemy as sa

from embtune.errors import BadInputError, UnknownChoiceError
from embtune.labeling.labelset import free_color, hotkey_for
from embtune.labeling.state import MANUAL_SOURCES, NONE_OF_THESE_NAME, SOURCES
from embtune.store.journal import Vote
from embtune.store.labelset import insert_label, list_labels
from embtune.store.votes import VoteLog

if TYPE_CHECKING:
    from embtune.project import Project
    from embtune.records.readers import Table


def votes_given(project: Project, source: str) -> dict[int, tuple[int, float]]:
    """Map row to the (label id, confidence) that the source said last, of what is not undone."""
    votes = VoteLog(project.id, project.task.id, SOURCES).live(project.db)
    theirs = votes.keep(votes.sources == SOURCES.index(source))
    order = np.argsort(theirs.ids, kind="stable")
    said = zip(
        theirs.labels[order].tolist(),
        theirs.confidence[order].astype(np.float64).round(6).tolist(),
        strict=True,
    )
    return dict(zip(theirs.rows[order].tolist(), said, strict=True))


def label_column(table: Table, name: str | None, allow_many: bool) -> list[str]:
    """Read a label field: its text in every row, empty where there is none; an empty list without a field.

    Raises
    ------
    BadInputError
        If it is empty throughout, or has too many different values and `allow_many` is off.
    """
    from embtune.records.identity import check_label_values

    if name is None:
        return []
    values = ["" if row.get(name) is None else str(row[name]).strip() for row in table.rows]
    if not any(values):
        raise BadInputError(f"The field {name!r} of {table.name} is empty in every record: choose another.")
    if not allow_many:
        check_label_values([value for value in values if value], name)
    return values


def check_source(source: str) -> None:
    """Raise UnknownChoiceError unless the source is one of `SOURCES`."""
    if source not in SOURCES:
        raise UnknownChoiceError("label source", source, SOURCES)


def vote_for(row: int, value: str, label_ids: Mapping[str, int], confidence: float) -> Vote:
    """Return the vote that a label field's value stands for."""
    if value == NONE_OF_THESE_NAME:  # as an export writes it
        return Vote(row, None, "none", confidence)
    return Vote(row, label_ids[value], confidence=confidence)


def confidence_column(table: Table, name: str | None, source: str) -> list[float]:
    """Read a confidence field, 1 where it is empty; an empty list without a field.

    Raises
    ------
    BadInputError
        With the line, if a value is no number from 0 to 1; or if the source is a person.
    """
    if name is None:
        return []
    if source in MANUAL_SOURCES:
        raise BadInputError(
            f"Labels of the source {source!r} come from a person and have confidence 1: "
            f"leave out the field {name!r}, or name another source."
        )
    values = []
    for i, row in enumerate(table.rows):
        raw = row.get(name)
        try:
            value = 1.0 if raw in (None, "") else float(raw)
        except (TypeError, ValueError):
            value = -1.0
        if not 0.0 <= value <= 1.0:
            where = f"line {table.lines[i]}" if table.lines else f"record {i + 1}"
            raise BadInputError(
                f"{table.name}, {where}: the confidence {raw!r} in field {name!r} is no number from 0 to 1."
            )
        values.append(value)
    return values


def ensure_labels(connection: sa.Connection, project: Project, values: Sequence[str]) -> dict[str, int]:
    """Add to the label set what it lacks, within the caller's transaction; return all numbers by name."""
    existing = list_labels(project.db, project.id, project.task.id)
    by_name = {label.name: label.id for label in existing}
    hotkeys = {label.hotkey for label in existing}
    colors = {label.color for label in existing}
    position = max((label.position for label in existing), default=-1)
    for value in dict.fromkeys(value for value in values if value):
        if value in by_name or value == NONE_OF_THESE_NAME:
            continue
        hotkey = hotkey_for(hotkeys)
        hotkeys.add(hotkey)
        position += 1
        color = free_color(position, colors)
        colors.add(color)
        by_name[value] = insert_label(
            connection,
            project.id,
            project.task.id,
            name=value,
            position=position,
            color=color,
            hotkey=hotkey,
        )
    return by_name
