"""How Alembic runs here: on the connection that it is given, inside that transaction."""

from __future__ import annotations

from alembic import context

from sfprm.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    # SQLite alters a table by copying it
    render_as_batch=True,
)
# DDL joins the caller's transaction on both databases: a migration that dies leaves nothing
with context.begin_transaction():
    context.run_migrations()
