"""What has changed since is asked by transaction, not by comparing clocks

`change_seq` is the id of the transaction that wrote the row last (db/deliveries/changes.py says how it is
read). Rows from before have 0: they changed before anything that can be asked for. The triggers are written
out here as they were at this revision.
"""

from alembic import op

from impact_in_pipelines.db.migrations.online import alter_alone, create_index

revision = '0003'
down_revision = '0002'

_TABLES = ('impact_deliveries', 'delivery_attempts', 'scheduled_deliveries')


def upgrade() -> None:
    for table in _TABLES:
        # A constant default rewrites nothing.
        alter_alone(f'ALTER TABLE {table} ADD COLUMN IF NOT EXISTS change_seq BIGINT DEFAULT 0 NOT NULL')
    for statement in _TRIGGERS:
        alter_alone(statement.replace(':', r'\:'))
    brin = {'postgresql_using': 'brin', 'postgresql_with': {'autosummarize': 'on', 'pages_per_range': '32'}}
    # /metrics, the event stream, the SLA watch, stale days: what has changed since.
    create_index('impact_deliveries_changes_brin', 'impact_deliveries', ['change_seq'], **brin)
    # /metrics: attempts that have ended since.
    create_index('delivery_attempts_changes_brin', 'delivery_attempts', ['change_seq'], **brin)


def downgrade() -> None:
    op.drop_index('delivery_attempts_changes_brin', table_name='delivery_attempts')
    op.drop_index('impact_deliveries_changes_brin', table_name='impact_deliveries')
    for table in _TABLES:
        op.execute(f'DROP TRIGGER {table}_sequence ON {table}')
        if table != 'scheduled_deliveries':
            op.execute(f'DROP TRIGGER {table}_resequence ON {table}')
        op.drop_column(table, 'change_seq')
    op.execute('DROP FUNCTION set_change_seq()')


_TRIGGERS = (
    """
CREATE OR REPLACE FUNCTION set_change_seq() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.change_seq := pg_current_xact_id()::text::bigint;
    RETURN NEW;
END $$
""",
    """
CREATE OR REPLACE TRIGGER impact_deliveries_sequence BEFORE INSERT ON impact_deliveries
FOR EACH ROW EXECUTE FUNCTION set_change_seq()
""",
    """
CREATE OR REPLACE TRIGGER impact_deliveries_resequence BEFORE UPDATE OF status, updated_at ON impact_deliveries
FOR EACH ROW EXECUTE FUNCTION set_change_seq()
""",
    """
CREATE OR REPLACE TRIGGER delivery_attempts_sequence BEFORE INSERT ON delivery_attempts
FOR EACH ROW EXECUTE FUNCTION set_change_seq()
""",
    """
CREATE OR REPLACE TRIGGER delivery_attempts_resequence BEFORE UPDATE OF outcome ON delivery_attempts
FOR EACH ROW EXECUTE FUNCTION set_change_seq()
""",
    """
CREATE OR REPLACE TRIGGER scheduled_deliveries_sequence BEFORE INSERT OR UPDATE ON scheduled_deliveries
FOR EACH ROW EXECUTE FUNCTION set_change_seq()
""",
    """
CREATE OR REPLACE FUNCTION notify_delivery_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('impact_deliveries', json_build_object(
        'id', NEW.id, 'company_id', NEW.company_id, 'platform', NEW.platform,
        'status', NEW.status, 'attempt_count', NEW.attempt_count,
        'updated_at', NEW.updated_at,
        'position', pg_snapshot_xmin(pg_current_snapshot())::text)::text);
    RETURN NULL;
END $$
""",
)
