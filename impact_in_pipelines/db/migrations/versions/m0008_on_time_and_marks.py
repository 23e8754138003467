"""The daily rollup counts what arrived on time and what was replayed, and keeps the mark it was read at

Days of before are counted anew by the next hourly run: a rollup without a mark is stale.
"""

import sqlalchemy as sa
from alembic import op

revision = '0008'
down_revision = '0007'

_COUNTS = ('replayed', 'timed', 'on_time')


def upgrade() -> None:
    for name in _COUNTS:
        # With a default: a program of the version before goes on counting while this one is rolled out.
        op.add_column('sla_daily', sa.Column(name, sa.Integer(), server_default=sa.text('0'), nullable=False))
    op.add_column('sla_days', sa.Column('mark', sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column('sla_days', 'mark')
    for name in _COUNTS:
        op.drop_column('sla_daily', name)
