"""Raw events and the figures computed from them."""

from sqlalchemy import Column, Date, ForeignKey, Index, Integer, Numeric, Table, Text, Uuid, text
from sqlalchemy.dialects.postgresql import JSONB

from impact_in_pipelines.db.schema.base import instant, metadata

impact_events = Table(
    "impact_events",
    metadata,
    Column("company_id", Uuid, ForeignKey("companies.id"), primary_key=True),
    Column("event_id", Text, primary_key=True),
    instant("occurred_at", nullable=False),
    Column("activity", Text, nullable=False),
    Column("participant_ref", Text),
    Column("volunteer_ref", Text),
    Column("hours", Numeric(10, 2), nullable=False, server_default=text("0")),
    Column("outcome_category", Text),
    Column("outcome_score", Numeric(12, 4)),
    instant("imported_at", nullable=False, now=True),
    # aggregate_periods: the events of one company between two instants.
    Index(None, "company_id", "occurred_at"),
)

company_impact = Table(
    "company_impact",
    metadata,
    Column("company_id", Uuid, ForeignKey("companies.id"), primary_key=True),
    Column("day", Date, primary_key=True),
    Column("participants", Integer, nullable=False),
    Column("volunteers", Integer, nullable=False),
    Column("volunteer_hours", Numeric(14, 2), nullable=False),
    Column("sessions", Integer, nullable=False),
    Column("events", Integer, nullable=False),
    Column("activities", JSONB, nullable=False),
    Column("outcomes", JSONB, nullable=False),
    Column("quality", JSONB, nullable=False),
    instant("computed_at", nullable=False),
)

impact_touched_days = Table(
    "impact_touched_days",
    metadata,
    # Days of `company_impact` to compute again: an import writes them with its events, a refresh takes them.
    Column("company_id", Uuid, ForeignKey("companies.id"), primary_key=True),
    Column("day", Date, primary_key=True),
    instant("touched_at", nullable=False, now=True),
)
