"""Tasks by agent: a read model that is folded from the log instead of an index that every claim writes."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "agent_tasks",
        sa.Column("task_id", number, primary_key=True, autoincrement=False),
        sa.Column("agent_id", sa.Text(), nullable=False),
    )
    op.execute("INSERT INTO agent_tasks SELECT id, agent_id FROM tasks WHERE agent_id IS NOT NULL")
    op.create_index("agent_tasks_by_agent", "agent_tasks", ["agent_id", "task_id"], unique=False)
    op.execute("INSERT INTO projection_positions SELECT 'agent_tasks', coalesce(max(seq), 0) FROM events")
    op.drop_index("tasks_by_agent", "tasks")
