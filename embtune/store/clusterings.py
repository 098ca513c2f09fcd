"""Clusterings of an embedding: rows that name a file of cluster numbers."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from embtune.store.database import Database
from embtune.store.tables import clusterings


@dataclass(frozen=True)
class ClusteringRow:
    """One clustering; `clusters` has for each, in order, its name, its words and its size."""

    id: int
    embedding: str
    method: str
    parameters: dict[str, Any]
    clusters: list[dict[str, Any]]
    n_rows: int
    file: str
    created_at: float


_CLUSTERING = [clusterings.c[name] for name in ClusteringRow.__dataclass_fields__]


def list_clusterings(db: Database, project_id: int) -> list[ClusteringRow]:
    """The clusterings of a project, newest first."""
    query = (
        sa.select(*_CLUSTERING)
        .where(clusterings.c.project_id == project_id)
        .order_by(clusterings.c.id.desc())
    )
    with db.read() as connection:
        return [ClusteringRow(*row) for row in connection.execute(query)]


def insert_clustering(db: Database, project_id: int, **values: Any) -> int:
    """Keep a clustering whose file is whole; return its number, which is never given twice."""
    with db.write() as connection:
        result = connection.execute(
            clusterings.insert().values(project_id=project_id, created_at=time.time(), **values)
        )
        key = result.inserted_primary_key
        assert key is not None
        return int(key[0])


def delete_clusterings(db: Database, project_id: int, ids: list[int]) -> None:
    """Forget clusterings."""
    with db.write() as connection:
        connection.execute(
            clusterings.delete().where(clusterings.c.project_id == project_id, clusterings.c.id.in_(ids))
        )
