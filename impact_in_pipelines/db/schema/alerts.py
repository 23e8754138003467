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
    # Times in which nobody is notified of incidents of a company, of a platform, or of a company on a
    # platform.
    new_id(),
    Column("company_id", Uuid, ForeignKey("companies.id")),  # The company; null: every company.
    Column("platform", Text),  # The platform; null: every platform.
    # When it begins.
    instant("starts_at", nullable=False),
    # When it ends. A window that is ended before it begins keeps its row, empty.
    instant("ends_at", nullable=False),
    # Why.
    Column("reason", Text, nullable=False),
    # Who asked for it.
    Column("created_by", Text, nullable=False),
    instant("created_at", nullable=False, now=True),
    # Who ended it early; null: nobody did.
    Column("ended_by", Text),
    CheckConstraint(PLATFORM_CHECK, name="platform"),
    CheckConstraint("starts_at <= ends_at", name="span"),
    CheckConstraint("company_id IS NOT NULL OR platform IS NOT NULL", name="subject"),
)

incidents = Table(
    "incidents",
    metadata,
    # Breaches of service levels, from detection to recovery.
    new_id(),
    # Whose; null: it concerns a whole platform, or the installation.
    Column("company_id", Uuid, ForeignKey("companies.id")),
    # On which platform; null: on no single one.
    Column("platform", Text),
    # What is wrong; docs/sla.md lists the types.
    Column("type", Text, nullable=False),
    Column("severity", Text, nullable=False),  # The highest that it has reached.
    # The limit that was crossed, in the metric's own unit.
    Column("threshold", DOUBLE_PRECISION),
    # The value that was measured.
    Column("actual", DOUBLE_PRECISION),
    # How many deliveries it rests on.
    Column("sample_size", Integer, nullable=False, server_default=text("0")),
    # Whether these are too few to be sure.
    Column("low_confidence", Boolean, nullable=False, server_default=text("false")),
    # What belongs to this type of incident.
    Column("details", JSONB, nullable=False, server_default=text("'{}'::jsonb")),
    instant("since"),  # When the metric went bad, as well as the log can say.
    # When it was detected.
    instant("opened_at", nullable=False, now=True),
    # When somebody acknowledged it; null: nobody has.
    instant("acknowledged_at"),
    # Who that was.
    Column("acknowledged_by", Text),
    # When the breach ended. The incident closes if it doesn't come back soon.
    instant("cleared_at"),
    # When it ended; null: it is open.
    instant("closed_at"),
    # The severity that people were notified of; null until the opening notice is written.
    Column("notified_severity", Text),
    # Whether somebody was paged.
    Column("paged", Boolean, nullable=False, server_default=text("false")),
    # Where notices of it went.
    Column("channels", ARRAY(Text), nullable=False, server_default=text("'{}'::text[]")),
    # Why a notice was withheld; null: none is.
    Column("muted_by", Text),
    # The maintenance window that withholds it.
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
    # What people wrote about an incident.
    new_id(),
    # The incident.
    Column("incident_id", Uuid, ForeignKey("incidents.id", ondelete="CASCADE"), nullable=False),
    # When it was written.
    instant("at", nullable=False, now=True),
    # Who wrote it.
    Column("author", Text, nullable=False),
    # What it says.
    Column("text", Text, nullable=False),
    # An incident's history.
    Index("incident_notes_incident_idx", "incident_id", "at"),
)

notifications = Table(
    "notifications",
    metadata,
    # The operators' outbox: each notice about an incident, for one channel.
    new_id(),
    Column("seq", BigInteger, Identity(always=True), nullable=False),  # The order of sending.
    # What the notice is about, so that each is written once.
    Column("key", Text, nullable=False, unique=True),
    # The incident; null: it is about something else.
    Column("incident_id", Uuid, ForeignKey("incidents.id")),
    # `slack`, `slack_critical`, `pagerduty` or `log`.
    Column("channel", Text, nullable=False),
    # Why it is sent, such as `opened` or `recovered`.
    Column("kind", Text, nullable=False),
    # What is sent.
    Column("body", JSONB, nullable=False),
    # How often it was tried.
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    # Why the last try failed.
    Column("last_error", Text),
    instant("created_at", nullable=False, now=True),
    # When a sender must next look at the row: at its next attempt, or at the end of its lease.
    instant("next_attempt_at", nullable=False, now=True),
    # When the channel took it; null: not yet.
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
    # Channels of alerts that don't accept messages. A channel without a row works.
    #
    # `slack`, `slack_critical` or `pagerduty`.
    Column("channel", Text, primary_key=True),
    # How many times in a row it has refused a message.
    Column("failures", Integer, nullable=False),
    # Before this it isn't tried again.
    instant("closed_until", nullable=False),
    # Why the last try failed.
    Column("last_error", Text, nullable=False),
    instant("updated_at", nullable=False, now=True),
)

notice_channels = Table(
    "notice_channels",
    metadata,
    # Where a company wants to be notified, and of what.
    new_id(),
    company_id(),
    # What the company calls it.
    Column("name", Text, nullable=False),
    # `email`, `slack` or `webhook`.
    Column("medium", Text, nullable=False),
    # The address, encrypted: JSON, {"url": …} or {"to": […]}.
    Column("target", LargeBinary, nullable=False),
    # What people may see of the target.
    Column("shown", Text, nullable=False),
    # What signs its messages, encrypted; only webhooks have one.
    Column("secret", LargeBinary),
    # The secret before, with which messages are also signed for a while after a change.
    Column("old_secret", LargeBinary),
    # Until when messages are signed with the old secret.
    instant("old_secret_until"),
    # What it is notified of.
    Column("kinds", ARRAY(Text), nullable=False),
    # `at_once`, or everything of an hour or a day in one message.
    Column("digest", Text, nullable=False),
    # When the next digest is due.
    instant("next_digest_at"),
    # The language of its messages: en, nb, es or uk.
    Column("language", Text, nullable=False),
    # The time zone of the times in them.
    Column("timezone", Text, nullable=False),
    # Whether anything is sent to it.
    Column("enabled", Boolean, nullable=False, server_default=text("true")),
    # Why it was switched off.
    Column("disabled_reason", Text),
    # When that was.
    instant("disabled_at"),
    # Failures in a row.
    Column("failures", Integer, nullable=False, server_default=text("0")),
    # Since when; null: the last try succeeded.
    instant("failing_since"),
    # Why the last try failed.
    Column("last_error", Text),
    # When a message was last taken.
    instant("last_success_at"),
    # Until when one sender has claimed it; null: none has.
    instant("lease_until"),
    # Who made it.
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
    # One notice for one channel. Its id goes with every try, so that the receiver recognises it.
    new_id(),
    # The order of writing.
    Column("seq", BigInteger, Identity(always=True), nullable=False),
    company_id(),
    # The channel.
    Column(
        "channel_id", Uuid, ForeignKey("notice_channels.id", ondelete="CASCADE"), nullable=False
    ),
    # The event that it is about. A channel gets one message for each.
    Column("key", Text, nullable=False),
    # What happened, as in the channel's `kinds`.
    Column("kind", Text, nullable=False),
    # When it happened.
    instant("at", nullable=False),
    # The data from which the message is worded.
    Column("data", JSONB, nullable=False),
    # How often it was tried in all.
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    # How often it has failed since it was last put into the queue.
    Column("failed_attempts", SmallInteger, nullable=False, server_default=text("0")),
    # Why the last try failed.
    Column("last_error", Text),
    instant("created_at", nullable=False, now=True),
    # When it is tried next.
    instant("next_attempt_at", nullable=False, now=True),
    # When the receiver took it; null: not yet.
    instant("sent_at"),
    # When it was given up (the plan is used up, or the channel was switched off): only a person has it sent
    # again.
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
    # Every try to send a notice to a company's channel.
    new_id(),
    # The notice.
    Column(
        "message_id", Uuid, ForeignKey("notice_messages.id", ondelete="CASCADE"), nullable=False
    ),
    # 1 is its first try.
    Column("number", Integer, nullable=False),
    # When it was tried.
    instant("at", nullable=False),
    # How long the receiver took.
    Column("latency_ms", DOUBLE_PRECISION, nullable=False),
    # Whether the receiver took it.
    Column("accepted", Boolean, nullable=False),
    # What it answered; null: it didn't, or it is no HTTP.
    Column("http_status", SmallInteger),
    # Why it failed, in one line without secrets.
    Column("error", Text),
    # The tries of a message, in order.
    Index(None, "message_id", "number"),
)

notice_marks = Table(
    "notice_marks",
    metadata,
    # One row: up to where the delivery log was read for notices (db/deliveries/changes.py), and up to which
    # due time late deliveries were looked for.
    #
    # Always 1.
    Column("id", SmallInteger, primary_key=True, autoincrement=False),
    # The snapshot in which the log was read last.
    Column("mark", Text, nullable=False),
    # Deliveries that were due before this have been checked for lateness.
    instant("late_until", nullable=False),
    CheckConstraint("id = 1", name="single"),
)
