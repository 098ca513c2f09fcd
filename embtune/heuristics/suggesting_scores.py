"""How telling a term is of a label: from labels alone, and how far that is to be believed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Floats = NDArray[Any]

STRENGTH = 8.0
"""Labelled records that the guesses about all who hold a term count for, while terms are searched."""

CHANCE = 1.64
"""Standard deviations of log-odds up to which a term may point to a label by chance."""

_OTHERS_COUNT = 0.25  # an unlabelled record in the prior, of a labelled one
_MOST = 0.995
_HALF = 0.5  # a record, that no term is without, so that none is infinitely telling
_MOST_TRIALS = 1500
_SUREST = 12.0  # records that an interval takes the guesses for, at most


@dataclass(frozen=True)
class Evidence:
    """What speaks for some terms and one label.

    Attributes
    ----------
    terms
        Shape (t,): places of the terms.
    right, known
        Shape (t,): of the labelled records that hold the term, those with the label, and all.
    guessed
        Shape (t,): mean guessed probability of the label over all records that hold the term.
    """

    terms: NDArray[np.int64]
    right: Floats
    known: Floats
    guessed: Floats

    @property
    def precision(self) -> Array:
        """How precise a term is taken to be while terms are searched."""
        found: Array = (self.right + STRENGTH * self.guessed) / (self.known + STRENGTH)
        return found

    def some(self, places: NDArray[np.int64]) -> Evidence:
        """Return it for some of the terms."""
        return Evidence(self.terms[places], self.right[places], self.known[places], self.guessed[places])


def log_odds(
    evidence: Evidence, often: Array, *, right: float, known: float, guessed: float, n: int
) -> Array:
    """Return how much more often the label's records hold terms than the others do, in standard deviations.

    Parameters
    ----------
    evidence
        Of t terms.
    often
        Shape (t,): how many records hold each term.
    right, known
        Labelled records with the label, and all.
    guessed, n
        How many records have the label by the guesses, and all.

    Notes
    -----
    The log-odds ratio with an informative Dirichlet prior: Monroe, Colaresi & Quinn (2008), "Fightin' Words",
    doi:10.1093/pan/mpn018. Records that hold a term are counted, rather than how often they repeat it. The
    prior is the whole corpus: an unlabelled record counts a quarter, shared out by its guess. Half a record
    each way keeps finite what one side never holds.
    """
    prior, prior_of_others = (
        _OTHERS_COUNT * evidence.guessed * often,
        _OTHERS_COUNT * (1 - evidence.guessed) * often,
    )
    mine = evidence.right + prior + _HALF
    others = evidence.known - evidence.right + prior_of_others + _HALF
    rest = np.maximum(right + _OTHERS_COUNT * guessed - mine, _HALF)
    rest_of_others = np.maximum(known - right + _OTHERS_COUNT * (n - guessed) - others, _HALF)
    ratio = np.log(mine / rest) - np.log(others / rest_of_others)
    found: Array = ratio / np.sqrt(1 / mine + 1 / others)
    return found


@dataclass(frozen=True)
class Belief:
    """How precise terms turn out to be that were found like this, as a Beta distribution.

    The mean before its labelled records are counted is `1 / (1 + exp(-(shift + slope * logit(guessed))))`.
    """

    shift: float = 0.0
    slope: float = 1.0
    strength: float = STRENGTH

    @classmethod
    def fit(cls, found: Evidence, right: Array, known: Array) -> Belief:
        """Learn it from terms found without some labelled records, and how they did on those.

        Parameters
        ----------
        found
            The terms as they looked when they were found.
        right, known
            Shape (t,): the labelled records held out that hold them: those with the label, and all.

        Notes
        -----
        Highest likelihood of beta-binomial counts, with a weak prior at the defaults. That it is fitted to
        records held out is what takes the flattery out: of many terms, those found did better by luck on the
        records they were found on, and pooling held-out shares term by term would not show it, since a term
        that is found in every fold has all its records held out once, and so its naive share again.
        """
        from scipy.optimize import minimize

        seen = np.flatnonzero(known > 0)
        if not len(seen):
            return cls()
        seen = seen[:: 1 + len(seen) // _MOST_TRIALS]
        found, right, known = found.some(seen), right[seen], known[seen]

        def loss(values: Array) -> float:
            alpha, beta = cls(values[0], values[1], float(np.exp(values[2]))).counts(found)
            likelihood = _log_beta(alpha + right, beta + known - right) - _log_beta(alpha, beta)
            off = (values - np.array([0.0, 1.0, np.log(STRENGTH)])) / np.array([1.0, 0.5, 1.0])
            return float(0.5 * (off**2).sum() - likelihood.sum())

        best = minimize(loss, [0.0, 1.0, np.log(STRENGTH)], method="Nelder-Mead", options={"maxiter": 200}).x
        return cls(float(best[0]), float(best[1]), float(np.exp(best[2])))

    def counts(self, evidence: Evidence) -> tuple[Array, Array]:
        """Return the parameters of the Beta distribution of each term's precision."""
        guessed = np.clip(evidence.guessed, 1 - _MOST, _MOST)
        mean = 1 / (1 + np.exp(-(self.shift + self.slope * np.log(guessed / (1 - guessed)))))
        mean = np.clip(mean, 1 - _MOST, _MOST)
        return (
            evidence.right + self.strength * mean,
            evidence.known - evidence.right + self.strength * (1 - mean),
        )

    def precision(self, evidence: Evidence, *, level: float = 0.95) -> tuple[Array, Array, Array]:
        """Return the precision to expect of each term, and its interval."""
        from scipy.special import betaincinv

        alpha, beta = self.counts(evidence)
        mean = alpha / (alpha + beta)
        # Folds hold a record or two of each term: enough to tell the mean, too few to tell how terms differ.
        counted = evidence.known + min(self.strength, _SUREST)
        off = (1 - level) / 2
        low, high = (betaincinv(mean * counted, (1 - mean) * counted, tail) for tail in (off, 1 - off))
        return mean, low, high


def _log_beta(a: Array, b: Array) -> Array:
    from scipy.special import betaln

    found: Array = betaln(a, b)
    return found
