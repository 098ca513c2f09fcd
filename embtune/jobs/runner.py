"""Start, watch and cancel jobs; notice the ones whose process died."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from embtune.errors import (
    EmbtuneError,
    JobCancelledError,
    NotFoundError,
    StorageError,
    UnknownChoiceError,
)
from embtune.jobs.kinds import KINDS
from embtune.progress import Report
from embtune.store.database import Database, ensure_folder
from embtune.store.jobs import (
    JobRow,
    find_or_create_job,
    finish_job,
    get_job,
    list_jobs,
    note_pid,
    report_job,
    request_cancel,
    start_job,
)

if TYPE_CHECKING:
    from embtune.project import Project

HEARTBEAT_SECONDS = 2.0
REPORT_SECONDS = 0.25
GRACE_SECONDS = 4.0
_SPAWN_SECONDS = 60.0


def start(project: Project, kind: str, parameters: dict[str, Any]) -> int:
    """Run a job in a process of its own, which outlives this one; return its number.

    The same job already waiting or running is not started twice.

    Raises
    ------
    UnknownChoiceError
        If there is no such kind of job.
    StorageError
        If its process cannot be started.
    """
    if kind not in KINDS:
        raise UnknownChoiceError("kind of job", kind, KINDS)
    sweep(project.db)  # a job whose process died must not pass for one that runs
    if "label_task" not in parameters and project.task.id != project.tasks[0].id:
        parameters = parameters | {"label_task": project.task.name}
    as_stored = json.loads(json.dumps(parameters, default=str))  # tuples and paths compare as they are kept
    job_id, is_new = find_or_create_job(project.db, project.id, kind, as_stored)
    if is_new:
        spawn(project, job_id)
    return job_id


def spawn(project: Project, job_id: int) -> None:
    """Start the worker process of a queued job."""
    environment = os.environ | {
        "EMBTUNE_HOME": str(project.settings.home_path),
        "EMBTUNE_DATABASE_URL": project.settings.url,
    }
    try:
        folder = ensure_folder(project.settings.home_path / "logs")
        with (folder / f"job-{job_id}.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "embtune.jobs.worker", str(job_id)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                env=environment,
            )
    except (OSError, StorageError) as error:
        told = error if isinstance(error, StorageError) else disk_error(error)
        finish_job(project.db, job_id, "failed", error=str(told))
        raise told from error
    # Collects the child when it ends, so that a dead worker is not taken for a living one.
    threading.Thread(target=process.wait, daemon=True).start()
    note_pid(project.db, job_id, process.pid)


def run(
    project: Project, job_id: int, *, echo: Report | None = None, leave: Callable[[int], None] | None = None
) -> JobRow:
    """Do a queued job in this process, and return it as it ended.

    Parameters
    ----------
    echo
        Gets every report as well, unthrottled.
    leave
        Called by the heartbeat if a cancelled job has not stopped of itself; a worker process exits there.
    """
    db = project.db
    if not start_job(db, job_id, os.getpid()):
        job = _found(db, job_id)
        if job.cancel_requested:
            finish_job(db, job_id, "cancelled")
        return _found(db, job_id)
    job = _found(db, job_id)
    reporter = _Reporter(db, job_id, echo)
    beat = _Heartbeat(db, job_id, reporter, leave)
    beat.start()
    try:
        parameters = dict(job.parameters)
        under = project.view(task=parameters.pop("label_task", None))
        result = KINDS[job.kind](under, reporter, **parameters)
        reporter.flush()
        finish_job(db, job_id, "done", result=result)
    except JobCancelledError:
        finish_job(db, job_id, "cancelled")
    except EmbtuneError as error:
        finish_job(db, job_id, "failed", error=str(error))
    except KeyboardInterrupt:
        finish_job(db, job_id, "cancelled")
        raise
    except OSError as error:
        finish_job(db, job_id, "failed", error=str(disk_error(error)))
    except Exception as error:
        traceback.print_exc()
        finish_job(db, job_id, "failed", error=f"Unexpected {type(error).__name__}: {error}")
    finally:
        beat.stop()
    return _found(db, job_id)


def disk_error(error: OSError) -> StorageError:
    """Tell an operating system's refusal in one sentence."""
    where = f" at {error.filename}" if error.filename else ""
    return StorageError(
        f"The system refused{where}: {error.strerror or error}. Free space or rights, then start it again; "
        "what was whole is kept."
    )


def cancel(db: Database, job_id: int) -> JobRow:
    """Ask a job to stop; one that never began, or whose process is gone, ends at once."""
    request_cancel(db, job_id)
    job = _found(db, job_id)
    if job.active and not _alive(job):
        finish_job(db, job_id, "cancelled")
    return _found(db, job_id)


def retry(project: Project, job_id: int) -> int:
    """Start the same job again as a new one; embedding goes on where it stopped."""
    job = _found(project.db, job_id)
    return start(project, job.kind, job.parameters)


def sweep(db: Database) -> list[JobRow]:
    """Mark jobs whose process died as interrupted, and return them."""
    why = "Its process ended before the work was done. Resume it to go on."
    dead = [job for job in list_jobs(db, active=True, limit=500) if not _alive(job)]
    return [_found(db, job.id) for job in dead if finish_job(db, job.id, "interrupted", error=why)]


def _alive(job: JobRow) -> bool:
    import psutil

    if job.pid is None:  # queued, its process about to be started
        return time.time() - job.created_at < _SPAWN_SECONDS
    try:
        process = psutil.Process(job.pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return False
        # A later process may have got the number of a dead one; a clock that was set only looks like that.
        as_old = process.create_time() <= (job.started_at or job.heartbeat_at or job.created_at) + 1.0
        return as_old or time.time() - (job.heartbeat_at or job.created_at) < 5 * HEARTBEAT_SECONDS
    except psutil.NoSuchProcess:
        return False
    except psutil.AccessDenied:
        return time.time() - (job.heartbeat_at or job.created_at) < _SPAWN_SECONDS


def _found(db: Database, job_id: int) -> JobRow:
    job = get_job(db, job_id)
    if job is None:
        raise NotFoundError(f"There is no job {job_id}.")
    return job


class _Reporter:
    """The `Report` of a job: keeps the last word for the heartbeat to write, so that the work never waits."""

    def __init__(self, db: Database, job_id: int, echo: Report | None) -> None:
        self._db, self._job_id, self._echo = db, job_id, echo
        self._values: dict[str, Any] = {}
        self._written = 0.0
        self._lock = threading.Lock()
        self._writing = threading.Lock()
        self.cancelled = threading.Event()

    def __call__(
        self,
        done: float,
        total: float | None = None,
        unit: str = "",
        message: str = "",
        detail: dict[str, Any] | None = None,
    ) -> None:
        with self._lock:
            self._values |= {"done": float(done), "total": total, "unit": unit, "message": message}
            if detail is not None:
                self._values["detail"] = detail
        if self._echo is not None:
            self._echo(done, total, unit, message, detail)
        if self.cancelled.is_set():
            raise JobCancelledError("The job was cancelled.")

    @property
    def due(self) -> bool:
        """Whether there is something new to write, or it is time for a sign of life."""
        return bool(self._values) or time.monotonic() - self._written >= HEARTBEAT_SECONDS / 2

    def flush(self) -> None:
        """Write the last word; where the database is busy or full it stays for the next flush."""
        with self._writing:
            with self._lock:
                values, self._values = self._values, {}
            try:
                if report_job(self._db, self._job_id, **values):
                    self.cancelled.set()
            except StorageError:
                with self._lock:
                    self._values = values | self._values
            self._written = time.monotonic()


class _Heartbeat(threading.Thread):
    """Writes the reports, shows that the process lives while a step reports nothing, and hears a cancel."""

    def __init__(
        self, db: Database, job_id: int, reporter: _Reporter, leave: Callable[[int], None] | None
    ) -> None:
        super().__init__(daemon=True)
        self._db, self._job_id, self._reporter, self._leave = db, job_id, reporter, leave
        self._ended = threading.Event()

    def run(self) -> None:
        heard_at: float | None = None
        while not self._ended.wait(REPORT_SECONDS):
            if self._reporter.due:
                self._reporter.flush()
            if self._reporter.cancelled.is_set():
                heard_at = heard_at or time.monotonic()
                if self._leave is not None and time.monotonic() - heard_at > GRACE_SECONDS:
                    # Files are written whole and renamed, so leaving here loses nothing but this job.
                    with contextlib.suppress(StorageError):
                        finish_job(self._db, self._job_id, "cancelled")
                    self._leave(0)

    def stop(self) -> None:
        self._ended.set()
        self.join(timeout=5)
