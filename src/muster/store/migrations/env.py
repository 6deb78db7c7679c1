"""Alembic's entry: runs the changes on the connection that `muster.store.migrate` hands over, in one transaction."""

from alembic import context

from muster.store import tables

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=tables.metadata,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
