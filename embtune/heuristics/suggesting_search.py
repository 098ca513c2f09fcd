"""A corpus read for suggestions, and the search for what tells its labels, fold by fold."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embtune.heuristics.base import ABSTAIN
from embtune.heuristics.suggesting_guess import Guesser, Matrix
from embtune.heuristics.suggesting_patterns import read_patterns
from embtune.heuristics.suggesting_scores import CHANCE, Array, Belief, Evidence, log_odds
from embtune.heuristics.suggesting_terms import read_terms, read_words

Rows = NDArray[np.int64]

_MOST_LEARNT_FROM = 1000  # labelled records that guesses are made from
_MOST_COMPARED = 40_000_000  # pairs of a record and a labelled one
_LABELS_TO_LEARN_FROM = 20
_LEARNT_FROM_EACH = 100
_AT_ALL = 0.05  # of the way from a label's share to certainty
_ONE_WAY = 0.8  # of the precision asked for, that each word of a beginning must have
_FEWEST_OF_ROWS = 0.65  # times the square root of how many there are: 3 of 25, 20 of 1,000
_ROWS_CHANCE = 2.0  # as `CHANCE`, for what sets rows apart from the rest


class TextIndex:
    """The terms and patterns of n texts. Hangs on the texts alone, so one serves all labels and all times.

    Attributes
    ----------
    names
        Terms, then patterns.
    holds
        Sparse (f, n), float32 ones: which text holds which term or pattern.
    often
        Shape (f,): how many texts hold each.
    n_terms
        How many of the f are terms.
    forms
        Of terms that are beginnings of words, the words that begin so.
    says
        What each pattern finds, in words.
    """

    def __init__(self, texts: Sequence[str]) -> None:
        from scipy import sparse

        self.n = len(texts)
        self.fewest = max(2 if self.n < 500 else 3, self.n // 4000)
        words = read_words(texts)
        terms = read_terms(words, self.n, fewest=self.fewest)
        patterns = read_patterns(texts, words, fewest=self.fewest)
        self.names = terms.names + patterns.patterns
        self.n_terms = len(terms.names)
        self.forms = terms.forms
        self.says = patterns.says
        self.holds = sparse.csr_array(sparse.vstack([terms.holds, patterns.holds], format="csr"))
        self.often = np.diff(self.holds.indptr).astype(np.float64)
        place = {name: i for i, name in enumerate(self.names[: self.n_terms]) if i not in self.forms}
        members = {i: [place[form] for form in forms if form in place] for i, forms in self.forms.items()}
        self._beginnings = np.array(list(members), dtype=np.int64)
        self._members = np.array([one for some in members.values() for one in some], dtype=np.int64)
        self._starts = np.cumsum([0, *map(len, members.values())])[:-1]

    @cached_property
    def views(self) -> Any:
        """The texts as TF-IDF of their terms, sparse (n, t), rows of unit length; for want of vectors."""
        from scipy import sparse
        from sklearn.feature_extraction.text import TfidfTransformer

        if not self.n_terms or not self.n:
            return sparse.csr_array((self.n, 1), dtype=np.float32)
        return TfidfTransformer(sublinear_tf=True).fit_transform(self.holds[: self.n_terms].T.tocsr())

    @cached_property
    def _by_text(self) -> Any:
        return self.holds.tocsc()

    def one_way(self, precision: NDArray[Any], at_least: float) -> NDArray[np.bool_]:
        """Tell which terms point one way, shape (f,): of a beginning of words, all its words must.

        Parameters
        ----------
        precision
            Shape (f,): of each term and pattern, for some label.
        at_least
            What a word that is often enough must have.
        """
        good = np.ones(len(precision), dtype=bool)
        if len(self._beginnings):  # each has a member at least, the word itself
            good[self._beginnings] = np.minimum.reduceat(precision[self._members], self._starts) >= at_least
        return good

    def of_rows(self, rows: Rows) -> Any:
        """Return what some rows hold, sparse (f, len(rows))."""
        return self._by_text[:, rows].tocsr()


@dataclass(frozen=True)
class Fit:
    """What some of the labels say of all terms.

    Attributes
    ----------
    learnt, held_out
        Places of the labels learnt from, and of those they are tried on; none when all were learnt from.
    probability
        Shape (n, L): how likely each record has each label.
    guessed, right
        Shape (f, L), as in `Evidence`.
    known
        Shape (f,).
    """

    learnt: Rows
    held_out: Rows
    probability: Matrix
    guessed: Matrix
    right: Matrix
    known: Matrix


class Search:
    """The labels at hand, learnt from without each fold in turn, and all together.

    Parameters
    ----------
    labels
        Shape (n,): manual labels, `ABSTAIN` elsewhere.
    folds
        Shape (n,): which part each record is in.
    vectors
        Shape (n, d), rows of unit length; None to go by the texts' words.
    """

    def __init__(
        self, index: TextIndex, labels: Rows, folds: Rows, vectors: NDArray[Any] | None, *, seed: int = 0
    ) -> None:
        self.index = index
        self.vectors = None if vectors is None else np.asarray(vectors, dtype=np.float32)
        self.rows: Rows = np.flatnonzero(labels != ABSTAIN)
        self.label_ids, self.codes = np.unique(labels[self.rows], return_inverse=True)
        self.folds = folds[self.rows]
        self._held = index.of_rows(self.rows)
        self._seed = seed

    @cached_property
    def full(self) -> Fit:
        """What all labels say."""
        places = np.arange(len(self.rows))
        return self._fit(places, places[:0])

    @cached_property
    def parts(self) -> list[Fit]:
        """What they say without each fold; no part where fewer than two labels would be left."""
        found = []
        for fold in np.unique(self.folds).tolist():
            learnt, held_out = np.flatnonzero(self.folds != fold), np.flatnonzero(self.folds == fold)
            if len(np.unique(self.codes[learnt])) > 1:
                found.append(self._fit(learnt, held_out))
        return found

    @cached_property
    def belief(self) -> Belief:
        """How terms found without a fold did on it, all labels and folds together."""
        found, right, known = [], [], []
        step = 1 + len(self.label_ids) // _LABELS_TO_LEARN_FROM
        for part in self.parts:
            for code in np.unique(self.codes[part.learnt])[::step].tolist():
                share = float((self.codes[part.learnt] == code).mean())
                # Also such as point to it at all: where nothing does, they are what there is to learn from.
                for asked in (self.precision_asked(part, code), share + _AT_ALL * (1 - share)):
                    one = self.telling(part, code, asked, most=_LEARNT_FROM_EACH)
                    held = self._held[one.terms][:, part.held_out]
                    found.append(one)
                    right.append(held @ (self.codes[part.held_out] == code).astype(np.float64))
                    known.append(held @ np.ones(len(part.held_out)))
        if not found:
            return Belief()
        together = Evidence(*(np.concatenate(column) for column in zip(*map(_columns, found), strict=True)))
        return Belief.fit(together, np.concatenate(right), np.concatenate(known))

    def precision_asked(self, fit: Fit, code: int) -> float:
        """Return what a term must reach: half-way from the label's share of the labels to certainty."""
        return float(1 + (self.codes[fit.learnt] == code).mean()) / 2

    def telling(
        self, fit: Fit, code: int, at_least: float, *, most: int, among: NDArray[np.bool_] | None = None
    ) -> Evidence:
        """Find what points to a label: precise enough, and oftener with it than by chance.

        Parameters
        ----------
        code
            Place of the label in `label_ids`.
        at_least
            The precision asked for.
        most
            How many to return, those first that have most right records above what was asked for.
        among
            Shape (f,): what may be found; all with None.
        """
        every = Evidence(np.zeros(0, np.int64), fit.right[:, code], fit.known, fit.guessed[:, code])
        precision = every.precision
        precise = (precision >= at_least) & self.index.one_way(precision, _ONE_WAY * at_least)
        good = np.flatnonzero(precise if among is None else precise & among)
        found = Evidence(
            good,
            *(
                column[good].astype(np.float64)
                for column in (fit.right[:, code], fit.known, fit.guessed[:, code])
            ),
        )
        often = self.index.often[good]
        odds = log_odds(
            found,
            often,
            right=float((self.codes[fit.learnt] == code).sum()),
            known=float(len(fit.learnt)),
            guessed=float(fit.probability[:, code].sum()),
            n=self.index.n,
        )
        value = np.where(odds >= CHANCE, (found.precision - at_least + 0.02) * often, -1.0)
        order = np.argsort(-value, kind="stable")[:most]
        return found.some(order[value[order] > 0])

    def setting_apart(self, rows: Rows, fit: Fit) -> NDArray[np.bool_]:
        """Return which terms and patterns some rows hold more than the rest, shape (f,).

        Rows whose labels are held out are passed over, so that nothing is found on what it is tried on.
        """
        rows = np.setdiff1d(rows, self.rows[fit.held_out])
        return apart(self.index, rows) >= _ROWS_CHANCE

    def worth(self, fit: Fit, code: int, at_least: float, voted: NDArray[np.bool_] | None) -> Array:
        """Return what covering each record is worth, shape (n,); see `best_list`."""
        found = fit.probability[:, code].astype(np.float64)
        found[self.rows[fit.learnt]] = self.codes[fit.learnt] == code
        found -= at_least
        if voted is not None:
            found[voted] = np.minimum(found[voted], 0)
        return found

    def tried(self, fit: Fit, code: int, covered: NDArray[np.bool_]) -> tuple[int, int]:
        """Return how many labels held out are covered rightly, and how many at all."""
        hit = fit.held_out[covered[self.rows[fit.held_out]]]
        return int((self.codes[hit] == code).sum()), len(hit)

    @cached_property
    def _guesser(self) -> tuple[Guesser, Rows]:
        most = min(_MOST_LEARNT_FROM, _MOST_COMPARED // max(1, self.index.n))
        places = np.arange(len(self.rows))
        if len(places) > most:
            places = np.sort(np.random.default_rng(self._seed).choice(places, most, replace=False))
        views = self.index.views if self.vectors is None else self.vectors
        return Guesser(views, self.rows[places], self.codes[places], len(self.label_ids)), places

    def _fit(self, learnt: Rows, held_out: Rows) -> Fit:
        guesser, places = self._guesser
        probability = guesser.guess(np.flatnonzero(np.isin(places, learnt)))
        shares = np.eye(len(self.label_ids), dtype=np.float32)[self.codes[learnt]]
        held = self._held[:, learnt]
        return Fit(
            learnt,
            held_out,
            probability,
            (self.index.holds @ probability) / self.index.often[:, None].astype(np.float32),
            held @ shares,
            held @ np.ones(len(learnt), dtype=np.float32),
        )


def apart(index: TextIndex, rows: Rows) -> Array:
    """Return the log-odds of terms and patterns in some rows against the rest, in standard deviations."""
    inside = np.zeros(index.n, dtype=np.float32)
    inside[rows] = 1
    share = len(rows) / max(1, index.n)
    f = len(index.often)
    evidence = Evidence(
        np.arange(f), (index.holds @ inside).astype(np.float64), index.often, np.full(f, share)
    )
    found = log_odds(
        evidence,
        index.often,
        right=float(len(rows)),
        known=float(index.n),
        guessed=share * index.n,
        n=index.n,
    )
    fewest = max(min(3, index.fewest), int(_FEWEST_OF_ROWS * len(rows) ** 0.5))
    return np.where(evidence.right >= fewest, found, -np.inf)


def _columns(evidence: Evidence) -> Iterator[NDArray[Any]]:
    yield from (evidence.terms, evidence.right, evidence.known, evidence.guessed)
