"""Indexes for lists of deliveries"""

from alembic import op
import sqlalchemy as sa

revision = '0002'
down_revision = '0001'


def upgrade() -> None:
    # listed: GET /deliveries of all companies, the latest due first.
    op.create_index('impact_deliveries_due_idx', 'impact_deliveries', [sa.literal_column('scheduled_for DESC'), sa.literal_column('id DESC')], unique=False)
    # listed and retry-all-failed: what has failed, of a company or of all; few rows among many.
    op.create_index('impact_deliveries_failed_idx', 'impact_deliveries', ['company_id', sa.literal_column('scheduled_for DESC')], unique=False, postgresql_where=sa.text("status = 'failed'"))


def downgrade() -> None:
    op.drop_index('impact_deliveries_failed_idx', table_name='impact_deliveries')
    op.drop_index('impact_deliveries_due_idx', table_name='impact_deliveries')
