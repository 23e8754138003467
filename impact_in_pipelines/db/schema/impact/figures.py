"""Raw events and the figures computed from them."""

from sqlalchemy import (
    CheckConstraint,
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    Numeric,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import CHAR, JSONB

from impact_in_pipelines.db.schema.base import PLATFORM_CHECK, instant, metadata

impact_events = Table(
    "impact_events",
    metadata,
    # Raw activity, as it was imported: what the figures are computed from.
    Column("company_id", Uuid, ForeignKey("companies.id"), primary_key=True),
    # The source's own id: the same id again replaces the event.
    Column("event_id", Text, primary_key=True),
    # When the activity took place.
    instant("occurred_at", nullable=False),
    # What it was: `session`, `volunteering` and so on.
    Column("activity", Text, nullable=False),
    # Who took part, as a pseudonym: counted, never sent; null: nobody in particular.
    Column("participant_ref", Text),
    # Who gave the time, as a pseudonym too.
    Column("volunteer_ref", Text),
    # Hours of the volunteer, or else of the participant.
    Column("hours", Numeric(10, 2), nullable=False, server_default=text("0")),
    # `integration`, `language`, `job_readiness` or one of the company's own; null: nothing was scored.
    Column("outcome_category", Text),
    # The score, on the scale of its category; null: none was given.
    Column("outcome_score", Numeric(12, 4)),
    # When it was imported or last changed.
    instant("imported_at", nullable=False, now=True),
    # aggregate_periods: the events of one company between two instants.
    Index(None, "company_id", "occurred_at"),
)

company_impact = Table(
    "company_impact",
    metadata,
    # The figures of each company and local day, computed from its events.
    Column("company_id", Uuid, ForeignKey("companies.id"), primary_key=True),
    # A whole day, local to the company.
    Column("day", Date, primary_key=True),
    # Distinct participants.
    Column("participants", Integer, nullable=False),
    # Distinct volunteers.
    Column("volunteers", Integer, nullable=False),
    # Hours of events that have a volunteer.
    Column("volunteer_hours", Numeric(14, 2), nullable=False),
    # Events whose activity is `session`.
    Column("sessions", Integer, nullable=False),
    # All events of the day.
    Column("events", Integer, nullable=False),
    # Events by activity.
    Column("activities", JSONB, nullable=False),
    # By category: the average score and the number of distinct participants scored.
    Column("outcomes", JSONB, nullable=False),
    # What the data checks look at, such as negative hours.
    Column("quality", JSONB, nullable=False),
    # When they were computed.
    instant("computed_at", nullable=False),
)

impact_touched_days = Table(
    "impact_touched_days",
    metadata,
    # Days of `company_impact` to compute again: whatever changes events writes them with it
    # (schema/triggers.py), a refresh takes them.
    Column("company_id", Uuid, ForeignKey("companies.id"), primary_key=True),
    # The local day.
    Column("day", Date, primary_key=True),
    # When an event of it was changed last.
    instant("touched_at", nullable=False, now=True),
)

impact_compared_days = Table(
    "impact_compared_days",
    metadata,
    # Days whose events have changed, to be compared with what was delivered of them: a refresh writes them
    # with the figures, a comparison takes them.
    Column("company_id", Uuid, ForeignKey("companies.id", ondelete="CASCADE"), primary_key=True),
    # The local day.
    Column("day", Date, primary_key=True),
    # When its events were changed.
    instant("changed_at", nullable=False),
)

stale_days = Table(
    "stale_days",
    metadata,
    # A day of a delivery (due at `due_at`) that reported `delivered_hash` where today's events say
    # `current_hash`. It counts as long as that delivery is the last word on its period
    # (db/impact/staleness.sql).
    Column("company_id", Uuid, ForeignKey("companies.id", ondelete="CASCADE"), primary_key=True),
    Column("platform", Text, primary_key=True),
    # The delivery that reported the day.
    Column("delivery_id", Uuid, primary_key=True),
    # The local day whose figures differ.
    Column("day", Date, primary_key=True),
    # That delivery's `scheduled_for`.
    instant("due_at", nullable=False),
    # Fingerprint of the figures that were delivered.
    Column("delivered_hash", CHAR(64), nullable=False),
    # Fingerprint of today's figures.
    Column("current_hash", CHAR(64), nullable=False),
    # Today's figures.
    Column("current", JSONB, nullable=False),
    # When the events were changed.
    instant("changed_at", nullable=False),
    # When the comparison found it.
    instant("found_at", nullable=False),
    CheckConstraint(PLATFORM_CHECK, name="platform"),
)

stale_cells = Table(
    "stale_cells",
    metadata,
    # What Dagster has been told last of a day's cell: that it is out of date, and against which figures.
    Column("company_id", Uuid, ForeignKey("companies.id", ondelete="CASCADE"), primary_key=True),
    Column("platform", Text, primary_key=True),
    # The local day.
    Column("day", Date, primary_key=True),
    # The data version that Dagster was told: a fingerprint of the figures.
    Column("version", Text, nullable=False),
    CheckConstraint(PLATFORM_CHECK, name="platform"),
)

correction_policies = Table(
    "correction_policies",
    metadata,
    # What a company wants done about stale days on a platform. Without a row: ask.
    Column("company_id", Uuid, ForeignKey("companies.id", ondelete="CASCADE"), primary_key=True),
    Column("platform", Text, primary_key=True),
    # `never`, `ask` or `automatic`.
    Column("policy", Text, nullable=False),
    # Minutes for which the day's events must be unchanged before a correction is sent automatically.
    Column("quiet_minutes", Integer, nullable=False),
    # Minutes that must lie between two automatic corrections of one report.
    Column("at_most_every_minutes", Integer, nullable=False),
    # Who accepts that the platform counts a correction in addition; null: nobody, so none is sent
    # automatically.
    Column("counts_twice_accepted", Text),
    instant("updated_at", nullable=False, now=True),
    CheckConstraint(PLATFORM_CHECK, name="platform"),
    CheckConstraint("policy IN ('never', 'ask', 'automatic')", name="policy"),
    CheckConstraint("quiet_minutes > 0 AND at_most_every_minutes > 0", name="minutes"),
)
