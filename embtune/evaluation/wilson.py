"""How far a share seen in a small sample may be from the true one."""

from __future__ import annotations

import math
from statistics import NormalDist


def wilson(n_hits: int, n: int, *, level: float = 0.95) -> tuple[float, float]:
    """Return Wilson's score interval for a share.

    Parameters
    ----------
    n_hits, n
        How many of how many; with n of 0 nothing is known, and the interval is (0, 1).
    level
        Coverage, in (0, 1).

    Returns
    -------
    low, high
        In [0, 1].

    Raises
    ------
    ValueError
        If n_hits is not from 0 to n.

    Notes
    -----
    Wilson (1927), doi:10.1080/01621459.1927.10502953. Unlike the usual ± interval it says something true
    of samples of ten, and of shares of 0 and 1.
    """
    if not 0 <= n_hits <= n:
        raise ValueError(f"n_hits is {n_hits}; it must be from 0 to n, which is {n}.")
    if n == 0:
        return 0.0, 1.0
    z2 = NormalDist().inv_cdf(0.5 + level / 2) ** 2
    share = n_hits / n
    middle = share + z2 / (2 * n)
    half = math.sqrt(z2 * (share * (1 - share) / n + z2 / (4 * n * n)))
    scale = 1 + z2 / n
    low = 0.0 if n_hits == 0 else (middle - half) / scale
    high = 1.0 if n_hits == n else (middle + half) / scale
    return low, high
