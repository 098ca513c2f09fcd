"""Whether a heuristic's votes are those of its configuration, lists and embedding as they are now."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from embtune.errors import BadInputError, EmbtuneError, HeuristicError
from embtune.heuristics.base import Config, Kind
from embtune.store.heuristics import DONE, FAILED, QUEUED, RUNNING, HeuristicRow, HeuristicRun, list_runs
from embtune.store.labelset import label_targets, labels_ever
from embtune.work.heuristic_kinds import kind_for
from embtune.work.heuristic_values import refuse_flags, refuse_unknown_labels, says

if TYPE_CHECKING:
    from embtune.project import Project

_BY_NAME = ("zero-shot", "llm", "code")  # they are told the labels' names, or name them
_BY_ITSELF = ("lookup", "regex", "field", "code")  # the same is written in them, the same comes of it
_MOST_LOST = 3
DRAFT, OUTDATED = "draft", "outdated"
UNBOUND_SECONDS = 60.0
"""How long a run may wait for a job before it counts as stopped."""

STATES = (DRAFT, QUEUED, RUNNING, DONE, FAILED, OUTDATED)


@dataclass(frozen=True)
class Heuristic:
    """A heuristic as it stands.

    Attributes
    ----------
    config
        As it was given, labels and lists by number.
    labels
        Names of the labels it can vote for; empty for any.
    says
        What it does, in a few words.
    state
        One of `STATES`; "done" alone means that its votes are those of now.
    why
        Of a failed one the error, of an outdated one what changed; else None.
    run
        The newest run that is done, whose votes its numbers come from; None if there is none.
    asks
        Address of a service that its records' texts go to, None if they stay here.
    edit_first
        Whether it failed by what is written in it, so that it would fail again.
    """

    id: int
    name: str
    description: str
    kind: str
    config: dict[str, Any]
    labels: tuple[str, ...]
    says: str
    version: int
    selected: bool
    state: str
    why: str | None
    run: HeuristicRun | None
    asks: str | None
    created_by: str
    updated_at: float
    edit_first: bool = False

    @property
    def current(self) -> bool:
        """Whether its votes are those of now."""
        return self.state == DONE


def checked(project: Project, kind: Kind, values: Mapping[str, Any]) -> Config:
    """Return a kind's configuration out of plain values.

    Raises
    ------
    BadInputError
        Naming the first value that cannot be used.
    """
    refuse_flags(values)
    try:
        config = kind.Config(**values)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        if first["type"] == "extra_forbidden":
            known = ", ".join(kind.Config.model_fields)
            raise BadInputError(f"A {kind.title.lower()} has no {where!r}: it has {known}.") from None
        if first["type"] == "missing":
            raise BadInputError(f"A {kind.title.lower()} needs {where!r}.") from None
        reason = first["msg"].removeprefix("Value error, ")
        place = f"{kind.title}, {where}" if where else kind.title
        raise BadInputError(f"{place}: {reason}.".replace("..", ".")) from None
    refuse_unknown_labels(project, {*kind.voting(config), *getattr(config, "descriptions", ())})
    return config


def with_targets(config: Config, targets: Mapping[int, int | None]) -> Config:
    """Follow labels that were merged into others.

    Raises
    ------
    HeuristicError
        If one was deleted.
    """
    changes: dict[str, Any] = {}
    for name in ("label", "labels"):
        value = getattr(config, name, None)
        if isinstance(value, int):
            changes[name] = _target(value, targets)
        elif isinstance(value, tuple):
            changes[name] = tuple(dict.fromkeys(_target(one, targets) for one in value))
    return config.model_copy(update=changes) if changes else config


def _target(label: int, targets: Mapping[int, int | None]) -> int:
    now = targets.get(label, label)
    if now is None:
        raise HeuristicError("A label that it votes for was deleted: choose another one.")
    return now


def hangs_on(
    project: Project, kind: Kind, config: Config, lists: Mapping[int, Sequence[str]]
) -> dict[str, str]:
    """What a heuristic's votes hang on, as short texts by name: where they are the same, the votes are."""
    depends = kind.depends(config)
    on = {"configuration": _short(config.model_dump(mode="json")), "records": str(project.n_records)}
    if depends.lists:
        on["look-up list"] = _short([list(lists.get(number, ("\0gone",))) for number in depends.lists])
    if kind.name in _BY_NAME:
        on["label names"] = _short([[label.id, label.name] for label in project.labels])
    if depends.asks is not None:
        on["language model"] = _short([depends.asks, getattr(kind, "model", lambda _: None)(config)])
    if depends.embedding is not None:
        on["embedding"] = _short(project.require_embedding(depends.embedding).file)
    return on


def stamp_of(on: Mapping[str, str]) -> str:
    """Return one text for all that votes hang on."""
    return _short(dict(on))


def _short(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, ensure_ascii=False).encode()).hexdigest()[:32]


def with_states(
    project: Project, rows: Sequence[HeuristicRow], lists: Mapping[int, Sequence[str]]
) -> list[Heuristic]:
    """Tell of heuristics where they stand."""
    runs: dict[int, list[HeuristicRun]] = {}
    for run in list_runs(project.db, [row.id for row in rows]):
        runs.setdefault(run.heuristic_id, []).append(run)
    active = {job.id for job in project.jobs(active=True)} if runs else set()
    targets = label_targets(project.db, project.id)
    gone = _gone(project, targets) if runs else {}
    return [_standing(project, row, runs.get(row.id, []), active, lists, targets, gone) for row in rows]


def _gone(project: Project, targets: Mapping[int, int | None]) -> dict[int, str]:
    """Say of labels that were deleted or merged what became of them."""
    names = labels_ever(project.db, project.id) if targets else {}
    return {
        label: f"the label {names[label]} was deleted"
        if target is None
        else f"the label {names[label]} was merged into {names[target]}"
        for label, target in targets.items()
    }


def _standing(
    project: Project,
    row: HeuristicRow,
    runs: Sequence[HeuristicRun],
    active: set[int],
    lists: Mapping[int, Sequence[str]],
    targets: Mapping[int, int | None],
    gone: Mapping[int, str],
) -> Heuristic:
    names = {label.id: label.name for label in project.labels}
    done = next((run for run in runs if run.state == DONE), None)
    labels: tuple[str, ...] = ()
    said, asks, broken = "", None, None
    on: dict[str, str] = {}
    try:
        kind = kind_for(project, row.kind)
        config = with_targets(checked(project, kind, row.config), targets)
        labels = tuple(names[one] for one in kind.voting(config) if one in names)
        said, asks = says(project, kind, config), kind.depends(config).asks
        on = hangs_on(project, kind, config, lists)
    except EmbtuneError as error:
        broken = str(error)
    state, why, edit_first = DRAFT, None, False
    if runs:
        state, why = _state_of(row, runs[0], on, active, gone)
        edit_first = state == FAILED and row.kind in _BY_ITSELF and runs[0].notes.get("hangs_on") == on
    if broken is not None and state not in (QUEUED, RUNNING):
        state, why, edit_first = FAILED, broken, True
    return Heuristic(
        id=row.id,
        name=row.name,
        description=row.description,
        kind=row.kind,
        config=row.config,
        labels=labels,
        says=said,
        version=row.version,
        selected=row.selected,
        state=state,
        why=why,
        run=done,
        asks=asks,
        created_by=row.created_by,
        updated_at=row.updated_at,
        edit_first=edit_first,
    )


def _lost(row: HeuristicRow, run: HeuristicRun, on: Mapping[str, str], gone: Mapping[int, str]) -> list[str]:
    """Say what became of labels that a run learned from, or voted for, and that are no more.

    A label that was merged changes the configuration that counts, not the one that was written.
    """
    meant = {int(label) for label in run.notes.get("per_label", ())}
    if row.version == run.version and "configuration" in _changed(run, on):
        meant.update(one for one in (row.config.get("label"), *(row.config.get("labels") or ())) if one)
    return [said for label, said in gone.items() if label in meant]


def _changed(run: HeuristicRun, on: Mapping[str, str]) -> list[str]:
    was = run.notes.get("hangs_on", {})
    return [name for name in on if was.get(name) != on[name]]


def _state_of(
    row: HeuristicRow,
    run: HeuristicRun,
    on: Mapping[str, str],
    active: set[int],
    gone: Mapping[int, str],
) -> tuple[str, str | None]:
    if run.state in (QUEUED, RUNNING):
        if run.job_id is None:
            under_way = time.time() - run.created_at < UNBOUND_SECONDS
        else:
            under_way = run.job_id in active
        if under_way:
            return run.state, None
        return FAILED, "Its run was stopped before it ended: run it again."
    if run.state == FAILED:
        return FAILED, run.error
    lost = _lost(row, run, on, gone)
    what = {
        "configuration": "its configuration changed",
        "records": "records were added",
        "look-up list": "its look-up list changed",
        "label names": "the label set changed",
        "embedding": "its embedding changed",
        "language model": "another language model is configured",
    }
    by_labels = {"label names", *(("configuration",) if row.version == run.version else ())}
    changed = [what[name] for name in _changed(run, on) if not (lost and name in by_labels)]
    if not lost and not changed:
        return DONE, None
    more = ["other labels are gone"] if len(lost) > _MOST_LOST else []
    said = f"{', '.join([*lost[:_MOST_LOST], *more, *changed])}: run it again."
    return OUTDATED, said[0].upper() + said[1:]
