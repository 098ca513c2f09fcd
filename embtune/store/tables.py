"""The tables. Times are seconds since 1970, UTC; `row` is a record's line in every matrix of its project."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Double,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# sqlite_autoincrement: a number is never given twice, for pages and journal entries may still hold that of
# something deleted.


def of_project() -> Column[int]:
    """The column of the project that a row belongs to."""
    return Column("project_id", ForeignKey("projects.id", ondelete="CASCADE"), nullable=False)


projects = Table(
    "projects",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String(200), nullable=False, unique=True),
    Column("template", Text),
    Column("model", String(500), nullable=False),
    Column("active_embedding", String(50), nullable=False, server_default="raw"),
    Column("revision", Integer, nullable=False, server_default="0"),
    Column("reference_revision", Integer, nullable=False, server_default="0"),
    Column("created_at", Double, nullable=False),
    Column("opened_at", Double, nullable=False),
    sqlite_autoincrement=True,
)

records = Table(
    "records",
    metadata,
    Column("project_id", ForeignKey("projects.id", ondelete="CASCADE"), primary_key=True),
    Column("row", Integer, primary_key=True, autoincrement=False),
    Column("id", String(32), nullable=False),
    Column("text", Text, nullable=False),
    Column("fields", JSON, nullable=False),
    Column("reference_label_id", ForeignKey("labels.id", ondelete="SET NULL")),
    Column("created_at", Double, nullable=False),
    UniqueConstraint("project_id", "id"),
)

tasks = Table(
    "tasks",
    metadata,
    Column("id", Integer, primary_key=True),
    of_project(),
    Column("name", String(200), nullable=False),
    Column("description", Text, nullable=False, server_default=""),
    Column("position", Integer, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("deleted", Boolean, nullable=False, server_default="0"),
    UniqueConstraint("project_id", "name"),
    sqlite_autoincrement=True,
)


def of_task(*, nullable: bool = False) -> Column[int]:
    """The column of the label task that a row belongs to."""
    return Column("task_id", ForeignKey("tasks.id", ondelete="CASCADE"), nullable=nullable)


labels = Table(
    "labels",
    metadata,
    Column("id", Integer, primary_key=True),
    of_project(),
    of_task(),
    Column("name", String(500), nullable=False),
    Column("position", Integer, nullable=False),
    Column("color", String(9), nullable=False),
    Column("hotkey", String(1)),
    Column("description", Text, nullable=False, server_default=""),
    Column("merged_into", ForeignKey("labels.id", ondelete="SET NULL")),
    Column("deleted", Boolean, nullable=False, server_default="0"),
    Column("created_at", Double, nullable=False),
    # No unique name: a label that is deleted or merged may come back, and says so if its name is taken.
    Index(None, "project_id", "task_id"),
    sqlite_autoincrement=True,
)

actions = Table(
    "actions",
    metadata,
    Column("id", Integer, primary_key=True),
    of_project(),
    of_task(nullable=True),
    Column("kind", String(20), nullable=False, server_default="votes"),
    Column("source", String(30), nullable=False),
    Column("annotator", String(200), nullable=False),
    Column("label_id", ForeignKey("labels.id", ondelete="SET NULL")),
    Column("n_records", Integer, nullable=False),
    Column("summary", Text, nullable=False),
    Column("detail", JSON, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("undone_at", Double),
    Index(None, "project_id", "undone_at", "id"),
    sqlite_autoincrement=True,
)

votes = Table(
    "annotations",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("project_id", Integer, nullable=False),
    Column("task_id", Integer, nullable=False),
    Column("row", Integer, nullable=False),
    Column("action_id", ForeignKey("actions.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("answer", String(8), nullable=False),
    Column("label_id", ForeignKey("labels.id", ondelete="CASCADE")),
    Column("source", String(30), nullable=False),
    Column("annotator", String(200), nullable=False),
    Column("confidence", Double, nullable=False),
    Column("created_at", Double, nullable=False),
    ForeignKeyConstraint(["project_id", "row"], ["records.project_id", "records.row"], ondelete="CASCADE"),
    Index(None, "project_id", "row"),
)

judgements = Table(
    "judgements",
    metadata,
    Column("id", Integer, primary_key=True),
    of_project(),
    Column("action_id", ForeignKey("actions.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("kind", String(8), nullable=False),
    Column("row_a", Integer, nullable=False),
    Column("row_b", Integer, nullable=False),
    Column("row_c", Integer),
    Column("score", Double),
    Column("annotator", String(200), nullable=False),
    Column("created_at", Double, nullable=False),
    *(
        ForeignKeyConstraint(["project_id", name], ["records.project_id", "records.row"], ondelete="CASCADE")
        for name in ("row_a", "row_b", "row_c")
    ),
    Index(None, "project_id", "id"),
)

marks = Table(
    "marks",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("project_id", Integer, nullable=False),
    Column("row", Integer, nullable=False),
    Column("action_id", ForeignKey("actions.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("kind", String(8), nullable=False),
    Column("text", Text),
    Column("annotator", String(200), nullable=False),
    Column("created_at", Double, nullable=False),
    ForeignKeyConstraint(["project_id", "row"], ["records.project_id", "records.row"], ondelete="CASCADE"),
    Index(None, "project_id", "row"),
)

slices = Table(
    "slices",
    metadata,
    Column("id", Integer, primary_key=True),
    of_project(),
    Column("name", String(200), nullable=False),
    Column("query", JSON, nullable=False),
    Column("rows", LargeBinary),
    Column("created_by", String(200), nullable=False),
    Column("created_at", Double, nullable=False),
    Column("updated_at", Double, nullable=False),
    UniqueConstraint("project_id", "name"),
    sqlite_autoincrement=True,
)

clusterings = Table(
    "clusterings",
    metadata,
    Column("id", Integer, primary_key=True),
    of_project(),
    Column("embedding", String(50), nullable=False),
    Column("method", String(30), nullable=False),
    Column("parameters", JSON, nullable=False),
    Column("clusters", JSON, nullable=False),
    Column("n_rows", Integer, nullable=False),
    Column("file", Text, nullable=False),
    Column("created_at", Double, nullable=False),
    sqlite_autoincrement=True,
)

embeddings = Table(
    "embeddings",
    metadata,
    Column("id", Integer, primary_key=True),
    of_project(),
    Column("name", String(50), nullable=False),
    Column("model", String(500), nullable=False),
    Column("model_path", Text),
    Column("dim", Integer, nullable=False),
    Column("n_rows", Integer, nullable=False),
    Column("file", Text, nullable=False),
    Column("detail", JSON, nullable=False),
    Column("created_at", Double, nullable=False),
    UniqueConstraint("project_id", "name"),
)

versions = Table(
    "versions",
    metadata,
    Column("id", Integer, primary_key=True),
    of_project(),
    Column("name", String(50), nullable=False),
    Column("recipe", String(100), nullable=False),
    Column("parameters", JSON, nullable=False),
    Column("seed", Integer, nullable=False),
    Column("labels", JSON, nullable=False),
    Column("metrics", JSON, nullable=False),
    Column("curve", JSON, nullable=False),
    Column("gate", JSON, nullable=False),
    Column("warnings", JSON, nullable=False),
    Column("libraries", JSON, nullable=False),
    Column("device", String(200), nullable=False),
    Column("seconds", Double, nullable=False),
    Column("folder", Text, nullable=False),
    Column("created_at", Double, nullable=False),
    UniqueConstraint("project_id", "name"),
)

trained_on = Table(
    "trained_on",
    metadata,
    Column("version_id", ForeignKey("versions.id", ondelete="CASCADE"), primary_key=True),
    Column("row", Integer, primary_key=True, autoincrement=False),
    Column("label_id", Integer, nullable=False),
)

maps = Table(
    "maps",
    metadata,
    Column("id", Integer, primary_key=True),
    of_project(),
    Column("embedding", String(50), nullable=False),
    Column("method", String(30), nullable=False),
    Column("n_rows", Integer, nullable=False),
    Column("file", Text, nullable=False),
    Column("detail", JSON, nullable=False),
    Column("created_at", Double, nullable=False),
    UniqueConstraint("project_id", "embedding", "method"),
)

evaluations = Table(
    "evaluations",
    metadata,
    Column("id", Integer, primary_key=True),
    of_project(),
    Column("embedding", String(50), nullable=False),
    Column("fingerprint", String(64), nullable=False),
    Column("result", JSON, nullable=False),
    Column("created_at", Double, nullable=False),
    UniqueConstraint("project_id", "embedding", "fingerprint"),
)

sessions = Table(
    "sessions",
    metadata,
    Column("id", Integer, primary_key=True),
    of_project(),
    of_task(nullable=True),
    Column("name", Text, nullable=False),
    Column("kind", String(30), nullable=False),
    Column("origin", JSON, nullable=False),
    Column("annotator", String(200), nullable=False),
    Column("cursor", Integer, nullable=False, server_default="0"),
    Column("created_at", Double, nullable=False),
    Column("updated_at", Double, nullable=False),
    sqlite_autoincrement=True,
)

session_items = Table(
    "session_items",
    metadata,
    Column("session_id", ForeignKey("sessions.id", ondelete="CASCADE"), primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("row", Integer, nullable=False),
    Column("cosine", Double),
    Column("why", Text),
    Column("skipped", Boolean, nullable=False, server_default="0"),
    Column("action_id", ForeignKey("actions.id", ondelete="SET NULL")),
)

jobs = Table(
    "jobs",
    metadata,
    Column("id", Integer, primary_key=True),
    of_project(),
    Column("kind", String(30), nullable=False),
    Column("parameters", JSON, nullable=False),
    Column("state", String(20), nullable=False),
    Column("done", Double, nullable=False, server_default="0"),
    Column("total", Double),
    Column("unit", String(50), nullable=False, server_default=""),
    Column("message", Text, nullable=False, server_default=""),
    Column("detail", JSON, nullable=False),
    Column("result", JSON),
    Column("error", Text),
    Column("pid", Integer),
    Column("cancel_requested", Boolean, nullable=False, server_default="0"),
    Column("created_at", Double, nullable=False),
    Column("started_at", Double),
    Column("heartbeat_at", Double),
    Column("finished_at", Double),
    Index(None, "project_id", "state"),
    sqlite_autoincrement=True,
)
