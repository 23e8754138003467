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
    # The delivery log, which is the queue as well: one payload for one company, platform and period, from
    # planned to final.
    new_id(primary_key=False),
    company_id(),
    Column("platform", Text, nullable=False),
    # The schedule that planned it; null: a person did.
    Column("schedule_id", Uuid, ForeignKey("scheduled_deliveries.id")),
    # What planned it: `schedule`, `manual`, `backfill`, `replay` or `correction`.
    Column("trigger", Text, nullable=False),
    # Its state; the states are in delivery/states.py.
    Column("status", Text, nullable=False),
    # The time zone of the period's local days.
    Column("timezone", Text, nullable=False, server_default="UTC"),
    # The first whole local day that it reports on.
    Column("period_start", Date, nullable=False),
    # The last one, inclusive.
    Column("period_end", Date, nullable=False),
    # When it was due; latency and the SLA count from here. Never changes: by it the log is partitioned into
    # months, and whoever looks into it says between which.
    instant("scheduled_for", nullable=False),
    # What a person should know about it, such as why it was called off.
    Column("note", Text),
    # What is sent, frozen before the first attempt; null: not built yet.
    Column("payload", JSONB),
    # SHA-256 of the canonical payload without its own timestamps.
    Column("payload_hash", CHAR(64)),
    # The payload's size.
    Column("payload_bytes", Integer),
    # Which payload it is: 1 is the first, and each changed rebuild adds 1.
    Column("revision", Integer, nullable=False, server_default=text("1")),
    # Whether the next attempt builds the payload anew from today's data: it is replayed.
    Column("rebuild", Boolean, nullable=False, server_default=text("false")),
    # Whether it is sent although the same content has arrived already.
    Column("force", Boolean, nullable=False, server_default=text("false")),
    # The key that goes with every attempt of this revision.
    Column("idempotency_key", Uuid, nullable=False),
    # The request that it goes out in together with others; null: alone, or not sent yet.
    Column("batch_id", Uuid),
    # Attempts so far, those after replays included.
    Column("attempt_count", Integer, nullable=False, server_default=text("0")),
    # Failed attempts since it was last put into the queue: what the retry plan counts.
    Column("failed_attempts", SmallInteger, nullable=False, server_default=text("0")),
    # Workers in a row that died over it before they had opened an attempt.
    Column("lost_claims", SmallInteger, nullable=False, server_default=text("0")),
    # When a worker must next look at the row: at its next attempt, or at the end of its lease.
    instant("next_attempt_at"),
    # Until when its worker may keep it without a renewal; null: no worker has it.
    instant("lease_until"),
    # That worker.
    Column("claimed_by", Text),
    # What went wrong last, in one line without secrets.
    Column("last_error", Text),
    # The kind of that error: the entry of docs/runbook.md that mends it.
    Column("error_kind", Text),
    # The HTTP status that the platform answered with last.
    Column("http_status", SmallInteger),
    # The platform's receipt.
    Column("transaction_id", Text),
    # The platform's answer.
    Column("provider_response", JSONB),
    # Of a skipped delivery: the one that had delivered the same content. No foreign key: that one may have
    # left the log with its month (ADR 0009).
    Column("duplicate_of", Uuid),
    # Of a replay of what had arrived: the delivery that it sends again. No foreign key, likewise.
    Column("replay_of", Uuid),
    # What was reported, as figures; null until the payload is built.
    Column("figures", JSONB),
    # Their fingerprint (connectors/fingerprints.py).
    Column("figures_hash", CHAR(64)),
    # Of a correction: the delivery that it supersedes.
    Column("corrects", Uuid),
    # Which correction of that report it is, from 1; 0: it is none.
    Column("correction", SmallInteger, nullable=False, server_default=text("0")),
    # Of a correction: when the report was due at first.
    instant("first_due_at"),
    # The Dagster run that worked on it last.
    Column("dagster_run_id", Text),
    # The trace of its spans, as OpenTelemetry knows it; null: it was not traced.
    Column("trace_id", Uuid),
    # The run for which somebody selected it in Dagster: that run has first claim to it.
    Column("selected_by", Text),
    # When its end was recorded in Dagster; null: not yet.
    instant("recorded_at"),
    instant("created_at", nullable=False, now=True),
    # When it failed for good; it stays when a replay has arrived.
    instant("failed_at"),
    # When a call-back took the delivery back; null again once it is sent again.
    instant("taken_back_at"),
    # The time of the newest call-back that was accepted, by the platform's clock.
    instant("call_back_at"),
    # When the platform accepted it.
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
    # Every try to send a delivery. It leaves the database together with its delivery.
    new_id(primary_key=False),
    # No foreign key: it would be checked for every month that leaves (ADR 0009).
    Column("delivery_id", Uuid, nullable=False),
    # 1 is the delivery's first.
    Column("number", Integer, nullable=False),
    # When it began.
    instant("started_at", nullable=False),
    # When it ended; null: it is open.
    instant("finished_at"),
    # How it ended: `delivered`, `retryable`, `permanent`, `split`, `held` or `lost`; `started` while it is
    # open.
    Column("outcome", Text, nullable=False),
    # The HTTP status of the answer; null: there was none.
    Column("http_status", SmallInteger),
    # The kind of error; null: there was none.
    Column("error_kind", Text),
    # What went wrong, in one line without secrets.
    Column("error", Text),
    # How long the call took.
    Column("latency_ms", DOUBLE_PRECISION),
    Column("change_seq", BigInteger, nullable=False, server_default=text("0")),
    # The delivery's `scheduled_for`, so that attempts leave with their deliveries; '-infinity' for
    # attempts from before the log was kept by months.
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
    # count_calls: the attempts of deliveries that were due on a day.
    Index(
        "delivery_attempts_due_brin",
        "due_at",
        postgresql_using="brin",
        postgresql_with={"autosummarize": "on", "pages_per_range": "32"},
    ),
    postgresql_partition_by="RANGE (due_at)",
)

platform_health = Table(
    "platform_health",
    metadata,
    # The state of each platform, judged by its latest attempts.
    #
    # The platform.
    Column("platform", Text, primary_key=True),
    # `healthy`, `degraded` or `outage`.
    Column("state", Text, nullable=False),
    # Since when it is in that state.
    instant("since", nullable=False),
    # What was observed, in a sentence.
    Column("reason", Text),
    instant("updated_at", nullable=False, now=True),
    CheckConstraint(PLATFORM_CHECK, name="platform"),
    CheckConstraint("state IN ('healthy', 'degraded', 'outage')", name="state"),
)

connection_closures = Table(
    "connection_closures",
    metadata,
    # What holds connections and platforms (D12). Nothing is sent before `closed_until`, or as long as the
    # closure `holds`. A row without a company is about the whole platform. Of a breaker
    # (delivery/holding/breaking.py) `closed_until` is when the next canary may go.
    #
    # Whose connection; null: the whole platform.
    Column("company_id", Uuid, ForeignKey("companies.id", ondelete="CASCADE")),
    Column("platform", Text, nullable=False),
    # What holds it: `retry_after` (the platform asked for a pause), `breaker` (attempts failed) or
    # `person`.
    Column("kind", Text, nullable=False),
    # Before this nothing is sent; of a breaker: when the next canary may go.
    instant("closed_until", nullable=False),
    # Since when it is held.
    instant("since", nullable=False),
    # Why, in a sentence.
    Column("reason", Text, nullable=False),
    # Whether it stays held, whatever the time, until a person or the breaker ends it.
    Column("holds", Boolean, nullable=False, server_default=text("false")),
    # Of a breaker: `open` or `half_open`.
    Column("state", Text),
    # Of a breaker, what opened it: `platform`, `failing` or `refused`.
    Column("cause", Text),
    # Of a breaker: how long it waits after the next canary that fails.
    Column("interval_seconds", DOUBLE_PRECISION),
    # Of a breaker: whether a canary is on its way.
    Column("probing", Boolean, nullable=False, server_default=text("false")),
    # Of a half-open breaker: which step of recovery it is at, from 0.
    Column("step", SmallInteger, nullable=False, server_default=text("0")),
    # Successes of this step.
    Column("streak", Integer, nullable=False, server_default=text("0")),
    # The company whose canary failed last. The next one is another company's, if there is one.
    Column("avoid_company_id", Uuid),
    # Who holds it by hand.
    Column("held_by", Text),
    # When a person resumed it last.
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
    # The deliveries that one request has queued again. Its status URL counts them.
    new_id(),
    # Who asked for it.
    Column("requested_by", Text, nullable=False),
    # The companies of these deliveries.
    Column("company_ids", ARRAY(Uuid), nullable=False),
    # The deliveries.
    Column("delivery_ids", ARRAY(Uuid), nullable=False),
    instant("created_at", nullable=False, now=True),
)

webhook_messages = Table(
    "webhook_messages",
    metadata,
    # A call-back that has been taken; the same message again changes nothing.
    #
    # The platform that sent it.
    Column("platform", Text, primary_key=True),
    Column("company_id", Uuid, ForeignKey("companies.id"), primary_key=True),
    # The platform's id of the message.
    Column("message_id", Text, primary_key=True),
    # What it changed, or why it changed nothing.
    Column("result", Text, nullable=False),
    # When it came.
    instant("received_at", nullable=False, now=True),
    # The receipt of the delivery that it is about.
    Column("transaction_id", Text),
    CheckConstraint(PLATFORM_CHECK, name="platform"),
    # holders: whose transaction it was before a replay brought another one.
    Index("webhook_messages_transaction_idx", "platform", "transaction_id"),
    # purge_messages: those that are older than any call-back may be.
    Index(None, "received_at"),
)
