"""An index for searches in the texts of errors"""

from alembic import op
import sqlalchemy as sa

from impact_in_pipelines.db.migrations.online import create_index

revision = '0016'
down_revision = '0015'


def upgrade() -> None:
    # listed: a search for a text in the last error; few rows among many have one.
    create_index('impact_deliveries_errors_idx', 'impact_deliveries', ['company_id', sa.literal_column('scheduled_for DESC')], postgresql_where=sa.text('last_error IS NOT NULL'))


def downgrade() -> None:
    op.drop_index('impact_deliveries_errors_idx', table_name='impact_deliveries')
