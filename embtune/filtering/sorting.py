"""Orders over rows: by numbers, by texts, at random; what has no value comes last either way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embtune.errors import BadInputError
from embtune.filtering.text import in_pieces

SORTS = (
    *("row", "random", "confidence", "uncertainty", "similarity", "outlier", "typical", "label", "updated"),
    "field",
)
_LARGEST_FIRST = frozenset({"uncertainty", "similarity", "outlier", "updated"})
_RANKED = 80  # characters


@dataclass(frozen=True)
class Sort:
    """An order: `by` is one of `SORTS`; `field` names the field where it is "field".

    `of` says what similarity is to: {"text": …} or {"to": […]}, with an "embedding"; None: the query's own.
    """

    by: str = "row"
    descending: bool = False
    seed: int = 0
    field: str | None = None
    of: Mapping[str, Any] | None = None


def parse_sort(sort: Mapping[str, Any] | None) -> Sort | None:
    """Check an order: `{"by": "random", "seed": 7}`, `{"by": "year", "descending": true}`; None stays None.

    A name that is none of `SORTS` is a field's; `{"by": "field", "name": "label"}` is for fields with such a
    name. Without "descending", similarity, uncertainty, outlier and updated begin with the largest.

    Raises
    ------
    BadInputError
        Naming what cannot be used.
    """
    if not sort:
        return None
    if not isinstance(sort, Mapping) or not isinstance(sort.get("by"), str):
        raise BadInputError(f'The sort cannot be used: write {{"by": …}} with one of {", ".join(SORTS)}.')
    unknown = set(sort) - {"by", "descending", "seed", "name", "text", "to", "embedding"}
    if unknown:
        raise BadInputError(f"The sort cannot be used: it knows no {sorted(unknown)[0]!r}.")
    by, field = sort["by"], sort.get("name")
    if by not in SORTS:
        by, field = "field", by
    if by == "field" and not isinstance(field, str):
        raise BadInputError('The sort cannot be used: name the field, as in {"by": "field", "name": "year"}.')
    descending, seed = sort.get("descending", by in _LARGEST_FIRST), sort.get("seed", 0)
    if not isinstance(descending, bool):
        raise BadInputError('The sort cannot be used: "descending" is true or false.')
    if not isinstance(seed, int) or isinstance(seed, bool) or seed < 0:
        raise BadInputError('The sort cannot be used: "seed" is a whole number from 0.')
    of = {key: sort[key] for key in ("text", "to", "embedding") if key in sort} or None
    return Sort(by, descending, seed, field, of)


def ordered(rows: NDArray[np.int64], keys: NDArray[Any], *, descending: bool = False) -> NDArray[np.int64]:
    """Return rows in the order of their keys.

    Parameters
    ----------
    rows
        Shape (m,), ascending: rows with equal keys stay so.
    keys
        Shape (n,), numbers by row; NaN, or -1 where they are whole numbers, is no value and comes last. Whole
        numbers are below 2 ** 31, others count to the precision of 32 bits.
    """
    mine = keys[rows]
    missing = mine < 0 if mine.dtype.kind in "iu" else np.isnan(mine)
    there = ~missing
    values = _whole(mine[there])
    # Key and place in one number: sorted at once, and equal keys stay in their order.
    packed = ((-values if descending else values) << 32) + np.arange(len(values))
    packed.sort()
    return np.concatenate([rows[there][packed & 0xFFFFFFFF], rows[missing]])


def _whole(values: NDArray[Any]) -> NDArray[np.int64]:
    """Map numbers to whole ones of 32 bits in the same order; floats to the precision of 32 bits."""
    if values.dtype.kind in "iu":
        return values.astype(np.int64)
    bits = (values.astype(np.float32) + np.float32(0)).view(np.int32)  # -0 becomes 0
    whole: NDArray[np.int64] = np.where(bits < 0, bits ^ np.int32(0x7FFFFFFF), bits).astype(np.int64)
    return whole


def shuffled(rows: NDArray[np.int64], n: int, seed: int) -> NDArray[np.int64]:
    """Return rows in a random order that hangs on the seed and the n records, not on which rows they are."""
    return ordered(rows, np.random.default_rng(seed).permutation(n))


def text_ranks(column: Any, numbers: NDArray[np.float64]) -> NDArray[np.int64]:
    """Rank the values of a column of n strings: numbers first, as numbers, then texts, in any case.

    Shape (n,); equal values have one rank, a missing or blank value -1. Of a long text its beginning counts.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    n = len(column)
    ranks = np.full(n, -1, dtype=np.int64)
    is_number = ~np.isnan(numbers)
    distinct, inverse = np.unique(numbers[is_number], return_inverse=True)
    ranks[is_number] = inverse
    folded = pa.chunked_array(in_pieces(column, _folded), column.type)
    blank = pc.fill_null(pc.equal(pc.binary_length(folded), 0), True)
    is_text = ~is_number & ~np.asarray(blank.to_numpy(), dtype=np.bool_)
    if is_text.any():
        texts = folded if is_text.all() else folded.filter(pa.array(is_text))
        places = pc.rank(texts, tiebreaker="dense").to_numpy()  # from 1
        ranks[is_text] = places.astype(np.int64) + (len(distinct) - 1)
    return ranks


def _folded(texts: Any) -> Any:
    import pyarrow.compute as pc

    return pc.utf8_lower(pc.utf8_slice_codeunits(pc.utf8_trim_whitespace(texts), 0, _RANKED))
