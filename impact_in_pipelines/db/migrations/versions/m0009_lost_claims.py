"""Workers that die over a delivery before its attempt is opened are counted"""

import sqlalchemy as sa
from alembic import op

revision = '0009'
down_revision = '0008'


def upgrade() -> None:
    # A constant default rewrites nothing.
    op.add_column('impact_deliveries', sa.Column('lost_claims', sa.SmallInteger(), server_default=sa.text('0'), nullable=False))


def downgrade() -> None:
    op.drop_column('impact_deliveries', 'lost_claims')
