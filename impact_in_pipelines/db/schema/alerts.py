"""Incidents, maintenance windows and the notices sent about them; and the customers' outbox: where a company
wants to be notified, what it is notified of, and each try.

The customers' outbox is beside the operators' (`notifications`) and not in it: programs of before read every
row of that one, and its order is one for each channel of the installation, not for each of thousands of
customers (ADR 0006).
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, DOUBLE_PRECISION, JSONB

from impact_in_pipelines.db.schema.base import PLATFORM_CHECK, company_id, instant, metadata, new_id

maintenance_windows = Table(
    "maintenance_windows",
    metadata,
    new_id(),
    Column("company_id", Uuid, ForeignKey("companies.id")),  # null: every company
    Column("platform", Text),  # null: every platform
    instant("starts_at", nullable=False),
    # A window that is ended before it begins keeps its row, empty.
    instant("ends_at", nullable=False),
    Column("reason", Text, nullable=False),
    Column("created_by", Text, nullable=False),
    instant("created_at", nullable=False, now=True),
    Column("ended_by", Text),
    CheckConstraint(PLATFORM_CHECK, name="platform"),
    CheckConstraint("starts_at <= ends_at", name="span"),
    CheckConstraint("company_id IS NOT NULL OR platform IS NOT NULL", name="subject"),
)

incidents = Table(
    "incidents",
    metadata,
    new_id(),
    Column("company_id", Uuid, ForeignKey("companies.id")),
    Column("platform", Text),
    Column("type", Text, nullable=False),
    Column("severity", Text, nullable=False),  # the highest it has reached
    Column("threshold", DOUBLE_PRECISION),
    Column("actual", DOUBLE_PRECISION),
    Column("sample_size", Integer, nullable=False, server_default=text("0")),
    Column("low_confidence", Boolean, nullable=False, server_default=text("false")),
    Column("details", JSONB, nullable=False, server_default=text("'{}'::jsonb")),
    instant("since"),  # when the metric went bad, as well as the log can say
    instant("opened_at", nullable=False, now=True),
    instant("acknowledged_at"),
    Column("acknowledged_by", Text),
    instant("cleared_at"),  # the breach is gone, and the incident waits whether it stays so
    instant("closed_at"),
    # What people have been told: null until the opening notice is written.
    Column("notified_severity", Text),
    Column("paged", Boolean, nullable=False, server_default=text("false")),
    Column("channels", ARRAY(Text), nullable=False, server_default=text("'{}'::text[]")),
    # Why a notice was withheld, and the maintenance window that did it.
    Column("muted_by", Text),
    Column("maintenance_id", Uuid, ForeignKey("maintenance_windows.id")),
    instant("updated_at", nullable=False, now=True),
    CheckConstraint(PLATFORM_CHECK, name="platform"),
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

incident_notes = Table(
    "incident_notes",
    metadata,
    new_id(),
    Column("incident_id", Uuid, ForeignKey("incidents.id", ondelete="CASCADE"), nullable=False),
    instant("at", nullable=False, now=True),
    Column("author", Text, nullable=False),
    Column("text", Text, nullable=False),
    # An incident's history.
    Index("incident_notes_incident_idx", "incident_id", "at"),
)

notifications = Table(
    "notifications",
    metadata,
    new_id(),
    Column("seq", BigInteger, Identity(always=True), nullable=False),  # the order of sending
    Column("key", Text, nullable=False, unique=True),  # one notice is written once
    Column("incident_id", Uuid, ForeignKey("incidents.id")),
    Column("channel", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("body", JSONB, nullable=False),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("last_error", Text),
    instant("created_at", nullable=False, now=True),
    # When the row next wants a sender: its next attempt, or the end of the lease it is held under.
    instant("next_attempt_at", nullable=False, now=True),
    instant("sent_at"),
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
    # history: what was sent about an incident; and what goes with an incident that is dropped.
    Index("notifications_incident_idx", "incident_id"),
)

alert_channels = Table(
    "alert_channels",
    metadata,
    # A channel that does not answer is left alone until then; no row: it works.
    Column("channel", Text, primary_key=True),
    Column("failures", Integer, nullable=False),
    instant("closed_until", nullable=False),
    Column("last_error", Text, nullable=False),
    instant("updated_at", nullable=False, now=True),
)

notice_channels = Table(
    "notice_channels",
    metadata,
    new_id(),
    company_id(),
    Column("name", Text, nullable=False),
    Column("medium", Text, nullable=False),
    # Encrypted JSON: {"url": …} or {"to": […]}; and what may be shown of it.
    Column("target", LargeBinary, nullable=False),
    Column("shown", Text, nullable=False),
    # Encrypted; the older one signs as well until its end.
    Column("secret", LargeBinary),
    Column("old_secret", LargeBinary),
    instant("old_secret_until"),
    Column("kinds", ARRAY(Text), nullable=False),
    Column("digest", Text, nullable=False),
    instant("next_digest_at"),
    Column("language", Text, nullable=False),
    Column("timezone", Text, nullable=False),
    Column("enabled", Boolean, nullable=False, server_default=text("true")),
    Column("disabled_reason", Text),
    instant("disabled_at"),
    # Failures in a row, and since when; null: the last try succeeded.
    Column("failures", Integer, nullable=False, server_default=text("0")),
    instant("failing_since"),
    Column("last_error", Text),
    instant("last_success_at"),
    # One sender at a time: until then it is in another's hands.
    instant("lease_until"),
    Column("created_by", Text, nullable=False),
    instant("created_at", nullable=False, now=True),
    instant("updated_at", nullable=False, now=True),
    CheckConstraint("medium IN ('email', 'slack', 'webhook')", name="medium"),
    CheckConstraint("digest IN ('at_once', 'hourly', 'daily')", name="digest"),
    # Channels of a company; write: who wants to be notified of it.
    Index(None, "company_id"),
)

notice_messages = Table(
    "notice_messages",
    metadata,
    # One notice for one channel. Its id goes with every try, so that the receiver knows it again.
    new_id(),
    Column("seq", BigInteger, Identity(always=True), nullable=False),
    company_id(),
    Column(
        "channel_id", Uuid, ForeignKey("notice_channels.id", ondelete="CASCADE"), nullable=False
    ),
    Column("key", Text, nullable=False),
    Column("kind", Text, nullable=False),
    instant("at", nullable=False),
    Column("data", JSONB, nullable=False),
    # How often it was tried in all, and how often in vain since it was last put into the queue.
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("failed_attempts", SmallInteger, nullable=False, server_default=text("0")),
    Column("last_error", Text),
    instant("created_at", nullable=False, now=True),
    instant("next_attempt_at", nullable=False, now=True),
    instant("sent_at"),
    # The plan is used up, or its channel was switched off: only a person has it sent again.
    instant("gave_up_at"),
    # An event is written once for each channel, however often it is found.
    UniqueConstraint("channel_id", "key"),
    # claim: what is to be sent.
    Index(
        "notice_messages_due_idx",
        "next_attempt_at",
        postgresql_where=text("sent_at IS NULL AND gave_up_at IS NULL"),
    ),
    # The log of a channel, newest first.
    Index("notice_messages_log_idx", "channel_id", text("seq DESC")),
    # purge: what was written long ago.
    Index(None, "created_at"),
)

notice_attempts = Table(
    "notice_attempts",
    metadata,
    new_id(),
    Column(
        "message_id", Uuid, ForeignKey("notice_messages.id", ondelete="CASCADE"), nullable=False
    ),
    Column("number", Integer, nullable=False),
    instant("at", nullable=False),
    Column("latency_ms", DOUBLE_PRECISION, nullable=False),
    Column("accepted", Boolean, nullable=False),
    Column("http_status", SmallInteger),
    Column("error", Text),
    # The tries of a message, in order.
    Index(None, "message_id", "number"),
)

notice_marks = Table(
    "notice_marks",
    metadata,
    # One row: up to where the delivery log was read for notices (db/deliveries/changes.py), and up to when
    # it was looked for what is late.
    Column("id", SmallInteger, primary_key=True, autoincrement=False),
    Column("mark", Text, nullable=False),
    instant("late_until", nullable=False),
    CheckConstraint("id = 1", name="single"),
)
