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

_SLA_COUNTS = {
    "successful": "Deliveries that arrived without a replay.",
    "failed": "Deliveries that failed for good, also those whose replay has arrived since.",
    "recovered": "Those of the failed whose replay has arrived.",
    "missed": "Fires that passed while nothing ran.",
    "overdue": "Deliveries that were due and not started in time.",
    "skipped": "Deliveries whose content had arrived already; in no rate.",
    "pending": "Deliveries on their way, and not overdue.",
    "cancelled": "Deliveries called off before they were sent; in no rate.",
    "retried": "Deliveries that took more than one attempt.",
    "retried_successful": "Those of the retried ones that arrived.",
    "retried_failed": "Those of the retried ones that failed for good.",
    "retry_1": "Deliveries that arrived with the first retry.",
    "retry_2": "Deliveries that arrived with the second retry.",
    "retry_3": "Deliveries that arrived with the third retry.",
    "retry_later": "Deliveries that arrived with a later retry.",
    "attempts_n": "How many deliveries are counted in `attempts_sum`.",
    "payload_bytes_n": "Deliveries whose payload is in `payload_bytes_sum`.",
    "latency_ms_n": "Deliveries whose latency is in `latency_ms_sum`.",
    "lateness_ms_n": "Deliveries whose lateness is in `lateness_ms_sum`.",
}
_SLA_LATER_COUNTS = {
    "replayed": "Replays and corrections of what had arrived; in no rate.",
    "timed": "Deliveries that were due and are no backfills: the denominator of the on-time rate.",
    "on_time": "Those of the timed ones that arrived within the latency target.",
}
_SLA_SUMS = {
    "attempts_sum": "Attempts together.",
    "payload_bytes_sum": "Bytes of the payloads together.",
    "latency_ms_sum": "Milliseconds from due to arrived, together.",
    "lateness_ms_sum": "Milliseconds from due to the first attempt, together.",
}
_SLA_MAXIMA = {
    "attempts_max": "The most attempts of one delivery; null: none had any.",
    "payload_bytes_max": "The largest payload, in bytes; null: there was none.",
    "latency_ms_max": "The longest latency, in milliseconds; null: none arrived.",
    "lateness_ms_max": "The longest lateness, in milliseconds; null: none was started.",
}

sla_daily = Table(
    "sla_daily",
    metadata,
    # Counters that add up, for each UTC day of scheduled_for. sla/metrics.py and docs/sla.md explain their
    # names.
    #
    # The UTC day of `scheduled_for`.
    Column("day", Date, primary_key=True),
    Column("company_id", Uuid, ForeignKey("companies.id"), primary_key=True),
    Column("platform", Text, primary_key=True),
    *(Column(name, Integer, nullable=False, doc=doc) for name, doc in _SLA_COUNTS.items()),
    *(
        Column(name, Integer, nullable=False, server_default=text("0"), doc=doc)
        for name, doc in _SLA_LATER_COUNTS.items()
    ),
    *(Column(name, BigInteger, nullable=False, doc=doc) for name, doc in _SLA_SUMS.items()),
    *(Column(name, BigInteger, doc=doc) for name, doc in _SLA_MAXIMA.items()),
    # Histogram of the latency; its bounds are in sla/metrics.py.
    Column("latency_ms_buckets", ARRAY(Integer), nullable=False),
    # When the day was counted.
    instant("computed_at", nullable=False, now=True),
    CheckConstraint(PLATFORM_CHECK, name="platform"),
)

sla_days = Table(
    "sla_days",
    metadata,
    # When each day's rollup was computed, also a day without deliveries, and the mark up to which the log
    # was read (db/deliveries/changes.py): what changed since is stale. None: all of it.
    #
    # The UTC day.
    Column("day", Date, primary_key=True),
    # When it was counted.
    instant("computed_at", nullable=False),
    # The snapshot in which the log was read; null: all of the day is to be counted anew.
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
    # The UTC day.
    Column("day", Date, primary_key=True),
    # The packed records.
    Column("records", LargeBinary, nullable=False),
)

sla_outcome_marks = Table(
    "sla_outcome_marks",
    metadata,
    # One row: from which day on sla_outcomes has the log, and the mark up to which it was read
    # (db/deliveries/changes.py). What changed since, and what is open, is read from the log.
    #
    # Always 1.
    Column("id", SmallInteger, primary_key=True, autoincrement=False),
    # From this day on the records are there.
    Column("first_day", Date, nullable=False),
    # The snapshot in which the log was read last.
    Column("mark", Text, nullable=False),
    # The platforms in the order of their numbers in the records. Others, or null: all is packed anew.
    Column("platforms", Text),
    # When that was.
    instant("packed_at", nullable=False),
    CheckConstraint("id = 1", name="single"),
)

sla_thresholds = Table(
    "sla_thresholds",
    metadata,
    # Numbers that differ from the settings, for a company, a platform or one on the other.
    new_id(),
    # Whose; null: of every company on the platform.
    Column("company_id", Uuid, ForeignKey("companies.id", ondelete="CASCADE")),
    # On which platform; null: on all of them.
    Column("platform", Text),
    # The numbers that differ, by the name of their setting.
    Column("thresholds", JSONB, nullable=False),
    # Who set them.
    Column("updated_by", Text, nullable=False),
    instant("updated_at", nullable=False, now=True),
    CheckConstraint(PLATFORM_CHECK, name="platform"),
    CheckConstraint("company_id IS NOT NULL OR platform IS NOT NULL", name="scope"),
    UniqueConstraint("company_id", "platform", postgresql_nulls_not_distinct=True),
)

sla_reports = Table(
    "sla_reports",
    metadata,
    # Weekly and monthly service level reports, as they were made.
    new_id(),
    # Whose; null: over all companies.
    Column("company_id", Uuid, ForeignKey("companies.id")),
    # `weekly` or `monthly`.
    Column("period", Text, nullable=False),
    # The first UTC day.
    Column("starts_on", Date, nullable=False),
    # The last one, inclusive.
    Column("ends_on", Date, nullable=False),
    # The figures; docs/sla.md describes them.
    Column("report", JSONB, nullable=False),
    instant("created_at", nullable=False, now=True),
    CheckConstraint("period IN ('weekly', 'monthly')", name="period"),
    UniqueConstraint("company_id", "period", "starts_on", postgresql_nulls_not_distinct=True),
)
