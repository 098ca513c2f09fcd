"""Nearness to examples: a radius around them, or a vote of the nearest labelled records."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from embtune.errors import HeuristicError
from embtune.heuristics.base import ABSTAIN, Corpus, Depends, Found, Span
from embtune.heuristics.base import Config as BaseConfig
from embtune.progress import Report, silent

_PRODUCTS = 4_000_000  # cosines held at once
_MOST_ROWS = 4096
_TINY = 1e-6

Rows = NDArray[np.int64]
Matrix = NDArray[np.float32]


class NearestConfig(BaseConfig):
    """Which records are examples, and what counts as near.

    Attributes
    ----------
    label
        Number of the label it votes for; None for the label of what is near.
    records
        Rows of records that are examples of the label; without them, the manual labels are.
    how
        `radius`: a cosine of `at_least`. `vote`: the `k` nearest manual labels agree.
    of
        Of a radius: around `any` example, or around the `mean` of a label's.
    k, min_confidence
        Of a vote: how many vote, and the least share of them that must agree.
    embedding
        Where near is.
    """

    label: int | None = None
    records: tuple[Annotated[int, Field(ge=0)], ...] = ()
    how: Literal["radius", "vote"] = "radius"
    at_least: Annotated[float, Field(ge=-1, le=1)] = 0.6
    of: Literal["any", "mean"] = "any"
    k: Annotated[int, Field(ge=1, le=1000)] = 10
    min_confidence: Annotated[float, Field(ge=0, le=1)] = 0.6
    embedding: Annotated[str, Field(min_length=1)] = "raw"

    @model_validator(mode="after")
    def _fits(self) -> NearestConfig:
        if self.records and self.label is None:
            raise ValueError("example records need a label that they are examples of")
        if self.records and self.how == "vote":
            raise ValueError("a vote is of manual labels; for example records take a radius")
        return self


class Nearest:
    """Votes for the label of examples that are near."""

    name: ClassVar[str] = "nearest"
    title: ClassVar[str] = "Nearest to examples"
    about: ClassVar[str] = "Votes for a label where a record is near to examples of it."
    Config: ClassVar[type[BaseConfig]] = NearestConfig

    def depends(self, config: NearestConfig) -> Depends:
        """Its embedding, and the manual labels unless it has examples of its own."""
        return Depends(embedding=config.embedding, learns=not config.records)

    def voting(self, config: NearestConfig) -> tuple[int, ...]:
        """Its label, if it was given one."""
        return () if config.label is None else (config.label,)

    def describe(self, config: NearestConfig, label_names: Mapping[int, str]) -> str:
        """Say what is near, and the label."""
        goal = "its label"
        if config.label is not None:
            goal = label_names.get(config.label, "a label that is gone")
        if config.how == "vote":
            return f"{config.min_confidence:.0%} of the {config.k} nearest labels → {goal}"
        n = len(config.records)
        of = f"{n:,} example{'s' * (n != 1)}" if n else "manual labels"
        return f"cosine of {config.at_least:.2f} to {'the mean of ' * (config.of == 'mean')}{of} → {goal}"

    def run(self, config: NearestConfig, corpus: Corpus, rows: Rows, report: Report = silent) -> Found:
        """Vote on some rows; see `Kind.run`. An example never votes for itself."""
        vectors = corpus.vectors(config.embedding)
        examples = _examples(config, corpus, vectors)
        labels, confidence = np.full(len(rows), ABSTAIN, np.int64), np.zeros(len(rows), np.float32)
        report(0, len(rows), unit="records")
        for part in _blocks(len(rows), len(examples.rows)):
            mine = rows[part]
            block = np.asarray(vectors[mine], dtype=np.float32)
            if config.how == "vote":
                labels[part], confidence[part] = examples.vote(block, mine, config.k, config.min_confidence)
            else:
                labels[part], confidence[part] = examples.within(block, mine, config.at_least, config.of)
            report(part.stop, len(rows), unit="records")
        if config.label is not None:
            other = labels != config.label
            labels[other], confidence[other] = ABSTAIN, 0
        numbers, counts = np.unique(examples.labels, return_counts=True)
        per_label = {str(number): int(n) for number, n in zip(numbers, counts, strict=True)}
        notes = {"n_examples": len(examples.rows), "per_label": per_label}
        return Found(labels, confidence, notes)

    def spans(self, config: NearestConfig, corpus: Corpus, rows: Rows) -> list[list[Span]]:
        """No places: it looks at the whole."""
        return [[] for _ in range(len(rows))]


@dataclass(frozen=True)
class _Examples:
    """Examples with what may not vote on what.

    Attributes
    ----------
    rows, labels, vectors
        Of the examples: (e,), (e,), (e, d).
    parts
        Shape (e,): an example has no vote on records of the same part.
    part_of
        Shape (n,): the part of every record; -1 for one that all examples vote on.
    """

    rows: Rows
    labels: NDArray[np.int64]
    vectors: Matrix
    parts: NDArray[np.int64]
    part_of: NDArray[np.int64]

    def cosines(self, block: Matrix, rows: Rows) -> Matrix:
        """Cosines to the examples that have a vote, -inf to others; shape (b, e)."""
        found = block @ self.vectors.T
        mine = self.part_of[rows]
        for part in np.unique(mine[mine >= 0]).tolist():
            found[np.ix_(mine == part, self.parts == part)] = -np.inf
        return found

    def within(self, block: Matrix, rows: Rows, at_least: float, of: str) -> tuple[NDArray[np.int64], Matrix]:
        """Labels of the nearest examples (or means of a label's) where those are near enough; both (b,)."""
        if of == "any":
            cosine = self.cosines(block, rows)
            best = cosine.argmax(axis=1)
            given = self.labels[best]
        else:
            numbers, cosine = self._to_means(block, rows)
            best = cosine.argmax(axis=1)
            given = numbers[best]
        near = cosine[np.arange(len(rows)), best] >= at_least
        return np.where(near, given, ABSTAIN), near.astype(np.float32)

    def _to_means(self, block: Matrix, rows: Rows) -> tuple[NDArray[np.int64], Matrix]:
        """Cosines to the mean of each label's examples, without those that have no vote."""
        numbers, code = np.unique(self.labels, return_inverse=True)
        totals = np.zeros((len(numbers), block.shape[1]), np.float32)
        np.add.at(totals, code, self.vectors)
        cosine = block @ _unit(totals).T
        cosine[:, np.linalg.norm(totals, axis=1) < _TINY] = -np.inf
        mine = self.part_of[rows]
        for part in np.unique(mine[mine >= 0]).tolist():
            away = self.parts == part
            less = totals.copy()
            np.subtract.at(less, code[away], self.vectors[away])
            gone = np.linalg.norm(less, axis=1) < _TINY * 10
            places = np.flatnonzero(mine == part)
            cosine[places] = np.where(gone, -np.inf, block[places] @ _unit(less).T)
        return numbers, cosine

    def vote(
        self, block: Matrix, rows: Rows, k: int, min_confidence: float
    ) -> tuple[NDArray[np.int64], Matrix]:
        """Labels that the k nearest examples agree on most, and the share that agrees; both (b,)."""
        numbers, code = np.unique(self.labels, return_inverse=True)
        cosine = self.cosines(block, rows)
        k = min(k, cosine.shape[1])
        nearest = np.argpartition(-cosine, k - 1, axis=1)[:, :k]
        near = np.take_along_axis(cosine, nearest, axis=1)
        has_vote = np.isfinite(near)
        place = (np.arange(len(rows))[:, None] * len(numbers) + code[nearest])[has_vote]
        size = len(rows) * len(numbers)
        counts = np.bincount(place, minlength=size).reshape(len(rows), -1)
        closeness = np.bincount(place, near[has_vote], minlength=size).reshape(len(rows), -1)
        # Of labels with as many votes the nearer one; a sum of k cosines is in [-k, k].
        best = (counts + closeness / (4 * k)).argmax(axis=1)
        share = counts[np.arange(len(rows)), best] / np.maximum(has_vote.sum(axis=1), 1)
        sure = (share >= min_confidence) & (share > 0)
        return np.where(sure, numbers[best], ABSTAIN), np.where(sure, share, 0).astype(np.float32)


def _examples(config: NearestConfig, corpus: Corpus, vectors: NDArray[Any]) -> _Examples:
    if config.records:
        assert config.label is not None  # checked by the configuration
        rows = np.unique(np.array(config.records, np.int64))
        if rows[-1] >= corpus.n:
            raise HeuristicError(
                f"An example is record {rows[-1]:,}, and there are {corpus.n:,}: choose the examples again."
            )
        labels = np.full(len(rows), config.label, np.int64)
        parts = np.arange(len(rows))
        part_of = np.full(corpus.n, -1, np.int64)
        part_of[rows] = parts  # each is a part of its own: only itself has no vote
    else:
        labelled = corpus.labels != ABSTAIN
        wanted = labelled if config.how == "vote" or config.label is None else corpus.labels == config.label
        rows = np.flatnonzero(wanted)
        if not len(rows):
            what = "manual label" if config.label is None else "manual label of its class"
            raise HeuristicError(f"There is no {what} to be near to: label some records, or choose examples.")
        labels, parts = corpus.labels[rows], corpus.folds[rows]
        part_of = np.where(labelled, corpus.folds, -1)
    return _Examples(rows, labels, np.asarray(vectors[rows], dtype=np.float32), parts, part_of)


def _blocks(n: int, width: int) -> Iterator[slice]:
    size = max(16, min(_MOST_ROWS, _PRODUCTS // max(width, 1)))
    for start in range(0, n, size):
        yield slice(start, min(start + size, n))


def _unit(vectors: Matrix) -> Matrix:
    length = np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), _TINY)
    return np.asarray(vectors / length, dtype=np.float32)
