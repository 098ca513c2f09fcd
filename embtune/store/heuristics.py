"""Heuristics, their versions and runs, and what services answered."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from embtune.errors import BadInputError, NotFoundError
from embtune.store.database import Database
from embtune.store.tables import votes
from embtune.store.tables_heuristics import answers, heuristic_runs, heuristic_versions, heuristics

QUEUED, RUNNING, DONE, FAILED = "queued", "running", "done", "failed"


@dataclass(frozen=True)
class HeuristicRow:
    """One heuristic of a label task, as it is now."""

    id: int
    task_id: int
    name: str
    description: str
    kind: str
    config: dict[str, Any]
    version: int
    selected: bool
    deleted: bool
    created_by: str
    created_at: float
    updated_at: float


@dataclass(frozen=True)
class HeuristicVersion:
    """A configuration that a heuristic had."""

    version: int
    config: dict[str, Any]
    created_by: str
    created_at: float


@dataclass(frozen=True)
class HeuristicRun:
    """One run over all records; `file` holds its votes once it is done, `stamp` what they hang on."""

    id: int
    heuristic_id: int
    version: int
    state: str
    stamp: str
    n_rows: int
    n_hits: int
    file: str | None
    notes: dict[str, Any]
    error: str | None
    seconds: float
    job_id: int | None
    created_at: float


_HEURISTIC = [heuristics.c[name] for name in HeuristicRow.__dataclass_fields__]
_VERSION = [heuristic_versions.c[name] for name in HeuristicVersion.__dataclass_fields__]
_RUN = [heuristic_runs.c[name] for name in HeuristicRun.__dataclass_fields__]


def list_heuristics(
    db: Database, project_id: int, task_id: int | None, *, deleted: bool = False
) -> list[HeuristicRow]:
    """The heuristics of a label task (None: of all), oldest first; with `deleted`, those thrown away."""
    query = (
        sa.select(*_HEURISTIC)
        .where(heuristics.c.project_id == project_id, heuristics.c.deleted == deleted)
        .order_by(heuristics.c.id)
    )
    if task_id is not None:
        query = query.where(heuristics.c.task_id == task_id)
    with db.read() as connection:
        return [HeuristicRow(*row) for row in connection.execute(query)]


def insert_heuristic(
    connection: sa.Connection, project_id: int, task_id: int, *, created_by: str, **values: Any
) -> int:
    """Keep a new heuristic (`name`, `kind`, `config`, …) within the caller's transaction; return its number.

    Raises
    ------
    BadInputError
        If the task has one of that name.
    """
    _refuse_taken(connection, task_id, values["name"], None)
    now = time.time()
    result = connection.execute(
        heuristics.insert().values(
            project_id=project_id,
            task_id=task_id,
            created_by=created_by,
            created_at=now,
            updated_at=now,
            **values,
        )
    )
    key = result.inserted_primary_key
    assert key is not None
    _keep_version(connection, int(key[0]), 1, values["config"], created_by)
    return int(key[0])


def change_heuristic(
    db: Database, project_id: int, heuristic_id: int, *, changed_by: str, **values: Any
) -> HeuristicRow:
    """Change what is given; another `config` is a new version.

    Raises
    ------
    NotFoundError
        If it does not exist.
    BadInputError
        If another heuristic of the task has the name.
    """
    mine = sa.and_(heuristics.c.project_id == project_id, heuristics.c.id == heuristic_id)
    with db.write() as connection:
        row = connection.execute(sa.select(*_HEURISTIC).where(mine)).first()
        if row is None:
            raise NotFoundError(f"There is no heuristic {heuristic_id}.")
        known = HeuristicRow(*row)
        if "name" in values or values.get("deleted") is False:
            _refuse_taken(connection, known.task_id, values.get("name", known.name), known.id)
        if "config" in values and values["config"] != known.config:
            values["version"] = known.version + 1
            _keep_version(connection, known.id, known.version + 1, values["config"], changed_by)
        connection.execute(heuristics.update().where(mine).values(**values, updated_at=time.time()))
        return HeuristicRow(*connection.execute(sa.select(*_HEURISTIC).where(mine)).one())


def select_heuristics(db: Database, project_id: int, chosen: Mapping[int, bool]) -> None:
    """Say of some heuristics whether weak supervision hears them."""
    with db.write() as connection:
        for number, on in chosen.items():
            connection.execute(
                heuristics.update()
                .where(heuristics.c.project_id == project_id, heuristics.c.id == number)
                .values(selected=on)
            )


def list_versions(db: Database, heuristic_id: int) -> list[HeuristicVersion]:
    """The configurations that a heuristic had, newest first."""
    query = (
        sa.select(*_VERSION)
        .where(heuristic_versions.c.heuristic_id == heuristic_id)
        .order_by(heuristic_versions.c.version.desc())
    )
    with db.read() as connection:
        return [HeuristicVersion(*row) for row in connection.execute(query)]


def insert_runs(
    db: Database, versions: Mapping[int, int], *, state: str, job_id: int | None = None
) -> dict[int, int]:
    """Note that heuristics ({number: version}) are about to run; map each to the number of its run."""
    numbers = {}
    with db.write() as connection:
        for heuristic_id, version in versions.items():
            result = connection.execute(
                heuristic_runs.insert().values(
                    heuristic_id=heuristic_id,
                    version=version,
                    state=state,
                    notes={},
                    job_id=job_id,
                    created_at=time.time(),
                )
            )
            key = result.inserted_primary_key
            assert key is not None
            numbers[heuristic_id] = int(key[0])
    return numbers


def update_runs(db: Database, changes: Mapping[int, Mapping[str, Any]]) -> None:
    """Change runs ({number: values}) in one transaction."""
    with db.write() as connection:
        for number, values in changes.items():
            connection.execute(
                heuristic_runs.update().where(heuristic_runs.c.id == number).values(**dict(values))
            )


def list_runs(db: Database, heuristic_ids: Sequence[int]) -> list[HeuristicRun]:
    """All runs of some heuristics, newest first."""
    query = (
        sa.select(*_RUN)
        .where(heuristic_runs.c.heuristic_id.in_(list(heuristic_ids)))
        .order_by(heuristic_runs.c.id.desc())
    )
    with db.read() as connection:
        return [HeuristicRun(*row) for row in connection.execute(query)]


def delete_runs(db: Database, ids: Sequence[int]) -> None:
    """Forget runs."""
    with db.write() as connection:
        connection.execute(heuristic_runs.delete().where(heuristic_runs.c.id.in_(list(ids))))


def state_of_rules(db: Database, project_id: int) -> tuple[Any, ...]:
    """Return something that differs once a heuristic or its votes changed."""
    mine = sa.select(heuristics.c.id).where(heuristics.c.project_id == project_id)
    changed = sa.select(sa.func.count(), sa.func.max(heuristics.c.updated_at)).where(
        heuristics.c.project_id == project_id
    )
    number = heuristic_runs.c.id  # the sum tells runs apart that end in another order than they began in
    ran = sa.select(sa.func.count(), sa.func.max(number), sa.func.sum(number)).where(
        heuristic_runs.c.heuristic_id.in_(mine), heuristic_runs.c.state == DONE
    )
    with db.read() as connection:
        return (*connection.execute(changed).one(), *connection.execute(ran).one())


def first_given(
    db: Database, project_id: int, task_id: int, sources: Sequence[str]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Rows that some sources gave an answer for, undone ones too, and when each got its first."""
    query = (
        sa.select(votes.c.row, sa.func.min(votes.c.created_at))
        .where(
            votes.c.project_id == project_id, votes.c.task_id == task_id, votes.c.source.in_(list(sources))
        )
        .group_by(votes.c.row)
    )
    with db.read() as connection:
        found = [tuple(row) for row in connection.execute(query)]
    rows, times = zip(*found, strict=True) if found else ((), ())
    return np.array(rows, dtype=np.int64), np.array(times, dtype=np.float64)


def known_answers(db: Database, project_id: int, keys: Sequence[str]) -> dict[str, str]:
    """What a service answered before, by key."""
    found: dict[str, str] = {}
    with db.read() as connection:
        for start in range(0, len(keys), 500):
            query = sa.select(answers.c.key, answers.c.answer).where(
                answers.c.project_id == project_id, answers.c.key.in_(list(keys[start : start + 500]))
            )
            found.update((row[0], row[1]) for row in connection.execute(query))
    return found


def keep_answers(db: Database, project_id: int, given: Mapping[str, str]) -> None:
    """Keep a service's answers; the newest for a key stands."""
    if not given:
        return
    now = time.time()
    with db.write() as connection:
        connection.execute(
            answers.delete().where(answers.c.project_id == project_id, answers.c.key.in_(list(given)))
        )
        connection.execute(
            answers.insert(),
            [
                {"project_id": project_id, "key": key, "answer": answer, "created_at": now}
                for key, answer in given.items()
            ],
        )


def _keep_version(
    connection: sa.Connection, heuristic_id: int, version: int, config: dict[str, Any], by: str
) -> None:
    connection.execute(
        heuristic_versions.insert().values(
            heuristic_id=heuristic_id, version=version, config=config, created_by=by, created_at=time.time()
        )
    )


def _refuse_taken(connection: sa.Connection, task_id: int, name: str, mine: int | None) -> None:
    query = sa.select(heuristics.c.id, heuristics.c.name).where(
        heuristics.c.task_id == task_id, heuristics.c.deleted.is_(False)
    )
    for other, taken in connection.execute(query):
        if taken.casefold() == name.casefold() and other != mine:
            raise BadInputError(f"There is a heuristic {taken!r} already: take another name.")
