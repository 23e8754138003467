"""What PostgreSQL does by itself when a row changes: it stamps it, and notifies whoever listens. And
the first months of what is partitioned by month.

The statements run whenever `metadata.create_all` makes a table of that name. Migrations write out the
triggers as they were at their revision.
"""

from typing import Any

from sqlalchemy import Connection, Table, event, text

from impact_in_pipelines.db.schema.evidence.functions import (
    ADD_FUNCTION,
    NEW_HEAD_FUNCTION,
    NEW_HEAD_TRIGGER,
)
from impact_in_pipelines.db.schema.months import months_of

WITH_TRIGGERS = "with_triggers"
"""Marks the metadata whose tables get them."""

CHANNEL = "impact_deliveries"
"""The channel of LISTEN: one small JSON object for each new delivery and each change of its status."""

_SEQUENCE_FUNCTION = """
CREATE OR REPLACE FUNCTION set_change_seq() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.change_seq := pg_current_xact_id()::text::bigint;
    RETURN NEW;
END $$
"""
"""Stamps a row with the transaction that writes it: `db/deliveries/changes.py` says how that is read."""

_NOTIFY_FUNCTION = """
CREATE OR REPLACE FUNCTION notify_delivery_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('impact_deliveries', json_build_object(
        'id', NEW.id, 'company_id', NEW.company_id, 'platform', NEW.platform,
        'status', NEW.status, 'attempt_count', NEW.attempt_count,
        'updated_at', NEW.updated_at,
        'position', pg_snapshot_xmin(pg_current_snapshot())::text)::text);
    RETURN NULL;
END $$
"""

_OPEN_SPAN_FUNCTION = """
CREATE OR REPLACE FUNCTION open_span(wanted text, OUT first timestamptz, OUT last timestamptz)
LANGUAGE plpgsql STABLE SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    SELECT min(d.scheduled_for), max(d.scheduled_for) INTO first, last FROM impact_deliveries d
    WHERE d.platform = wanted AND d.status IN ('pending', 'in_progress', 'retrying');
END $$
"""

_DUE_SPAN_FUNCTION = """
CREATE OR REPLACE FUNCTION due_span(ids uuid[], OUT first timestamptz, OUT last timestamptz)
LANGUAGE plpgsql STABLE SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    SELECT min(d.scheduled_for), max(d.scheduled_for) INTO first, last FROM impact_deliveries d
    WHERE d.id = ANY(ids);
END $$
"""

_LATEST_DUE_FUNCTION = """
CREATE OR REPLACE FUNCTION latest_due(OUT at timestamptz)
LANGUAGE plpgsql STABLE SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    SELECT max(d.scheduled_for) INTO at FROM impact_deliveries d;
END $$
"""
"""Between which due times deliveries lie: the open ones of a platform, those of some ids, and all.
Functions, so that a plan over all months is made once for a session (`db/deliveries/spans.py`)."""

_TOUCH_FUNCTION = """
CREATE OR REPLACE FUNCTION touch_event_days() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO impact_touched_days (company_id, day, touched_at)
    SELECT DISTINCT e.company_id, (e.occurred_at AT TIME ZONE c.timezone)::date AS day, now()
    FROM gone e JOIN companies c ON c.id = e.company_id
    ORDER BY 1, 2
    ON CONFLICT (company_id, day) DO UPDATE SET touched_at = excluded.touched_at;
    RETURN NULL;
END $$
"""
"""Marks the local days of events that somebody deletes or changes. What an import adds, or moves to another
day, it marks itself, in the statement that does it."""


def _sequence(table: str, when: str, name: str = "sequence") -> str:
    return f"""
CREATE OR REPLACE TRIGGER {table}_{name} BEFORE {when} ON {table}
FOR EACH ROW EXECUTE FUNCTION set_change_seq()
"""


# A lease that is renewed, or a row that is marked as recorded, is no change that anybody asks for.
_TRIGGERS = {
    "impact_deliveries": (
        _SEQUENCE_FUNCTION,
        _NOTIFY_FUNCTION,
        _sequence("impact_deliveries", "INSERT"),
        _sequence("impact_deliveries", "UPDATE OF status, updated_at", "resequence"),
        """
        CREATE OR REPLACE TRIGGER impact_deliveries_added AFTER INSERT ON impact_deliveries
        FOR EACH ROW EXECUTE FUNCTION notify_delivery_change()
        """,
        """
        CREATE OR REPLACE TRIGGER impact_deliveries_changed AFTER UPDATE ON impact_deliveries
        FOR EACH ROW WHEN (OLD.status IS DISTINCT FROM NEW.status)
        EXECUTE FUNCTION notify_delivery_change()
        """,
        _OPEN_SPAN_FUNCTION,
        _DUE_SPAN_FUNCTION,
        _LATEST_DUE_FUNCTION,
        months_of("impact_deliveries"),
    ),
    "delivery_attempts": (
        _SEQUENCE_FUNCTION,
        _sequence("delivery_attempts", "INSERT"),
        _sequence("delivery_attempts", "UPDATE OF outcome", "resequence"),
        months_of("delivery_attempts"),
    ),
    # With the table that is made last of those that the function names.
    "impact_touched_days": (
        _TOUCH_FUNCTION,
        """
        CREATE OR REPLACE TRIGGER impact_events_deleted AFTER DELETE ON impact_events
        REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION touch_event_days()
        """,
        """
        CREATE OR REPLACE TRIGGER impact_events_updated AFTER UPDATE ON impact_events
        REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION touch_event_days()
        """,
    ),
    "scheduled_deliveries": (
        _SEQUENCE_FUNCTION,
        _sequence("scheduled_deliveries", "INSERT OR UPDATE"),
    ),
    "evidence_heads": (NEW_HEAD_FUNCTION, NEW_HEAD_TRIGGER),
    "evidence_links": (ADD_FUNCTION,),
}


@event.listens_for(Table, "after_create")
def create_triggers(target: Table, connection: Connection, **_: Any) -> None:
    """Add the triggers of a table that has just been created."""
    if not target.metadata.info.get(WITH_TRIGGERS):
        return  # a migration's table, of alembic's own metadata
    for statement in _TRIGGERS.get(target.name, ()):
        connection.execute(text(statement.replace(":", r"\:")))
