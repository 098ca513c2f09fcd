"""Look-up lists: named terms that several heuristics share."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from embtune.errors import BadInputError, NotFoundError
from embtune.store.database import Database
from embtune.store.tables_heuristics import lookup_lists


@dataclass(frozen=True)
class LookupList:
    """A named list of terms, in the order they were given."""

    id: int
    name: str
    description: str
    terms: tuple[str, ...]
    created_at: float
    updated_at: float


_LIST = [lookup_lists.c[name] for name in LookupList.__dataclass_fields__]


def list_lookups(db: Database, project_id: int) -> list[LookupList]:
    """The look-up lists of a project, by name."""
    with db.read() as connection:
        return lookups_within(connection, project_id)


def lookups_within(connection: sa.Connection, project_id: int) -> list[LookupList]:
    """The same, within the caller's transaction."""
    query = sa.select(*_LIST).where(lookup_lists.c.project_id == project_id).order_by(lookup_lists.c.name)
    return [_list(row) for row in connection.execute(query)]


def insert_lookup(
    connection: sa.Connection, project_id: int, name: str, terms: Sequence[str], description: str = ""
) -> int:
    """Keep a new list within the caller's transaction; return its number.

    Raises
    ------
    BadInputError
        If there is one of that name.
    """
    _refuse_taken(connection, project_id, name, None)
    now = time.time()
    result = connection.execute(
        lookup_lists.insert().values(
            project_id=project_id,
            name=name,
            description=description,
            terms=list(terms),
            created_at=now,
            updated_at=now,
        )
    )
    key = result.inserted_primary_key
    assert key is not None
    return int(key[0])


def change_lookup(
    db: Database,
    project_id: int,
    list_id: int,
    *,
    name: str | None = None,
    description: str | None = None,
    terms: Callable[[tuple[str, ...]], Sequence[str]] | None = None,
) -> LookupList:
    """Change what is given; `terms` makes the new terms of the ones that are there now.

    Raises
    ------
    NotFoundError
        If the list was deleted.
    BadInputError
        If another list has the name.
    """
    mine = sa.and_(lookup_lists.c.project_id == project_id, lookup_lists.c.id == list_id)
    with db.write() as connection:
        row = connection.execute(sa.select(*_LIST).where(mine)).first()
        if row is None:
            raise NotFoundError(f"There is no look-up list {list_id} any more.")
        known = _list(row)
        if name is not None:
            _refuse_taken(connection, project_id, name, list_id)
        values: dict[str, object] = {"updated_at": time.time()}
        values |= {} if name is None else {"name": name}
        values |= {} if description is None else {"description": description}
        values |= {} if terms is None else {"terms": list(terms(known.terms))}
        connection.execute(lookup_lists.update().where(mine).values(**values))
        return _list(connection.execute(sa.select(*_LIST).where(mine)).one())


def delete_lookup(db: Database, project_id: int, list_id: int) -> None:
    """Forget a list."""
    with db.write() as connection:
        connection.execute(
            lookup_lists.delete().where(lookup_lists.c.project_id == project_id, lookup_lists.c.id == list_id)
        )


def _refuse_taken(connection: sa.Connection, project_id: int, name: str, mine: int | None) -> None:
    query = sa.select(lookup_lists.c.id, lookup_lists.c.name).where(lookup_lists.c.project_id == project_id)
    for other, taken in connection.execute(query):
        if taken.casefold() == name.casefold() and other != mine:
            raise BadInputError(f"There is a look-up list {taken!r} already: take another name.")


def _list(row: sa.Row[tuple[object, ...]]) -> LookupList:
    values = dict(row._mapping)
    return LookupList(**(values | {"terms": tuple(values["terms"])}))
