"""heuristics, look-up lists, what services answered, runs of weak supervision."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "projects", sa.Column("reference_revision", sa.Integer(), server_default="0", nullable=False)
    )
    op.create_table(
        "lookup_lists",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("description", sa.Text(), server_default="", nullable=False),
        sa.Column("terms", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("updated_at", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name="fk_lookup_lists_project_id_projects", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_lookup_lists"),
        sa.UniqueConstraint("project_id", "name", name="uq_lookup_lists_project_id_name"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "heuristics",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("task_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("description", sa.Text(), server_default="", nullable=False),
        sa.Column("kind", sa.String(length=30), nullable=False),
        sa.Column("config", sa.JSON(), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("selected", sa.Boolean(), server_default="1", nullable=False),
        sa.Column("deleted", sa.Boolean(), server_default="0", nullable=False),
        sa.Column("created_by", sa.String(length=200), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("updated_at", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name="fk_heuristics_project_id_projects", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["task_id"], ["tasks.id"], name="fk_heuristics_task_id_tasks", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_heuristics"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_heuristics_project_id_task_id", "heuristics", ["project_id", "task_id"])
    op.create_table(
        "heuristic_versions",
        sa.Column("heuristic_id", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("config", sa.JSON(), nullable=False),
        sa.Column("created_by", sa.String(length=200), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(
            ["heuristic_id"],
            ["heuristics.id"],
            name="fk_heuristic_versions_heuristic_id_heuristics",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("heuristic_id", "version", name="pk_heuristic_versions"),
    )
    op.create_table(
        "heuristic_runs",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("heuristic_id", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("stamp", sa.String(length=64), server_default="", nullable=False),
        sa.Column("n_rows", sa.Integer(), server_default="0", nullable=False),
        sa.Column("n_hits", sa.Integer(), server_default="0", nullable=False),
        sa.Column("file", sa.Text(), nullable=True),
        sa.Column("notes", sa.JSON(), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("seconds", sa.Double(), server_default="0", nullable=False),
        sa.Column("job_id", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(
            ["heuristic_id"],
            ["heuristics.id"],
            name="fk_heuristic_runs_heuristic_id_heuristics",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_heuristic_runs"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_heuristic_runs_heuristic_id", "heuristic_runs", ["heuristic_id"])
    op.create_table(
        "answers",
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name="fk_answers_project_id_projects", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("project_id", "key", name="pk_answers"),
    )
    op.create_table(
        "weak_runs",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("task_id", sa.Integer(), nullable=False),
        sa.Column("model", sa.String(length=50), nullable=False),
        sa.Column("parameters", sa.JSON(), nullable=False),
        sa.Column("heuristics", sa.JSON(), nullable=False),
        sa.Column("metrics", sa.JSON(), nullable=False),
        sa.Column("n_labelled", sa.Integer(), nullable=False),
        sa.Column("file", sa.Text(), nullable=True),
        sa.Column("action_id", sa.Integer(), nullable=True),
        sa.Column("created_by", sa.String(length=200), nullable=False),
        sa.Column("seconds", sa.Double(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name="fk_weak_runs_project_id_projects", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["task_id"], ["tasks.id"], name="fk_weak_runs_task_id_tasks", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["action_id"], ["actions.id"], name="fk_weak_runs_action_id_actions", ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_weak_runs"),
        sqlite_autoincrement=True,
    )


def downgrade() -> None:
    for name in (
        "weak_runs",
        "answers",
        "heuristic_runs",
        "heuristic_versions",
        "heuristics",
        "lookup_lists",
    ):
        op.drop_table(name)
    with op.batch_alter_table("projects", table_kwargs={"sqlite_autoincrement": True}) as batch:
        batch.drop_column("reference_revision")
