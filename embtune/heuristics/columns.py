"""Texts and fields of a corpus as strings and as columns that pyarrow scans."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embtune.errors import HeuristicError
from embtune.filtering.text import as_text
from embtune.heuristics.base import TEXT, Corpus
from embtune.heuristics.corpus import made_for


def check_field(corpus: Corpus, name: str) -> None:
    """Refuse a field that the corpus does not have.

    Raises
    ------
    HeuristicError
        Naming the fields there are.
    """
    if name != TEXT and name not in corpus.field_names:
        there = ", ".join((TEXT, *corpus.field_names))
        raise HeuristicError(f"There is no field {name!r}: choose among {there}.")


def strings(corpus: Corpus, name: str, rows: NDArray[np.int64] | None = None) -> list[str | None]:
    """A field's values as the filters see them; None where a record lacks it. By row, or as `rows` say."""
    return [value if isinstance(value, str) else as_text(value) for value in corpus.values(name, rows)]


def column_for(corpus: Corpus, name: str, rows: NDArray[np.int64]) -> tuple[Any, NDArray[np.int64]]:
    """Return a field as a chunked array of strings, and where in it the rows are.

    The column of all records is made once a corpus, under `("column", name)`.
    """
    check_field(corpus, name)
    return made_for(corpus, ("column", name), rows, lambda some: as_column(strings(corpus, name, some)))


def as_column(values: Sequence[str | None]) -> Any:
    """Make a pyarrow chunked array of strings."""
    import pyarrow as pa

    try:
        return pa.chunked_array([pa.array(values, pa.large_string())])
    except UnicodeEncodeError:  # half of a surrogate pair, which is no character
        whole = [
            value if value is None else value.encode("utf-8", "replace").decode("utf-8") for value in values
        ]
        return pa.chunked_array([pa.array(whole, pa.large_string())])
