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
    # When each company's figures are due on a platform: a cron, a time zone and calendar rules.
    new_id(),
    company_id(),
    Column("platform", Text, nullable=False),
    # Five cron fields.
    Column("schedule", String(100), nullable=False),
    # The IANA time zone of these fields.
    Column("timezone", Text, nullable=False, server_default="UTC"),
    # Whether it fires; a paused one doesn't.
    Column("active", Boolean, nullable=False, server_default=text("true")),
    # When it fires next; null: it is paused.
    instant("next_run"),
    # When it fired last.
    instant("last_run"),
    # The status of its latest delivery.
    Column("last_status", Text),
    # What went wrong with it, in one line.
    Column("last_error", Text),
    # Failures in a row up to now.
    Column("consecutive_failures", Integer, nullable=False, server_default=text("0")),
    # Why it is paused.
    Column("paused_reason", Text),
    # The days on which nothing is sent, as `HolidayCalendar.to_text` writes them; null: none.
    Column("holiday_calendar", Text),
    # From which local time on something may be sent; null: there is no window.
    Column("window_start", Time),
    # Until which local time something may be sent; 00:00 is midnight.
    Column("window_end", Time),
    Column("window_days", ARRAY(SmallInteger)),  # The weekdays of the window: ISO, 1 is Monday.
    # What is sent after an outage: one delivery of all missed periods (`coalesce`), `all` of them, or
    # `none`.
    Column("catch_up", Text, nullable=False, server_default="coalesce"),
    # How many days back a catch-up reaches.
    Column("catch_up_limit_days", Integer, nullable=False, server_default=text("31")),
    # How many minutes after the cron each fire goes out; 0: none.
    Column("spread_minutes", Integer, nullable=False, server_default=text("0")),
    # The last cron instant that was handled.
    instant("fired_until", nullable=False),
    # The last local day that was reported in full.
    Column("covered_until", Date, nullable=False),
    instant("created_at", nullable=False, now=True),
    instant("updated_at", nullable=False, now=True),
    # When it was deleted; its deliveries stay.
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
