"""Bring a file of records into a project: all of it, or nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from embtune.errors import BadInputError, UnknownChoiceError
from embtune.labeling.labelset import color_for, hotkey_for
from embtune.labeling.state import SOURCES
from embtune.progress import Report, silent
from embtune.store.journal import Vote, insert_action, insert_label, list_labels, live_votes
from embtune.store.projects import raise_revision, update_project
from embtune.store.records import (
    NewRecord,
    insert_records,
    reference_labels,
    row_numbers,
    set_reference_labels,
)

if TYPE_CHECKING:
    from embtune.project import Project
    from embtune.records.readers import Table


@dataclass(frozen=True)
class ImportResult:
    """What an import did; the counts add up to `n_read`: new + known + empty."""

    file: str
    n_read: int
    n_new: int
    n_known: int
    n_empty: int
    n_labels: int
    n_reference: int
    n_reference_kept: int
    template: str
    new_labels: tuple[str, ...] = ()
    notes: tuple[str, ...] = field(default=())

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return asdict(self)


def import_records(
    project: Project,
    source: Path | bytes,
    *,
    name: str | None = None,
    text: str | None = None,
    label_field: str | None = None,
    reference_field: str | None = None,
    confidence_field: str | None = None,
    label_source: str = "import",
    allow_many_labels: bool = False,
    report: Report = silent,
) -> ImportResult:
    """Read a file and append its records, labels and reference labels in one transaction.

    A record whose content is there already is counted, not doubled; its label, if it brings a new one,
    is added as a further vote. A reference label once set is kept.

    Raises
    ------
    BadFileError, TemplateError, BadInputError
        With file, line and field, before anything is written.
    """
    from embtune.records.readers import read_table
    from embtune.records.template import TextTemplate, suggest_template

    if label_source not in SOURCES:
        raise UnknownChoiceError("label source", label_source, SOURCES)
    report(0, None, "records", "reading the file")
    table = read_table(source, name=name)
    wanted = text or project.info.template or suggest_template(table.columns, table.rows)
    template = TextTemplate.parse(wanted)
    template.check(table.columns)
    special = [name for name in (label_field, reference_field, confidence_field) if name]
    for chosen in special:
        if chosen not in table.columns:
            raise BadInputError(
                f"{table.name} has no field {chosen!r}; its fields are: {', '.join(table.columns)}."
            )
    label_values = _label_values(table, label_field, allow_many_labels)
    reference_values = _label_values(table, reference_field, allow_many_labels)
    confidences = _confidences(table, confidence_field)
    return _write(
        project, table, template, special, label_values, reference_values, confidences, label_source, report
    )


def _write(
    project: Project,
    table: Table,
    template: Any,
    special: Sequence[str],
    label_values: list[str],
    reference_values: list[str],
    confidences: list[float],
    label_source: str,
    report: Report,
) -> ImportResult:
    from embtune.records.identity import record_id

    hidden = set(special)
    n = len(table.rows)
    contents: list[str] = []
    keys: list[str] = []
    for i, row in enumerate(table.rows):
        if i % 2000 == 0:
            report(i, n, "records", "reading records")
        contents.append(template.render(row))
        keys.append(record_id(row, ignore=hidden) if contents[-1] else "")
    report(n, n, "records", "writing records")
    # No report from here to the end of the transaction: it would write to the database we hold.
    with project.db.write() as connection:
        rows = row_numbers(connection, project.id)
        first_row = (max(rows.values()) + 1) if rows else 0
        label_ids = _ensure_labels(connection, project, [*label_values, *reference_values])
        seen_votes = {
            (row, label)
            for row, label, _, source, _, _ in live_votes(project.db, project.id)
            if source == label_source
        }
        known_reference = dict(reference_labels(project.db, project.id))
        new: list[NewRecord] = []
        votes: list[Vote] = []
        references: dict[int, int] = {}
        n_known = n_empty = n_reference = n_kept = 0
        for i, row in enumerate(table.rows):
            content, key = contents[i], keys[i]
            if not content:
                n_empty += 1
                continue
            reference = label_ids.get(reference_values[i]) if reference_values else None
            at = rows.get(key)
            if at is None:
                at = rows[key] = first_row + len(new)
                fields = {name: value for name, value in row.items() if name not in hidden}
                new.append(NewRecord(key, content, fields, reference))
                if reference is not None:
                    known_reference[at] = reference
                    n_reference += 1
            else:
                n_known += 1
                if reference is not None and at not in known_reference:
                    known_reference[at] = references[at] = reference
                    n_reference += 1
                elif reference is not None and known_reference[at] != reference:
                    n_kept += 1
            label = label_ids.get(label_values[i]) if label_values else None
            if label is not None and (at, label) not in seen_votes:
                seen_votes.add((at, label))
                votes.append(Vote(at, label, confidence=confidences[i] if confidences else 1.0))
        if not new and not n_known:
            raise BadInputError(
                f"All {n:,} texts of {table.name} are empty under the template {template.source!r}: "
                "choose other fields."
            )
        insert_records(connection, project.id, new, first_row=first_row)
        set_reference_labels(connection, project.id, references)
        if votes:
            insert_action(
                connection,
                project.id,
                votes,
                source=label_source,
                annotator=project.annotator,
                label_id=None,
                summary=f"Imported {len(votes):,} labels from {table.name}",
                detail={"file": table.name},
            )
        raise_revision(connection, project.id)
    report(n, n, "records", "done")
    if project.info.template is None:
        update_project(project.db, project.id, template=template.source)
    notes = list(table.notes)
    if n_empty:
        notes.append(f"{n_empty:,} records were skipped: their text is empty.")
    if n_kept:
        notes.append(f"{n_kept:,} records already had another reference label; the first one was kept.")
    return ImportResult(
        file=table.name,
        n_read=n,
        n_new=len(new),
        n_known=n_known,
        n_empty=n_empty,
        n_labels=len(votes),
        n_reference=n_reference,
        n_reference_kept=n_kept,
        template=template.source,
        new_labels=tuple(dict.fromkeys(v for v in [*label_values, *reference_values] if v)),
        notes=tuple(notes),
    )


def _label_values(table: Table, name: str | None, allow_many: bool) -> list[str]:
    from embtune.records.identity import check_label_values

    if name is None:
        return []
    values = ["" if row.get(name) is None else str(row[name]).strip() for row in table.rows]
    if not any(values):
        raise BadInputError(f"The field {name!r} of {table.name} is empty in every record: choose another.")
    if not allow_many:
        check_label_values([value for value in values if value], name)
    return values


def _confidences(table: Table, name: str | None) -> list[float]:
    if name is None:
        return []
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


def _ensure_labels(connection: sa.Connection, project: Project, values: Sequence[str]) -> dict[str, int]:
    existing = list_labels(project.db, project.id)
    by_name = {label.name: label.id for label in existing}
    hotkeys = {label.hotkey for label in existing}
    for value in dict.fromkeys(value for value in values if value):
        if value in by_name:
            continue
        hotkey = hotkey_for(hotkeys)
        hotkeys.add(hotkey)
        by_name[value] = insert_label(
            connection,
            project.id,
            name=value,
            position=len(by_name),
            color=color_for(len(by_name)),
            hotkey=hotkey,
        )
    return by_name


def label_from_table(
    project: Project, source: Path | bytes, *, name: str | None, annotator: str, label_source: str
) -> dict[str, Any]:
    """Add the votes of a file: a record's id (field `id`) or its content, and a field `label`.

    A row with `id` names the record; a row without it must hold the fields the text template uses.
    All rows must be found, else nothing is written.
    """
    from embtune.records.readers import read_table
    from embtune.records.template import TextTemplate

    table = read_table(source, name=name)
    if "label" not in table.columns:
        raise BadInputError(
            f"{table.name} has no field 'label'; it needs 'label' beside 'id' (the record's id) "
            f"or beside the record's own fields. Its fields are: {', '.join(table.columns)}."
        )
    by_id = "id" in table.columns
    template = None if by_id else TextTemplate.parse(project.info.template or "{text}")
    if template is not None:
        template.check(table.columns)
        rows_of = _rows_by_text(project)
    else:
        rows_of = {record_id: row for row, record_id in enumerate(project.record_ids)}
    labels_of = _label_values(table, "label", False)
    confidences = _confidences(table, "confidence" if "confidence" in table.columns else None)
    votes: list[tuple[int, str, float]] = []
    for i, row in enumerate(table.rows):
        if not labels_of[i]:
            continue
        key = str(row.get("id", "")).strip() if template is None else template.render(row)
        if key not in rows_of:
            where = f"line {table.lines[i]}" if table.lines else f"record {i + 1}"
            shown = key if len(key) < 60 else key[:57] + "…"
            raise BadInputError(
                f"{table.name}, {where}: no record {shown!r} in project {project.name!r}; "
                "nothing was labelled."
            )
        votes.append((rows_of[key], labels_of[i], confidences[i] if confidences else 1.0))
    if not votes:
        raise BadInputError(f"{table.name} holds no label: every value of its field 'label' is empty.")
    with project.db.write() as connection:
        ids = _ensure_labels(connection, project, [value for _, value, _ in votes])
        action = insert_action(
            connection,
            project.id,
            [Vote(row, ids[value], confidence=confidence) for row, value, confidence in votes],
            source=label_source,
            annotator=annotator,
            label_id=None,
            summary=f"Labelled {len(votes):,} records from {table.name}",
            detail={"file": table.name},
        )
    return {"action": action, "n_labelled": len(votes), "file": table.name}


def _rows_by_text(project: Project) -> dict[str, int]:
    from embtune.store.records import fetch_texts

    return {text: row for row, text in enumerate(fetch_texts(project.db, project.id))}
