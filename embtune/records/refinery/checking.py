"""What the look-ups find in the records now, beside what refinery kept of their last run."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from embtune.records.identity import value_text
from embtune.records.refinery.model import Heuristic, Lookup, Snapshot


@dataclass(frozen=True)
class Check:
    """One look-up heuristic compared.

    Attributes
    ----------
    stored, voted, found
        Records it covers: by refinery's statistics, by the votes it kept, and by its terms now.
    same
        Records that both the votes and the terms have.
    later
        Terms that are in records it did not vote for, where leaving them out makes the records the very
        same: they were not in its list when it last ran.
    why
        A clause that explains the difference; empty if there is none.
    """

    name: str
    stored: int
    voted: int
    found: int
    same: int
    later: tuple[str, ...] = ()
    why: str = ""

    @property
    def equal(self) -> bool:
        """Whether coverage and records are those of refinery."""
        return self.stored == self.voted == self.found == self.same


def checked(snapshot: Snapshot) -> tuple[Check, ...]:
    """Compare every look-up heuristic with refinery's own votes and statistics, record by record."""
    lists = {one.name: one.terms for one in snapshot.lists}
    return tuple(
        _check(snapshot, heuristic, heuristic.config, lists)
        for heuristic in snapshot.heuristics
        if isinstance(heuristic.config, Lookup)
    )


def _check(
    snapshot: Snapshot, heuristic: Heuristic, config: Lookup, lists: Mapping[str, Sequence[str]]
) -> Check:
    terms = dict.fromkeys([*config.terms, *(term for name in config.lists for term in lists[name])])
    found_by = _rows_by_term(snapshot, config, list(terms))
    found = set().union(*found_by.values())
    voted = set() if heuristic.votes is None else set(heuristic.votes.rows.tolist())
    later = tuple(term for term, rows in found_by.items() if rows - voted)
    explained = later and voted == set().union(*(found_by[term] for term in terms if term not in later))
    why = ""
    if heuristic.ran_at is None and not voted:
        why = "it had never run"
    elif found != voted and heuristic.code_changed:
        why = "its code was changed after its last run"
    elif found != voted and explained:
        named = ", ".join(map(repr, later))
        why = f"{named} came into its list after its last run, and without that the records are the very same"
    elif found != voted:
        why = (
            config.note[:1].lower() + config.note[1:].rstrip(".") or "its list was changed after its last run"
        )
    elif heuristic.coverage != len(voted):
        why = "its statistics are older than its votes"
    return Check(
        name=heuristic.name,
        stored=heuristic.coverage,
        voted=len(voted),
        found=len(found),
        same=len(found & voted),
        later=later if explained else (),
        why=why,
    )


def _rows_by_term(snapshot: Snapshot, config: Lookup, terms: list[str]) -> dict[str, set[int]]:
    """Return the rows that each term is in, by the plainest means: what heuristics do must agree with it."""
    rows = snapshot.table.rows
    texts = [[value_text(row.get(name)) for name in config.fields] for row in rows]
    if not config.case:
        texts = [[text.lower() for text in mine] for mine in texts]
    found = {}
    for term in terms:
        wanted = term if config.case else term.lower()
        if config.match == "word":
            word = re.compile(rf"(?<!\w){re.escape(wanted)}(?!\w)")
            found[term] = {at for at, mine in enumerate(texts) if any(map(word.search, mine))}
        else:
            found[term] = {at for at, mine in enumerate(texts) if any(wanted in text for text in mine)}
    return found
