"""Raw events and the figures computed from them."""

from sqlalchemy import (
    CheckConstraint,
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    Numeric,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import CHAR, JSONB

from impact_in_pipelines.db.schema.base import PLATFORM_CHECK, instant, metadata

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
    # Days of `company_impact` to compute again: whatever changes events writes them with it
    # (schema/triggers.py), a refresh takes them.
    Column("company_id", Uuid, ForeignKey("companies.id"), primary_key=True),
    Column("day", Date, primary_key=True),
    instant("touched_at", nullable=False, now=True),
)

impact_compared_days = Table(
    "impact_compared_days",
    metadata,
    # Days whose events have changed, to be compared with what was delivered of them: a refresh writes them
    # with the figures, a comparison takes them.
    Column("company_id", Uuid, ForeignKey("companies.id", ondelete="CASCADE"), primary_key=True),
    Column("day", Date, primary_key=True),
    instant("changed_at", nullable=False),
)

stale_days = Table(
    "stale_days",
    metadata,
    # A day of a delivery (due at `due_at`) that reported `delivered_hash` where today's events say
    # `current_hash`. It counts as long as that delivery is the last word on its period
    # (db/impact/staleness.sql).
    Column("company_id", Uuid, ForeignKey("companies.id", ondelete="CASCADE"), primary_key=True),
    Column("platform", Text, primary_key=True),
    Column("delivery_id", Uuid, primary_key=True),
    Column("day", Date, primary_key=True),
    instant("due_at", nullable=False),
    Column("delivered_hash", CHAR(64), nullable=False),
    Column("current_hash", CHAR(64), nullable=False),
    Column("current", JSONB, nullable=False),
    instant("changed_at", nullable=False),
    instant("found_at", nullable=False),
    CheckConstraint(PLATFORM_CHECK, name="platform"),
)

stale_cells = Table(
    "stale_cells",
    metadata,
    # What Dagster has been told last of a day's cell: that it is out of date, and against which figures.
    Column("company_id", Uuid, ForeignKey("companies.id", ondelete="CASCADE"), primary_key=True),
    Column("platform", Text, primary_key=True),
    Column("day", Date, primary_key=True),
    Column("version", Text, nullable=False),
    CheckConstraint(PLATFORM_CHECK, name="platform"),
)

correction_policies = Table(
    "correction_policies",
    metadata,
    # Without a row: ask.
    Column("company_id", Uuid, ForeignKey("companies.id", ondelete="CASCADE"), primary_key=True),
    Column("platform", Text, primary_key=True),
    Column("policy", Text, nullable=False),
    Column("quiet_minutes", Integer, nullable=False),
    Column("at_most_every_minutes", Integer, nullable=False),
    Column("counts_twice_accepted", Text),
    instant("updated_at", nullable=False, now=True),
    CheckConstraint(PLATFORM_CHECK, name="platform"),
    CheckConstraint("policy IN ('never', 'ask', 'automatic')", name="policy"),
    CheckConstraint("quiet_minutes > 0 AND at_most_every_minutes > 0", name="minutes"),
)
