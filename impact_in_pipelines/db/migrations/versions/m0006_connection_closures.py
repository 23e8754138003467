"""Connections that a platform has closed for a while (design D12)"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = '0006'
down_revision = '0005'


def upgrade() -> None:
    op.create_table('connection_closures',
    sa.Column('company_id', sa.Uuid(), nullable=True),
    sa.Column('platform', sa.Text(), nullable=False),
    sa.Column('kind', sa.Text(), nullable=False),
    sa.Column('closed_until', postgresql.TIMESTAMP(timezone=True), nullable=False),
    sa.Column('since', postgresql.TIMESTAMP(timezone=True), nullable=False),
    sa.Column('reason', sa.Text(), nullable=False),
    sa.Column('updated_at', postgresql.TIMESTAMP(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.CheckConstraint("platform IN ('benevity', 'goodera', 'workday')", name=op.f('connection_closures_platform_check')),
    sa.CheckConstraint("kind IN ('retry_after')", name=op.f('connection_closures_kind_check')),
    sa.ForeignKeyConstraint(['company_id'], ['companies.id'], name=op.f('connection_closures_company_id_fkey'), ondelete='CASCADE'),
    sa.UniqueConstraint('platform', 'company_id', 'kind', name=op.f('connection_closures_platform_company_id_kind_key'), postgresql_nulls_not_distinct=True)
    )


def downgrade() -> None:
    op.drop_table('connection_closures')
