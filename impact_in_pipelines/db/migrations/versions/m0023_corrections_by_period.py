"""An index for the corrections of a period"""

from alembic import op
import sqlalchemy as sa

from impact_in_pipelines.db.migrations.online import create_index

revision = '0023'
down_revision = '0022'


def upgrade() -> None:
    # claim and freeze: the corrections of a period, which few have.
    create_index('impact_deliveries_corrections_idx', 'impact_deliveries', ['company_id', 'platform', 'period_start'], postgresql_where=sa.text("trigger = 'correction'"))


def downgrade() -> None:
    op.drop_index('impact_deliveries_corrections_idx', table_name='impact_deliveries')
