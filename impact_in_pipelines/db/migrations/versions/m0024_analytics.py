"""Calls of platforms by day, and what all companies did together, for analytics

New tables, which programs of before neither read nor write; and when a day's calls were counted. The next hourly
runs fill them for the days that the log still has, some in each, the newest first.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = '0024'
down_revision = '0023'

CALLS = ('requests', 'deliveries_sent', 'repeats', 'failed_requests', 'lost', 'answered')
DELIVERIES = ('planned', 'succeeded', 'failed', 'never_started', 'timed', 'on_time', 'latency_ms_sum', 'latency_ms_n', 'payload_bytes')
PLATFORMS = "platform IN ('benevity', 'goodera', 'workday')"


def answers() -> list[sa.Column[object]]:
    return [
        sa.Column('answer_ms_sum', postgresql.DOUBLE_PRECISION(), nullable=False),
        sa.Column('answer_bins', postgresql.ARRAY(sa.SmallInteger()), nullable=False),
        sa.Column('answer_counts', postgresql.ARRAY(sa.Integer()), nullable=False),
    ]


def upgrade() -> None:
    op.add_column('sla_days', sa.Column('calls_at', postgresql.TIMESTAMP(timezone=True)))
    op.create_table(
        'calls_daily',
        sa.Column('day', sa.Date(), nullable=False),
        sa.Column('company_id', sa.Uuid(), nullable=False),
        sa.Column('platform', sa.Text(), nullable=False),
        *[sa.Column(name, sa.Integer(), nullable=False) for name in CALLS],
        *answers(),
        sa.Column('errors', postgresql.JSONB()),
        sa.CheckConstraint(PLATFORMS, name=op.f('calls_daily_platform_check')),
        sa.ForeignKeyConstraint(
            ['company_id'], ['companies.id'], name=op.f('calls_daily_company_id_fkey'), ondelete='CASCADE'
        ),
        sa.PrimaryKeyConstraint('day', 'company_id', 'platform', name=op.f('calls_daily_pkey')),
    )
    op.create_table(
        'platform_daily',
        sa.Column('day', sa.Date(), nullable=False),
        sa.Column('platform', sa.Text(), nullable=False),
        sa.Column('companies', sa.Integer(), nullable=False),
        *[sa.Column(name, sa.BigInteger(), nullable=False) for name in (*DELIVERIES, *CALLS)],
        sa.Column('latency_ms_buckets', postgresql.ARRAY(sa.BigInteger()), nullable=False),
        *answers(),
        sa.Column('errors', postgresql.JSONB()),
        sa.CheckConstraint(PLATFORMS, name=op.f('platform_daily_platform_check')),
        sa.PrimaryKeyConstraint('day', 'platform', name=op.f('platform_daily_pkey')),
    )
    op.create_table(
        'platform_hours',
        sa.Column('day', sa.Date(), nullable=False),
        sa.Column('platform', sa.Text(), nullable=False),
        sa.Column('hour', sa.SmallInteger(), nullable=False),
        sa.Column('requests', sa.Integer(), nullable=False),
        sa.Column('failed_requests', sa.Integer(), nullable=False),
        sa.Column('answered', sa.Integer(), nullable=False),
        *answers(),
        sa.CheckConstraint(PLATFORMS, name=op.f('platform_hours_platform_check')),
        sa.PrimaryKeyConstraint('day', 'platform', 'hour', name=op.f('platform_hours_pkey')),
    )


def downgrade() -> None:
    op.drop_table('platform_hours')
    op.drop_table('platform_daily')
    op.drop_table('calls_daily')
    op.drop_column('sla_days', 'calls_at')
