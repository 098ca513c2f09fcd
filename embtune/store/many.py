"""Insert many rows at once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any

import sqlalchemy as sa

_BLOCK = 20_000


def insert_many(
    connection: sa.Connection, table: sa.Table, names: Sequence[str], rows: Iterable[Sequence[Any]]
) -> None:
    """Insert rows, each the values of those columns, within the caller's transaction.

    In blocks, so that a million rows take little memory. Where the driver takes places for parameters, as
    SQLite's does, and the names stand in the table's order, rows go to it as they are: to make parameters of
    a dictionary for each row takes longer than to insert it.
    """
    dialect = connection.dialect
    statement = table.insert().compile(dialect=dialect, column_keys=list(names))
    straight = statement.positiontup == list(names)
    convert = [table.c[name].type.dialect_impl(dialect).bind_processor(dialect) for name in names]
    at = iter(rows)
    while block := list(islice(at, _BLOCK)):
        if not straight:
            connection.execute(table.insert(), [dict(zip(names, row, strict=True)) for row in block])
            continue
        if any(convert):
            columns = zip(zip(*block, strict=True), convert, strict=True)
            block = list(
                zip(*(map(made, values) if made else values for values, made in columns), strict=True)
            )
        connection.exec_driver_sql(str(statement), block)
