"""Which texts contain a term: an inverted index, so that the next thousand terms cost next to nothing."""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from embtune.heuristics.columns import as_column

Match = Literal["word", "prefix", "part"]
"""How a term is found: as whole words, at the beginning of a word, or anywhere."""

_NO_WORD = r"[^\pL\pN\pM_]+"  # as `is_word` has it, for RE2
# A character with the accents, or the Korean letters, that are of one piece with it.
_SEGMENT = re.compile(r"(?s).[\u0300-\u036f\u1160-\u11ff\u3099\u309a]*")
_CHUNK = 20_000
_LAST = "\U0010ffff"

Rows = NDArray[np.int64]


@dataclass(frozen=True)
class _Piece:
    """A word of a term, in small letters; `open` sides may be followed by more of the same word."""

    text: str
    open_left: bool
    open_right: bool


@dataclass(frozen=True)
class _Term:
    pieces: tuple[_Piece, ...]
    pattern: re.Pattern[str]
    closed_left: bool
    closed_right: bool
    is_one_word: bool


class TermIndex:
    """Texts by the words in them.

    A word is what letters, digits, marks and "_" make up without a break. Terms may hold several words, and
    other characters: `C++` and `$5` are found where they stand, any blanks between words match any others.
    """

    def __init__(self, texts: Sequence[str | None]) -> None:
        """Index n texts; None has no words."""
        self.n = len(texts)
        self._texts = texts
        self._words, self._starts, self._rows = _invert(texts)
        self._joined = ""
        self._at = np.zeros(0, np.int64)

    def rows(self, term: str, match: Match = "word", *, case: bool = False) -> Rows:
        """Return the rows of the texts that contain a term, ascending, each once; none for a blank term."""
        parsed = _parse(" ".join(term.split()), match, case)
        if parsed is None:
            return np.zeros(0, np.int64)
        candidates: Rows | None = None
        for piece in sorted(parsed.pieces, key=lambda piece: -len(piece.text)):
            found = self._rows_of(piece)
            candidates = found if candidates is None else candidates[np.isin(candidates, found)]
            if not len(candidates):
                return candidates
        if candidates is None:
            candidates = np.arange(self.n)
        if parsed.is_one_word and not case:
            return candidates
        kept = [row for row in candidates.tolist() if _contains(self._prepared(row, case), parsed)]
        return np.array(kept, np.int64)

    def count(self, terms: Iterable[str], match: Match = "word", *, case: bool = False) -> NDArray[np.int32]:
        """Count the different terms in every text. Shape (n,)."""
        counts = np.zeros(self.n, np.int32)
        for term in terms:
            counts[self.rows(term, match, case=case)] += 1
        return counts

    def _prepared(self, row: int, case: bool) -> str:
        return folded(self._texts[row] or "", case=case)

    def _rows_of(self, piece: _Piece) -> Rows:
        words, text = self._words, piece.text
        if piece.open_left:
            return self._union(self._words_with(text, piece.open_right))
        start = bisect_left(words, text)
        if piece.open_right:
            stop = bisect_left(words, text + _LAST, start)
        else:
            stop = start + (start < len(words) and words[start] == text)
        return self._union(range(start, stop))

    def _words_with(self, text: str, open_right: bool) -> list[int]:
        """Numbers of the words that contain a text, or end with it."""
        if not self._joined:
            self._joined = "\n".join(self._words) + "\n"
            lengths = np.fromiter(map(len, self._words), np.int64, count=len(self._words))
            self._at = np.cumsum(lengths + 1) - lengths - 1
        wanted = text if open_right else text + "\n"
        places, at = [], self._joined.find(wanted)
        while at >= 0:
            places.append(at)
            at = self._joined.find(wanted, at + 1)
        return sorted(set((np.searchsorted(self._at, places, side="right") - 1).tolist()))

    def _union(self, words: Sequence[int]) -> Rows:
        """Rows of the texts that contain any of the words of those numbers, which ascend."""
        if not len(words):
            return np.zeros(0, np.int64)
        if len(words) == 1:
            return self._rows[self._starts[words[0]] : self._starts[words[0] + 1]].astype(np.int64)
        mask = np.zeros(self.n, np.bool_)
        if isinstance(words, range):
            mask[self._rows[self._starts[words[0]] : self._starts[words[-1] + 1]]] = True
        else:
            for word in words:
                mask[self._rows[self._starts[word] : self._starts[word + 1]]] = True
        return np.flatnonzero(mask)


def find_terms(
    text: str, terms: Iterable[str], match: Match = "word", *, case: bool = False
) -> list[tuple[int, int]]:
    """Return where in a text terms stand, from character to character, in order; what overlaps is joined."""
    prepared, starts, stops = _prepared_with_places(text, case)
    found: list[tuple[int, int]] = []
    for term in terms:
        parsed = _parse(" ".join(term.split()), match, case)
        if parsed is not None:
            found += [(starts[at], stops[end - 1]) for at, end in _occurrences(prepared, parsed)]
    joined: list[tuple[int, int]] = []
    for start, stop in sorted(found):
        if joined and start < joined[-1][1]:
            joined[-1] = (joined[-1][0], max(stop, joined[-1][1]))
        else:
            joined.append((start, stop))
    return joined


def folded(text: str, *, case: bool = False) -> str:
    """Return a text as it is compared: accents in one piece and, unless `case`, without upper case."""
    if text.isascii():
        return text if case else text.lower()
    whole = unicodedata.normalize("NFC", text)
    return whole if case else unicodedata.normalize("NFC", whole.casefold())


def is_word(character: str) -> bool:
    """Tell whether a character is of a word: a letter, digit, mark or "_"."""
    return character == "_" or unicodedata.category(character)[0] in "LNM"


@lru_cache(maxsize=4096)
def _parse(term: str, match: Match, case: bool) -> _Term | None:
    if not term:
        return None
    low = folded(term)
    pieces = []
    for start, stop in _words_in(low):
        open_left = match == "part" and start == 0
        open_right = match != "word" and stop == len(low)
        pieces.append(_Piece(low[start:stop], open_left, open_right))
    wanted = folded(term, case=case)
    return _Term(
        pieces=tuple(pieces),
        pattern=re.compile(r"\s+".join(map(re.escape, wanted.split()))),
        closed_left=match != "part" and is_word(wanted[0]),
        closed_right=match == "word" and is_word(wanted[-1]),
        is_one_word=len(pieces) == 1 and pieces[0].text == low,
    )


def _words_in(text: str) -> Iterator[tuple[int, int]]:
    start = -1
    for at, character in enumerate(text):
        if is_word(character):
            start = at if start < 0 else start
        elif start >= 0:
            yield start, at
            start = -1
    if start >= 0:
        yield start, len(text)


def _contains(text: str, term: _Term) -> bool:
    return next(_occurrences(text, term), None) is not None


def _occurrences(text: str, term: _Term) -> Iterator[tuple[int, int]]:
    found = term.pattern.search(text)
    while found:
        start, stop = found.span()
        left = term.closed_left and start > 0 and is_word(text[start - 1])
        right = term.closed_right and stop < len(text) and is_word(text[stop])
        if not left and not right:
            yield start, stop
        found = term.pattern.search(text, start + 1)


def _prepared_with_places(text: str, case: bool) -> tuple[str, Sequence[int], Sequence[int]]:
    """Return the folded text, and where in the text each of its characters begins and ends."""
    if text.isascii():
        return folded(text, case=case), range(len(text)), range(1, len(text) + 1)
    parts: list[str] = []
    starts: list[int] = []
    stops: list[int] = []
    for segment in _SEGMENT.finditer(text):
        part = folded(segment[0], case=case)
        parts.append(part)
        starts += [segment.start()] * len(part)
        stops += [segment.end()] * len(part)
    return "".join(parts), starts, stops


def _invert(texts: Sequence[str | None]) -> tuple[list[str], NDArray[np.int64], NDArray[np.int32]]:
    """Return the words in order, and for each (from `starts[i]` to `starts[i + 1]`) the rows it is in."""
    import pyarrow.compute as pc
    from scipy.sparse import csr_array

    number: dict[str, int] = {}
    codes, lengths = [np.zeros(0, np.int32)], [np.zeros(0, np.int64)]
    for start in range(0, len(texts), _CHUNK):
        part = [folded(text or "") for text in texts[start : start + _CHUNK]]
        split = pc.split_pattern_regex(as_column(part).combine_chunks(), _NO_WORD)
        split = split.combine_chunks() if hasattr(split, "combine_chunks") else split
        encoded = split.flatten().dictionary_encode()
        known = [number.setdefault(word, len(number)) for word in encoded.dictionary.to_pylist()]
        codes.append(np.array(known, np.int32)[encoded.indices.to_numpy()])
        lengths.append(np.diff(split.offsets.to_numpy()))
    order = sorted(number)
    place = np.empty(len(order), np.int32)
    place[[number[word] for word in order]] = np.arange(len(order))
    code = place[np.concatenate(codes)] if order else np.zeros(0, np.int32)
    row_starts = np.concatenate([[0], np.cumsum(np.concatenate(lengths))])
    once = csr_array((np.ones(len(code), np.int8), code, row_starts), shape=(len(texts), len(order))).tocsc()
    rows, starts = once.indices.astype(np.int32), once.indptr.astype(np.int64)
    word = np.repeat(np.arange(len(order), dtype=np.int32), np.diff(starts))
    first = np.ones(len(rows), np.bool_)
    first[1:] = (rows[1:] != rows[:-1]) | (word[1:] != word[:-1])
    counts = np.bincount(word[first], minlength=len(order))
    return order, np.concatenate([[0], np.cumsum(counts)]), rows[first]
