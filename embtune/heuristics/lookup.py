"""Look-up lists: a record that contains a term gets the label."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from embtune.errors import HeuristicError
from embtune.heuristics.base import ABSTAIN, TEXT, Corpus, Depends, Found, Span
from embtune.heuristics.base import Config as BaseConfig
from embtune.heuristics.columns import check_field, strings
from embtune.heuristics.corpus import made_for
from embtune.heuristics.terms import Match, TermIndex, find_terms, folded
from embtune.progress import Report, silent

_TERMS_A_REPORT = 200
_SHOWN = 2


class LookupConfig(BaseConfig):
    """Which terms stand for which label.

    Attributes
    ----------
    label
        Number of the label.
    lists, terms
        Numbers of look-up lists, and terms of the heuristic's own.
    match
        `word` finds whole words, `prefix` beginnings of words, `part` a term anywhere.
    case
        Whether upper and lower case differ.
    fields
        Where to look; a term counts once, however many fields it is in.
    at_least
        How many different terms a record must contain.
    """

    label: int
    lists: tuple[int, ...] = ()
    terms: tuple[str, ...] = ()
    match: Match = "word"
    case: bool = False
    fields: Annotated[tuple[str, ...], Field(min_length=1)] = (TEXT,)
    at_least: Annotated[int, Field(ge=1)] = 1

    @model_validator(mode="after")
    def _something_to_look_for(self) -> LookupConfig:
        if not self.lists and not any(term.strip() for term in self.terms):
            raise ValueError("write at least one term, or choose a look-up list")
        return self


class Lookup:
    """Votes for one label where terms are found."""

    name: ClassVar[str] = "lookup"
    title: ClassVar[str] = "Look-up list"
    about: ClassVar[str] = "Votes for a label where a record contains one of its terms."
    Config: ClassVar[type[BaseConfig]] = LookupConfig

    def depends(self, config: LookupConfig) -> Depends:
        """Its look-up lists."""
        return Depends(lists=config.lists)

    def voting(self, config: LookupConfig) -> tuple[int, ...]:
        """Its one label."""
        return (config.label,)

    def describe(self, config: LookupConfig, label_names: Mapping[int, str]) -> str:
        """Name the first terms and the label."""
        shown = ", ".join(config.terms[:_SHOWN])
        if len(config.terms) > _SHOWN:
            shown += f" +{len(config.terms) - _SHOWN:,}"
        n_lists = f"{len(config.lists)} look-up list{'s' * (len(config.lists) != 1)}" if config.lists else ""
        what = " and ".join(part for part in (shown, n_lists) if part) or "no terms yet"
        return f"{what} → {label_names.get(config.label, 'a label that is gone')}"

    def run(
        self, config: LookupConfig, corpus: Corpus, rows: NDArray[np.int64], report: Report = silent
    ) -> Found:
        """Vote on some rows; see `Kind.run`."""
        terms = terms_of(config, corpus)
        if not terms:
            raise HeuristicError(
                "The look-up heuristic has no terms: write some, or choose a list with terms."
            )
        if len(terms) < config.at_least:
            raise HeuristicError(
                f"The look-up heuristic wants {config.at_least} different terms in a record and has "
                f"{len(terms)}: add terms, or ask for fewer."
            )
        report(0, len(terms), unit="terms")
        indexes = [term_index(corpus, name, rows) for name in config.fields]
        counts = np.zeros(indexes[0][0].n, np.int32)
        for done, term in enumerate(terms, start=1):
            places = [index.rows(term, config.match, case=config.case) for index, _ in indexes]
            hits = places[0] if len(places) == 1 else np.unique(np.concatenate(places))
            counts[hits] += 1
            if done % _TERMS_A_REPORT == 0 or done == len(terms):
                report(done, len(terms), unit="terms")
        hit = counts[indexes[0][1]] >= config.at_least
        return Found(
            np.where(hit, config.label, ABSTAIN).astype(np.int64),
            hit.astype(np.float32),
            {"n_terms": len(terms)},
        )

    def spans(self, config: LookupConfig, corpus: Corpus, rows: NDArray[np.int64]) -> list[list[Span]]:
        """Where the terms stand, per row."""
        terms = terms_of(config, corpus)
        found: list[list[Span]] = [[] for _ in range(len(rows))]
        for name in config.fields:
            check_field(corpus, name)
            texts = strings(corpus, name, rows)
            index = TermIndex(texts)  # of a long list, few terms are in any of the rows
            present = [term for term in terms if len(index.rows(term, config.match, case=config.case))]
            for spans, text in zip(found, texts, strict=True):
                places = find_terms(text or "", present, config.match, case=config.case)
                spans += [Span(name, start, stop) for start, stop in places]
        return found


def terms_of(config: LookupConfig, corpus: Corpus) -> list[str]:
    """All terms of a configuration and its lists, each once and none blank."""
    given: list[Any] = [*config.terms, *(term for number in config.lists for term in corpus.terms(number))]
    clean = (" ".join(term.split()) for term in given)
    by_key = {folded(term, case=config.case): term for term in clean if term}
    return list(by_key.values())


def term_index(corpus: Corpus, name: str, rows: NDArray[np.int64]) -> tuple[TermIndex, NDArray[np.int64]]:
    """Return an index of a field's words, and where in it the rows are; made once for a whole corpus."""
    check_field(corpus, name)
    return made_for(corpus, ("terms", name), rows, lambda some: TermIndex(strings(corpus, name, some)))
