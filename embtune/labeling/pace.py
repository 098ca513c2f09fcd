"""How fast a person answers, how often the label changes, and how often they say what the model said."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Pace:
    """How n answers went, one after the other.

    Attributes
    ----------
    per_minute
        Answers a minute of work; None below three answers.
    switches
        Context switches: changes of label between one record and the next.
    minutes
        Time worked, pauses left out.
    n_predicted, n_agreed
        Answers to records with which the model's guess was shown, and those that were that guess.
    """

    n: int
    per_minute: float | None
    switches: int
    minutes: float = 0.0
    n_predicted: int = 0
    n_agreed: int = 0

    @property
    def agreement(self) -> float | None:
        """Share of the answers that were what the model had shown; None if it showed nothing."""
        return self.n_agreed / self.n_predicted if self.n_predicted else None

    @property
    def switches_per_100(self) -> float | None:
        """Context switches in a hundred steps from one record to the next; None below two answers."""
        return 100 * self.switches / (self.n - 1) if self.n > 1 else None


def pace_of(
    times: Sequence[float],
    labels: Sequence[int | None],
    predicted: Sequence[int | None] = (),
    *,
    pause: float = 60.0,
) -> Pace:
    """Compute the pace of answers given one after the other.

    Parameters
    ----------
    times
        When each was given, newest first, in seconds; a gap longer than `pause` seconds is no work.
    labels
        What each said, in the same order.
    predicted
        What the model had shown with each, None where it showed nothing; or empty.
    """
    gaps = [later - earlier for later, earlier in itertools.pairwise(times)]
    worked = [gap for gap in gaps if 0 < gap <= pause]
    per_minute = 60 * len(worked) / sum(worked) if len(worked) >= 2 else None
    switches = sum(a != b for a, b in itertools.pairwise(labels))
    shown = [(a, b) for a, b in zip(labels, predicted, strict=False) if b is not None]
    agreed = sum(a == b for a, b in shown)
    return Pace(len(times), per_minute, switches, sum(worked) / 60, len(shown), agreed)
