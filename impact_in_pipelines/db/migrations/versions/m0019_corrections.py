"""Fingerprints of what was reported, days that have changed since, and corrections

Deliveries of before have no fingerprint: their days are compared from their next delivery on.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = '0019'
down_revision = '0018'

_INSTANT = postgresql.TIMESTAMP(timezone=True)
_PLATFORM = "platform IN ('benevity', 'goodera', 'workday')"
_TRIGGERS = "'schedule', 'manual', 'backfill', 'replay'"
# A constant default rewrites nothing.
_COLUMNS: tuple[tuple[str, sa.types.TypeEngine[Any], dict[str, Any]], ...] = (
    ('figures', postgresql.JSONB(), {}),
    ('figures_hash', sa.CHAR(64), {}),
    ('corrects', sa.Uuid(), {}),
    ('correction', sa.SmallInteger(), {'server_default': sa.text('0'), 'nullable': False}),
    ('first_due_at', _INSTANT, {}),
)


def upgrade() -> None:
    for name, type_, options in _COLUMNS:
        op.add_column('impact_deliveries', sa.Column(name, type_, **options), if_not_exists=True)
    _allow(f"{_TRIGGERS}, 'correction'")
    op.create_table(
        'impact_compared_days',
        sa.Column('company_id', sa.Uuid(), nullable=False),
        sa.Column('day', sa.Date(), nullable=False),
        sa.Column('changed_at', _INSTANT, nullable=False),
        sa.ForeignKeyConstraint(
            ['company_id'], ['companies.id'], name=op.f('impact_compared_days_company_id_fkey'), ondelete='CASCADE'
        ),
        sa.PrimaryKeyConstraint('company_id', 'day', name=op.f('impact_compared_days_pkey')),
        if_not_exists=True,
    )
    op.create_table(
        'stale_days',
        sa.Column('company_id', sa.Uuid(), nullable=False),
        sa.Column('platform', sa.Text(), nullable=False),
        sa.Column('delivery_id', sa.Uuid(), nullable=False),
        sa.Column('day', sa.Date(), nullable=False),
        sa.Column('due_at', _INSTANT, nullable=False),
        sa.Column('delivered_hash', sa.CHAR(64), nullable=False),
        sa.Column('current_hash', sa.CHAR(64), nullable=False),
        sa.Column('current', postgresql.JSONB(), nullable=False),
        sa.Column('changed_at', _INSTANT, nullable=False),
        sa.Column('found_at', _INSTANT, nullable=False),
        sa.CheckConstraint(_PLATFORM, name=op.f('stale_days_platform_check')),
        sa.ForeignKeyConstraint(
            ['company_id'], ['companies.id'], name=op.f('stale_days_company_id_fkey'), ondelete='CASCADE'
        ),
        sa.PrimaryKeyConstraint('company_id', 'platform', 'delivery_id', 'day', name=op.f('stale_days_pkey')),
        if_not_exists=True,
    )
    op.create_table(
        'stale_cells',
        sa.Column('company_id', sa.Uuid(), nullable=False),
        sa.Column('platform', sa.Text(), nullable=False),
        sa.Column('day', sa.Date(), nullable=False),
        sa.Column('version', sa.Text(), nullable=False),
        sa.CheckConstraint(_PLATFORM, name=op.f('stale_cells_platform_check')),
        sa.ForeignKeyConstraint(
            ['company_id'], ['companies.id'], name=op.f('stale_cells_company_id_fkey'), ondelete='CASCADE'
        ),
        sa.PrimaryKeyConstraint('company_id', 'platform', 'day', name=op.f('stale_cells_pkey')),
        if_not_exists=True,
    )
    op.create_table(
        'correction_policies',
        sa.Column('company_id', sa.Uuid(), nullable=False),
        sa.Column('platform', sa.Text(), nullable=False),
        sa.Column('policy', sa.Text(), nullable=False),
        sa.Column('quiet_minutes', sa.Integer(), nullable=False),
        sa.Column('at_most_every_minutes', sa.Integer(), nullable=False),
        sa.Column('counts_twice_accepted', sa.Text()),
        sa.Column('updated_at', _INSTANT, server_default=sa.text('now()'), nullable=False),
        sa.CheckConstraint(_PLATFORM, name=op.f('correction_policies_platform_check')),
        sa.CheckConstraint(
            "policy IN ('never', 'ask', 'automatic')", name=op.f('correction_policies_policy_check')
        ),
        sa.CheckConstraint(
            'quiet_minutes > 0 AND at_most_every_minutes > 0', name=op.f('correction_policies_minutes_check')
        ),
        sa.ForeignKeyConstraint(
            ['company_id'], ['companies.id'], name=op.f('correction_policies_company_id_fkey'), ondelete='CASCADE'
        ),
        sa.PrimaryKeyConstraint('company_id', 'platform', name=op.f('correction_policies_pkey')),
        if_not_exists=True,
    )
    op.execute(_TOUCH)
    for name, event in (('deleted', 'DELETE'), ('updated', 'UPDATE')):
        op.execute(
            f'CREATE OR REPLACE TRIGGER impact_events_{name} AFTER {event} ON impact_events '
            'REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION touch_event_days()'
        )


def downgrade() -> None:
    op.execute('DROP TRIGGER impact_events_updated ON impact_events')
    op.execute('DROP TRIGGER impact_events_deleted ON impact_events')
    op.execute('DROP FUNCTION touch_event_days()')
    for table in ('correction_policies', 'stale_cells', 'stale_days', 'impact_compared_days'):
        op.drop_table(table)
    # What a correction brought has arrived; to a program of before it is a replay.
    op.execute("UPDATE impact_deliveries SET trigger = 'replay' WHERE trigger = 'correction'")
    _allow(_TRIGGERS)
    for name, _, _ in reversed(_COLUMNS):
        op.drop_column('impact_deliveries', name)


def _allow(triggers: str) -> None:
    """Every row that is there has one of them: it is checked without keeping writers out."""
    op.execute('ALTER TABLE impact_deliveries DROP CONSTRAINT IF EXISTS impact_deliveries_trigger_check')
    op.execute(
        'ALTER TABLE impact_deliveries ADD CONSTRAINT impact_deliveries_trigger_check '
        f'CHECK (trigger IN ({triggers})) NOT VALID'
    )
    with op.get_context().autocommit_block():
        op.execute('ALTER TABLE impact_deliveries VALIDATE CONSTRAINT impact_deliveries_trigger_check')


_TOUCH = """
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
