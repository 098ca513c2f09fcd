"""label tasks that are deleted stay as rows, so that an undo brings them back."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # A column is added in place: no table is copied, so that nothing can be lost on the way.
    op.add_column("tasks", sa.Column("deleted", sa.Boolean(), server_default="0", nullable=False))


def downgrade() -> None:
    # Deleted tasks come back, under the names that they were put aside with: what is in them stays.
    with op.batch_alter_table("tasks", table_kwargs={"sqlite_autoincrement": True}) as batch:
        batch.drop_column("deleted")
