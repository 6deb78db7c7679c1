"""Versions of roles, taken from the log as far as it goes back, and which one a run was told."""

import json

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    versions = op.create_table(
        "role_versions",
        sa.Column("name", sa.Text(), primary_key=True),
        sa.Column("version", number, primary_key=True, autoincrement=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False, server_default=sa.text("''")),
        sa.Column("doc", sa.Text(), nullable=False),
        sa.Column("created_at", number, nullable=False),
        sa.Column("created_by", sa.Text(), nullable=True),
        sa.Column("restored", number, nullable=True),
    )
    op.add_column("roles", sa.Column("version", number, nullable=False, server_default=sa.text("1")))
    op.add_column("runs", sa.Column("role", sa.Text(), nullable=True))
    op.add_column("runs", sa.Column("role_version", number, nullable=True))
    rows = _versions_in_the_log()
    if rows:
        op.bulk_insert(versions, rows)
        op.execute(
            "UPDATE roles SET version = "
            "(SELECT coalesce(max(v.version), 1) FROM role_versions v WHERE v.name = roles.name)"
        )


def _versions_in_the_log() -> list[dict[str, object]]:
    told = op.get_bind().execute(sa.text("SELECT at, data FROM events WHERE kind = 'role.set' ORDER BY seq"))
    counts: dict[str, int] = {}
    rows: list[dict[str, object]] = []
    for at, data in told:
        fact = json.loads(data)
        counts[fact["name"]] = version = counts.get(fact["name"], 0) + 1
        row = {"name": fact["name"], "version": version, "kind": fact["role_kind"], "doc": fact["doc"]}
        rows.append(row | {"description": fact["description"], "created_at": at})
    return rows
