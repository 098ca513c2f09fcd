"""label tasks, marks, slices, clusterings; a label set whose changes can be undone."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

FIRST_TASK = "Labels"
_NUMBERED = {"sqlite_autoincrement": True}  # a copied table would forget it


def upgrade() -> None:
    numbers = _last_numbers()
    op.create_table(
        "tasks",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("description", sa.Text(), server_default="", nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name="fk_tasks_project_id_projects", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_tasks"),
        sa.UniqueConstraint("project_id", "name", name="uq_tasks_project_id_name"),
        sqlite_autoincrement=True,
    )
    op.execute(
        "INSERT INTO tasks (project_id, name, position, created_at) "
        f"SELECT id, '{FIRST_TASK}', 0, created_at FROM projects"
    )

    with op.batch_alter_table("labels", table_kwargs=_NUMBERED) as batch:
        batch.add_column(sa.Column("task_id", sa.Integer(), nullable=True))
        batch.add_column(sa.Column("merged_into", sa.Integer(), nullable=True))
        batch.add_column(sa.Column("deleted", sa.Boolean(), server_default="0", nullable=False))
        batch.drop_constraint("uq_labels_project_id_name", type_="unique")
        batch.create_foreign_key("fk_labels_task_id_tasks", "tasks", ["task_id"], ["id"], ondelete="CASCADE")
        batch.create_foreign_key(
            "fk_labels_merged_into_labels", "labels", ["merged_into"], ["id"], ondelete="SET NULL"
        )
        batch.create_index("ix_labels_project_id_task_id", ["project_id", "task_id"])
    with op.batch_alter_table("actions", table_kwargs=_NUMBERED) as batch:
        batch.add_column(sa.Column("task_id", sa.Integer(), nullable=True))
        batch.add_column(sa.Column("kind", sa.String(length=20), server_default="votes", nullable=False))
        batch.create_foreign_key("fk_actions_task_id_tasks", "tasks", ["task_id"], ["id"], ondelete="CASCADE")
    with op.batch_alter_table("annotations") as batch:
        batch.add_column(sa.Column("task_id", sa.Integer(), nullable=True))
    with op.batch_alter_table("sessions", table_kwargs=_NUMBERED) as batch:
        batch.add_column(sa.Column("task_id", sa.Integer(), nullable=True))
        batch.create_foreign_key(
            "fk_sessions_task_id_tasks", "tasks", ["task_id"], ["id"], ondelete="CASCADE"
        )
    with op.batch_alter_table("session_items") as batch:
        batch.add_column(sa.Column("why", sa.Text(), nullable=True))

    for name in ("labels", "actions", "annotations", "sessions"):
        op.execute(
            f"UPDATE {name} SET task_id = "
            f"(SELECT tasks.id FROM tasks WHERE tasks.project_id = {name}.project_id)"
        )
    op.execute("UPDATE actions SET kind = 'judgement' WHERE id IN (SELECT action_id FROM judgements)")
    op.execute("UPDATE actions SET task_id = NULL WHERE kind = 'judgement'")
    with op.batch_alter_table("labels", table_kwargs=_NUMBERED) as batch:
        batch.alter_column("task_id", existing_type=sa.Integer(), nullable=False)
    with op.batch_alter_table("annotations") as batch:
        batch.alter_column("task_id", existing_type=sa.Integer(), nullable=False)

    op.create_table(
        "marks",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("row", sa.Integer(), nullable=False),
        sa.Column("action_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("text", sa.Text(), nullable=True),
        sa.Column("annotator", sa.String(length=200), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(
            ["action_id"], ["actions.id"], name="fk_marks_action_id_actions", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["project_id", "row"],
            ["records.project_id", "records.row"],
            name="fk_marks_project_id_row_records",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_marks"),
    )
    op.create_index("ix_marks_action_id", "marks", ["action_id"])
    op.create_index("ix_marks_project_id_row", "marks", ["project_id", "row"])
    op.create_table(
        "slices",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("query", sa.JSON(), nullable=False),
        sa.Column("rows", sa.LargeBinary(), nullable=True),
        sa.Column("created_by", sa.String(length=200), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("updated_at", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name="fk_slices_project_id_projects", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_slices"),
        sa.UniqueConstraint("project_id", "name", name="uq_slices_project_id_name"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "clusterings",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("embedding", sa.String(length=50), nullable=False),
        sa.Column("method", sa.String(length=30), nullable=False),
        sa.Column("parameters", sa.JSON(), nullable=False),
        sa.Column("clusters", sa.JSON(), nullable=False),
        sa.Column("n_rows", sa.Integer(), nullable=False),
        sa.Column("file", sa.Text(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name="fk_clusterings_project_id_projects", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_clusterings"),
        sqlite_autoincrement=True,
    )
    for name, last in numbers.items():
        op.execute(f"DELETE FROM sqlite_sequence WHERE name = '{name}'")
        op.execute(f"INSERT INTO sqlite_sequence (name, seq) VALUES ('{name}', {last})")


def _last_numbers() -> dict[str, int]:
    """Return the last number that each copied table gave: none is given twice, also of what was deleted."""
    connection = op.get_bind()
    if connection.dialect.name != "sqlite":
        return {}
    rows = connection.exec_driver_sql("SELECT name, seq FROM sqlite_sequence").all()
    return {name: last for name, last in rows if name in ("labels", "actions", "sessions")}


def downgrade() -> None:
    for name in ("clusterings", "slices", "marks"):
        op.drop_table(name)
    with op.batch_alter_table("session_items") as batch:
        batch.drop_column("why")
    for name in ("sessions", "actions"):
        with op.batch_alter_table(name, table_kwargs=_NUMBERED) as batch:
            batch.drop_constraint(f"fk_{name}_task_id_tasks", type_="foreignkey")
            batch.drop_column("task_id")
            if name == "actions":
                batch.drop_column("kind")
    with op.batch_alter_table("annotations") as batch:
        batch.drop_column("task_id")
    with op.batch_alter_table("labels", table_kwargs=_NUMBERED) as batch:
        batch.drop_index("ix_labels_project_id_task_id")
        batch.drop_constraint("fk_labels_task_id_tasks", type_="foreignkey")
        batch.drop_constraint("fk_labels_merged_into_labels", type_="foreignkey")
        for column in ("task_id", "merged_into", "deleted"):
            batch.drop_column(column)
        batch.create_unique_constraint("uq_labels_project_id_name", ["project_id", "name"])
    op.drop_table("tasks")
