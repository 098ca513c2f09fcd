"""Files of similarity judgements: pairs with a score, and triplets, by record id."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from embtune.errors import BadInputError
from embtune.store.judgements import PAIR, TRIPLET, NewJudgement

if TYPE_CHECKING:
    from embtune.records.readers import Table

PAIR_FIELDS = ("record_a", "record_b", "score")
TRIPLET_FIELDS = ("anchor", "closer", "farther")


def read_judgements(
    source: Path | bytes, row_of: Mapping[str, int], *, name: str | None = None
) -> tuple[list[NewJudgement], str]:
    """Read a file of judgements, whole or not at all; return them and the file's name.

    Parameters
    ----------
    source, name
        Path of a file, or the content of an upload with its name.
    row_of
        Row of every record id of the project.

    Raises
    ------
    BadFileError, BadInputError
        With file, line and field.
    """
    from embtune.records.readers import read_table

    table = read_table(source, name=name)
    _check_columns(table)
    return [_from_line(table, i, row_of) for i in range(len(table.rows))], table.name


def _check_columns(table: Table) -> None:
    """Refuse a file that has the columns of neither kind, or only some of one."""
    whole = [all(name in table.columns for name in names) for names in (PAIR_FIELDS, TRIPLET_FIELDS)]
    part = next(
        (
            names
            for names, complete in zip((PAIR_FIELDS, TRIPLET_FIELDS), whole, strict=True)
            if not complete and any(name in table.columns for name in names)
        ),
        None,
    )
    if part is not None:
        missing = next(name for name in part if name not in table.columns)
        raise BadInputError(f"{table.name} has no field {missing!r}; it belongs to {', '.join(part)}.")
    if not any(whole):
        raise BadInputError(
            f"{table.name} has neither the fields {', '.join(PAIR_FIELDS)} nor {', '.join(TRIPLET_FIELDS)}; "
            f"its fields are: {', '.join(table.columns)}."
        )


def _from_line(table: Table, i: int, row_of: Mapping[str, int]) -> NewJudgement:
    """Read one line of a file of judgements, or say in which line and field what is wrong."""
    where = f"{table.name}, line {table.lines[i]}" if table.lines else f"{table.name}, record {i + 1}"
    value = {name: table.rows[i].get(name) for name in (*PAIR_FIELDS, *TRIPLET_FIELDS)}
    value = {name: text for name, text in value.items() if text is not None and str(text).strip()}
    pair, triplet = (any(name in value for name in names) for names in (PAIR_FIELDS, TRIPLET_FIELDS))
    if pair == triplet:
        said = "both a pair and a triplet" if pair else "neither a pair nor a triplet"
        raise BadInputError(f"{where}: there is {said}; give one of them a line.")
    names = PAIR_FIELDS if pair else TRIPLET_FIELDS
    for name in names:
        if name not in value:
            raise BadInputError(f"{where}: the field {name!r} is empty.")
    record_fields = names[:2] if pair else names
    rows = []
    for name in record_fields:
        key = str(value[name]).strip()
        if key not in row_of:
            raise BadInputError(f"{where}: no record {key!r} (field {name!r}); nothing was added.")
        rows.append(row_of[key])
    kind, row_c = (PAIR, None) if pair else (TRIPLET, rows[2])
    try:
        return NewJudgement(kind, rows[0], rows[1], row_c, _score(value["score"]) if pair else None).checked()
    except BadInputError as error:
        listed = "field 'score'" if len(set(rows)) == len(rows) else f"fields {', '.join(record_fields)}"
        raise BadInputError(f"{where}, {listed}: {error}") from None


def _score(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        raise BadInputError(f"{value!r} is no number from 0 (different) to 1 (similar).") from None
