"""How a project begins: with the sample, or with a file; one whose import fails does not begin at all."""

from __future__ import annotations

import os
import re
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any

from embtune.errors import BadInputError, ConflictError, EmbtuneError, JobCancelledError
from embtune.progress import Report, silent
from embtune.project import open_project
from embtune.store.database import Database, get_database
from embtune.store.heuristics import list_heuristics
from embtune.store.jobs import create_job, finish_job, list_jobs, report_job, start_job
from embtune.store.journal import list_actions
from embtune.store.projects import find_project, list_projects, update_project

if TYPE_CHECKING:
    from embtune.project import Project
    from embtune.store.jobs import JobRow

IMPORT_REFINERY = "import refinery"
_LAST_STEP = 60.0  # seconds after its last report in which a dead import may itself have written


def open_sample() -> Project:
    """Open the sample project; if it is new, its records are imported and their embedding is started."""
    from embtune.records.sample import SAMPLE_NAME

    project = open_project(SAMPLE_NAME)
    if project.n_records == 0:
        project.import_sample()
        project.start("embed")
    return project


def free_name(file_name: str, taken: Collection[str]) -> str:
    """Suggest a project name after a file: its stem, numbered if there is such a project."""
    stem = re.sub(r'[\s/\\:*?"<>|]+', "-", Path(file_name).stem).strip(".-")[:80] or "records"
    name, number = stem, 2
    while name in taken:
        name, number = f"{stem}-{number}", number + 1
    return name


def import_into_new(project_name: str, file: Path, *, wait: bool = True, **options: Any) -> Project:
    """Make a project of a file; if the file cannot be imported there is no project afterwards.

    Parameters
    ----------
    project_name
        Not taken yet.
    file
        Absolute path of the file.
    wait
        Import it in this process; else in a job, whose failure `drop_failed_imports` deals with.
    options
        As for `embtune.work.importing.import_records`.

    Raises
    ------
    BadInputError
        If the name is taken or cannot be one, or a field is not in the file.
    BadFileError, TemplateError
        If the file cannot be read, or not with that template.
    """
    db = get_database()
    project_name = project_name.strip()
    if find_project(db, project_name) is not None:
        raise BadInputError(
            f"There is a project {project_name!r} already: choose another name, or import into it."
        )
    check_import(file, **options)
    project = open_project(project_name)
    try:
        import_into(project, file, wait=wait, **options)
    except EmbtuneError:
        project.delete()
        raise
    return project


def refinery_into_new(
    project_name: str,
    source: Path,
    *,
    name: str | None = None,
    text: str | None = None,
    report: Report = silent,
) -> tuple[Project, dict[str, Any]]:
    """Make a project of a refinery snapshot; if it cannot come over there is no project afterwards.

    Parameters
    ----------
    project_name
        Not taken yet, but for a project that is empty.
    source
        The snapshot's zip or its JSON.
    name, text
        As for `embtune.work.refinery.import_refinery`, which says what is returned with the project. It
        is kept as the result of a job of the kind `IMPORT_REFINERY`, too. Where the process dies,
        `drop_failed_imports` or the next import under that name clears away what it left.

    Raises
    ------
    BadInputError
        If there is a project of that name that holds something, or the name cannot be one.
    ConflictError
        If a job of that project waits or runs.
    BadFileError, TemplateError
        If the file is no whole snapshot, or its records cannot be read with that template.
    JobCancelledError
        If somebody stopped its job.
    """
    from embtune.jobs.runner import sweep
    from embtune.work.refinery import import_refinery, refuse_filled

    db = get_database()
    project_name = project_name.strip()
    sweep(db)
    if find_project(db, project_name) is not None:
        _drop_half(open_project(project_name, create=False))
    was_there = find_project(db, project_name) is not None
    project = open_project(project_name)
    refuse_filled(project)
    under_way = next(iter(project.jobs(active=True)), None)
    if under_way is not None:
        raise ConflictError(f"Job {under_way.id} works on project {project_name!r}: wait until it has ended.")
    told = {"file": str(source), "name": name or source.name, "was_there": was_there}
    job = create_job(db, project.id, IMPORT_REFINERY, told)
    start_job(db, job, os.getpid())
    try:
        result = import_refinery(project, source, name=name, text=text, report=_heard(db, job, report))
        finish_job(db, job, "done", result={"file": told["name"], **result})
    except BaseException as error:
        finish_job(db, job, "failed", error=str(error) or type(error).__name__)
        _take_back(project, was_there)
        raise
    return project, result


def _heard(db: Database, job: int, report: Report) -> Report:
    """Return a report that is also the job's; called between transactions, for it writes to the database."""

    def told(
        done: float,
        total: float | None = None,
        unit: str = "",
        message: str = "",
        detail: dict[str, Any] | None = None,
    ) -> None:
        report(done, total, unit, message, detail)
        if report_job(db, job, done=float(done), total=total, unit=unit, message=message):
            raise JobCancelledError("The import was stopped.")

    return told


def _take_back(project: Project, was_there: bool) -> None:
    """Throw away what came of a snapshot; a project that was there before, empty, is there again."""
    from embtune.work.refinery import what_is_in

    if not project.exists or (was_there and what_is_in(project) is None):
        return
    name, model = project.name, project.info.model
    project.delete()
    if was_there:
        update_project(project.db, open_project(name).id, model=model)


def _drop_half(project: Project) -> str | None:
    """Take back an import of a snapshot whose process died; return the name of its file.

    None if there is no such import. A project that somebody worked in since stays.
    """
    job = next(iter(project.jobs(limit=1)), None)
    if job is None or job.kind != IMPORT_REFINERY:
        return None
    was_there = bool(job.parameters.get("was_there", True))
    # A failure is taken back at once, so that "failed" in a project that was there says that it is as before.
    if job.state not in ("interrupted", "cancelled") and (was_there or job.state != "failed"):
        return None
    since = (job.heartbeat_at or job.created_at) + _LAST_STEP
    touched = [one.updated_at for one in list_heuristics(project.db, project.id, None)]
    touched += [one.updated_at for one in project.lookup_lists.all()]
    if max(touched, default=0.0) > since or list_actions(project.db, project.id, limit=1, since=since):
        return None
    _take_back(project, was_there)
    return str(job.parameters.get("name") or "a snapshot")


def import_into(project: Project, file: Path, *, wait: bool = True, **options: Any) -> JobRow:
    """Import a file as a job, in this process or in one of its own, and return it as it is now.

    Raises
    ------
    EmbtuneError
        If it was waited for and failed; the project is as it was.
    """
    parameters = {"file": str(file), **options}
    if not wait:
        return project.job(project.start("import", **parameters))
    from embtune.jobs.runner import run

    job = run(project, create_job(project.db, project.id, "import", parameters))
    if job.state != "done":
        raise EmbtuneError(job.error or f"The import of {file.name} was {job.state}.")
    return job


def check_import(file: Path, *, name: str | None = None, text: str | None = None, **options: Any) -> None:
    """Look at a file's first rows and refuse what cannot work: bad file, template or field.

    Raises
    ------
    BadFileError, TemplateError, BadInputError
        With file, line and field.
    """
    from embtune.records.readers import read_table
    from embtune.records.template import TextTemplate

    table = read_table(file, name=name, limit=50)
    if text is not None:
        TextTemplate.parse(text).check(table.columns)
    for option in ("label_field", "reference_field", "confidence_field"):
        chosen = options.get(option)
        if chosen and chosen not in table.columns:
            raise BadInputError(
                f"{table.name} has no field {chosen!r}; its fields are: {', '.join(table.columns)}."
            )


def drop_failed_imports() -> dict[str, str]:
    """Remove projects that never got a record, because their import failed or was stopped.

    So are those that a refinery snapshot was half brought into when its process died.

    Returns
    -------
    dict
        Why, in one sentence, by the name of each project removed.
    """
    reasons: dict[str, str] = {}
    for one in list_projects(get_database()):
        if one.n_running_jobs:
            continue
        newest = next(iter(list_jobs(get_database(), one.id, limit=1)), None)
        if newest is None or newest.kind not in ("import", IMPORT_REFINERY):
            continue
        project = open_project(one.name, create=False)
        half = _drop_half(project)
        if half is not None:
            reasons[one.name] = f"The import of {half} was stopped."
        if half is not None or one.n_records:
            continue
        job = next(iter(project.jobs(limit=1)), None)
        if job is None or job.kind != "import" or job.state not in ("failed", "cancelled"):
            continue
        if project.n_records or project.labels:
            continue
        reasons[one.name] = job.error or f"The import of {Path(job.parameters['file']).name} was stopped."
        project.delete()
    return reasons
