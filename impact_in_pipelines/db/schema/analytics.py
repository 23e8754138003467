"""Analytics: calls of platforms by day, and what all companies did together."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Date,
    ForeignKey,
    Integer,
    SmallInteger,
    Table,
    Text,
    Uuid,
)
from sqlalchemy.dialects.postgresql import ARRAY, DOUBLE_PRECISION, JSONB

from impact_in_pipelines.db.schema.base import PLATFORM_CHECK, metadata

_CALLS = ("requests", "deliveries_sent", "repeats", "failed_requests", "lost", "answered")
_DELIVERIES = (
    *("planned", "succeeded", "failed", "never_started", "timed", "on_time"),
    *("latency_ms_sum", "latency_ms_n", "payload_bytes"),
)


def _answers() -> tuple[Column[object], ...]:
    """How long answers took: their sum, and a histogram of the bins that have any (analytics/answers.py)."""
    return (
        Column("answer_ms_sum", DOUBLE_PRECISION, nullable=False),
        Column("answer_bins", ARRAY(SmallInteger), nullable=False),
        Column("answer_counts", ARRAY(Integer), nullable=False),
    )


calls_daily = Table(
    "calls_daily",
    metadata,
    # Calls of deliveries that were due on a UTC day; names and meaning: analytics/series.py. Written with
    # the day's rows of sla_daily.
    Column("day", Date, primary_key=True),
    Column("company_id", Uuid, ForeignKey("companies.id", ondelete="CASCADE"), primary_key=True),
    Column("platform", Text, primary_key=True),
    *(Column(name, Integer, nullable=False) for name in _CALLS),
    *_answers(),
    # By error kind, of those that failed; None: none did.
    Column("errors", JSONB),
    CheckConstraint(PLATFORM_CHECK, name="platform"),
)

platform_daily = Table(
    "platform_daily",
    metadata,
    # sla_daily and calls_daily of all companies together: what a chart of months reads.
    Column("day", Date, primary_key=True),
    Column("platform", Text, primary_key=True),
    Column("companies", Integer, nullable=False),
    *(Column(name, BigInteger, nullable=False) for name in (*_DELIVERIES, *_CALLS)),
    Column("latency_ms_buckets", ARRAY(BigInteger), nullable=False),
    *_answers(),
    Column("errors", JSONB),
    CheckConstraint(PLATFORM_CHECK, name="platform"),
)

platform_hours = Table(
    "platform_hours",
    metadata,
    # Calls of all companies by the UTC hour of day at which they began, of deliveries that were due on `day`.
    Column("day", Date, primary_key=True),
    Column("platform", Text, primary_key=True),
    Column("hour", SmallInteger, primary_key=True),
    Column("requests", Integer, nullable=False),
    Column("failed_requests", Integer, nullable=False),
    Column("answered", Integer, nullable=False),
    *_answers(),
    CheckConstraint(PLATFORM_CHECK, name="platform"),
)
