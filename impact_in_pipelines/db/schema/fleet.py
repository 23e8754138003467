"""The processes of all machines."""

from sqlalchemy import Column, Table, Text

from impact_in_pipelines.db.schema.base import instant, metadata

processes = Table(
    "processes",
    metadata,
    # A heartbeat: by the database's clock, of every process that ticks or drains.
    Column("name", Text, primary_key=True),
    Column("host", Text, nullable=False),
    Column("role", Text, nullable=False),
    instant("started_at", nullable=False),
    instant("last_seen", nullable=False),
)
