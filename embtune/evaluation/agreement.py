"""How far two annotators agree."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from embtune.errors import BadInputError


@dataclass(frozen=True)
class Agreement:
    """Two annotators on the same n records: the share they answered alike, and Cohen's kappa.

    `kappa` is None where chance alone would make them agree always: both gave one label only.
    """

    n: int
    n_same: int
    share: float
    kappa: float | None


def agreement_of(first: NDArray[np.int64], second: NDArray[np.int64]) -> Agreement:
    """Compare two annotators' answers; both arrays have shape (n,), n >= 1, and hold any label numbers.

    Raises
    ------
    BadInputError
        If the lengths differ, or there is nothing to compare.

    Notes
    -----
    kappa = (observed - expected) / (1 - expected), expected being the sum over labels of the product of the
    two shares. Cohen (1960), doi:10.1177/001316446002000104.
    """
    if len(first) != len(second) or not len(first):
        raise BadInputError(
            f"Agreement needs two answers per record; got {len(first):,} and {len(second):,} answers."
        )
    _, places = np.unique(np.concatenate([first, second]), return_inverse=True)
    n = len(first)
    size = int(places.max()) + 1
    one, other = (np.bincount(part, minlength=size) / n for part in (places[:n], places[n:]))
    n_same = int((first == second).sum())
    expected = float(one @ other)
    kappa = None if expected > 1 - 1e-12 else (n_same / n - expected) / (1 - expected)
    return Agreement(n, n_same, n_same / n, kappa)
