"""What was computed: embeddings, model versions, maps and evaluations. Rows name files that are whole."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from embtune.store.database import Database
from embtune.store.journal import EMBEDDING, insert_action
from embtune.store.tables import (
    actions,
    clusterings,
    embeddings,
    evaluations,
    maps,
    projects,
    trained_on,
    versions,
)


@dataclass(frozen=True)
class EmbeddingRow:
    """An embedding: a matrix file with one row per record."""

    name: str
    model: str
    model_path: str | None
    dim: int
    n_rows: int
    file: str
    detail: dict[str, Any]
    created_at: float


@dataclass(frozen=True)
class VersionRow:
    """A tuned model version: what a recipe made, from which labels, with which scores."""

    id: int
    name: str
    recipe: str
    parameters: dict[str, Any]
    seed: int
    labels: dict[str, Any]
    metrics: dict[str, Any]
    curve: list[dict[str, float]]
    gate: dict[str, Any]
    warnings: list[str]
    libraries: dict[str, str]
    device: str
    seconds: float
    folder: str
    created_at: float


@dataclass(frozen=True)
class MapRow:
    """A 2-D map of one embedding by one method."""

    embedding: str
    method: str
    n_rows: int
    file: str
    detail: dict[str, Any]
    created_at: float


@dataclass(frozen=True)
class Active:
    """The active embedding, and the names of all there are."""

    name: str
    known: frozenset[str]


_EMBEDDING = [embeddings.c[name] for name in EmbeddingRow.__dataclass_fields__]
_VERSION = [versions.c[name] for name in VersionRow.__dataclass_fields__]
_MAP = [maps.c[name] for name in MapRow.__dataclass_fields__]


def list_embeddings(db: Database, project_id: int) -> list[EmbeddingRow]:
    """The embeddings of a project, raw first."""
    query = sa.select(*_EMBEDDING).where(embeddings.c.project_id == project_id).order_by(embeddings.c.id)
    with db.read() as connection:
        return [EmbeddingRow(*row) for row in connection.execute(query)]


def put_embedding(db: Database, project_id: int, **values: Any) -> None:
    """Name a matrix file as an embedding, in place of an earlier one of that name."""
    with db.write() as connection:
        _replace(connection, embeddings, {"project_id": project_id, "name": values["name"]}, values)


def insert_version(
    db: Database,
    project_id: int,
    *,
    embedding: dict[str, Any],
    trained: Sequence[tuple[int, int]],
    activate: str | None = None,
    **values: Any,
) -> str:
    """Write a version, its embedding and the (row, label id) it learned from: all or none.

    Its name is the next one that is free, of two tunings that end at once each gets its own, and none that
    the journal tells of: to undo what was done with a deleted version must not touch another of its name.
    With `activate`, which is who tuned, it becomes the active embedding, as an action of the journal.

    Returns
    -------
    str
        The name, such as "v2".
    """
    now = time.time()
    with db.write() as connection:
        name = _next_version(connection, project_id)
        made = versions.insert().values(project_id=project_id, name=name, created_at=now, **values)
        result = connection.execute(made)
        key = result.inserted_primary_key
        assert key is not None
        if trained:
            connection.execute(
                trained_on.insert(),
                [{"version_id": key[0], "row": row, "label_id": label_id} for row, label_id in trained],
            )
        connection.execute(
            embeddings.insert().values(project_id=project_id, name=name, created_at=now, **embedding)
        )
        if activate is not None:
            summary = f"{name} became the active embedding"
            _activate(connection, project_id, name, annotator=activate, summary=summary, by="gate")
    return name


def next_version_name(db: Database, project_id: int) -> str:
    """Return the name that the next version would get now, such as "v2"."""
    with db.read() as connection:
        return _next_version(connection, project_id)


def _next_version(connection: sa.Connection, project_id: int) -> str:
    used = set(connection.scalars(sa.select(versions.c.name).where(versions.c.project_id == project_id)))
    told = sa.select(actions.c.detail).where(actions.c.project_id == project_id, actions.c.kind == EMBEDDING)
    for detail in connection.scalars(told):
        used |= {str(detail.get("embedding")), str(detail.get("before"))}
    return f"v{1 + max((int(name[1:]) for name in used if name[1:].isdecimal()), default=0)}"


def activate(
    db: Database,
    project_id: int,
    name: str,
    *,
    annotator: str,
    summary: str,
    mark: dict[str, Any] | None = None,
) -> None:
    """Make an embedding the active one, as an action of the journal.

    `mark` is noted with a version, for a person decided in place of the gate.
    """
    with db.write() as connection:
        marks = {}
        if mark is not None:
            before = put_by_hand(connection, project_id, name, mark)
            marks = {"by_hand": mark, "by_hand_before": before}
        _activate(connection, project_id, name, annotator=annotator, summary=summary, by="hand", **marks)


def put_by_hand(
    connection: sa.Connection, project_id: int, name: str, mark: dict[str, Any] | None
) -> dict[str, Any] | None:
    """Note with a version who decided in place of the gate, None for nobody, within the caller's transaction.

    Returns
    -------
    dict or None
        The note that was there before.
    """
    chosen = sa.and_(versions.c.project_id == project_id, versions.c.name == name)
    gate: dict[str, Any] = dict(connection.scalar(sa.select(versions.c.gate).where(chosen)) or {})
    before: dict[str, Any] | None = gate.pop("by_hand", None)
    if mark is not None:
        gate["by_hand"] = mark
    connection.execute(versions.update().where(chosen).values(gate=gate))
    return before


def _activate(
    connection: sa.Connection,
    project_id: int,
    name: str,
    *,
    annotator: str,
    summary: str,
    by: str,
    **detail: Any,
) -> None:
    before = active_within(connection, project_id).name
    put_active(connection, project_id, name)
    insert_action(
        connection,
        project_id,
        [],
        source="model",
        annotator=annotator,
        label_id=None,
        summary=summary,
        detail={"embedding": name, "before": before, "by": by, "from": "Tune"} | detail,
        kind=EMBEDDING,
    )


def active_within(connection: sa.Connection, project_id: int) -> Active:
    """Return which embedding is active, and which there are, within the caller's transaction."""
    name = connection.scalar(sa.select(projects.c.active_embedding).where(projects.c.id == project_id))
    known = connection.scalars(sa.select(embeddings.c.name).where(embeddings.c.project_id == project_id))
    return Active(str(name), frozenset(known))


def put_active(connection: sa.Connection, project_id: int, name: str) -> None:
    """Make an embedding the active one within the caller's transaction, and tell no journal."""
    connection.execute(projects.update().where(projects.c.id == project_id).values(active_embedding=name))


def delete_version(db: Database, project_id: int, name: str) -> None:
    """Forget a version with its embedding, maps and evaluations."""
    with db.write() as connection:
        connection.execute(
            versions.delete().where(versions.c.project_id == project_id, versions.c.name == name)
        )
        connection.execute(
            embeddings.delete().where(embeddings.c.project_id == project_id, embeddings.c.name == name)
        )
        for table in (maps, evaluations, clusterings):
            connection.execute(
                table.delete().where(table.c.project_id == project_id, table.c.embedding == name)
            )


def list_versions(db: Database, project_id: int) -> list[VersionRow]:
    """The tuned versions of a project, oldest first."""
    query = sa.select(*_VERSION).where(versions.c.project_id == project_id).order_by(versions.c.id)
    with db.read() as connection:
        return [VersionRow(*row) for row in connection.execute(query)]


def rows_trained_on(db: Database, project_id: int, name: str) -> list[tuple[int, int]]:
    """List the (row, label id) a version learned from; the id is 0 where a record was only judged."""
    query = (
        sa.select(trained_on.c.row, trained_on.c.label_id)
        .select_from(trained_on.join(versions))
        .where(versions.c.project_id == project_id, versions.c.name == name)
        .order_by(trained_on.c.row)
    )
    with db.read() as connection:
        return [(row, label_id) for row, label_id in connection.execute(query)]


def list_maps(db: Database, project_id: int) -> list[MapRow]:
    """The maps of a project."""
    query = sa.select(*_MAP).where(maps.c.project_id == project_id).order_by(maps.c.id)
    with db.read() as connection:
        return [MapRow(*row) for row in connection.execute(query)]


def put_map(db: Database, project_id: int, **values: Any) -> None:
    """Name a file as the map of one embedding by one method."""
    key = {"project_id": project_id, "embedding": values["embedding"], "method": values["method"]}
    with db.write() as connection:
        _replace(connection, maps, key, values)


def find_evaluation(db: Database, project_id: int, embedding: str, fingerprint: str) -> dict[str, Any] | None:
    """Return a stored evaluation of exactly these inputs."""
    query = sa.select(evaluations.c.result).where(
        evaluations.c.project_id == project_id,
        evaluations.c.embedding == embedding,
        evaluations.c.fingerprint == fingerprint,
    )
    with db.read() as connection:
        return connection.scalar(query)


def list_evaluations(db: Database, project_id: int, embedding: str) -> list[dict[str, Any]]:
    """The stored evaluations of an embedding, newest first."""
    query = (
        sa.select(evaluations.c.result)
        .where(evaluations.c.project_id == project_id, evaluations.c.embedding == embedding)
        .order_by(evaluations.c.id.desc())
    )
    with db.read() as connection:
        return list(connection.scalars(query))


def put_evaluation(
    db: Database, project_id: int, embedding: str, fingerprint: str, result: dict[str, Any]
) -> None:
    """Keep an evaluation."""
    key = {"project_id": project_id, "embedding": embedding, "fingerprint": fingerprint}
    with db.write() as connection:
        _replace(connection, evaluations, key, {"result": result})


def _replace(connection: sa.Connection, table: sa.Table, key: dict[str, Any], values: dict[str, Any]) -> None:
    # Delete and insert, not an upsert: the same statements on SQLite and PostgreSQL.
    connection.execute(table.delete().where(*(table.c[name] == value for name, value in key.items())))
    connection.execute(table.insert().values(**{**key, **values, "created_at": time.time()}))
