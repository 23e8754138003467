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

_CALLS = {
    "requests": "Calls of which the result is known; a batch is one call.",
    "deliveries_sent": "The deliveries in these calls.",
    "repeats": "Calls whose deliveries had all been tried before.",
    "failed_requests": "Calls that delivered nothing, also those that the platform asked to send later.",
    "lost": "Attempts whose worker died: nobody knows whether there was a call. In no other count.",
    "answered": "Calls of which the duration is known.",
}
_DELIVERIES = {
    "planned": "Deliveries that were due: succeeded, failed or never started.",
    "succeeded": "Those that arrived without a replay.",
    "failed": "Those that failed for good.",
    "never_started": "Those that were missed or are overdue.",
    "timed": "Those that are no backfills: the denominator of the on-time rate.",
    "on_time": "Those of the timed ones that arrived within the latency target.",
    "latency_ms_sum": "Milliseconds from due to arrived, together.",
    "latency_ms_n": "How many deliveries have a latency.",
    "payload_bytes": "Bytes of the payloads together.",
}


def _answers() -> tuple[Column[object], ...]:
    """How long answers took: their sum, and a histogram (analytics/answers.py) of the bins that have any."""
    bins = "Bins of the histogram of call durations that have calls; analytics/answers.py has their bounds."
    return (
        Column(
            *("answer_ms_sum", DOUBLE_PRECISION),
            nullable=False,
            doc="Milliseconds that the answered calls took, together.",
        ),
        Column("answer_bins", ARRAY(SmallInteger), nullable=False, doc=bins),
        Column("answer_counts", ARRAY(Integer), nullable=False, doc="Calls in each of these bins."),
    )


calls_daily = Table(
    "calls_daily",
    metadata,
    # Calls of deliveries that were due on a UTC day; names and meaning: analytics/series.py. Written with
    # the day's rows of sla_daily.
    #
    # The UTC day on which the deliveries were due.
    Column("day", Date, primary_key=True),
    Column("company_id", Uuid, ForeignKey("companies.id", ondelete="CASCADE"), primary_key=True),
    Column("platform", Text, primary_key=True),
    *(Column(name, Integer, nullable=False, doc=doc) for name, doc in _CALLS.items()),
    *_answers(),
    # By error kind, of those that failed; None: none did.
    Column("errors", JSONB),
    CheckConstraint(PLATFORM_CHECK, name="platform"),
)

platform_daily = Table(
    "platform_daily",
    metadata,
    # sla_daily and calls_daily of all companies together, for charts of months.
    #
    # The UTC day on which the deliveries were due.
    Column("day", Date, primary_key=True),
    Column("platform", Text, primary_key=True),
    # Companies that had any delivery.
    Column("companies", Integer, nullable=False),
    *(
        Column(name, BigInteger, nullable=False, doc=doc)
        for name, doc in (_DELIVERIES | _CALLS).items()
    ),
    # Histogram of the latency; its bounds are in sla/metrics.py.
    Column("latency_ms_buckets", ARRAY(BigInteger), nullable=False),
    *_answers(),
    # Failed requests by error kind.
    Column("errors", JSONB),
    CheckConstraint(PLATFORM_CHECK, name="platform"),
)

platform_hours = Table(
    "platform_hours",
    metadata,
    # Calls of all companies by the UTC hour of day at which they began, of deliveries that were due on
    # `day`.
    #
    # The UTC day on which the deliveries were due.
    Column("day", Date, primary_key=True),
    Column("platform", Text, primary_key=True),
    # The UTC hour, 0 to 23.
    Column("hour", SmallInteger, primary_key=True),
    # Calls that were begun in it.
    Column("requests", Integer, nullable=False),
    # Those that delivered nothing.
    Column("failed_requests", Integer, nullable=False),
    # Those whose duration is known.
    Column("answered", Integer, nullable=False),
    *_answers(),
    CheckConstraint(PLATFORM_CHECK, name="platform"),
)
