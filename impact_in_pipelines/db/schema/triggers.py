"""What PostgreSQL does by itself when a delivery changes: it tells whoever listens.

The statements run whenever a table of that name is created, by `metadata.create_all` and by the migration
alike.
"""

from typing import Any

from sqlalchemy import Connection, Table, event, text

CHANNEL = "impact_deliveries"
"""The channel of LISTEN: one small JSON object for each new delivery and each change of its status."""

_TRIGGERS = {
    "impact_deliveries": (
        """
        CREATE FUNCTION notify_delivery_change() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            PERFORM pg_notify('impact_deliveries', json_build_object(
                'id', NEW.id, 'company_id', NEW.company_id, 'platform', NEW.platform,
                'status', NEW.status, 'attempt_count', NEW.attempt_count,
                'updated_at', NEW.updated_at)::text);
            RETURN NULL;
        END $$
        """,
        """
        CREATE TRIGGER impact_deliveries_added AFTER INSERT ON impact_deliveries
        FOR EACH ROW EXECUTE FUNCTION notify_delivery_change()
        """,
        """
        CREATE TRIGGER impact_deliveries_changed AFTER UPDATE ON impact_deliveries
        FOR EACH ROW WHEN (OLD.status IS DISTINCT FROM NEW.status)
        EXECUTE FUNCTION notify_delivery_change()
        """,
    )
}


@event.listens_for(Table, "after_create")
def create_triggers(target: Table, connection: Connection, **_: Any) -> None:
    """Add the triggers of a table that has just been created."""
    # Alembic creates tables of its own metadata: an event on ours would not reach them.
    for statement in _TRIGGERS.get(target.name, ()):
        connection.execute(text(statement.replace(":", r"\:")))
