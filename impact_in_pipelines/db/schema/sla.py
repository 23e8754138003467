"""Service levels: the daily rollup, thresholds and stored reports."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Date,
    ForeignKey,
    Integer,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from impact_in_pipelines.db.schema.base import PLATFORM_CHECK, instant, metadata, new_id

_SLA_COUNTS = (
    *("successful", "failed", "recovered", "missed", "overdue", "skipped", "pending", "cancelled"),
    *("retried", "retried_successful", "retried_failed"),
    *("retry_1", "retry_2", "retry_3", "retry_later"),
    *("attempts_n", "payload_bytes_n", "latency_ms_n", "lateness_ms_n"),
)
_SLA_LATER_COUNTS = ("replayed", "timed", "on_time")
_SLA_SUMS = ("attempts_sum", "payload_bytes_sum", "latency_ms_sum", "lateness_ms_sum")
_SLA_MAXIMA = ("attempts_max", "payload_bytes_max", "latency_ms_max", "lateness_ms_max")

sla_daily = Table(
    "sla_daily",
    metadata,
    # Counters that add up, per UTC day of scheduled_for; names and meaning: sla/metrics.py, docs/sla.md.
    Column("day", Date, primary_key=True),
    Column("company_id", Uuid, ForeignKey("companies.id"), primary_key=True),
    Column("platform", Text, primary_key=True),
    *(Column(name, Integer, nullable=False) for name in _SLA_COUNTS),
    *(
        Column(name, Integer, nullable=False, server_default=text("0"))
        for name in _SLA_LATER_COUNTS
    ),
    *(Column(name, BigInteger, nullable=False) for name in _SLA_SUMS),
    *(Column(name, BigInteger) for name in _SLA_MAXIMA),
    Column("latency_ms_buckets", ARRAY(Integer), nullable=False),
    instant("computed_at", nullable=False, now=True),
    CheckConstraint(PLATFORM_CHECK, name="platform"),
)

sla_days = Table(
    "sla_days",
    metadata,
    # When each day's rollup was computed, also a day without deliveries, and the mark up to which the log
    # was read (db/deliveries/changes.py): what changed since is stale. None: all of it.
    Column("day", Date, primary_key=True),
    instant("computed_at", nullable=False),
    Column("mark", Text),
    # The `computed_at` with which its calls were counted (schema/analytics.py): another one, or none, is of a
    # program that did not count them.
    instant("calls_at"),
)

sla_outcomes = Table(
    "sla_outcomes",
    metadata,
    # The final deliveries of a company's UTC day of scheduled_for, packed: 52 bytes each, in which
    # sla/everybody/outcomes.py counts. A copy of the log that can be made again at any time.
    Column("company_id", Uuid, ForeignKey("companies.id", ondelete="CASCADE"), primary_key=True),
    Column("day", Date, primary_key=True),
    Column("records", LargeBinary, nullable=False),
)

sla_outcome_marks = Table(
    "sla_outcome_marks",
    metadata,
    # One row: from which day on sla_outcomes has the log, and the mark up to which it was read
    # (db/deliveries/changes.py). What changed since, and what is open, is read from the log.
    Column("id", SmallInteger, primary_key=True, autoincrement=False),
    Column("first_day", Date, nullable=False),
    Column("mark", Text, nullable=False),
    # The platforms in the order of their numbers in the records. Others, or null: all is packed anew.
    Column("platforms", Text),
    instant("packed_at", nullable=False),
    CheckConstraint("id = 1", name="single"),
)

sla_thresholds = Table(
    "sla_thresholds",
    metadata,
    # Numbers that differ from the settings, for a company, a platform or one on the other.
    new_id(),
    Column("company_id", Uuid, ForeignKey("companies.id", ondelete="CASCADE")),
    Column("platform", Text),
    Column("thresholds", JSONB, nullable=False),
    Column("updated_by", Text, nullable=False),
    instant("updated_at", nullable=False, now=True),
    CheckConstraint(PLATFORM_CHECK, name="platform"),
    CheckConstraint("company_id IS NOT NULL OR platform IS NOT NULL", name="scope"),
    UniqueConstraint("company_id", "platform", postgresql_nulls_not_distinct=True),
)

sla_reports = Table(
    "sla_reports",
    metadata,
    new_id(),
    Column("company_id", Uuid, ForeignKey("companies.id")),
    Column("period", Text, nullable=False),
    Column("starts_on", Date, nullable=False),
    Column("ends_on", Date, nullable=False),
    Column("report", JSONB, nullable=False),
    instant("created_at", nullable=False, now=True),
    CheckConstraint("period IN ('weekly', 'monthly')", name="period"),
    UniqueConstraint("company_id", "period", "starts_on", postgresql_nulls_not_distinct=True),
)
