"""Operators on columns of text, as pyarrow chunked arrays; regular expressions are RE2's, in linear time."""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embtune.errors import BadInputError
from embtune.filtering.query import Comparison

Mask = NDArray[np.bool_]

SECONDS = 5.0
"""How long a scan may take."""

_SLICE_BYTES = 2_000_000
_SAMPLE = 1000
_NUMBER = r"^[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d{1,3})?$"


def compare_column(
    column: Any,
    test: Comparison,
    numbers: Callable[[], NDArray[np.float64]],
    *,
    seconds: float = SECONDS,
) -> Mask:
    """Tell which values of a column pass a test; a missing value passes none but "empty".

    Parameters
    ----------
    column
        A chunked array of n strings.
    numbers
        Gives the column as numbers, shape (n,), NaN where a value is none. Asked for only where it matters.

    Returns
    -------
    mask
        Shape (n,). Two values that are both numbers compare as numbers, others as texts. A bound given as a
        number, not as a text, leaves out every value that is no number.

    Raises
    ------
    BadInputError
        If a regular expression is not valid, or the scan takes more than `seconds`.
    """
    import pyarrow.compute as pc

    op, value = test.op, test.value
    if op == "empty":
        blank = pc.fill_null(pc.equal(pc.utf8_trim_whitespace(column), ""), True)
        found = _array(blank)
        return found if value else ~found
    if op in ("equals", "in"):
        return _one_of(column, value if op == "in" else (value,), test.case, numbers, seconds)
    if op in ("between", ">", "<"):
        return _compared(column, test, numbers, seconds)
    return scan(column, _matcher(pattern_of(test)), seconds=seconds, what=f"The search for {value!r}")


def contains_words(column: Any, words: str, *, seconds: float = SECONDS) -> Mask:
    """Tell which texts contain every word, in any case; words in double quotes stay together. Shape (n,)."""
    found = np.ones(len(column), dtype=np.bool_)
    for word in split_words(words):
        found &= scan(column, _matcher(f"(?i){re.escape(word)}"), seconds=seconds)
    return found


def split_words(words: str) -> list[str]:
    """Take a search apart: single words, and what stands in double quotes."""
    found = [quoted or single for quoted, single in re.findall(r'"([^"]+)"|([^\s"]+)', words)]
    return list(dict.fromkeys(found)) or [words]


def pattern_of(test: Comparison) -> str:
    """Return the regular expression that a test on a text looks for, with its case.

    Raises
    ------
    BadInputError
        If the person's own expression is not valid, or needs what RE2 leaves out.
    """
    flag = "" if test.case else "(?i)"
    if test.op == "regex":
        pattern = f"{flag}(?:{test.value})"
        check_pattern(str(test.value))
        return pattern
    plain = re.escape(str(test.value))
    return {
        "contains": f"{flag}{plain}",
        "begins": f"{flag}^{plain}",
        "ends": f"{flag}{plain}$",
    }[test.op]


def check_pattern(pattern: str) -> None:
    """Refuse a regular expression that RE2 does not take."""
    import pyarrow as pa
    import pyarrow.compute as pc

    try:
        pc.match_substring_regex(pa.array([""]), pattern)
    except pa.ArrowInvalid as error:
        reason = str(error).removeprefix("Invalid regular expression: ").strip()
        if re.search(r"\(\?<?[=!]", pattern):
            reason = "looking ahead or behind, as in (?=…), is not supported"
        elif re.search(r"\\[1-9]|\(\?P=", pattern):
            reason = "references to groups, as in \\1, are not supported"
        raise BadInputError(
            f"The regular expression “{pattern[:200]}” cannot be used: {reason}. "
            "Change it, or look for plain words."
        ) from error


def scan(
    column: Any,
    match: Callable[[Any], Any],
    *,
    seconds: float = SECONDS,
    what: str = "The search",
    clock: Callable[[], float] = time.monotonic,
) -> Mask:
    """Apply a pyarrow predicate to a column piece by piece, on several threads, within a time limit.

    Raises
    ------
    BadInputError
        If it takes longer than `seconds`.
    """
    until = clock() + seconds

    def one(part: Any) -> Mask:
        if clock() > until:
            raise BadInputError(
                f"{what[:120]} took more than {seconds:g} s: look for something simpler or more literal."
            )
        return _array(match(part).fill_null(False))

    return np.concatenate([np.zeros(0, dtype=np.bool_), *in_pieces(column, one)])


def in_pieces(column: Any, make: Callable[[Any], Any]) -> list[Any]:
    """Apply a function to a column piece by piece, on several threads; return what it gave, in order."""
    pieces = list(_pieces(column))
    if len(pieces) < 3:
        return [make(piece) for piece in pieces]
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        return list(pool.map(make, pieces))


def as_numbers(column: Any) -> NDArray[np.float64]:
    """Read a column of n strings as numbers, NaN where a value is none. Shape (n,)."""
    return np.concatenate([np.zeros(0), *in_pieces(column, _numbers)])


def _numbers(piece: Any) -> NDArray[np.float64]:
    import pyarrow as pa
    import pyarrow.compute as pc

    if len(pc.unique(piece.slice(0, _SAMPLE))) < min(len(piece), _SAMPLE) / 2:  # each value is read once
        coded = piece.dictionary_encode()
        if len(coded.dictionary) < len(piece):
            known = np.append(_numbers(coded.dictionary), np.nan)  # the last is that of a null
            repeated: NDArray[np.float64] = known[coded.indices.fill_null(len(known) - 1).to_numpy()]
            return repeated
    trimmed = pc.utf8_trim_whitespace(piece)
    good = pc.fill_null(pc.match_substring_regex(trimmed, _NUMBER), False)
    plain = pc.utf8_ltrim(pc.if_else(good, trimmed, pa.scalar(None, trimmed.type)), "+")
    numbers: NDArray[np.float64] = pc.cast(plain, pa.float64()).fill_null(float("nan")).to_numpy()
    return numbers


def as_number(value: Any) -> float | None:
    """Return a value as a number, or None if it is none."""
    if isinstance(value, (int, float)):
        return float(value)
    return float(value) if re.match(_NUMBER, value.strip()) else None


def _one_of(
    column: Any,
    values: Sequence[Any],
    case: bool,
    numbers: Callable[[], NDArray[np.float64]],
    seconds: float,
) -> Mask:
    texts = [str(value) for value in values]
    numeric = [number for value in values if (number := as_number(value)) is not None]
    flag = "" if case else "(?i)"
    pattern = f"{flag}\\A(?:{'|'.join(map(re.escape, texts))})\\z"
    found = scan(column, _matcher(pattern), seconds=seconds)
    return found | np.isin(numbers(), numeric) if numeric else found


def _compared(
    column: Any, test: Comparison, numbers: Callable[[], NDArray[np.float64]], seconds: float
) -> Mask:
    import pyarrow.compute as pc

    if test.op == "between":  # names that numpy and pyarrow share
        bounds = [("greater_equal", test.value[0]), ("less_equal", test.value[1])]
    else:
        bounds = [("greater" if test.op == ">" else "less", test.value)]
    as_read = [(name, number) for name, bound in bounds if (number := as_number(bound)) is not None]
    known = numbers() if len(as_read) == len(bounds) else np.full(len(column), np.nan)
    is_number = ~np.isnan(known)
    found: Mask = is_number.copy()
    for name, number in as_read:
        found &= getattr(np, name)(known, number)
    if not any(isinstance(bound, str) for _, bound in bounds):
        return found

    def as_texts(part: Any) -> Any:
        folded = part if test.case else pc.utf8_lower(part)
        masks = [
            getattr(pc, name)(folded, str(bound) if test.case else str(bound).lower())
            for name, bound in bounds
        ]
        return masks[0] if len(masks) == 1 else pc.and_(*masks)

    return found | (scan(column, as_texts, seconds=seconds) & ~is_number)


def _matcher(pattern: str) -> Callable[[Any], Any]:
    import pyarrow.compute as pc

    return lambda part: pc.match_substring_regex(part, pattern)


def _pieces(column: Any) -> Iterator[Any]:
    for chunk in column.chunks:
        if not len(chunk):
            continue
        rows = max(64, min(32_768, len(chunk) * _SLICE_BYTES // max(chunk.nbytes, 1)))
        for start in range(0, len(chunk), rows):
            yield chunk.slice(start, rows)


def _array(found: Any) -> Mask:
    if hasattr(found, "combine_chunks"):
        found = found.combine_chunks()
    mask: Mask = np.asarray(found.to_numpy(zero_copy_only=False), dtype=np.bool_)
    return mask


def as_text(value: Any) -> str | None:
    """Write a field's value as the filters see it: numbers as they are, true and false in small letters."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return json.dumps(value, ensure_ascii=False) if isinstance(value, (bool, list, dict)) else str(value)
