"""The delivery log: what was planned, tried and delivered, and what platforms said later."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, CHAR, DOUBLE_PRECISION, JSONB, TIMESTAMP

from impact_in_pipelines.db.queries import in_list, priority_of
from impact_in_pipelines.db.schema.base import PLATFORM_CHECK, company_id, instant, metadata, new_id
from impact_in_pipelines.delivery.states import OPEN, SHOWN_IN_DAGSTER, DeliveryStatus

_STATUSES = f"status IN {in_list(DeliveryStatus)}"
_TRIGGERS = "trigger IN ('schedule', 'manual', 'backfill', 'replay', 'correction')"
OPEN_ROWS = f"status IN {in_list(OPEN)}"
UNRECORDED_ROWS = f"recorded_at IS NULL AND status IN {in_list(SHOWN_IN_DAGSTER)}"

impact_deliveries = Table(
    "impact_deliveries",
    metadata,
    new_id(primary_key=False),
    company_id(),
    Column("platform", Text, nullable=False),
    Column("schedule_id", Uuid, ForeignKey("scheduled_deliveries.id")),
    Column("trigger", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("timezone", Text, nullable=False, server_default="UTC"),
    Column("period_start", Date, nullable=False),
    Column("period_end", Date, nullable=False),
    # Never changes: by it the log is partitioned into months, and whoever looks into it says between which.
    instant("scheduled_for", nullable=False),
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
    # Workers in a row that died over it before they had opened an attempt.
    Column("lost_claims", SmallInteger, nullable=False, server_default=text("0")),
    # When the row next wants a worker: its next attempt, or the end of the lease it is held under.
    instant("next_attempt_at"),
    instant("lease_until"),
    Column("claimed_by", Text),
    Column("last_error", Text),
    Column("error_kind", Text),
    Column("http_status", SmallInteger),
    Column("transaction_id", Text),
    Column("provider_response", JSONB),
    # Of another month, which may have left the log since: no foreign keys (ADR 0009).
    Column("duplicate_of", Uuid),
    Column("replay_of", Uuid),
    # What was reported, and its fingerprint (connectors/fingerprints.py); None until it is built.
    Column("figures", JSONB),
    Column("figures_hash", CHAR(64)),
    # Of a correction: the delivery it supersedes, which correction of that report it is (from 1), and when
    # the report was due at first.
    Column("corrects", Uuid),
    Column("correction", SmallInteger, nullable=False, server_default=text("0")),
    instant("first_due_at"),
    # The run that worked on it last; and the run that was started for it, which then has first claim to it.
    Column("dagster_run_id", Text),
    # Where deliveries are traced: that of its spans, as OpenTelemetry knows it.
    Column("trace_id", Uuid),
    Column("selected_by", Text),
    instant("recorded_at"),
    instant("created_at", nullable=False, now=True),
    instant("failed_at"),
    # A call-back has taken back what had arrived, and it has not been sent again since.
    instant("taken_back_at"),
    # The time of the newest call-back that was believed, by the platform's clock.
    instant("call_back_at"),
    instant("delivered_at"),
    instant("updated_at", nullable=False, now=True),
    # The transaction that wrote it last (schema/triggers.py).
    Column("change_seq", BigInteger, nullable=False, server_default=text("0")),
    PrimaryKeyConstraint("id", "scheduled_for"),
    # A fire is planned once, whoever ticks; claim_due: an open predecessor of the same schedule.
    UniqueConstraint("schedule_id", "scheduled_for"),
    CheckConstraint(PLATFORM_CHECK, name="platform"),
    CheckConstraint(_STATUSES, name="status"),
    CheckConstraint(_TRIGGERS, name="trigger"),
    CheckConstraint("period_start <= period_end", name="period"),
    # claim_due, due_state: open rows of a platform by priority (D13), then in the order they want a worker.
    Index(
        "impact_deliveries_priority_idx",
        "platform",
        text(priority_of("trigger")),
        "next_attempt_at",
        postgresql_where=text(OPEN_ROWS),
    ),
    # open_span: between which due times open rows lie.
    Index(
        "impact_deliveries_open_due_idx",
        "platform",
        "scheduled_for",
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
    # claim and freeze: the corrections of a period, which few have.
    Index(
        "impact_deliveries_corrections_idx",
        "company_id",
        "platform",
        "period_start",
        postgresql_where=text("trigger = 'correction'"),
    ),
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
    # /metrics, the event stream, the SLA watch, stale days: what has changed since.
    Index(
        "impact_deliveries_changes_brin",
        "change_seq",
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
    # listed: a search for a text in the last error; few rows among many have one.
    Index(
        "impact_deliveries_errors_idx",
        "company_id",
        text("scheduled_for DESC"),
        postgresql_where=text("last_error IS NOT NULL"),
    ),
    # call-backs of a platform and searches: the delivery with its transaction id.
    Index(
        "impact_deliveries_transaction_idx",
        "platform",
        "transaction_id",
        postgresql_where=text("transaction_id IS NOT NULL"),
    ),
    postgresql_partition_by="RANGE (scheduled_for)",
)

delivery_attempts = Table(
    "delivery_attempts",
    metadata,
    new_id(primary_key=False),
    # No foreign key: it would be checked for every month that leaves (ADR 0009).
    Column("delivery_id", Uuid, nullable=False),
    Column("number", Integer, nullable=False),
    instant("started_at", nullable=False),
    instant("finished_at"),
    Column("outcome", Text, nullable=False),
    Column("http_status", SmallInteger),
    Column("error_kind", Text),
    Column("error", Text),
    Column("latency_ms", DOUBLE_PRECISION),
    Column("change_seq", BigInteger, nullable=False, server_default=text("0")),
    # The delivery's `scheduled_for`, so that attempts leave with their deliveries; '-infinity' for those from
    # before there were months.
    Column("due_at", TIMESTAMP(timezone=True), nullable=False, server_default="-infinity"),
    # deliveries show: the attempts of one delivery, in order.
    PrimaryKeyConstraint("id", "due_at"),
    UniqueConstraint("delivery_id", "number", "due_at"),
    # platform_activity: the attempts of the last hours. Rows lie in the order of their time: BRIN is enough.
    Index(
        "delivery_attempts_started_at_idx",
        "started_at",
        postgresql_using="brin",
    ),
    # /metrics: attempts that have ended since.
    Index(
        "delivery_attempts_changes_brin",
        "change_seq",
        postgresql_using="brin",
        postgresql_with={"autosummarize": "on", "pages_per_range": "32"},
    ),
    postgresql_partition_by="RANGE (due_at)",
)

platform_health = Table(
    "platform_health",
    metadata,
    Column("platform", Text, primary_key=True),
    Column("state", Text, nullable=False),
    instant("since", nullable=False),
    Column("reason", Text),
    instant("updated_at", nullable=False, now=True),
    CheckConstraint(PLATFORM_CHECK, name="platform"),
    CheckConstraint("state IN ('healthy', 'degraded', 'outage')", name="state"),
)

connection_closures = Table(
    "connection_closures",
    metadata,
    # Nothing is sent on a connection before `closed_until`, or as long as the closure `holds`: held, not
    # failed (D12). Without a company it is the whole platform. Of a breaker (delivery/holding/breaking.py)
    # `closed_until` is when the next canary may go.
    Column("company_id", Uuid, ForeignKey("companies.id", ondelete="CASCADE")),
    Column("platform", Text, nullable=False),
    Column("kind", Text, nullable=False),
    instant("closed_until", nullable=False),
    instant("since", nullable=False),
    Column("reason", Text, nullable=False),
    Column("holds", Boolean, nullable=False, server_default=text("false")),
    Column("state", Text),
    Column("cause", Text),
    Column("interval_seconds", DOUBLE_PRECISION),
    Column("probing", Boolean, nullable=False, server_default=text("false")),
    Column("step", SmallInteger, nullable=False, server_default=text("0")),
    Column("streak", Integer, nullable=False, server_default=text("0")),
    # Whose canary failed last: the next one is another company's, where there is one.
    Column("avoid_company_id", Uuid),
    # Who holds it by hand, and when a person has resumed it last.
    Column("held_by", Text),
    instant("resumed_at"),
    # When people were notified of it last.
    instant("notified_at"),
    instant("updated_at", nullable=False, now=True),
    CheckConstraint(PLATFORM_CHECK, name="platform"),
    CheckConstraint("kind IN ('retry_after', 'breaker', 'person')", name="kind"),
    # claim_due, due_state: whether a connection is closed.
    UniqueConstraint("platform", "company_id", "kind", postgresql_nulls_not_distinct=True),
)

replay_requests = Table(
    "replay_requests",
    metadata,
    # What one request has put back into the queue: its status URL counts these deliveries.
    new_id(),
    Column("requested_by", Text, nullable=False),
    Column("company_ids", ARRAY(Uuid), nullable=False),
    Column("delivery_ids", ARRAY(Uuid), nullable=False),
    instant("created_at", nullable=False, now=True),
)

webhook_messages = Table(
    "webhook_messages",
    metadata,
    # A call-back that has been taken; the same message again changes nothing.
    Column("platform", Text, primary_key=True),
    Column("company_id", Uuid, ForeignKey("companies.id"), primary_key=True),
    Column("message_id", Text, primary_key=True),
    Column("result", Text, nullable=False),
    instant("received_at", nullable=False, now=True),
    Column("transaction_id", Text),
    CheckConstraint(PLATFORM_CHECK, name="platform"),
    # holders: whose transaction it was before a replay brought another one.
    Index("webhook_messages_transaction_idx", "platform", "transaction_id"),
    # purge_messages: those that are older than any call-back may be.
    Index(None, "received_at"),
)
