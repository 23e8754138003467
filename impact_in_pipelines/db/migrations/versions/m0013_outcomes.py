"""The outcomes of deliveries, packed by company and day: what a pass over everybody reads instead of the log

They are filled by the next hourly run; until then passes read the log.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = '0013'
down_revision = '0012'


def upgrade() -> None:
    op.create_table(
        'sla_outcomes',
        sa.Column('company_id', sa.Uuid(), nullable=False),
        sa.Column('day', sa.Date(), nullable=False),
        sa.Column('records', sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ['company_id'], ['companies.id'], name=op.f('sla_outcomes_company_id_fkey'), ondelete='CASCADE'
        ),
        sa.PrimaryKeyConstraint('company_id', 'day', name=op.f('sla_outcomes_pkey')),
    )
    op.create_table(
        'sla_outcome_marks',
        sa.Column('id', sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column('first_day', sa.Date(), nullable=False),
        sa.Column('mark', sa.Text(), nullable=False),
        sa.Column('packed_at', postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.CheckConstraint('id = 1', name=op.f('sla_outcome_marks_single_check')),
        sa.PrimaryKeyConstraint('id', name=op.f('sla_outcome_marks_pkey')),
    )


def downgrade() -> None:
    op.drop_table('sla_outcome_marks')
    op.drop_table('sla_outcomes')
