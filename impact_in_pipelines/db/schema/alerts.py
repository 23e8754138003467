"""Incidents, maintenance windows and the notices sent about them."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Identity,
    Index,
    Integer,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, DOUBLE_PRECISION, JSONB

from impact_in_pipelines.db.schema.base import PLATFORM_CHECK, instant, metadata, new_id

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
