"""Bring a file of records into a project: all of it, or nothing."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from embtune.errors import BadInputError, StorageError
from embtune.labeling.state import NONE_OF_THESE
from embtune.progress import Report, silent
from embtune.store.journal import Vote, insert_action
from embtune.store.projects import keep_template, raise_revision
from embtune.store.records import (
    NewRecord,
    insert_records,
    reference_labels,
    row_numbers,
    set_reference_labels,
)
from embtune.work.columns import lay_out
from embtune.work.label_fields import (
    check_source,
    confidence_column,
    ensure_labels,
    label_column,
    vote_for,
    votes_given,
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

    check_source(label_source)
    report(0, None, "records", "reading the file")
    table = read_table(source, name=name)
    wanted = text or project.info.template or suggest_template(table.columns, table.rows)
    template = TextTemplate.parse(wanted)
    template.check(table.columns)
    if label_field is not None and label_field == reference_field:
        raise BadInputError(
            f"The field {label_field!r} cannot be both: labels train, reference labels only measure. "
            "Choose it for one of them."
        )
    special = [name for name in (label_field, reference_field, confidence_field) if name]
    for chosen in special:
        if chosen not in table.columns:
            raise BadInputError(
                f"{table.name} has no field {chosen!r}; its fields are: {', '.join(table.columns)}."
            )
    label_values = label_column(table, label_field, allow_many_labels)
    reference_values = label_column(table, reference_field, allow_many_labels)
    confidences = confidence_column(table, confidence_field, label_source)
    done = _write(
        project, table, template, special, label_values, reference_values, confidences, label_source, report
    )
    # The records are in. Where there is no room for these files, the first search says so.
    with suppress(StorageError):
        lay_out(project)
    return done


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
    # The same file may have come before with other label fields: what is content now was a label then.
    stored = set(project.field_names)
    others = [ignore for ignore in (set(), set(table.columns) - stored) if stored and ignore != hidden]
    report(n, n, "records", "writing records")
    # No report from here to the end of the transaction: it would write to the database we hold.
    with project.db.write() as connection:
        rows = row_numbers(connection, project.id)
        first_row = (max(rows.values()) + 1) if rows else 0
        known_labels = {label.id for label in project.labels}
        label_ids = ensure_labels(connection, project, [*label_values, *reference_values])
        said_last = votes_given(project, label_source) if label_values else {}
        known_reference = dict(reference_labels(project.db, project.id).tolist())
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
            if at is None and others:
                earlier = (record_id(row, ignore=ignore) for ignore in others)
                at = next((rows[name] for name in earlier if name in rows), None)
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
            if not label_values or not label_values[i]:
                continue
            vote = vote_for(at, label_values[i], label_ids, confidences[i] if confidences else 1.0)
            said = (NONE_OF_THESE if vote.label_id is None else vote.label_id, round(vote.confidence, 6))
            if said_last.get(at) != said:
                said_last[at] = said
                votes.append(vote)
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
                detail={"file": table.name, "new_labels": sorted({*label_ids.values()} - known_labels)},
                task_id=project.task.id,
            )
        keep_template(connection, project.id, template.source)
        raise_revision(connection, project.id)
    notes = list(table.notes)
    if n_kept:
        noun = "record" if n_kept == 1 else "records"
        notes.append(f"{n_kept:,} {noun} already had another reference label; the first was kept.")
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
