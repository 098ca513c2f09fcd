"""What a labelling function looks for where, and the one look-up that such rules make together."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from embtune.records.refinery.model import Lookup, LookupList


class NotALookupError(Exception):
    """Why a function cannot become a look-up heuristic; a clause, such as "line 3 compares numbers"."""


@dataclass(frozen=True)
class Field:
    """A field of the record."""

    name: str


@dataclass(frozen=True)
class Text:
    """A field's text, as it is or in lower case."""

    field: str
    lower: bool = False


@dataclass(frozen=True)
class Words:
    """The words of a field: spaCy's tokens (or what stands between spaces), or one of them."""

    field: str
    lower: bool = False
    one: bool = False
    tokens: bool = True


@dataclass(frozen=True)
class Terms:
    """A list of terms, or one of them: those of the lists by names, or those written there."""

    lists: tuple[str, ...] = ()
    written: tuple[str, ...] = ()
    lower: bool = False
    one: bool = False


@dataclass(frozen=True)
class Rule:
    """Any of some terms in a place is a vote for a label."""

    terms: Terms
    place: Text | Words
    label: str = ""


def together(rules: list[Rule], lists: Mapping[str, LookupList], labels: Collection[str]) -> Lookup:
    """Make one look-up of rules that differ in their terms or fields only."""
    if not rules:
        raise NotALookupError("it looks nothing up")
    named = list(dict.fromkeys(rule.label for rule in rules))
    if len(named) > 1:
        raise NotALookupError(f"it votes for {len(named)} labels, and a look-up heuristic votes for one")
    if named[0] not in labels:
        raise NotALookupError(f"it returns {named[0]!r}, which is no label of its task")
    fields_of: dict[tuple[tuple[str, ...], tuple[str, ...]], dict[str, None]] = {}
    for rule in rules:
        fields_of.setdefault((rule.terms.lists, rule.terms.written), {})[rule.place.field] = None
    fields = list(fields_of.values())
    if any(set(one) != set(fields[0]) for one in fields):
        raise NotALookupError("it looks for some terms in other fields than for others")
    ways = {(isinstance(rule.place, Words), _case(rule, lists)) for rule in rules}
    if len(ways) > 1:
        raise NotALookupError("it compares some terms in another way than others")
    ((words, case),) = ways
    return Lookup(
        label=named[0],
        fields=tuple(fields[0]),
        lists=tuple(dict.fromkeys(name for rule in rules for name in rule.terms.lists)),
        terms=tuple(dict.fromkeys(term for rule in rules for term in rule.terms.written)),
        match="word" if words else "part",
        case=case,
        note=_note(rules, lists),
    )


def _case(rule: Rule, lists: Mapping[str, LookupList]) -> bool:
    """Tell whether case matters; where only one side is in lower case, that depends on the terms."""
    lowered, text_lowered = rule.terms.lower, rule.place.lower
    if lowered == text_lowered:
        return not lowered
    capital = next((term for term in _terms_of(rule, lists) if term != term.lower()), None)
    if capital is None:
        return not text_lowered
    raise NotALookupError(
        f"it compares only {'the text' if text_lowered else 'its terms'} in lower case, and the term "
        f"{capital!r} has capitals"
    )


def _note(rules: list[Rule], lists: Mapping[str, LookupList]) -> str:
    words = [rule.place for rule in rules if isinstance(rule.place, Words)]
    if not words:
        return ""
    spaces = "Its words were what stands between spaces, with the punctuation beside them"
    note = "Its words were spaCy's tokens" if any(place.tokens for place in words) else spaces
    if any(" " in term for rule in rules for term in _terms_of(rule, lists)):
        note += ", so that it never found a term of several words"
    return f"{note}."


def _terms_of(rule: Rule, lists: Mapping[str, LookupList]) -> list[str]:
    return [*rule.terms.written, *(term for name in rule.terms.lists for term in lists[name].terms)]
