"""Patterns that texts may hold: amounts, dates, addresses, how a text begins, phrases with a gap."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embtune.heuristics.suggesting_terms import JOINED_BY, Words, holding

COMMON = {
    "an amount of money": r"[$€£¥]\s?\d",
    "a percentage": r"\d\s?(?:%|percent\b|per cent\b)",
    "a score such as 3-1": r"\b\d{1,3}-\d{1,3}\b",
    "a year": r"\b(?:19|20)\d\d\b",
    "a time of day": r"\b\d{1,2}:\d\d\b",
    "a date": r"\b\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}\b",
    "a large number": r"\b\d{1,3}(?:,\d{3})+\b",
    "a number": r"\d",
    "a web address": r"https?://|\bwww\.",
    "an e-mail address": r"\b[\w.+-]+@[\w-]+\.\w+",
    "a handle or hashtag": r"(?:^|\s)[@#][A-Za-z]\w+",
    "a question mark": r"\?",
    "a question word first": r"^(?:how|what|when|where|which|who|why|can|could|do|does|did|is|are|will)\b",
    "an exclamation mark": r"!",
    "a quotation": r"[\"“][^\"”]{3,}[\"”]",
}
"""What each finds, and the pattern: RE2 syntax, case ignored."""

_GAP = JOINED_BY.index(" ")
_PLAIN = re.compile(r"[a-z0-9_]+")  # RE2 knows no word boundary beside other letters


@dataclass(frozen=True)
class Patterns:
    """The p patterns that enough texts hold.

    Attributes
    ----------
    patterns
        RE2 syntax, case ignored.
    says
        What each finds, in words.
    holds
        Sparse (p, n), float32 ones: which text holds which pattern.
    """

    patterns: list[str]
    says: list[str]
    holds: Any


def read_patterns(texts: Sequence[str], words: Words, *, fewest: int) -> Patterns:
    """Find which of n texts hold which patterns; those that fewer than `fewest` hold are left out.

    Parameters
    ----------
    words
        The texts' words, from `read_words`.
    """
    import pyarrow as pa
    from pyarrow import compute
    from scipy import sparse

    n = len(texts)
    column = pa.array(list(texts), pa.large_string())
    patterns, says, parts = [], [], []
    for what, pattern in COMMON.items():
        found = np.flatnonzero(np.asarray(compute.match_substring_regex(column, pattern, ignore_case=True)))
        if fewest <= len(found) < n:
            patterns.append(pattern)
            says.append(what)
            parts.append(holding(np.zeros(len(found), dtype=np.int64), found, (1, n)))
    for new, meaning, holds in (
        _firsts(words, n, fewest),
        _gaps(words, n, fewest),
        _figures(words, n, fewest),
    ):
        patterns += new
        says += meaning
        parts.append(holds)
    return Patterns(patterns, says, sparse.csr_array(sparse.vstack(parts, format="csr")))


def _firsts(words: Words, n: int, fewest: int) -> tuple[list[str], list[str], Any]:
    """Find words that many texts begin with; a text that begins with anything but a word has none."""
    opens = np.flatnonzero(np.diff(words.row, prepend=-1) > 0)
    return _counted(
        words.word[opens],
        words.row[opens],
        n,
        fewest,
        lambda key: _plain(words, key),
        lambda key: (rf"^\W*{words.vocabulary[key]}\b", f"“{words.vocabulary[key]}” first"),
    )


def _gaps(words: Words, n: int, fewest: int) -> tuple[list[str], list[str], Any]:
    """Find two words with any one word between them."""
    size = len(words.vocabulary)
    if len(words.word) < 3:
        return [], [], holding(words.word[:0], words.row[:0], (0, n))
    often = np.bincount(words.word, minlength=size) >= fewest
    a, c = words.word[:-2], words.word[2:]
    plain = np.array([_plain(words, number) for number in range(size)], dtype=bool)
    good = (words.joint[:-2] == _GAP) & (words.joint[1:-1] == _GAP) & often[a] & often[c]
    good &= plain[a] & plain[words.word[1:-1]] & plain[c]

    def told(key: int) -> tuple[str, str]:
        first, last = words.vocabulary[key // size], words.vocabulary[key % size]
        return rf"\b{first}\s+\w+\s+{last}\b", f"“{first} … {last}”"

    return _counted(
        (a * size + c)[good],
        words.row[:-2][good],
        n,
        fewest,
        lambda key: True,
        told,
    )


def _figures(words: Words, n: int, fewest: int) -> tuple[list[str], list[str], Any]:
    """Find a number and the word after it."""
    digits = np.array([word.isdecimal() and word.isascii() for word in words.vocabulary], dtype=bool)
    here = np.flatnonzero((words.joint == _GAP) & digits[words.word]) if len(words.word) else words.word
    here = here[here + 1 < len(words.word)]
    after = words.word[here + 1]
    return _counted(
        after,
        words.row[here],
        n,
        fewest,
        lambda key: _plain(words, key) and not digits[key],
        lambda key: (rf"\b\d+\s+{words.vocabulary[key]}\b", f"a number and “{words.vocabulary[key]}”"),
    )


def _plain(words: Words, number: int) -> bool:
    return _PLAIN.fullmatch(words.vocabulary[number]) is not None


def _counted(
    keys: NDArray[np.int64], rows: NDArray[np.int64], n: int, fewest: int, usable: Any, told: Any
) -> tuple[list[str], list[str], Any]:
    """Count keys by text; return the patterns, what they say, and what holds them, of those often enough."""
    distinct, which = np.unique(keys, return_inverse=True)
    found = holding(which.astype(np.int64), rows, (len(distinct), n))
    enough = np.flatnonzero(np.diff(found.indptr) >= fewest)
    kept = [place for place in enough.tolist() if usable(int(distinct[place]))]
    both = [told(int(distinct[place])) for place in kept]
    return [one for one, _ in both], [one for _, one in both], found[np.array(kept, dtype=np.int64)]
