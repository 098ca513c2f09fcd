"""How fast a person answers, and how often the label changes from one record to the next."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Pace:
    """How the last answers went: `per_minute` is None below three, `switches` are changes of label."""

    n: int
    per_minute: float | None
    switches: int


def pace_of(times: Sequence[float], labels: Sequence[int | None], *, pause: float = 60.0) -> Pace:
    """Compute the pace of answers given one after the other.

    Parameters
    ----------
    times
        When each was given, newest first, in seconds; a gap longer than `pause` seconds is no work.
    labels
        What each said, in the same order.
    """
    gaps = [later - earlier for later, earlier in itertools.pairwise(times)]
    worked = [gap for gap in gaps if 0 < gap <= pause]
    per_minute = 60 * len(worked) / sum(worked) if len(worked) >= 2 else None
    switches = sum(a != b for a, b in itertools.pairwise(labels))
    return Pace(len(times), per_minute, switches)
