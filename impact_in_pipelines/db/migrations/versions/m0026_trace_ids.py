"""The trace that a delivery's spans belong to

A column without a default: nothing is rewritten, and programs of before neither read nor write it.
"""

import sqlalchemy as sa
from alembic import op

revision = '0026'
down_revision = '0025'


def upgrade() -> None:
    op.add_column('impact_deliveries', sa.Column('trace_id', sa.Uuid()))


def downgrade() -> None:
    op.drop_column('impact_deliveries', 'trace_id')
