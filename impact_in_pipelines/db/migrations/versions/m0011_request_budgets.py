"""What accounts may still send, shared by all drains; open deliveries by priority"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = '0011'
down_revision = '0010'


def upgrade() -> None:
    op.create_table(
        'request_budgets',
        sa.Column('platform', sa.Text(), nullable=False),
        sa.Column('base_url', sa.Text(), nullable=False),
        sa.Column('organization_id', sa.Text(), nullable=False),
        sa.Column('blocks', JSONB(), server_default=sa.text("'[]'"), nullable=False),
        sa.Column('hours', JSONB(), server_default=sa.text("'{}'"), nullable=False),
        sa.Column('updated_at', sa.TIMESTAMP(timezone=True), server_default=sa.text('now()'), nullable=False),
        sa.CheckConstraint("platform IN ('benevity', 'goodera', 'workday')", name=op.f('request_budgets_platform_check')),
        sa.PrimaryKeyConstraint('platform', 'base_url', 'organization_id', name=op.f('request_budgets_pkey')),
        postgresql_with={'fillfactor': '50'},
    )
    with op.get_context().autocommit_block():
        # claim_due: schedule before replay before single days before backfill.
        op.create_index(
            'impact_deliveries_priority_idx', 'impact_deliveries',
            ['platform', sa.text("array_position(ARRAY['schedule', 'replay', 'manual', 'backfill'], trigger)"), 'next_attempt_at'],
            postgresql_where=sa.text("status IN ('pending', 'in_progress', 'retrying')"),
            postgresql_concurrently=True, if_not_exists=True,
        )


def downgrade() -> None:
    op.drop_index('impact_deliveries_priority_idx', table_name='impact_deliveries')
    op.drop_table('request_budgets')
