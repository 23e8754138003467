"""Index of all deliveries by when they were due"""

from alembic import op
import sqlalchemy as sa

revision = '0002'
down_revision = '0001'


def upgrade() -> None:
    # listed: GET /deliveries of all companies, the latest due first.
    op.create_index('impact_deliveries_due_idx', 'impact_deliveries', [sa.literal_column('scheduled_for DESC'), sa.literal_column('id DESC')], unique=False)


def downgrade() -> None:
    op.drop_index('impact_deliveries_due_idx', table_name='impact_deliveries')
