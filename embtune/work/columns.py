"""Texts and fields as columns that a filter scans: Arrow files beside the matrices, memory-mapped.

A project only ever gains records, so a file that is written stays true: later records get files of their own.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from embtune.errors import StorageError
from embtune.filtering.text import as_text
from embtune.store.columns import iter_fields, iter_texts

if TYPE_CHECKING:
    from embtune.project import Project

LAID_OUT_AT_ONCE = 20_000
"""So many new records are laid out when they are imported: the first search must not wait for it."""

_PART = re.compile(r"^(texts|fields)-(\d+)-(\d+)\.arrow$")


def text_column(project: Project) -> Any:
    """The texts of all n records as a pyarrow chunked array of strings, by row; made once."""
    n = project.n_records
    return project.cached("texts", n, lambda: _table(project, "texts", n).column("text"))


def field_column(project: Project, name: str) -> Any:
    """One imported field of all n records as strings, by row; null where a record lacks it.

    Numbers are written as they are; true and false in small letters.
    """
    import pyarrow as pa

    n = project.n_records
    table = project.cached("columns", n, lambda: _table(project, "fields", n))
    if name not in table.column_names:
        return pa.chunked_array([pa.nulls(n, pa.large_string())])
    return table.column(name)


def lay_out(project: Project) -> None:
    """Write the columns of records that were just imported, if they are many; a few are no wait later."""
    for kind in ("texts", "fields"):
        n = project.n_records  # more may have come while the other kind was written
        start = _whole_parts(project.folder("columns"), kind, n)[1]
        if n - start >= LAID_OUT_AT_ONCE:
            _write(project, kind, start, n)


def column_names(project: Project) -> list[str]:
    """Names of all fields that some record has."""
    n = project.n_records
    names: list[str] = project.cached("columns", n, lambda: _table(project, "fields", n)).column_names
    return names


def _table(project: Project, kind: str, n: int) -> Any:
    import pyarrow as pa

    parts, have = _whole_parts(project.folder("columns"), kind, n)
    if have < n:
        parts.append(_write(project, kind, have, n))
    # No further than its name says: an older embtune may have written rows too many.
    tables = [
        pa.ipc.open_file(pa.memory_map(str(part.path))).read_all().slice(0, part.stop - part.start)
        for part in parts
    ]
    if not tables:
        return pa.table({"text": pa.chunked_array([], pa.large_string())} if kind == "texts" else {})
    return pa.concat_tables(tables, promote_options="default")


class _Part(NamedTuple):
    """A file with the rows `start` to `stop` (not included)."""

    start: int
    stop: int
    path: Path


def _whole_parts(folder: Path, kind: str, n: int) -> tuple[list[_Part], int]:
    """Return the files that follow each other from row 0 on, and the row they end before."""
    by_start: dict[int, _Part] = {}
    for path in folder.iterdir():
        match = _PART.match(path.name)
        if match and match[1] == kind and int(match[3]) <= n:
            part = _Part(int(match[2]), int(match[3]), path)
            if part.stop > part.start:  # one without rows would lead nowhere
                by_start[part.start] = max(by_start.get(part.start, part), part)
    parts: list[_Part] = []
    at = 0
    while at in by_start:
        parts.append(by_start[at])
        at = by_start[at].stop
    return parts, at


def _write(project: Project, kind: str, start: int, stop: int) -> _Part:
    """Write the rows `start` to `stop` (not included), under a temporary name until the file is whole."""
    import pyarrow as pa

    folder = project.folder("columns")
    temporary = folder / f".{uuid.uuid4().hex}.part"
    blocks = (_text_blocks if kind == "texts" else _field_blocks)(project, start, stop)
    path = folder / f"{kind}-{start}-{stop}.arrow"
    try:
        with pa.OSFile(str(temporary), "wb") as sink, pa.ipc.new_file(sink, blocks.schema) as writer:
            for table in blocks.tables:
                writer.write_table(table)
        temporary.replace(path)
    except OSError as error:
        raise StorageError(
            f"The texts cannot be laid out for searching in {folder} ({error.strerror or error}): "
            "free some space or make the folder writable."
        ) from error
    finally:
        temporary.unlink(missing_ok=True)
    return _Part(start, stop, path)


class _Blocks(NamedTuple):
    schema: Any
    tables: Iterable[Any]


def _text_blocks(project: Project, start: int, stop: int) -> _Blocks:
    import pyarrow as pa

    schema = pa.schema([("text", pa.large_string())])
    blocks = iter_texts(project.db, project.id, start=start, stop=stop)
    return _Blocks(schema, (pa.table({"text": block}, schema=schema) for block in blocks))


def _field_blocks(project: Project, start: int, stop: int) -> _Blocks:
    """All blocks at once: which fields there are is known after the last one."""
    import pyarrow as pa

    tables = []
    names = dict.fromkeys(project.field_names)
    for block in iter_fields(project.db, project.id, start=start, stop=stop):
        mine = dict.fromkeys(name for fields in block for name in fields)
        names.update(mine)
        columns = {name: [as_text(fields.get(name)) for fields in block] for name in mine}
        empty = {} if columns else {next(iter(names), "text"): [None] * len(block)}
        tables.append(
            pa.table(
                {name: pa.array(values, pa.large_string()) for name, values in (columns | empty).items()}
            )
        )
    schema = pa.schema([(name, pa.large_string()) for name in names])
    whole = pa.concat_tables([schema.empty_table(), *tables], promote_options="default")
    return _Blocks(whole.schema, [whole])
