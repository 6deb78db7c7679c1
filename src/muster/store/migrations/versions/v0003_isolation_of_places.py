"""The isolation level that the tasks of a queue or a project demand."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column("projects", sa.Column("sandbox", sa.Text(), nullable=True))
    op.add_column("queues", sa.Column("sandbox", sa.Text(), nullable=True))
