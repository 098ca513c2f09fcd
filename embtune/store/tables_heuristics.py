"""The tables of heuristics, look-up lists and weak supervision; see `tables`."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from embtune.store.tables import metadata, of_project, of_task

lookup_lists = Table(
    "lookup_lists",
    metadata,
    Column("id", Integer, primary_key=True),
    of_project(),
    Column("name", String(200), nullable=False),
    Column("description", Text, nullable=False, server_default=""),
    Column("terms", JSON, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("updated_at", Double, nullable=False),
    UniqueConstraint("project_id", "name"),
    sqlite_autoincrement=True,
)

heuristics = Table(
    "heuristics",
    metadata,
    Column("id", Integer, primary_key=True),
    of_project(),
    of_task(),
    Column("name", String(200), nullable=False),
    Column("description", Text, nullable=False, server_default=""),
    Column("kind", String(30), nullable=False),
    Column("config", JSON, nullable=False),
    Column("version", Integer, nullable=False, server_default="1"),
    Column("selected", Boolean, nullable=False, server_default="1"),
    Column("deleted", Boolean, nullable=False, server_default="0"),
    Column("created_by", String(200), nullable=False),
    Column("created_at", Double, nullable=False),
    Column("updated_at", Double, nullable=False),
    Index(None, "project_id", "task_id"),
    sqlite_autoincrement=True,
)

heuristic_versions = Table(
    "heuristic_versions",
    metadata,
    Column("heuristic_id", ForeignKey("heuristics.id", ondelete="CASCADE"), primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("config", JSON, nullable=False),
    Column("created_by", String(200), nullable=False),
    Column("created_at", Double, nullable=False),
)

heuristic_runs = Table(
    "heuristic_runs",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("heuristic_id", ForeignKey("heuristics.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("version", Integer, nullable=False),
    Column("state", String(20), nullable=False),
    Column("stamp", String(64), nullable=False, server_default=""),
    Column("n_rows", Integer, nullable=False, server_default="0"),
    Column("n_hits", Integer, nullable=False, server_default="0"),
    Column("file", Text),
    Column("notes", JSON, nullable=False),
    Column("error", Text),
    Column("seconds", Double, nullable=False, server_default="0"),
    Column("job_id", Integer),
    Column("created_at", Double, nullable=False),
    sqlite_autoincrement=True,
)

answers = Table(
    "answers",
    metadata,
    Column("project_id", ForeignKey("projects.id", ondelete="CASCADE"), primary_key=True),
    Column("key", String(64), primary_key=True),
    Column("answer", Text, nullable=False),
    Column("created_at", Double, nullable=False),
)

weak_runs = Table(
    "weak_runs",
    metadata,
    Column("id", Integer, primary_key=True),
    of_project(),
    of_task(),
    Column("model", String(50), nullable=False),
    Column("parameters", JSON, nullable=False),
    Column("heuristics", JSON, nullable=False),
    Column("metrics", JSON, nullable=False),
    Column("n_labelled", Integer, nullable=False),
    Column("file", Text),
    Column("action_id", ForeignKey("actions.id", ondelete="SET NULL")),
    Column("created_by", String(200), nullable=False),
    Column("seconds", Double, nullable=False),
    Column("created_at", Double, nullable=False),
    sqlite_autoincrement=True,
)
