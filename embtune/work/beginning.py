"""How a project begins: with the sample, or with a file; one whose import fails does not begin at all."""

from __future__ import annotations

import os
import re
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any

from embtune.errors import BadInputError, EmbtuneError
from embtune.progress import Report, silent
from embtune.project import open_project, project_cards
from embtune.store.database import get_database
from embtune.store.jobs import create_job, finish_job, start_job
from embtune.store.projects import find_project

if TYPE_CHECKING:
    from embtune.project import Project
    from embtune.store.jobs import JobRow

IMPORT_REFINERY = "import refinery"


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
        Not taken yet, but for a project without records.
    source
        The snapshot's zip or its JSON.
    name, text
        As for `embtune.work.refinery.import_refinery`, which says what is returned with the project. It
        is kept as the result of a job of the kind `IMPORT_REFINERY`, too.

    Raises
    ------
    BadInputError
        If there is a project of that name with records, or the name cannot be one.
    BadFileError, TemplateError
        If the file is no whole snapshot, or its records cannot be read with that template.
    """
    from embtune.work.refinery import import_refinery

    db = get_database()
    project_name = project_name.strip()
    is_new = find_project(db, project_name) is None
    project = open_project(project_name)
    try:
        result = import_refinery(project, source, name=name, text=text, report=report)
    except BaseException:
        if is_new and project.exists:
            project.delete()
        raise
    kept = {"file": name or source.name, **result}
    job = create_job(db, project.id, IMPORT_REFINERY, {"file": str(source)})
    start_job(db, job, os.getpid())
    finish_job(db, job, "done", result=kept)
    return project, result


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

    Returns
    -------
    dict
        Why, in one sentence, by the name of each project removed.
    """
    reasons: dict[str, str] = {}
    for card in project_cards():
        if card.n_records or card.n_running_jobs:
            continue
        project = open_project(card.name, create=False)
        job = next(iter(project.jobs(limit=1)), None)
        if job is None or job.kind != "import" or job.state not in ("failed", "cancelled"):
            continue
        if project.n_records or project.labels:
            continue
        reasons[card.name] = job.error or f"The import of {Path(job.parameters['file']).name} was stopped."
        project.delete()
    return reasons
