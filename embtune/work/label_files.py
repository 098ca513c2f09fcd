"""Votes from a file: for records that are there already."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from embtune.errors import BadInputError
from embtune.labeling.state import MANUAL_SOURCES
from embtune.store.journal import insert_action
from embtune.work.label_fields import check_source, confidence_column, ensure_labels, label_column, vote_for

if TYPE_CHECKING:
    from embtune.project import Project
    from embtune.records.readers import Table


def label_from_table(
    project: Project, source: Path | bytes, *, name: str | None, annotator: str, label_source: str
) -> dict[str, Any]:
    """Add the votes of a file: a record's id (field `id` or `record_id`) or its content, and a field `label`.

    A row whose id is a record's names that record; any other must hold the fields the text template uses,
    and means every record of that text. All rows must be found, else nothing is written.

    Raises
    ------
    BadFileError, BadInputError, UnknownChoiceError
        With file, line and field; nothing is labelled then.
    """
    from embtune.records.readers import read_table

    check_source(label_source)
    table = read_table(source, name=name)
    if "label" not in table.columns:
        raise BadInputError(
            f"{table.name} has no field 'label'; it needs 'label' beside 'id' (the record's id) "
            f"or beside the record's own fields. Its fields are: {', '.join(table.columns)}."
        )
    find = _Finder(project, table)
    labels_of = label_column(table, "label", False)
    has_confidence = "confidence" in table.columns and label_source not in MANUAL_SOURCES
    confidences = confidence_column(table, "confidence" if has_confidence else None, label_source)
    found: list[tuple[int, str, float]] = []
    for i, row in enumerate(table.rows):
        if labels_of[i]:
            confidence = confidences[i] if confidences else 1.0
            found += [(at, labels_of[i], confidence) for at in find.rows(i, row)]
    with project.db.write() as connection:
        known = {label.id for label in project.labels}
        ids = ensure_labels(connection, project, [value for _, value, _ in found])
        action = insert_action(
            connection,
            project.id,
            [vote_for(row, value, ids, confidence) for row, value, confidence in found],
            source=label_source,
            annotator=annotator,
            label_id=None,
            summary=f"Labelled {len(found):,} records from {table.name}",
            detail={"file": table.name, "new_labels": sorted({*ids.values()} - known)},
            task_id=project.task.id,
        )
    return {"action": action, "n_labelled": len({row for row, _, _ in found}), "file": table.name}


class _Finder:
    """Finds the records that the rows of a file mean, by id or by text."""

    def __init__(self, project: Project, table: Table) -> None:
        from embtune.records.template import TextTemplate

        self._project, self._table = project, table
        self._id = next((name for name in ("record_id", "id") if name in table.columns), None)
        self._by_id = {record_id: row for row, record_id in enumerate(project.record_ids)}
        template = TextTemplate.parse(project.info.template or "{text}")
        has_text = all(name in table.columns for name in template.fields)
        if self._id is None:
            template.check(table.columns)
        self._template = template if has_text else None
        self._by_text: dict[str, list[int]] | None = None

    def rows(self, i: int, row: Mapping[str, Any]) -> list[int]:
        """Return the rows that line i means; a BadInputError naming it if there are none."""
        key = str(row.get(self._id) or "").strip() if self._id else ""
        if key in self._by_id:
            return [self._by_id[key]]
        text = self._template.render(row) if self._template else ""
        if text and text in self._texts():
            return self._texts()[text]
        where = f"line {self._table.lines[i]}" if self._table.lines else f"record {i + 1}"
        shown = key or text
        shown = shown if len(shown) < 60 else shown[:57] + "…"
        raise BadInputError(
            f"{self._table.name}, {where}: no record {shown!r} in project {self._project.name!r}; "
            "nothing was labelled."
        )

    def _texts(self) -> dict[str, list[int]]:
        if self._by_text is None:
            from embtune.store.records import fetch_texts

            self._by_text = {}
            for at, text in enumerate(fetch_texts(self._project.db, self._project.id)):
                self._by_text.setdefault(text, []).append(at)
        return self._by_text
