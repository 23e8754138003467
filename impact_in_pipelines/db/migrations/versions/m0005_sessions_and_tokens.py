"""Sessions can be named and revoked; tokens sign in once, and can be revoked before they expire"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = '0005'
down_revision = '0004'


def upgrade() -> None:
    # Who is signed in: some thousand rows at most, written anew in a moment.
    op.execute(
        "-- squawk-ignore adding-field-with-default\n"
        "ALTER TABLE web_sessions ADD COLUMN id uuid DEFAULT gen_random_uuid() NOT NULL"
    )
    op.add_column('web_sessions', sa.Column('signed_in_by', sa.Text(), server_default=sa.text("'token'"), nullable=False))
    op.execute(
        "-- squawk-ignore disallowed-unique-constraint, constraint-missing-not-valid\n"
        "ALTER TABLE web_sessions ADD CONSTRAINT web_sessions_id_key UNIQUE (id)"
    )
    op.create_table('access_tokens',
        sa.Column('id', sa.Uuid(), server_default=sa.text('gen_random_uuid()'), nullable=False),
        sa.Column('token_hash', sa.CHAR(length=64), nullable=False),
        sa.Column('subject', sa.Text(), nullable=False),
        sa.Column('roles', postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column('companies', postgresql.ARRAY(sa.Uuid()), nullable=True),
        sa.Column('created_by', sa.Text(), nullable=False),
        sa.Column('created_at', postgresql.TIMESTAMP(timezone=True), server_default=sa.text('now()'), nullable=False),
        sa.Column('expires_at', postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column('used_at', postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column('revoked_at', postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint('id', name='access_tokens_pkey'),
        sa.UniqueConstraint('token_hash', name='access_tokens_token_hash_key'),
    )
    # current and purge: tokens that have not expired, and those that have.
    op.create_index('access_tokens_expires_at_idx', 'access_tokens', ['expires_at'], unique=False)
    op.create_table('revoked_subjects',
        sa.Column('subject', sa.Text(), nullable=False),
        sa.Column('issued_before', postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column('expires_at', postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint('subject', name='revoked_subjects_pkey'),
    )


def downgrade() -> None:
    op.drop_table('revoked_subjects')
    op.drop_index('access_tokens_expires_at_idx', table_name='access_tokens')
    op.drop_table('access_tokens')
    op.drop_constraint('web_sessions_id_key', 'web_sessions', type_='unique')
    op.drop_column('web_sessions', 'signed_in_by')
    op.drop_column('web_sessions', 'id')
