"""Information sources as heuristics: translated where their code only does what embtune does itself."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from embtune.records.refinery.associations import no_votes
from embtune.records.refinery.entries import Entry, Parts
from embtune.records.refinery.learners import NotALearnerError, as_learner
from embtune.records.refinery.lookup_rules import NotALookupError
from embtune.records.refinery.lookups import as_lookup
from embtune.records.refinery.model import (
    CODE,
    LEARNER,
    LOOKUP,
    Attribute,
    Heuristic,
    Learner,
    Lookup,
    LookupList,
    Statistics,
    Task,
    Votes,
)

_TEMPLATE_TEXT = "provide some description for documentation"  # what refinery writes where nobody did


def read_heuristics(
    parts: Parts,
    tasks: Mapping[str, Task],
    labels: Mapping[str, tuple[Task, int]],
    lists: Sequence[LookupList],
    attributes: Sequence[Attribute],
    votes: Mapping[str, Votes],
) -> tuple[Heuristic, ...]:
    """Read the information sources with their statistics and votes.

    Raises
    ------
    BadFileError
        If one lacks its code or names something that is not there.
    """
    known = dict(parts.with_ids("information_sources_data"))
    statistics = _statistics(parts, known, labels)
    runs = _last_runs(parts, known)
    fields = {one.name: one.data_type for one in attributes}
    found: list[Heuristic] = []
    taken: set[tuple[str, str]] = set()
    for own, entry in known.items():
        task = entry.refers("labeling_task_id", tasks, "a task")
        code = entry.text_or("source_code")
        config, why = _translated(entry.text("type"), code, task, lists, fields)
        ran_at, ran = runs.get(own, (None, code))
        found.append(
            Heuristic(
                name=_distinct(entry.text("name").strip(), task.name, taken),
                description=entry.text_or("description").replace(_TEMPLATE_TEXT, "").strip(),
                task=task.name,
                kind={Lookup: LOOKUP, Learner: LEARNER}.get(type(config), CODE),
                type=entry.text("type"),
                code=code,
                selected=entry.flag("is_selected"),
                spans=task.spans,
                config=config,
                why=why,
                statistics=tuple(statistics[own]),
                votes=None if task.spans else votes.get(own, no_votes()),
                created_at=entry.time("created_at"),
                ran_at=ran_at,
                code_changed=ran != code,
            )
        )
    return tuple(found)


def _translated(
    kind: str, code: str, task: Task, lists: Sequence[LookupList], fields: Mapping[str, str]
) -> tuple[Lookup | Learner | None, str]:
    """Return the configuration, or None and why there is none."""
    names = [label.name for label in task.labels]
    if task.spans:
        return None, "it marks spans in a text, which embtune does not"
    try:
        if kind == "LABELING_FUNCTION":
            return as_lookup(code, lists=lists, labels=names, fields=fields), ""
        if kind == "ACTIVE_LEARNING":
            return as_learner(code, labels=names), ""
    except (NotALookupError, NotALearnerError) as reason:
        return None, str(reason)
    return None, f"its kind, {kind[:40].lower().replace('_', ' ')}, has no like here"


def _statistics(
    parts: Parts, known: Mapping[str, Entry], labels: Mapping[str, tuple[Task, int]]
) -> defaultdict[str, list[Statistics]]:
    found: defaultdict[str, list[Statistics]] = defaultdict(list)
    for entry in parts.entries("information_source_statistics_data"):
        entry.refers("source_id", known, "a heuristic")
        task, at = entry.refers("labeling_task_label_id", labels, "a label")
        found[entry.values["source_id"]].append(
            Statistics(
                label=task.labels[at].name,
                true_positives=entry.count("true_positives"),
                false_positives=entry.count("false_positives"),
                false_negatives=entry.count("false_negatives"),
                coverage=entry.count("record_coverage"),
                hits=entry.count("total_hits"),
                conflicts=entry.count("source_conflicts"),
                overlaps=entry.count("source_overlaps"),
            )
        )
    return found


def _last_runs(parts: Parts, known: Mapping[str, Entry]) -> dict[str, tuple[float | None, str]]:
    """Return when each source's last run that worked ended, and the code it ran."""
    found: dict[str, tuple[int, float | None, str]] = {}
    for entry in parts.entries("information_source_payloads_data"):
        entry.refers("source_id", known, "a heuristic")
        own, number = entry.values["source_id"], entry.count("iteration")
        if entry.values.get("state") == "FINISHED" and (own not in found or found[own][0] < number):
            found[own] = (number, entry.time("finished_at"), entry.text_or("source_code"))
    return {own: (time, code) for own, (_, time, code) in found.items()}


def _distinct(name: str, task: str, taken: set[tuple[str, str]]) -> str:
    found, number = name, 1
    while (task, found.casefold()) in taken:
        number += 1
        found = f"{name} ({number})"
    taken.add((task, found.casefold()))
    return found
