"""Alembic's entry: run the migrations on the connection that `db/migrate.py` hands over."""

from alembic import context

from impact_in_pipelines.db.schema import metadata

connection = context.config.attributes["connection"]
context.configure(
    connection=connection, target_metadata=metadata, compare_type=True, compare_server_default=True
)
with context.begin_transaction():
    context.run_migrations()
