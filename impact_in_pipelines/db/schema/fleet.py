"""What all machines share: which processes there are, and what accounts may still send."""

from sqlalchemy import CheckConstraint, Column, Table, Text, text
from sqlalchemy.dialects.postgresql import JSONB

from impact_in_pipelines.db.schema.base import PLATFORM_CHECK, instant, metadata

processes = Table(
    "processes",
    metadata,
    # Heartbeats, by the database's clock, of every process that ticks or drains.
    #
    # The process: machine, number and start.
    Column("name", Text, primary_key=True),
    # The machine it runs on.
    Column("host", Text, nullable=False),
    # Its task, such as a drain.
    Column("role", Text, nullable=False),
    # When it first reported.
    instant("started_at", nullable=False),
    # When it last reported.
    instant("last_seen", nullable=False),
)

request_budgets = Table(
    "request_budgets",
    metadata,
    # Requests of each account, as its platform counts them. Written about once a second by each drain that
    # sends to
    # it, so the pages have room for the next versions of their rows.
    #
    # The platform.
    Column("platform", Text, primary_key=True),
    # The account's address.
    Column("base_url", Text, primary_key=True),
    # The account's organisation.
    Column("organization_id", Text, primary_key=True),
    # Slots in use: [holder, requests, free again at (seconds since 1970)]; delivery/limits/budgets.py.
    Column("blocks", JSONB, nullable=False, server_default=text("'[]'")),
    # Requests by hour since 1970, where a day has a limit.
    Column("hours", JSONB, nullable=False, server_default=text("'{}'")),
    instant("updated_at", nullable=False, now=True),
    CheckConstraint(PLATFORM_CHECK, name="platform"),
    postgresql_with={"fillfactor": "50"},
)
