"""What accounts may still send, shared by all drains."""

from sqlalchemy import CheckConstraint, Column, Table, Text, text
from sqlalchemy.dialects.postgresql import JSONB

from impact_in_pipelines.db.schema.base import PLATFORM_CHECK, instant, metadata

request_budgets = Table(
    "request_budgets",
    metadata,
    # One account, as a platform counts requests. Written about once a second by each drain that sends to it,
    # so the pages have room for the next versions of their rows.
    Column("platform", Text, primary_key=True),
    Column("base_url", Text, primary_key=True),
    Column("organization_id", Text, primary_key=True),
    # Slots in use: [holder, requests, free again at (seconds since 1970)]; delivery/limits/budgets.py.
    Column("blocks", JSONB, nullable=False, server_default=text("'[]'")),
    # Requests by hour since 1970, where a day has a limit.
    Column("hours", JSONB, nullable=False, server_default=text("'{}'")),
    instant("updated_at", nullable=False, now=True),
    CheckConstraint(PLATFORM_CHECK, name="platform"),
    postgresql_with={"fillfactor": "50"},
)
