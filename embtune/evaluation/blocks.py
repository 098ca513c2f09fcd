"""Which labels lie together and are held out together: no model is tested next to what it knows."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

FEWEST = 5
"""Blocks that labels are parted into at least."""

_MOST_COMPARED = 1000  # labelled records
_MOST_OF_CLASS = 0.75  # of its labels may be held out at once


def label_blocks(
    vectors: NDArray[Any], rows: NDArray[np.int64], rng: np.random.Generator
) -> NDArray[np.int64]:
    """Part labelled records into blocks that are held out together, shape (m,), numbered from 0.

    Records of one shape tell each other's label too easily: held out one by one, they would make the model
    look better than it is elsewhere. So the blocks are as large as it takes for a held-out record to be as
    far from the other labels as an unlabelled record is from all. Of labels at random each is its own block.

    Notes
    -----
    Linnenbrink et al. (2024), kNNDM cross-validation: k-fold nearest-neighbour distance matching.
    """
    m = len(rows)
    alone = np.arange(m)
    others = np.setdiff1d(np.arange(len(vectors)), rows)
    if m < 2 * FEWEST or not len(others):
        return alone
    inside = np.asarray(vectors[rows], dtype=np.float32)
    some = alone if m <= _MOST_COMPARED else np.sort(rng.choice(m, _MOST_COMPARED, replace=False))
    others = rng.choice(others, min(len(others), _MOST_COMPARED // 2), replace=False)
    wanted = _quantiles((np.asarray(vectors[others], dtype=np.float32) @ inside[some].T).max(axis=1))
    alike = inside[some] @ inside[some].T
    best, nearest_gap = alone, np.inf
    for n_blocks in dict.fromkeys((m, m // 3, m // 8, 40, 20, 10, FEWEST)):
        if n_blocks > m or n_blocks < FEWEST:
            continue
        blocks = alone
        if n_blocks < m:
            centres = rng.choice(m, n_blocks, replace=False)
            blocks = np.unique((inside @ inside[centres].T).argmax(axis=1), return_inverse=True)[1]
        fold = _folds(blocks, FEWEST, rng)[some]
        apart = np.where(fold[:, None] != fold[None, :], alike, -1.0).max(axis=1)
        gap = float(np.abs(_quantiles(apart) - wanted).mean())
        if gap < nearest_gap:
            best, nearest_gap = blocks, gap
    return best


def _quantiles(values: NDArray[Any]) -> NDArray[Any]:
    found: NDArray[Any] = np.quantile(values, np.linspace(0.025, 0.975, 20))
    return found


def _folds(block: NDArray[np.int64], n_folds: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Deal blocks to folds of about equal size: the largest first, each to the smallest fold. Shape (m,)."""
    sizes = np.bincount(block)
    fold_of = np.empty(len(sizes), dtype=np.int64)
    order = rng.permutation(len(sizes))
    if sizes.max() == 1:
        fold_of[order] = np.arange(len(sizes)) % n_folds
        return fold_of[block]
    filled = np.zeros(n_folds, dtype=np.int64)
    for i in order[np.argsort(-sizes[order], kind="stable")].tolist():
        to = int(filled.argmin())
        fold_of[i] = to
        filled[to] += sizes[i]
    return fold_of[block]


def block_folds(
    block: NDArray[np.int64], labels: NDArray[np.int64], n_folds: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Say in which of `n_folds` each label is held out, shape (m,), given blocks and classes of that shape.

    Blocks stay whole, except that the labels of a class are dealt one by one where a fold would hold nearly
    all of them: its model would not know the class.
    """
    fold = _folds(block, n_folds, rng)
    sizes = np.bincount(labels)
    held = np.bincount(labels * n_folds + fold, minlength=len(sizes) * n_folds).reshape(-1, n_folds)
    for label in np.flatnonzero((sizes >= 2) & (held.max(axis=1) > _MOST_OF_CLASS * sizes)).tolist():
        members = rng.permutation(np.flatnonzero(labels == label))
        fold[members] = (np.arange(len(members)) + rng.integers(n_folds)) % n_folds
    return fold
