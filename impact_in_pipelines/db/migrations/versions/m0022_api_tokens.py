"""Tokens for the API that a company names, limits and revokes"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = '0022'
down_revision = '0021'


def upgrade() -> None:
    op.create_table(
        'api_tokens',
        sa.Column('id', sa.Uuid(), server_default=sa.text('gen_random_uuid()'), nullable=False),
        sa.Column('company_id', sa.Uuid(), nullable=False),
        sa.Column('name', sa.Text(), nullable=False),
        sa.Column('token_hash', sa.CHAR(64), nullable=False),
        sa.Column('shown', sa.Text(), nullable=False),
        sa.Column('roles', postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column('created_by', sa.Text(), nullable=False),
        sa.Column('created_at', postgresql.TIMESTAMP(timezone=True), server_default=sa.text('now()'), nullable=False),
        sa.Column('expires_at', postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column('last_used_at', postgresql.TIMESTAMP(timezone=True)),
        sa.Column('revoked_at', postgresql.TIMESTAMP(timezone=True)),
        sa.Column('revoked_by', sa.Text()),
        sa.ForeignKeyConstraint(['company_id'], ['companies.id'], name=op.f('api_tokens_company_id_fkey')),
        sa.PrimaryKeyConstraint('id', name=op.f('api_tokens_pkey')),
        sa.UniqueConstraint('token_hash', name=op.f('api_tokens_token_hash_key')),
    )
    op.create_index(op.f('api_tokens_company_id_idx'), 'api_tokens', ['company_id'])


def downgrade() -> None:
    op.drop_table('api_tokens')
