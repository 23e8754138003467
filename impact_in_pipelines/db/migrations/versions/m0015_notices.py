"""Notices to companies: their channels, the outbox, each try, and up to where the log was read"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = '0015'
down_revision = '0014'

NOW = sa.text('now()')


def instant(name: str, *, nullable: bool = True, now: bool = False) -> 'sa.Column[object]':
    return sa.Column(name, postgresql.TIMESTAMP(timezone=True), nullable=nullable, server_default=NOW if now else None)


def new_id() -> 'sa.Column[object]':
    return sa.Column('id', sa.Uuid(), nullable=False, server_default=sa.text('gen_random_uuid()'))


def upgrade() -> None:
    op.create_table(
        'notice_channels',
        new_id(),
        sa.Column('company_id', sa.Uuid(), nullable=False),
        sa.Column('name', sa.Text(), nullable=False),
        sa.Column('medium', sa.Text(), nullable=False),
        sa.Column('target', sa.LargeBinary(), nullable=False),
        sa.Column('shown', sa.Text(), nullable=False),
        sa.Column('secret', sa.LargeBinary()),
        sa.Column('old_secret', sa.LargeBinary()),
        instant('old_secret_until'),
        sa.Column('kinds', postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column('digest', sa.Text(), nullable=False),
        instant('next_digest_at'),
        sa.Column('language', sa.Text(), nullable=False),
        sa.Column('timezone', sa.Text(), nullable=False),
        sa.Column('enabled', sa.Boolean(), server_default=sa.text('true'), nullable=False),
        sa.Column('disabled_reason', sa.Text()),
        instant('disabled_at'),
        sa.Column('failures', sa.Integer(), server_default=sa.text('0'), nullable=False),
        instant('failing_since'),
        sa.Column('last_error', sa.Text()),
        instant('last_success_at'),
        instant('lease_until'),
        sa.Column('created_by', sa.Text(), nullable=False),
        instant('created_at', nullable=False, now=True),
        instant('updated_at', nullable=False, now=True),
        sa.CheckConstraint("medium IN ('email', 'slack', 'webhook')", name=op.f('notice_channels_medium_check')),
        sa.CheckConstraint("digest IN ('at_once', 'hourly', 'daily')", name=op.f('notice_channels_digest_check')),
        sa.ForeignKeyConstraint(['company_id'], ['companies.id'], name=op.f('notice_channels_company_id_fkey')),
        sa.PrimaryKeyConstraint('id', name=op.f('notice_channels_pkey')),
    )
    op.create_index(op.f('notice_channels_company_id_idx'), 'notice_channels', ['company_id'])
    op.create_table(
        'notice_messages',
        new_id(),
        sa.Column('seq', sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column('company_id', sa.Uuid(), nullable=False),
        sa.Column('channel_id', sa.Uuid(), nullable=False),
        sa.Column('key', sa.Text(), nullable=False),
        sa.Column('kind', sa.Text(), nullable=False),
        instant('at', nullable=False),
        sa.Column('data', postgresql.JSONB(), nullable=False),
        sa.Column('attempts', sa.Integer(), server_default=sa.text('0'), nullable=False),
        sa.Column('failed_attempts', sa.SmallInteger(), server_default=sa.text('0'), nullable=False),
        sa.Column('last_error', sa.Text()),
        instant('created_at', nullable=False, now=True),
        instant('next_attempt_at', nullable=False, now=True),
        instant('sent_at'),
        instant('gave_up_at'),
        sa.ForeignKeyConstraint(['company_id'], ['companies.id'], name=op.f('notice_messages_company_id_fkey')),
        sa.ForeignKeyConstraint(
            ['channel_id'], ['notice_channels.id'], name=op.f('notice_messages_channel_id_fkey'), ondelete='CASCADE'
        ),
        sa.PrimaryKeyConstraint('id', name=op.f('notice_messages_pkey')),
        sa.UniqueConstraint('channel_id', 'key', name=op.f('notice_messages_channel_id_key_key')),
    )
    op.create_index(
        'notice_messages_due_idx', 'notice_messages', ['next_attempt_at'],
        postgresql_where=sa.text('sent_at IS NULL AND gave_up_at IS NULL'),
    )
    op.create_index('notice_messages_log_idx', 'notice_messages', ['channel_id', sa.text('seq DESC')])
    op.create_index(op.f('notice_messages_created_at_idx'), 'notice_messages', ['created_at'])
    op.create_table(
        'notice_attempts',
        new_id(),
        sa.Column('message_id', sa.Uuid(), nullable=False),
        sa.Column('number', sa.Integer(), nullable=False),
        instant('at', nullable=False),
        sa.Column('latency_ms', postgresql.DOUBLE_PRECISION(), nullable=False),
        sa.Column('accepted', sa.Boolean(), nullable=False),
        sa.Column('http_status', sa.SmallInteger()),
        sa.Column('error', sa.Text()),
        sa.ForeignKeyConstraint(
            ['message_id'], ['notice_messages.id'], name=op.f('notice_attempts_message_id_fkey'), ondelete='CASCADE'
        ),
        sa.PrimaryKeyConstraint('id', name=op.f('notice_attempts_pkey')),
    )
    op.create_index(op.f('notice_attempts_message_id_number_idx'), 'notice_attempts', ['message_id', 'number'])
    op.create_table(
        'notice_marks',
        sa.Column('id', sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column('mark', sa.Text(), nullable=False),
        instant('late_until', nullable=False),
        sa.CheckConstraint('id = 1', name=op.f('notice_marks_single_check')),
        sa.PrimaryKeyConstraint('id', name=op.f('notice_marks_pkey')),
    )


def downgrade() -> None:
    op.drop_table('notice_marks')
    op.drop_table('notice_attempts')
    op.drop_table('notice_messages')
    op.drop_table('notice_channels')
