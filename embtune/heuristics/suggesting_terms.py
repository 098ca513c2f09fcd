"""Which records hold which words, phrases and beginnings of words: read once, asked often."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embtune.heuristics.terms import folded

Numbers = NDArray[np.int64]

JOINED_BY = (" ", "-", ".", "'", "’", "&", "/")
"""What may stand between the words of a phrase, so that a look-up finds it as written; blanks are one."""

_END = "\x00"  # between the texts, as they are read in one go
_LONGEST_PHRASE = 3
_SHORTEST_BEGINNING = 4


@dataclass(frozen=True)
class Words:
    """The words of n texts, one after the other.

    Attributes
    ----------
    vocabulary
        The words by number, in lower case.
    word, row
        Shape (w,): the number of every word, in order, and the row of its text.
    joint
        Shape (w,): what stands between a word and the next, as a place in `JOINED_BY`; -1 where no phrase can
        run on.
    """

    vocabulary: list[str]
    word: Numbers
    row: Numbers
    joint: Numbers


@dataclass(frozen=True)
class Terms:
    """What enough texts hold: words, phrases of two and three words, beginnings of words.

    Attributes
    ----------
    names
        The t terms, in lower case.
    forms
        By place, of terms that stand for all words which begin so: the words that the texts hold.
    holds
        Sparse (t, n), float32 ones: which text holds which term.
    """

    names: list[str]
    forms: dict[int, tuple[str, ...]]
    holds: Any


def read_words(texts: Sequence[str]) -> Words:
    """Split texts into words: runs of letters, digits, marks and underscores, as look-ups have them."""
    import pyarrow as pa

    run = _END + _END.join(folded(text).replace(_END, " ") for text in texts) + _END
    marks = "".join(one for one in set(run) if not one.isascii() and unicodedata.category(one)[0] == "M")
    # From one end mark to the last one: gap, word, gap, ..., word, gap.
    parts = re.split(rf"([^\w{re.escape(marks)}]+)", run)
    coded = pa.array(parts[2:-1:2], pa.string()).dictionary_encode()
    gaps = pa.array(parts[1::2], pa.string()).dictionary_encode()
    word = np.asarray(coded.indices).astype(np.int64)
    gap = np.asarray(gaps.indices).astype(np.int64)
    written = gaps.dictionary.to_pylist()
    ends = np.array([one.count(_END) for one in written], dtype=np.int64)
    spoken = [" " if one.isspace() else one for one in written]
    joints = np.array([JOINED_BY.index(one) if one in JOINED_BY else -1 for one in spoken], dtype=np.int64)
    row = np.cumsum(ends[gap])[:-1] - 1
    return Words(coded.dictionary.to_pylist(), word, row, joints[gap[1:]])


def read_terms(words: Words, n: int, *, fewest: int) -> Terms:
    """Find what at least `fewest` of n texts hold.

    Notes
    -----
    Numbers, single letters and English stop words are no terms by themselves, and no phrase ends in one:
    such terms stand for nothing that would hold of the next text.
    """
    from scipy import sparse
    from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

    vocabulary = words.vocabulary
    every = holding(words.word, words.row, (len(vocabulary), n))
    often = np.diff(every.indptr)
    spoken = [
        not word.isdecimal() and _is_whole(word) and word not in ENGLISH_STOP_WORDS for word in vocabulary
    ]
    good = (often >= fewest) & np.array(spoken, dtype=bool)
    names = [vocabulary[i] for i in np.flatnonzero(good).tolist()]
    parts = [every[np.flatnonzero(good)]]

    begun = np.where(
        often[words.word] >= fewest, words.word, -1
    )  # the phrase that starts at each word, so far
    phrases: Sequence[str] = vocabulary
    for length in range(2, _LONGEST_PHRASE + 1):
        begun, phrases = _one_more(words, begun, phrases, length, often >= fewest, fewest)
        held = begun >= 0
        found = holding(begun[held], words.row[held], (len(phrases), n))
        enough = np.diff(found.indptr) >= fewest
        enough &= np.array([_can_stand_alone(phrase, ENGLISH_STOP_WORDS) for phrase in phrases], dtype=bool)
        names += [phrases[i] for i in np.flatnonzero(enough).tolist()]
        parts.append(found[np.flatnonzero(enough)])

    beginnings = _beginnings(vocabulary, good)
    forms = {}
    if beginnings:
        of, to = [], []
        for place, (beginning, members) in enumerate(beginnings.items()):
            forms[len(names)] = tuple(sorted(vocabulary[i] for i in members))
            names.append(vocabulary[beginning])
            of += [place] * len(members)
            to += members
        stands_for = sparse.csr_array(
            (np.ones(len(of), dtype=np.float32), (of, to)), shape=(len(beginnings), len(vocabulary))
        )
        union = sparse.csr_array(stands_for @ every)
        union.data[:] = 1
        parts.append(union)
    return Terms(names, forms, sparse.csr_array(sparse.vstack(parts, format="csr")))


def holding(what: Numbers, rows: Numbers, shape: tuple[int, int]) -> Any:
    """Make a sparse matrix of ones at (what, row); what stands twice in a text counts once."""
    from scipy import sparse

    found = sparse.csr_array((np.ones(len(what), dtype=np.float32), (what, rows)), shape=shape)
    found.sum_duplicates()
    found.data[:] = 1
    return found


def _is_whole(word: str) -> bool:
    return len(word) > 1 or not word.isascii()


def _can_stand_alone(phrase: str, stop_words: frozenset[str]) -> bool:
    """Tell whether a phrase is more than numbers, and is cut at neither end in the middle of what it says."""
    parts = phrase.split()
    if re.fullmatch(r"[\W\d_]+", phrase) or (len(parts) > 1 and parts[-1] in stop_words):
        return False
    return _is_whole(parts[0]) and _is_whole(parts[-1]) and not phrase.endswith(("'s", "’s"))


def _one_more(
    words: Words,
    begun: Numbers,
    phrases: Sequence[str],
    length: int,
    frequent: NDArray[np.bool_],
    fewest: int,
) -> tuple[Numbers, list[str]]:
    """Lengthen phrases by a word; return which one starts at each word (or -1), and the phrases."""
    last = np.roll(words.word, 1 - length)
    joint = np.roll(words.joint, 2 - length)  # before the last word
    runs_on = (begun >= 0) & (joint >= 0) & frequent[last] if len(last) else np.zeros(0, dtype=bool)
    runs_on[max(0, len(runs_on) - length + 1) :] = False
    key = (begun[runs_on] * len(JOINED_BY) + joint[runs_on]) * len(words.vocabulary) + last[runs_on]
    _, first, which, times = np.unique(key, return_index=True, return_inverse=True, return_counts=True)
    wanted = np.flatnonzero(times >= fewest)
    number = np.full(len(times), -1, dtype=np.int64)
    number[wanted] = np.arange(len(wanted))
    starts = np.full(len(begun), -1, dtype=np.int64)
    starts[runs_on] = number[which]
    at = np.flatnonzero(runs_on)[first[wanted]]
    longer = [
        f"{phrases[a]}{JOINED_BY[b]}{words.vocabulary[c]}"
        for a, b, c in zip(begun[at].tolist(), joint[at].tolist(), last[at].tolist(), strict=True)
    ]
    return starts, longer


def _beginnings(vocabulary: Sequence[str], frequent: NDArray[np.bool_]) -> dict[int, list[int]]:
    """Find frequent words that other words begin with; return all words that begin so, itself included."""
    number = {word: i for i, word in enumerate(vocabulary)}
    found: dict[int, list[int]] = {}
    for i, word in enumerate(vocabulary):
        for length in range(_SHORTEST_BEGINNING, len(word)):
            stem = number.get(word[:length])
            if stem is not None and frequent[stem]:
                found.setdefault(stem, [stem]).append(i)
    return {stem: members for stem, members in found.items() if vocabulary[stem].isalpha()}
