"""Jobs: long work outside the page, as rows that page, command line and worker share."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from embtune.store.database import Database
from embtune.store.tables import jobs

ACTIVE = ("queued", "running")


@dataclass(frozen=True)
class JobRow:
    """One job; `state` is queued, running, done, failed, cancelled or interrupted."""

    id: int
    project_id: int
    kind: str
    parameters: dict[str, Any]
    state: str
    done: float
    total: float | None
    unit: str
    message: str
    detail: dict[str, Any]
    result: dict[str, Any] | None
    error: str | None
    pid: int | None
    cancel_requested: bool
    created_at: float
    started_at: float | None
    heartbeat_at: float | None
    finished_at: float | None

    @property
    def active(self) -> bool:
        """Whether it is waiting or under way."""
        return self.state in ACTIVE

    @property
    def seconds_left(self) -> float | None:
        """Estimate from the pace so far; None while nothing can be said."""
        now = self.finished_at or time.time()
        gained, since = self._gained()
        if self.state != "running" or not self.total or gained <= 0 or since is None:
            return None
        return max(0.0, (self.total - self.done) * (now - since) / gained)

    @property
    def per_second(self) -> float | None:
        """Units done a second since the first one; None while nothing is done."""
        until = self.heartbeat_at or self.finished_at
        gained, since = self._gained()
        if since is None or until is None or gained <= 0 or until <= since:
            return None
        return gained / (until - since)

    def _gained(self) -> tuple[float, float | None]:
        """What this run did, and since when; a job may name both, to leave out the loading of a model."""
        first = float(self.detail.get("first_done", 0))
        return self.done - first, self.detail.get("first_at", self.started_at)


_JOB = [jobs.c[name] for name in JobRow.__dataclass_fields__]


def create_job(db: Database, project_id: int, kind: str, parameters: dict[str, Any]) -> int:
    """Queue a job; return its number."""
    with db.write() as connection:
        return _insert(connection, project_id, kind, parameters)


def find_or_create_job(
    db: Database, project_id: int, kind: str, parameters: dict[str, Any]
) -> tuple[int, bool]:
    """Queue a job unless the same one waits or runs already; return its number and whether it is new.

    One step: two clicks at once make one job.
    """
    same = sa.select(jobs.c.id, jobs.c.parameters).where(
        jobs.c.project_id == project_id,
        jobs.c.kind == kind,
        jobs.c.state.in_(ACTIVE),
        jobs.c.cancel_requested.is_(False),
    )
    with db.write() as connection:
        for job_id, known in connection.execute(same.order_by(jobs.c.id.desc())):
            if known == parameters:
                return int(job_id), False
        return _insert(connection, project_id, kind, parameters), True


def _insert(connection: sa.Connection, project_id: int, kind: str, parameters: dict[str, Any]) -> int:
    result = connection.execute(
        jobs.insert().values(
            project_id=project_id,
            kind=kind,
            parameters=parameters,
            state="queued",
            detail={},
            created_at=time.time(),
        )
    )
    key = result.inserted_primary_key
    assert key is not None
    return int(key[0])


def get_job(db: Database, job_id: int) -> JobRow | None:
    """Return one job."""
    with db.read() as connection:
        row = connection.execute(sa.select(*_JOB).where(jobs.c.id == job_id)).first()
    return JobRow(*row) if row else None


def list_jobs(
    db: Database, project_id: int | None = None, *, active: bool = False, limit: int = 50
) -> list[JobRow]:
    """The newest jobs first; of one project or all."""
    query = sa.select(*_JOB)
    if project_id is not None:
        query = query.where(jobs.c.project_id == project_id)
    if active:
        query = query.where(jobs.c.state.in_(ACTIVE))
    with db.read() as connection:
        return [JobRow(*row) for row in connection.execute(query.order_by(jobs.c.id.desc()).limit(limit))]


def start_job(db: Database, job_id: int, pid: int) -> bool:
    """Turn a queued job into a running one; False if somebody else did, or it was cancelled."""
    now = time.time()
    with db.write() as connection:
        result = connection.execute(
            jobs.update()
            .where(jobs.c.id == job_id, jobs.c.state == "queued", jobs.c.cancel_requested.is_(False))
            .values(state="running", pid=pid, started_at=now, heartbeat_at=now, error=None)
        )
        return bool(result.rowcount)


def note_pid(db: Database, job_id: int, pid: int) -> None:
    """Remember the process that was started for a queued job."""
    with db.write() as connection:
        connection.execute(
            jobs.update()
            .where(jobs.c.id == job_id, jobs.c.state == "queued")
            .values(pid=pid, heartbeat_at=time.time())
        )


def report_job(db: Database, job_id: int, **values: Any) -> bool:
    """Write progress and a heartbeat; return whether a cancel was asked for."""
    with db.write() as connection:
        connection.execute(
            jobs.update()
            .where(jobs.c.id == job_id, jobs.c.state == "running")
            .values(heartbeat_at=time.time(), **values)
        )
        return bool(connection.scalar(sa.select(jobs.c.cancel_requested).where(jobs.c.id == job_id)))


def finish_job(db: Database, job_id: int, state: str, **values: Any) -> bool:
    """End an active job; False if it had ended already."""
    with db.write() as connection:
        result = connection.execute(
            jobs.update()
            .where(jobs.c.id == job_id, jobs.c.state.in_(ACTIVE))
            .values(state=state, finished_at=time.time(), **values)
        )
        return bool(result.rowcount)


def request_cancel(db: Database, job_id: int) -> None:
    """Ask a job to stop at its next report."""
    with db.write() as connection:
        connection.execute(
            jobs.update().where(jobs.c.id == job_id, jobs.c.state.in_(ACTIVE)).values(cancel_requested=True)
        )
