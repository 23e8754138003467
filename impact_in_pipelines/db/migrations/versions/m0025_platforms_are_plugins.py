"""A platform is whatever name a connector has, and packed outcomes say which platforms they number

Programs of before read nothing new, but stop at a row of a fourth platform: its connector is installed when the
last of them has ended (docs/operations.md).
"""

import sqlalchemy as sa
from alembic import op

from impact_in_pipelines.db.migrations.online import alter_alone

revision = '0025'
down_revision = '0024'

_ANY = "platform ~ '^[a-z][a-z0-9_]{0,29}$'"
_THREE = "platform IN ('benevity', 'goodera', 'workday')"
_TABLES = (
    *('calls_daily', 'connection_closures', 'correction_policies', 'impact_deliveries', 'incidents'),
    *('maintenance_windows', 'platform_connections', 'platform_daily', 'platform_health', 'platform_hours'),
    *('request_budgets', 'scheduled_deliveries', 'sla_daily', 'sla_thresholds', 'stale_cells', 'stale_days'),
    'webhook_messages',
)


def upgrade() -> None:
    op.add_column('sla_outcome_marks', sa.Column('platforms', sa.Text()), if_not_exists=True)
    # Programs of before have packed whatever is packed, and numbered the three in this order.
    op.execute("UPDATE sla_outcome_marks SET platforms = 'benevity,goodera,workday'")
    _check(_ANY)
    # What is there has one of three names: it is checked without keeping writers out.
    with op.get_context().autocommit_block():
        for table in _TABLES:
            op.execute(f'ALTER TABLE {table} VALIDATE CONSTRAINT {table}_platform_check')


def downgrade() -> None:
    # Rows of other platforms stay, and programs of before stop at them.
    _check(_THREE)
    op.drop_column('sla_outcome_marks', 'platforms')


def _check(condition: str) -> None:
    # A plan locks schedules, then deliveries; whoever held one of these while it waits for the next would wait
    # for a plan that waits for it.
    for table in _TABLES:
        alter_alone(
            f'ALTER TABLE {table} DROP CONSTRAINT IF EXISTS {table}_platform_check, '
            f'ADD CONSTRAINT {table}_platform_check CHECK ({condition}) NOT VALID'
        )
