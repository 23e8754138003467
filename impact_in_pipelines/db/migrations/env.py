"""Alembic's entry: run the migrations on the connection that `db/migrate.py` hands over, or print them.

Printed SQL (alembic's offline mode) is what `make check` lints.
"""

from typing import Any

from alembic import context

from impact_in_pipelines.db.schema import metadata
from impact_in_pipelines.db.schema.months import compared


def applied(*_: Any, **__: Any) -> None:
    """A migration has run."""
    steps = context.config.attributes.get("steps")
    if steps is not None:
        steps.step()


if context.is_offline_mode():
    context.configure(dialect_name="postgresql", literal_binds=True, transaction_per_migration=True)
else:
    context.configure(
        connection=context.config.attributes["connection"],
        target_metadata=metadata,
        compare_type=True,
        compare_server_default=True,
        include_name=compared,
        # Each migration commits by itself, so that it may build indexes concurrently.
        transaction_per_migration=True,
        on_version_apply=applied,
    )
with context.begin_transaction():
    context.run_migrations()
