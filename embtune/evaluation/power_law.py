"""What the next labels can be expected to add: a power law through scores at growing numbers of labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embtune.errors import BadInputError

Floats = NDArray[np.float64]

GO_ON, SLOWING, ENOUGH, TOO_FEW = (
    "go on",
    "slowing",
    "enough: 20 more labels are expected to add less than 0.2 points",
    "too few to say",
)
_FEWEST_SIZES = 4  # a power law has three numbers to find
_LITTLE, _MUCH, _UNSURE = 0.002, 0.01, 0.05  # of accuracy or top_k


@dataclass(frozen=True)
class PowerLaw:
    """score(n) = a - b * n ** -c."""

    a: float
    b: float
    c: float

    def __call__(self, n: Any) -> Any:
        """Return the score with n labels, n a number or an array of them."""
        return self.a - self.b * np.asarray(n, dtype=np.float64) ** -self.c


@dataclass(frozen=True)
class Gain:
    """What `more` labels are expected to add to a score, with a 95 % interval; in shares, not points."""

    more: int
    mean: float
    low: float
    high: float


def fit_power_law(sizes: Any, scores: Any, *, sigma: Any = None, start: PowerLaw | None = None) -> PowerLaw:
    """Fit score(n) = a - b * n ** -c by bounded least squares: a at most 1, b and c not negative.

    Parameters
    ----------
    sizes, scores
        Shape (s,), at least three: numbers of labels and the score with each, in [0, 1].
    sigma
        Shape (s,): how far each score may be off; equal by default.
    start
        A law to begin from, such as that of nearly the same scores.

    Notes
    -----
    The form is that of Cortes, Jackel, Solla, Vapnik and Denker, "Learning curves: asymptotic values and rate
    of convergence" (NIPS 1993).
    """
    from scipy.optimize import least_squares

    n, score = np.asarray(sizes, dtype=np.float64), np.asarray(scores, dtype=np.float64)
    if len(n) < 3 or len(n) != len(score):
        raise BadInputError(f"A learning curve needs at least 3 points, one score each; there are {len(n)}.")
    last = n[-1]
    off = np.ones(len(n)) if sigma is None else np.asarray(sigma, dtype=np.float64)
    off = off / off.mean()

    def error(parameters: Floats) -> Floats:
        a, b, c = parameters
        return np.asarray((a - b * (n / last) ** -c - score) / off)

    deficit = max(0.02, score[-1] - score[0]) / 2
    begins = [(score[-1] + 0.02, deficit, c) for c in (0.2, 0.5, 1.0)]
    if start is not None:
        begins = [(start.a, start.b * last**-start.c, start.c)]
    # b is what is missing at the last size, so that all three are of one order.
    found = min(
        (
            least_squares(
                error,
                np.clip(begin, [1e-4, 1e-4, 0.02], [0.999, 0.999, 2.9]),
                bounds=([0, 0, 0.01], [1, 1, 3]),
                max_nfev=200,
            )
            for begin in begins
        ),
        key=lambda result: result.cost,
    )
    a, b, c = found.x
    return PowerLaw(float(a), float(b * last**c), float(c))


def fitted_law(sizes: tuple[int, ...], scores: NDArray[np.float32]) -> PowerLaw:
    """Fit the law to the mean of each size; a size whose draws differ more counts less.

    Parameters
    ----------
    sizes
        Shape (s,): numbers of labels.
    scores
        Shape (s, draws, m): the score of each measured record.
    """
    return fit_power_law(sizes, scores.mean(axis=(1, 2), dtype=np.float64), sigma=_uncertainty(scores))


def _uncertainty(scores: NDArray[np.float32]) -> Floats:
    """Standard error of each size's mean: of its draws, and of the measured records. Shape (s,)."""
    draws, m = scores.shape[1:]
    of_draws = scores.mean(axis=2, dtype=np.float64).var(axis=1) / max(1, draws - 1)
    of_records = scores.mean(axis=1, dtype=np.float64).var(axis=1) / m
    error: Floats = np.sqrt(of_draws + of_records + 1e-6)
    return error


def expected_gain(
    sizes: tuple[int, ...],
    scores: NDArray[np.float32],
    *,
    more: int = 20,
    n_bootstrap: int = 200,
    seed: int = 0,
) -> Gain | None:
    """Say what `more` labels beyond the last size are expected to add.

    Parameters
    ----------
    sizes
        Shape (s,): numbers of labels.
    scores
        Shape (s, draws, m): the score of each measured record.
    n_bootstrap
        Of the interval: draws of labels, measured records and the signs of what the curve
        misses are drawn anew, and a curve is fitted to each.

    Returns
    -------
    gain
        None with fewer than 4 sizes: a curve has three numbers to find.
    """
    if len(sizes) < _FEWEST_SIZES:
        return None
    rng = np.random.default_rng([seed, 3])
    draws, m = scores.shape[1:]
    values = scores.astype(np.float64)

    sigma, law = _uncertainty(scores), fitted_law(sizes, scores)
    misfit = scores.mean(axis=(1, 2), dtype=np.float64) - law(sizes)

    def gain(fitted: PowerLaw) -> float:
        return float(fitted(sizes[-1] + more) - fitted(sizes[-1]))

    gains = []
    for _ in range(n_bootstrap):
        records = np.bincount(rng.integers(0, m, m), minlength=m) / m
        # Each size's draws anew and by themselves: that is how far its mean may be off.
        chosen = rng.integers(0, draws, (len(sizes), draws))
        per_draw = values @ records
        means = np.take_along_axis(per_draw, chosen, axis=1).mean(axis=1)
        # Where the law does not fit, as much is open: the misfit of each size, with a sign drawn at random.
        means = means - misfit * rng.integers(0, 2, len(sizes)) * 2
        gains.append(gain(fit_power_law(sizes, means, sigma=sigma, start=law)))
    low, high = np.percentile(gains, [2.5, 97.5])
    return Gain(more, gain(law), float(low), float(high))


def advice(gains: list[Gain | None]) -> str:
    """Say in a word whether to go on labelling, by the score that has most to gain."""
    known = [gain for gain in gains if gain is not None]
    if len(known) < len(gains) or not known:
        return TOO_FEW
    most = max(known, key=lambda gain: gain.mean)
    if most.high - most.low > _UNSURE:
        return TOO_FEW
    if most.mean < _LITTLE:
        return ENOUGH
    return GO_ON if most.mean >= _MUCH else SLOWING


def spread(
    scores: NDArray[np.float32], *, n_bootstrap: int = 500, seed: int = 0
) -> tuple[Floats, Floats, Floats]:
    """Mean of each size and its 95 % bootstrap interval over draws and measured records, shape (s,) each."""
    values = scores.astype(np.float64)
    s, draws, m = values.shape
    rng = np.random.default_rng([seed, 4])
    means = np.empty((n_bootstrap, s))
    for i in range(n_bootstrap):
        records = np.bincount(rng.integers(0, m, m), minlength=m) / m
        means[i] = (values @ records)[:, rng.integers(0, draws, draws)].mean(axis=1)
    low, high = np.percentile(means, [2.5, 97.5], axis=0)
    return values.mean(axis=(1, 2)), low, high
