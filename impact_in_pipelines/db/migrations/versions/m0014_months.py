"""The delivery log and its attempts are partitioned by month

Nothing is copied: the table of before becomes the first partition by its name, up to a month that has not begun.
What takes long, unique indexes and the check that spares ATTACH a scan, is done before, while everything works
on; the exchange itself is one short transaction. Constraints that a partitioned table can't have, and why none is
missed: ADR 0009.
"""

import sqlalchemy as sa
from alembic import op

from impact_in_pipelines.db.migrations.online import create_index

revision = '0014'
down_revision = '0013'

_OPEN = "status IN ('pending', 'in_progress', 'retrying')"


def upgrade() -> None:
    # A constant default rewrites nothing. It stands for every attempt of before, and for those that a program of
    # before goes on writing while it is replaced.
    op.add_column(
        'delivery_attempts',
        sa.Column('due_at', sa.TIMESTAMP(timezone=True), server_default=sa.text("'-infinity'"), nullable=False),
        if_not_exists=True,
    )
    # A partition's constraints must be there before it is attached, or they are built under its lock.
    create_index('impact_deliveries_before_pkey', 'impact_deliveries', ['id', 'scheduled_for'], unique=True)
    create_index('delivery_attempts_before_pkey', 'delivery_attempts', ['id', 'due_at'], unique=True)
    create_index('delivery_attempts_before_number_key', 'delivery_attempts', ['delivery_id', 'number', 'due_at'], unique=True)
    # open_span: the due times of what is open. It takes the place of impact_deliveries_open_idx.
    create_index('impact_deliveries_open_due_idx', 'impact_deliveries', ['platform', 'scheduled_for'], postgresql_where=sa.text(_OPEN))
    with op.get_context().autocommit_block():
        op.execute(_BOUND)
        # Reads the tables once; writers go on.
        op.execute('ALTER TABLE impact_deliveries VALIDATE CONSTRAINT impact_deliveries_before_check')
        op.execute('ALTER TABLE delivery_attempts VALIDATE CONSTRAINT delivery_attempts_before_check')
    op.execute('SET LOCAL lock_timeout = 800')
    op.execute(_EXCHANGE)
    for function in (_OPEN_SPAN, _DUE_SPAN, _LATEST_DUE):
        op.execute(function)


def downgrade() -> None:
    raise NotImplementedError('a log by months does not go back into one table; restore a dump of before')


# The first partition ends with a month that has not begun, and a week of margin: rows go on being written until
# the exchange. A log without rows has nothing to keep: its first partition ends with the last month.
_BOUND = """
DO $$
DECLARE
    bound timestamptz;
BEGIN
    SELECT date_trunc('month', max(d.scheduled_for), 'UTC') INTO bound FROM impact_deliveries d;
    bound := CASE WHEN bound IS NULL THEN date_trunc('month', now(), 'UTC')
                  ELSE date_trunc('month', greatest(bound, now() + interval '7 days'), 'UTC') + interval '1 month' END;
    IF NOT EXISTS (SELECT FROM pg_constraint WHERE conname = 'impact_deliveries_before_check') THEN
        EXECUTE format('ALTER TABLE impact_deliveries ADD CONSTRAINT impact_deliveries_before_check '
                       'CHECK (scheduled_for < %L) NOT VALID', bound);
        EXECUTE format('COMMENT ON CONSTRAINT impact_deliveries_before_check ON impact_deliveries IS %L', bound);
    END IF;
    IF NOT EXISTS (SELECT FROM pg_constraint WHERE conname = 'delivery_attempts_before_check') THEN
        ALTER TABLE delivery_attempts ADD CONSTRAINT delivery_attempts_before_check
            CHECK (due_at < '0001-01-01T00:00:00Z') NOT VALID;
    END IF;
END $$
"""

_EXCHANGE = """
DO $$
DECLARE
    bound timestamptz;
    renamed record;
    month timestamptz;
    parent text;
    tries int := 0;
BEGIN
    -- Whoever works on one of the tables and waits for the other gets it: this gives up, before PostgreSQL would
    -- look for a deadlock (after a second) and break off either of the two, and asks again.
    LOOP
        BEGIN
            -- Attaching the log takes what it refers to as well. A plan locks schedules, then deliveries: so in
            -- this order, and together in less than that second.
            SET LOCAL lock_timeout = 800;
            LOCK TABLE scheduled_deliveries IN ACCESS EXCLUSIVE MODE;
            SET LOCAL lock_timeout = 200;
            LOCK TABLE impact_deliveries, delivery_attempts, companies IN ACCESS EXCLUSIVE MODE;
            EXIT;
        EXCEPTION WHEN lock_not_available THEN
            tries := tries + 1;
            IF tries = 60 THEN
                RAISE;
            END IF;
            PERFORM pg_sleep(0.1);
        END;
    END LOOP;
    SELECT CAST(obj_description(oid, 'pg_constraint') AS timestamptz) INTO bound
    FROM pg_constraint WHERE conname = 'impact_deliveries_before_check';

    ALTER TABLE delivery_attempts DROP CONSTRAINT delivery_attempts_delivery_id_fkey,
        DROP CONSTRAINT delivery_attempts_pkey,
        DROP CONSTRAINT delivery_attempts_delivery_id_number_key;
    ALTER TABLE impact_deliveries DROP CONSTRAINT impact_deliveries_duplicate_of_fkey,
        DROP CONSTRAINT impact_deliveries_replay_of_fkey,
        DROP CONSTRAINT impact_deliveries_pkey;
    DROP INDEX impact_deliveries_open_idx;
    ALTER TABLE impact_deliveries
        ADD CONSTRAINT impact_deliveries_before_pkey PRIMARY KEY USING INDEX impact_deliveries_before_pkey;
    ALTER TABLE delivery_attempts
        ADD CONSTRAINT delivery_attempts_before_pkey PRIMARY KEY USING INDEX delivery_attempts_before_pkey,
        ADD CONSTRAINT delivery_attempts_before_number_key UNIQUE USING INDEX delivery_attempts_before_number_key;

    FOREACH parent IN ARRAY ARRAY['impact_deliveries', 'delivery_attempts'] LOOP
        -- The parent has the triggers, and gives each partition its own.
        FOR renamed IN SELECT tgname FROM pg_trigger
                       WHERE tgrelid = CAST(parent AS regclass) AND NOT tgisinternal LOOP
            EXECUTE format('DROP TRIGGER %I ON %I', renamed.tgname, parent);
        END LOOP;
        -- Indexes share their names with everything else in the schema.
        FOR renamed IN SELECT c.relname FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
                       WHERE i.indrelid = CAST(parent AS regclass) AND c.relname NOT LIKE parent || '\\_before%' LOOP
            EXECUTE format('ALTER INDEX %I RENAME TO %I', renamed.relname,
                           replace(renamed.relname, parent, parent || '_before'));
        END LOOP;
        EXECUTE format('ALTER TABLE %I RENAME TO %I', parent, parent || '_before');
        EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING DEFAULTS INCLUDING CONSTRAINTS) PARTITION BY RANGE (%I)',
                       parent, parent || '_before',
                       CASE parent WHEN 'impact_deliveries' THEN 'scheduled_for' ELSE 'due_at' END);
        EXECUTE format('ALTER TABLE %I DROP CONSTRAINT %I', parent, parent || '_before_check');
    END LOOP;

    ALTER TABLE impact_deliveries
        ADD CONSTRAINT impact_deliveries_pkey PRIMARY KEY (id, scheduled_for),
        ADD CONSTRAINT impact_deliveries_schedule_id_scheduled_for_key UNIQUE (schedule_id, scheduled_for),
        ADD CONSTRAINT impact_deliveries_company_id_fkey FOREIGN KEY (company_id) REFERENCES companies (id),
        ADD CONSTRAINT impact_deliveries_schedule_id_fkey FOREIGN KEY (schedule_id) REFERENCES scheduled_deliveries (id);
    ALTER TABLE delivery_attempts
        ADD CONSTRAINT delivery_attempts_pkey PRIMARY KEY (id, due_at),
        ADD CONSTRAINT delivery_attempts_delivery_id_number_due_at_key UNIQUE (delivery_id, number, due_at);

    -- The other indexes as they are, on the parents.
    FOR renamed IN
        SELECT pg_get_indexdef(i.indexrelid) AS made FROM pg_index i
        WHERE i.indrelid IN (CAST('impact_deliveries_before' AS regclass), CAST('delivery_attempts_before' AS regclass))
          AND NOT i.indisunique
    LOOP
        EXECUTE replace(renamed.made, '_before', '');
    END LOOP;

    CREATE TRIGGER impact_deliveries_sequence BEFORE INSERT ON impact_deliveries
        FOR EACH ROW EXECUTE FUNCTION set_change_seq();
    CREATE TRIGGER impact_deliveries_resequence BEFORE UPDATE OF status, updated_at ON impact_deliveries
        FOR EACH ROW EXECUTE FUNCTION set_change_seq();
    CREATE TRIGGER impact_deliveries_added AFTER INSERT ON impact_deliveries
        FOR EACH ROW EXECUTE FUNCTION notify_delivery_change();
    CREATE TRIGGER impact_deliveries_changed AFTER UPDATE ON impact_deliveries
        FOR EACH ROW WHEN (OLD.status IS DISTINCT FROM NEW.status) EXECUTE FUNCTION notify_delivery_change();
    CREATE TRIGGER delivery_attempts_sequence BEFORE INSERT ON delivery_attempts
        FOR EACH ROW EXECUTE FUNCTION set_change_seq();
    CREATE TRIGGER delivery_attempts_resequence BEFORE UPDATE OF outcome ON delivery_attempts
        FOR EACH ROW EXECUTE FUNCTION set_change_seq();

    EXECUTE format('ALTER TABLE impact_deliveries ATTACH PARTITION impact_deliveries_before '
                   'FOR VALUES FROM (MINVALUE) TO (%L)', bound);
    EXECUTE format('ALTER TABLE delivery_attempts ATTACH PARTITION delivery_attempts_before '
                   'FOR VALUES FROM (MINVALUE) TO (%L)', bound);
    -- They have spared the scan. From now on the bounds of the partitions hold.
    ALTER TABLE impact_deliveries_before DROP CONSTRAINT impact_deliveries_before_check;
    ALTER TABLE delivery_attempts_before DROP CONSTRAINT delivery_attempts_before_check;
    FOR n IN 0..1 LOOP
        month := bound + n * interval '1 month';
        FOREACH parent IN ARRAY ARRAY['impact_deliveries', 'delivery_attempts'] LOOP
            EXECUTE format('CREATE TABLE %I PARTITION OF %I FOR VALUES FROM (%L) TO (%L)',
                           parent || to_char(month AT TIME ZONE 'UTC', '_YYYY_MM'), parent, month, month + interval '1 month');
        END LOOP;
    END LOOP;
    FOREACH parent IN ARRAY ARRAY['impact_deliveries', 'delivery_attempts'] LOOP
        EXECUTE format('CREATE TABLE %I PARTITION OF %I FOR VALUES FROM (%L) TO (MAXVALUE)',
                       parent || '_after', parent, month + interval '1 month');
    END LOOP;
END $$
"""

_OPEN_SPAN = """
CREATE OR REPLACE FUNCTION open_span(wanted text, OUT first timestamptz, OUT last timestamptz)
LANGUAGE plpgsql STABLE SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    SELECT min(d.scheduled_for), max(d.scheduled_for) INTO first, last FROM impact_deliveries d
    WHERE d.platform = wanted AND d.status IN ('pending', 'in_progress', 'retrying');
END $$
"""

_DUE_SPAN = """
CREATE OR REPLACE FUNCTION due_span(ids uuid[], OUT first timestamptz, OUT last timestamptz)
LANGUAGE plpgsql STABLE SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    SELECT min(d.scheduled_for), max(d.scheduled_for) INTO first, last FROM impact_deliveries d
    WHERE d.id = ANY(ids);
END $$
"""

_LATEST_DUE = """
CREATE OR REPLACE FUNCTION latest_due(OUT at timestamptz)
LANGUAGE plpgsql STABLE SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    SELECT max(d.scheduled_for) INTO at FROM impact_deliveries d;
END $$
"""
