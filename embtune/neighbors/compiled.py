"""Compile a loop over numbers to machine code, once per machine where that can be kept."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any


@lru_cache(maxsize=32)
def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return `function` compiled by numba; it lets go of Python's lock, so threads run it side by side.

    The compiled code is kept on disk beside the module or in the user's cache folder.
    """
    import numba

    # Sums may be regrouped, but infinity and NaN keep their meaning.
    options = {"nogil": True, "fastmath": {"reassoc", "contract", "arcp", "nsz", "afn"}}
    try:
        made: Callable[..., Any] = numba.njit(function, cache=True, **options)
    except RuntimeError:  # neither folder can be written
        made = numba.njit(function, **options)
    return made
