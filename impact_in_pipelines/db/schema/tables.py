"""The tables (design, section 5). All times are timestamptz, all ids uuid.

Migrations create them; a test proves that both give the same schema. Each index names the query that it
serves, and there are no others on the large tables.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Numeric,
    SmallInteger,
    String,
    Table,
    Text,
    Time,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, CHAR, DOUBLE_PRECISION, JSONB, TIMESTAMP

from impact_in_pipelines.db.schema import triggers

TRIGGERS = triggers  # importing them makes every table created from here on have its own

REVISION = "0002"
"""The newest migration; a test keeps it true."""

metadata = MetaData(
    naming_convention={
        "pk": "%(table_name)s_pkey",
        "fk": "%(table_name)s_%(column_0_name)s_fkey",
        "uq": "%(table_name)s_%(column_0_N_name)s_key",
        "ck": "%(table_name)s_%(constraint_name)s_check",
        "ix": "%(table_name)s_%(column_0_N_name)s_idx",
    }
)

_PLATFORMS = "platform IN ('benevity', 'goodera', 'workday')"
_STATUSES = (
    "status IN ('pending', 'in_progress', 'retrying', 'success', 'failed', 'skipped', 'missed', "
    "'cancelled')"
)
_TRIGGERS = "trigger IN ('schedule', 'manual', 'backfill', 'replay')"
_SLA_COUNTS = (
    *("successful", "failed", "recovered", "missed", "overdue", "skipped", "pending", "cancelled"),
    *("retried", "retried_successful", "retried_failed"),
    *("retry_1", "retry_2", "retry_3", "retry_later"),
    *("attempts_n", "payload_bytes_n", "latency_ms_n", "lateness_ms_n"),
)
_SLA_SUMS = ("attempts_sum", "payload_bytes_sum", "latency_ms_sum", "lateness_ms_sum")
_SLA_MAXIMA = ("attempts_max", "payload_bytes_max", "latency_ms_max", "lateness_ms_max")
OPEN_ROWS = "status IN ('pending', 'in_progress', 'retrying')"
UNRECORDED_ROWS = "recorded_at IS NULL AND status IN ('success', 'failed', 'skipped')"


def _instant(name: str, *, nullable: bool = True, now: bool = False) -> Column[object]:
    return Column(
        name,
        TIMESTAMP(timezone=True),
        nullable=nullable,
        server_default=text("now()") if now else None,
    )


def _id() -> Column[object]:
    return Column("id", Uuid, primary_key=True, server_default=text("gen_random_uuid()"))


def _company(*, cascade: bool = False) -> Column[object]:
    target = ForeignKey("companies.id", ondelete="CASCADE" if cascade else None)
    return Column("company_id", Uuid, target, nullable=False)


companies = Table(
    "companies",
    metadata,
    _id(),
    Column("slug", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("country", CHAR(2)),
    Column("timezone", Text, nullable=False, server_default="UTC"),
    Column("active", Boolean, nullable=False, server_default=text("true")),
    _instant("created_at", nullable=False, now=True),
    CheckConstraint("slug ~ '^[a-z0-9][a-z0-9-]{0,62}$'", name="slug"),
)

platform_connections = Table(
    "platform_connections",
    metadata,
    _id(),
    _company(),
    Column("platform", Text, nullable=False),
    Column("organization_id", Text),
    Column("base_url", Text),
    Column("credentials", LargeBinary),
    Column("webhook_secret", LargeBinary),
    Column("options", JSONB, nullable=False, server_default=text("'{}'::jsonb")),
    Column("enabled", Boolean, nullable=False, server_default=text("true")),
    Column("rate_limit_per_minute", Integer),
    Column("max_concurrency", Integer),
    _instant("created_at", nullable=False, now=True),
    _instant("updated_at", nullable=False, now=True),
    UniqueConstraint("company_id", "platform"),
    CheckConstraint(_PLATFORMS, name="platform"),
    CheckConstraint("rate_limit_per_minute > 0", name="rate_limit_per_minute"),
    CheckConstraint("max_concurrency > 0", name="max_concurrency"),
)

impact_events = Table(
    "impact_events",
    metadata,
    Column("company_id", Uuid, ForeignKey("companies.id"), primary_key=True),
    Column("event_id", Text, primary_key=True),
    _instant("occurred_at", nullable=False),
    Column("activity", Text, nullable=False),
    Column("participant_ref", Text),
    Column("volunteer_ref", Text),
    Column("hours", Numeric(10, 2), nullable=False, server_default=text("0")),
    Column("outcome_category", Text),
    Column("outcome_score", Numeric(12, 4)),
    _instant("imported_at", nullable=False, now=True),
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
    _instant("computed_at", nullable=False),
)

impact_touched_days = Table(
    "impact_touched_days",
    metadata,
    # Days of `company_impact` to compute again: an import writes them with its events, a refresh takes them.
    Column("company_id", Uuid, ForeignKey("companies.id"), primary_key=True),
    Column("day", Date, primary_key=True),
    _instant("touched_at", nullable=False, now=True),
)

scheduled_deliveries = Table(
    "scheduled_deliveries",
    metadata,
    _id(),
    _company(),
    Column("platform", Text, nullable=False),
    Column("schedule", String(100), nullable=False),
    Column("timezone", Text, nullable=False, server_default="UTC"),
    Column("active", Boolean, nullable=False, server_default=text("true")),
    _instant("next_run"),
    _instant("last_run"),
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
    _instant("fired_until", nullable=False),
    Column("covered_until", Date, nullable=False),
    _instant("created_at", nullable=False, now=True),
    _instant("updated_at", nullable=False, now=True),
    _instant("deleted_at"),
    CheckConstraint(_PLATFORMS, name="platform"),
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

impact_deliveries = Table(
    "impact_deliveries",
    metadata,
    _id(),
    _company(),
    Column("platform", Text, nullable=False),
    Column("schedule_id", Uuid, ForeignKey("scheduled_deliveries.id")),
    Column("trigger", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("timezone", Text, nullable=False, server_default="UTC"),
    Column("period_start", Date, nullable=False),
    Column("period_end", Date, nullable=False),
    _instant("scheduled_for", nullable=False),
    Column("note", Text),
    Column("payload", JSONB),
    Column("payload_hash", CHAR(64)),
    Column("payload_bytes", Integer),
    Column("revision", Integer, nullable=False, server_default=text("1")),
    Column("rebuild", Boolean, nullable=False, server_default=text("false")),
    Column("force", Boolean, nullable=False, server_default=text("false")),
    Column("idempotency_key", Uuid, nullable=False),
    Column("batch_id", Uuid),
    Column("attempt_count", Integer, nullable=False, server_default=text("0")),
    Column("failed_attempts", SmallInteger, nullable=False, server_default=text("0")),
    # When the row next wants a worker: its next attempt, or the end of the lease it is held under.
    _instant("next_attempt_at"),
    _instant("lease_until"),
    Column("claimed_by", Text),
    Column("last_error", Text),
    Column("error_kind", Text),
    Column("http_status", SmallInteger),
    Column("transaction_id", Text),
    Column("provider_response", JSONB),
    Column("duplicate_of", Uuid, ForeignKey("impact_deliveries.id")),
    Column("replay_of", Uuid, ForeignKey("impact_deliveries.id")),
    # The run that worked on it last; and the run that was started for it, which then has first claim to it.
    Column("dagster_run_id", Text),
    Column("selected_by", Text),
    _instant("recorded_at"),
    _instant("created_at", nullable=False, now=True),
    _instant("failed_at"),
    _instant("delivered_at"),
    _instant("updated_at", nullable=False, now=True),
    # A fire is planned once, whoever ticks; claim_due: an open predecessor of the same schedule.
    UniqueConstraint("schedule_id", "scheduled_for"),
    CheckConstraint(_PLATFORMS, name="platform"),
    CheckConstraint(_STATUSES, name="status"),
    CheckConstraint(_TRIGGERS, name="trigger"),
    CheckConstraint("period_start <= period_end", name="period"),
    # claim_due, due_state: open rows of a platform in the order they want a worker.
    Index(
        "impact_deliveries_open_idx",
        "platform",
        "next_attempt_at",
        postgresql_where=text(OPEN_ROWS),
    ),
    # freeze: the same content of the same company, delivered or in flight.
    Index(
        "impact_deliveries_twin_idx",
        "company_id",
        "platform",
        "payload_hash",
        postgresql_where=text("payload_hash IS NOT NULL"),
    ),
    # claim_due: the other members of a frozen batch.
    Index(None, "batch_id", postgresql_where=text("batch_id IS NOT NULL")),
    # unrecorded: final rows that Dagster has not been told of.
    Index(
        "impact_deliveries_unrecorded_idx",
        "platform",
        "updated_at",
        postgresql_where=text(UNRECORDED_ROWS),
    ),
    # timeline and lists of one company, newest first.
    Index("impact_deliveries_timeline_idx", "company_id", text("scheduled_for DESC")),
    # sla windows of all companies, and the days that have changed since their rollup: both follow the
    # order in which rows are written, so a BRIN of a few kilobytes serves.
    Index(
        "impact_deliveries_time_brin",
        "scheduled_for",
        "updated_at",
        postgresql_using="brin",
        postgresql_with={"autosummarize": "on", "pages_per_range": "32"},
    ),
    # selected partitions: the rows that one run made.
    Index(None, "selected_by", postgresql_where=text("selected_by IS NOT NULL")),
    # outcome_of_run: what a run did, for its summary.
    Index(None, "dagster_run_id", postgresql_where=text("dagster_run_id IS NOT NULL")),
    # listed: GET /deliveries of all companies, the latest due first.
    Index("impact_deliveries_due_idx", text("scheduled_for DESC"), text("id DESC")),
    # listed and retry-all-failed: what has failed, of a company or of all; few rows among many.
    Index(
        "impact_deliveries_failed_idx",
        "company_id",
        text("scheduled_for DESC"),
        postgresql_where=text("status = 'failed'"),
    ),
    # call-backs of a platform: the delivery with its transaction id.
    Index(
        "impact_deliveries_transaction_idx",
        "platform",
        "transaction_id",
        postgresql_where=text("transaction_id IS NOT NULL"),
    ),
)

delivery_attempts = Table(
    "delivery_attempts",
    metadata,
    _id(),
    Column("delivery_id", Uuid, ForeignKey("impact_deliveries.id"), nullable=False),
    Column("number", Integer, nullable=False),
    _instant("started_at", nullable=False),
    _instant("finished_at"),
    Column("outcome", Text, nullable=False),
    Column("http_status", SmallInteger),
    Column("error_kind", Text),
    Column("error", Text),
    Column("latency_ms", DOUBLE_PRECISION),
    # deliveries show: the attempts of one delivery, in order.
    UniqueConstraint("delivery_id", "number"),
    # platform_activity: the attempts of the last hours. Rows lie in the order of their time: BRIN is enough.
    Index(
        "delivery_attempts_started_at_idx",
        "started_at",
        postgresql_using="brin",
    ),
)

platform_health = Table(
    "platform_health",
    metadata,
    Column("platform", Text, primary_key=True),
    Column("state", Text, nullable=False),
    _instant("since", nullable=False),
    Column("reason", Text),
    _instant("updated_at", nullable=False, now=True),
    CheckConstraint(_PLATFORMS, name="platform"),
    CheckConstraint("state IN ('healthy', 'degraded', 'outage')", name="state"),
)

provider_tokens = Table(
    "provider_tokens",
    metadata,
    Column("key", CHAR(64), primary_key=True),
    Column("token", LargeBinary, nullable=False),
    Column("token_hash", CHAR(64), nullable=False),
    _instant("expires_at", nullable=False),
    _instant("updated_at", nullable=False, now=True),
)

maintenance_windows = Table(
    "maintenance_windows",
    metadata,
    _id(),
    Column("company_id", Uuid, ForeignKey("companies.id")),  # null: every company
    Column("platform", Text),  # null: every platform
    _instant("starts_at", nullable=False),
    # A window that is ended before it begins keeps its row, empty.
    _instant("ends_at", nullable=False),
    Column("reason", Text, nullable=False),
    Column("created_by", Text, nullable=False),
    _instant("created_at", nullable=False, now=True),
    Column("ended_by", Text),
    CheckConstraint(_PLATFORMS, name="platform"),
    CheckConstraint("starts_at <= ends_at", name="span"),
    CheckConstraint("company_id IS NOT NULL OR platform IS NOT NULL", name="subject"),
)

incidents = Table(
    "incidents",
    metadata,
    _id(),
    Column("company_id", Uuid, ForeignKey("companies.id")),
    Column("platform", Text),
    Column("type", Text, nullable=False),
    Column("severity", Text, nullable=False),  # the highest it has reached
    Column("threshold", DOUBLE_PRECISION),
    Column("actual", DOUBLE_PRECISION),
    Column("sample_size", Integer, nullable=False, server_default=text("0")),
    Column("low_confidence", Boolean, nullable=False, server_default=text("false")),
    Column("details", JSONB, nullable=False, server_default=text("'{}'::jsonb")),
    _instant("since"),  # when the metric went bad, as well as the log can say
    _instant("opened_at", nullable=False, now=True),
    _instant("acknowledged_at"),
    Column("acknowledged_by", Text),
    _instant("cleared_at"),  # the breach is gone, and the incident waits whether it stays so
    _instant("closed_at"),
    # What people have been told: null until the opening notice is written.
    Column("notified_severity", Text),
    Column("paged", Boolean, nullable=False, server_default=text("false")),
    Column("channels", ARRAY(Text), nullable=False, server_default=text("'{}'::text[]")),
    # Why a notice was withheld, and the maintenance window that did it.
    Column("muted_by", Text),
    Column("maintenance_id", Uuid, ForeignKey("maintenance_windows.id")),
    _instant("updated_at", nullable=False, now=True),
    CheckConstraint(_PLATFORMS, name="platform"),
    CheckConstraint("severity IN ('warning', 'critical')", name="severity"),
    # One incident is open for one breach, however many monitors see it.
    Index(
        "incidents_open_key",
        "company_id",
        "platform",
        "type",
        unique=True,
        postgresql_where=text("closed_at IS NULL"),
        postgresql_nulls_not_distinct=True,
    ),
    # incidents list, reports: the incidents of a span of time, newest first.
    Index("incidents_opened_at_idx", text("opened_at DESC")),
)

notifications = Table(
    "notifications",
    metadata,
    _id(),
    Column("seq", BigInteger, Identity(always=True), nullable=False),  # the order of sending
    Column("key", Text, nullable=False, unique=True),  # one notice is written once
    Column("incident_id", Uuid, ForeignKey("incidents.id")),
    Column("channel", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("body", JSONB, nullable=False),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("last_error", Text),
    _instant("created_at", nullable=False, now=True),
    # When the row next wants a sender: its next attempt, or the end of the lease it is held under.
    _instant("next_attempt_at", nullable=False, now=True),
    _instant("sent_at"),
    CheckConstraint("channel IN ('slack', 'slack_critical', 'pagerduty', 'log')", name="channel"),
    # claim: the outbox, what is still to be sent, in order.
    Index(
        "notifications_unsent_idx",
        "channel",
        "seq",
        postgresql_where=text("sent_at IS NULL"),
    ),
    # claim: an earlier notice of the same incident and channel that is still to be sent.
    Index(
        "notifications_before_idx",
        "incident_id",
        "channel",
        "seq",
        postgresql_where=text("sent_at IS NULL"),
    ),
)

alert_channels = Table(
    "alert_channels",
    metadata,
    # A channel that does not answer is left alone until then; no row: it works.
    Column("channel", Text, primary_key=True),
    Column("failures", Integer, nullable=False),
    _instant("closed_until", nullable=False),
    Column("last_error", Text, nullable=False),
    _instant("updated_at", nullable=False, now=True),
)

audit_log = Table(
    "audit_log",
    metadata,
    _id(),
    _instant("at", nullable=False, now=True),
    Column("actor", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("company_id", Uuid, ForeignKey("companies.id")),
    Column("subject", Text, nullable=False),
    Column("before", JSONB),
    Column("after", JSONB),
    # A company's changes, newest first.
    Index("audit_log_company_idx", "company_id", text("at DESC")),
)

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    # Whose key it is: a digest of the token's subject and rights, so that one tenant never sees another's.
    Column("scope", CHAR(64), primary_key=True),
    Column("key", Text, primary_key=True),
    Column("request_hash", CHAR(64), nullable=False),
    Column("status", SmallInteger),  # of the answer; null while the first request is under way
    Column("headers", JSONB),
    Column("body", LargeBinary),
    _instant("created_at", nullable=False, now=True),
    # purge: answers older than a day.
    Index(None, "created_at"),
)

web_sessions = Table(
    "web_sessions",
    metadata,
    # Who is signed in to the cockpit: SHA-256 of the id that the browser holds.
    Column("id_hash", CHAR(64), primary_key=True),
    Column("subject", Text, nullable=False),
    Column("roles", ARRAY(Text), nullable=False),
    Column("companies", ARRAY(Uuid)),  # null: all of them
    Column("form_token", Text, nullable=False),
    _instant("created_at", nullable=False, now=True),
    _instant("expires_at", nullable=False),
    # purge: sessions that have expired.
    Index(None, "expires_at"),
)

counters = Table(
    "counters",
    metadata,
    # What only ever grows and has no rows of its own to count, for /metrics.
    Column("name", Text, primary_key=True),
    Column("value", BigInteger, nullable=False, server_default=text("0")),
)

replay_requests = Table(
    "replay_requests",
    metadata,
    # What one request has put back into the queue: its status URL counts these deliveries.
    _id(),
    Column("requested_by", Text, nullable=False),
    Column("company_ids", ARRAY(Uuid), nullable=False),
    Column("delivery_ids", ARRAY(Uuid), nullable=False),
    _instant("created_at", nullable=False, now=True),
)

webhook_messages = Table(
    "webhook_messages",
    metadata,
    # A call-back that has been taken; the same message again changes nothing.
    Column("platform", Text, primary_key=True),
    Column("company_id", Uuid, ForeignKey("companies.id"), primary_key=True),
    Column("message_id", Text, primary_key=True),
    Column("result", Text, nullable=False),
    _instant("received_at", nullable=False, now=True),
    CheckConstraint(_PLATFORMS, name="platform"),
    # purge_messages: those that are older than any call-back may be.
    Index(None, "received_at"),
)

sla_daily = Table(
    "sla_daily",
    metadata,
    # Counters that add up, per UTC day of scheduled_for; names and meaning: sla/metrics.py, docs/sla.md.
    Column("day", Date, primary_key=True),
    Column("company_id", Uuid, ForeignKey("companies.id"), primary_key=True),
    Column("platform", Text, primary_key=True),
    *(Column(name, Integer, nullable=False) for name in _SLA_COUNTS),
    *(Column(name, BigInteger, nullable=False) for name in _SLA_SUMS),
    *(Column(name, BigInteger) for name in _SLA_MAXIMA),
    Column("latency_ms_buckets", ARRAY(Integer), nullable=False),
    _instant("computed_at", nullable=False, now=True),
    CheckConstraint(_PLATFORMS, name="platform"),
)

sla_days = Table(
    "sla_days",
    metadata,
    # When each day's rollup was computed, also a day without deliveries: what changed since is stale.
    Column("day", Date, primary_key=True),
    _instant("computed_at", nullable=False),
)

sla_thresholds = Table(
    "sla_thresholds",
    metadata,
    # Numbers that differ from the settings, for a company, a platform or one on the other.
    _id(),
    Column("company_id", Uuid, ForeignKey("companies.id", ondelete="CASCADE")),
    Column("platform", Text),
    Column("thresholds", JSONB, nullable=False),
    Column("updated_by", Text, nullable=False),
    _instant("updated_at", nullable=False, now=True),
    CheckConstraint(_PLATFORMS, name="platform"),
    CheckConstraint("company_id IS NOT NULL OR platform IS NOT NULL", name="scope"),
    UniqueConstraint("company_id", "platform", postgresql_nulls_not_distinct=True),
)

sla_reports = Table(
    "sla_reports",
    metadata,
    _id(),
    Column("company_id", Uuid, ForeignKey("companies.id")),
    Column("period", Text, nullable=False),
    Column("starts_on", Date, nullable=False),
    Column("ends_on", Date, nullable=False),
    Column("report", JSONB, nullable=False),
    _instant("created_at", nullable=False, now=True),
    CheckConstraint("period IN ('weekly', 'monthly')", name="period"),
    UniqueConstraint("company_id", "period", "starts_on", postgresql_nulls_not_distinct=True),
)
