"""Names of clusters from the words that set them apart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

WORDS_IN_NAME = 3

_KEPT = 8
_LEARNT_FROM = 100_000
_MOST_WORDS = 30_000
_TIMES_AS_OFTEN = 1.5  # as in the other texts, or the word does not set the cluster apart
_EVERYWHERE = 0.1  # share of texts from which on a word must be rarer outside than this allows
_WORD = r"(?u)\b[^\W\d_](?:\w|[-&.](?=\w))+\b"  # wal-mart and u.s are one word each


def cluster_words(
    texts: Sequence[str], ids: NDArray[np.int64], *, n_words: int = _KEPT, seed: int = 0
) -> list[tuple[str, ...]]:
    """Find the words that set each cluster apart, the most telling first.

    Parameters
    ----------
    texts
        One per record; of more than 100,000 a sample is read.
    ids
        Shape (n,), cluster numbers from 0, negative where there is none.
    n_words
        At most so many for each.

    Returns
    -------
    list of tuple
        One for each cluster; empty where its texts hold no word that others hold less.

    Notes
    -----
    Class TF-IDF as BERTopic has it: term frequency in the cluster times log(1 + A / f), A the mean number of
    words in a cluster and f the word's frequency in all: Grootendorst (2022), arXiv:2203.05794. Words that
    the other texts hold nearly as often are left out, which are a language's stop words, whatever the
    language; English ones are left out by name too, for small corpora.
    """
    from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS, CountVectorizer

    n_clusters = int(ids.max()) + 1 if len(ids) else 0
    rows = np.flatnonzero(ids >= 0)
    if len(rows) > _LEARNT_FROM:
        rows = np.sort(np.random.default_rng(seed).choice(rows, _LEARNT_FROM, replace=False))
    if not len(rows):
        return [()] * n_clusters
    vectorizer = CountVectorizer(
        token_pattern=_WORD,
        stop_words=sorted(ENGLISH_STOP_WORDS),
        min_df=1 if len(rows) < 100 else 2 if len(rows) < 5000 else 5,
        max_features=_MOST_WORDS,
        dtype=np.float32,
    )
    try:
        counted = vectorizer.fit_transform([texts[row] for row in rows.tolist()])
    except ValueError:  # no word at all
        return [()] * n_clusters
    scores = _scores(counted, ids[rows], n_clusters)
    names = vectorizer.get_feature_names_out()
    return [_best(names, line, n_words) for line in scores]


def cluster_names(words: Sequence[Sequence[str]]) -> list[str]:
    """Return a name of three words for each cluster, more where two would share it; no two are equal.

    A cluster without words is named by its number, from 1.
    """
    names: list[str] = []
    for i, own in enumerate(words):
        name = ", ".join(own[:WORDS_IN_NAME]) or f"cluster {i + 1}"
        n = WORDS_IN_NAME
        while name in names and n < len(own):
            n += 1
            name = ", ".join(own[:n])
        if name in names:
            name = f"{name} ({i + 1})"
        names.append(name)
    return names


def _scores(counted: Any, ids: NDArray[np.int64], n_clusters: int) -> NDArray[np.float32]:
    """Score words, shape (clusters, words); 0 where a word does not set the cluster apart."""
    from scipy import sparse

    n, n_words = counted.shape
    ones = np.ones(n, dtype=np.float32)
    member = sparse.csr_array((ones, (ids, np.arange(n))), shape=(n_clusters, n))
    often = np.asarray((member @ counted).todense(), dtype=np.float32)  # (clusters, words)
    seen = counted.copy()
    seen.data[:] = 1
    holds = np.asarray((member @ seen).todense(), dtype=np.float32)
    size = np.asarray(member.sum(axis=1), dtype=np.float32).ravel()[:, None]
    in_cluster = often / np.maximum(often.sum(axis=1, keepdims=True), 1)
    mean_words = often.sum() / max(1, n_clusters)
    scores = in_cluster * np.log1p(mean_words / np.maximum(often.sum(axis=0), 1))
    inside = holds / np.maximum(size, 1)
    outside = (holds.sum(axis=0) - holds) / np.maximum(n - size, 1)
    apart = (inside >= _TIMES_AS_OFTEN * outside) & (holds >= np.minimum(2, size))
    # A word that a tenth of all others hold too says little, even where this cluster holds it more.
    apart &= (outside < _EVERYWHERE) | (inside >= 2 * _TIMES_AS_OFTEN * outside)
    found: NDArray[np.float32] = np.where(apart, scores, 0).astype(np.float32).reshape(n_clusters, n_words)
    return found


def _best(names: NDArray[Any], scores: NDArray[np.float32], n_words: int) -> tuple[str, ...]:
    """Take the best words, but of those that begin alike (price, prices) one."""
    order = np.argsort(-scores, kind="stable")[: 5 * n_words]
    chosen: list[str] = []
    for place in order.tolist():
        word = str(names[place])
        if scores[place] <= 0 or len(chosen) == n_words:
            break
        if not any(_alike(word, other) for other in chosen):
            chosen.append(word)
    return tuple(chosen)


def _alike(a: str, b: str) -> bool:
    short, long = sorted((a, b), key=len)
    return len(short) >= 4 and len(long) - len(short) <= 3 and long.startswith(short)
