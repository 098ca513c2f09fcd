"""Projects: one corpus each, with its labels, embeddings and models."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from embtune.errors import BadInputError
from embtune.store.database import Database
from embtune.store.records import n_records_of
from embtune.store.tables import jobs, projects, records, tasks, votes

FIRST_TASK = "Labels"
"""Name of the label task that every project begins with."""


@dataclass(frozen=True)
class ProjectRow:
    """One project as the database has it."""

    id: int
    name: str
    template: str | None
    model: str
    active_embedding: str
    revision: int
    created_at: float
    opened_at: float


@dataclass(frozen=True)
class ProjectCard:
    """What a list of projects shows of one."""

    name: str
    n_records: int
    n_labelled: int
    n_running_jobs: int
    opened_at: float


@dataclass(frozen=True)
class ProjectCount:
    """A project with the number of its records and of its jobs that wait or run."""

    id: int
    name: str
    revision: int
    opened_at: float
    n_records: int
    n_running_jobs: int


_COLUMNS = [projects.c[name] for name in ProjectRow.__dataclass_fields__]


def find_project(db: Database, name: str) -> ProjectRow | None:
    """Return the project of that name, if there is one."""
    with db.read() as connection:
        row = connection.execute(sa.select(*_COLUMNS).where(projects.c.name == name)).first()
    return ProjectRow(**row._mapping) if row else None


def get_project(db: Database, project_id: int) -> ProjectRow | None:
    """Return the project of that number, if it still exists."""
    with db.read() as connection:
        row = connection.execute(sa.select(*_COLUMNS).where(projects.c.id == project_id)).first()
    return ProjectRow(**row._mapping) if row else None


def create_project(db: Database, name: str, *, model: str) -> ProjectRow:
    """Add an empty project; a name already taken returns the one there is."""
    name = name.strip()
    if not name or len(name) > 100 or any(ord(ch) < 32 or ch in "/\\" for ch in name) or name.startswith("."):
        raise BadInputError(
            f"{name!r} cannot be a project name: use 1 to 100 characters, no slash, no leading full stop."
        )
    now = time.time()
    with db.write() as connection:
        exists = connection.scalar(sa.select(projects.c.id).where(projects.c.name == name))
        if exists is None:
            result = connection.execute(
                projects.insert().values(name=name, model=model, created_at=now, opened_at=now)
            )
            key = result.inserted_primary_key
            assert key is not None
            connection.execute(
                tasks.insert().values(project_id=key[0], name=FIRST_TASK, position=0, created_at=now)
            )
    found = find_project(db, name)
    assert found is not None
    return found


def update_project(db: Database, project_id: int, **values: Any) -> None:
    """Set columns of a project."""
    with db.write() as connection:
        connection.execute(projects.update().where(projects.c.id == project_id).values(**values))


def keep_template(connection: sa.Connection, project_id: int, template: str) -> None:
    """Set the text template of a project that has none, within the caller's transaction."""
    connection.execute(
        projects.update()
        .where(projects.c.id == project_id, projects.c.template.is_(None))
        .values(template=template)
    )


def delete_project(db: Database, project_id: int) -> None:
    """Remove a project with everything that belongs to it."""
    with db.write() as connection:
        connection.execute(votes.delete().where(votes.c.project_id == project_id))
        connection.execute(records.delete().where(records.c.project_id == project_id))
        connection.execute(projects.delete().where(projects.c.id == project_id))


def list_projects(db: Database) -> list[ProjectCount]:
    """All projects, the last used first."""
    n_records = n_records_of(projects.c.id).scalar_subquery()
    n_jobs = (
        sa.select(sa.func.count())
        .where(jobs.c.project_id == projects.c.id, jobs.c.state.in_(["queued", "running"]))
        .scalar_subquery()
    )
    plain = [projects.c[name] for name in list(ProjectCount.__dataclass_fields__)[:4]]
    query = sa.select(*plain, n_records.label("n_records"), n_jobs.label("n_running_jobs")).order_by(
        projects.c.opened_at.desc()
    )
    with db.read() as connection:
        return [ProjectCount(**row._mapping) for row in connection.execute(query)]


def revision_of(db: Database, project_id: int) -> int | None:
    """Return the counter that every change of labels or records raises; None if the project is gone."""
    with db.read() as connection:
        return connection.scalar(sa.select(projects.c.revision).where(projects.c.id == project_id))


def raise_revision(connection: sa.Connection, project_id: int) -> None:
    """Note a change of labels or records, within the caller's transaction."""
    connection.execute(
        projects.update().where(projects.c.id == project_id).values(revision=projects.c.revision + 1)
    )
