"""Regular expressions: a record that matches gets the label. They are RE2's, in linear time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from embtune.errors import BadInputError, HeuristicError
from embtune.filtering.matches import cut_at_matches
from embtune.filtering.query import Comparison
from embtune.filtering.text import compare_column, pattern_of
from embtune.heuristics.base import ABSTAIN, TEXT, Corpus, Depends, Found, Span
from embtune.heuristics.base import Config as BaseConfig
from embtune.heuristics.columns import check_field, column_for, strings
from embtune.progress import Report, silent

_SECONDS = 60.0  # a field; more than a filter has, for this may be a job
_LONGEST_SHOWN = 60


class RegexConfig(BaseConfig):
    """Which expression stands for which label.

    Attributes
    ----------
    label
        Number of the label.
    pattern
        In RE2's syntax.
    case
        Whether upper and lower case differ.
    fields
        Where to look; one that matches is enough.
    """

    label: int
    pattern: Annotated[str, Field(min_length=1, max_length=20_000)]
    case: bool = False
    fields: Annotated[tuple[str, ...], Field(min_length=1)] = (TEXT,)


class Regex:
    """Votes for one label where an expression matches."""

    name: ClassVar[str] = "regex"
    title: ClassVar[str] = "Regular expression"
    about: ClassVar[str] = "Votes for a label where a record matches a pattern."
    Config: ClassVar[type[BaseConfig]] = RegexConfig

    def depends(self, config: RegexConfig) -> Depends:
        """Nothing but its configuration."""
        return Depends()

    def voting(self, config: RegexConfig) -> tuple[int, ...]:
        """Its one label."""
        return (config.label,)

    def describe(self, config: RegexConfig, label_names: Mapping[int, str]) -> str:
        """Show the pattern and the label."""
        pattern = config.pattern
        shown = pattern if len(pattern) <= _LONGEST_SHOWN else pattern[: _LONGEST_SHOWN - 1] + "…"
        return f"{shown} → {label_names.get(config.label, 'a label that is gone')}"

    def run(
        self, config: RegexConfig, corpus: Corpus, rows: NDArray[np.int64], report: Report = silent
    ) -> Found:
        """Vote on some rows; see `Kind.run`."""
        hit = np.zeros(len(rows), np.bool_)
        test = Comparison("regex", config.pattern, config.case)
        for done, name in enumerate(config.fields):
            report(done, len(config.fields), unit="fields")
            column, at = column_for(corpus, name, rows)
            try:
                hit |= compare_column(column, test, _no_numbers, seconds=_SECONDS)[at]
            except BadInputError as error:
                raise HeuristicError(str(error)) from error
        report(len(config.fields), len(config.fields), unit="fields")
        return Found(np.where(hit, config.label, ABSTAIN).astype(np.int64), hit.astype(np.float32))

    def spans(self, config: RegexConfig, corpus: Corpus, rows: NDArray[np.int64]) -> list[list[Span]]:
        """Where the pattern matches, per row."""
        found: list[list[Span]] = [[] for _ in range(len(rows))]
        try:
            pattern = pattern_of(Comparison("regex", config.pattern, config.case))
        except BadInputError as error:
            raise HeuristicError(str(error)) from error
        for name in config.fields:
            check_field(corpus, name)
            texts = [text or "" for text in strings(corpus, name, rows)]
            for spans, text, pieces in zip(found, texts, cut_at_matches(texts, pattern), strict=True):
                if "".join(pieces) != text:  # a character that the cutting uses for itself
                    continue
                ends = np.cumsum([len(piece) for piece in pieces]).tolist()
                spans += [Span(name, ends[i - 1], ends[i]) for i in range(1, len(pieces), 2)]
        return found


def _no_numbers() -> NDArray[np.float64]:
    return np.zeros(0)
