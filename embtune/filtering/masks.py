"""Masks joined by AND, OR and NOT."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from embtune.filtering.query import Leaf, Node, Not

Mask = NDArray[np.bool_]


def mask_of(
    node: Node, n: int, answer: Callable[[Leaf, Mask | None], Mask], within: Mask | None = None
) -> Mask:
    """Tell for which of n records a tree holds; shape (n,).

    Parameters
    ----------
    answer
        Gives the mask of one condition. Once a group is decided for every record, the conditions after it
        are not asked for. What is similar to something is asked for last in an "all", with the mask of what
        the others leave: the n most similar are the n most similar of those.
    """
    if isinstance(node, Leaf):
        found = answer(node, within)
        assert found.shape == (n,)
        return found
    if isinstance(node, Not):
        return ~mask_of(node.part, n, answer)
    wants = node.kind == "all"
    joined = np.full(n, wants, dtype=np.bool_)
    parts = sorted(node.parts, key=_is_similar) if wants else node.parts
    for part in parts:
        other = mask_of(part, n, answer, joined if wants and _is_similar(part) else None)
        joined = joined & other if wants else joined | other
        if not joined.any() if wants else joined.all():
            break
    return joined


def _is_similar(node: Node) -> bool:
    return isinstance(node, Leaf) and node.kind == "similar"


def padded(mask: Mask, n: int) -> Mask:
    """Return a mask of the first records, shape (m,), m <= n, with False for the later ones; shape (n,)."""
    if len(mask) >= n:
        return mask[:n]
    return np.append(mask, np.zeros(n - len(mask), dtype=np.bool_))
