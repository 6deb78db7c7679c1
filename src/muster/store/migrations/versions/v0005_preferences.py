"""What people set for themselves: columns, density, keys, saved views."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "preferences",
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("version", number, nullable=False),
        sa.Column("doc", sa.Text(), nullable=False),
        sa.Column("updated_at", number, nullable=False),
        sa.PrimaryKeyConstraint("owner"),
    )
