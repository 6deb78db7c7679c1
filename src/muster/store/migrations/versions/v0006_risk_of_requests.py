"""How risky what an agent asks leave for is, and which request another one took the place of."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.add_column("approvals", sa.Column("grade", sa.Text(), nullable=True))
    op.add_column("approvals", sa.Column("voids", number, nullable=True))
    op.drop_index("approvals_by_key", "approvals")
    op.create_index("approvals_by_key", "approvals", ["attempt_id", "key", "id"], unique=False)
