"""Parquet."""

from __future__ import annotations

from embtune.errors import BadFileError
from embtune.records.readers.flatten import Flattener
from embtune.records.readers.source import Source
from embtune.records.readers.table import Table, clean_names

_BATCH = 4_096


def read_parquet(file: Source, limit: int | None) -> Table:
    """Read a Parquet file; nested columns are flattened as JSON is, pandas' unnamed index is left out."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    damaged = (
        f"{file.name} is a damaged or cut-off Parquet file, or holds values that cannot be read. "
        "Write it again."
    )
    stream = (
        pa.BufferReader(file.content) if isinstance(file.content, bytes) else pa.OSFile(str(file.content))
    )
    with stream:
        try:
            opened = pq.ParquetFile(stream)
            names = [name for name in opened.schema_arrow.names if not name.startswith("__index_level_")]
            notes = [] if len(names) == len(opened.schema_arrow.names) else ["The pandas index was left out."]
            n_rows = int(opened.metadata.num_rows)
        except (pa.ArrowException, OSError, ValueError) as error:
            raise BadFileError(damaged) from error
        if not names:
            raise BadFileError(f"{file.name} has no columns: give a file with a record in it.")
        clean_names(names, file.name)
        if n_rows == 0:
            raise BadFileError(f"{file.name} has a header but no rows: give a file with a record in it.")
        flattener = Flattener(file.name)
        n_wanted = n_rows if limit is None else min(limit, n_rows)
        try:
            for batch in opened.iter_batches(batch_size=min(_BATCH, n_wanted), columns=names):
                for record in batch.to_pylist()[: n_wanted - len(flattener.rows)]:
                    flattener.add(record, f"row {len(flattener.rows) + 1:,}")
                if len(flattener.rows) >= n_wanted:
                    break
        except (pa.ArrowException, OSError, ValueError, OverflowError, LookupError) as error:
            raise BadFileError(damaged) from error
    return flattener.table("parquet", None, notes, truncated=n_rows > n_wanted)
