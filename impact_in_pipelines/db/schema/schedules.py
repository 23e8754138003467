"""When each company's figures are due."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    Index,
    Integer,
    SmallInteger,
    String,
    Table,
    Text,
    Time,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY

from impact_in_pipelines.db.schema.base import PLATFORM_CHECK, company_id, instant, metadata, new_id

scheduled_deliveries = Table(
    "scheduled_deliveries",
    metadata,
    new_id(),
    company_id(),
    Column("platform", Text, nullable=False),
    Column("schedule", String(100), nullable=False),
    Column("timezone", Text, nullable=False, server_default="UTC"),
    Column("active", Boolean, nullable=False, server_default=text("true")),
    instant("next_run"),
    instant("last_run"),
    Column("last_status", Text),
    Column("last_error", Text),
    Column("consecutive_failures", Integer, nullable=False, server_default=text("0")),
    Column("paused_reason", Text),
    Column("holiday_calendar", Text),
    Column("window_start", Time),
    Column("window_end", Time),
    Column("window_days", ARRAY(SmallInteger)),  # ISO weekdays, 1 is Monday
    Column("catch_up", Text, nullable=False, server_default="coalesce"),
    Column("catch_up_limit_days", Integer, nullable=False, server_default=text("31")),
    Column("spread_minutes", Integer, nullable=False, server_default=text("0")),
    # The cursor: the last cron instant handled, and the last local day reported in full.
    instant("fired_until", nullable=False),
    Column("covered_until", Date, nullable=False),
    instant("created_at", nullable=False, now=True),
    instant("updated_at", nullable=False, now=True),
    instant("deleted_at"),
    # The transaction that wrote it last (schema/triggers.py).
    Column("change_seq", BigInteger, nullable=False, server_default=text("0")),
    CheckConstraint(PLATFORM_CHECK, name="platform"),
    CheckConstraint("catch_up IN ('coalesce', 'all', 'none')", name="catch_up"),
    # schedules list, stats: one company's schedules.
    Index(None, "company_id"),
    # plan_due and the tick: active schedules of a platform whose next run has come.
    Index(
        "scheduled_deliveries_next_run_idx",
        "platform",
        "next_run",
        postgresql_where=text("active AND deleted_at IS NULL"),
    ),
    # schedules stats: counts of active and paused ones.
    Index(None, "active"),
)
