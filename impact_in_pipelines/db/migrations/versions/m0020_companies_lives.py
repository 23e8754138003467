"""Since when a company is switched off and when it was exported; uploaded files; whose data was erased"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = '0020'
down_revision = '0019'

_INSTANT = postgresql.TIMESTAMP(timezone=True)


def upgrade() -> None:
    op.add_column('companies', sa.Column('deactivated_at', _INSTANT))
    op.add_column('companies', sa.Column('exported_at', _INSTANT))
    op.add_column('companies', sa.Column('export_sha256', sa.CHAR(64)))
    op.create_table(
        'erased_references',
        sa.Column('company_id', sa.Uuid(), nullable=False),
        sa.Column('digest', sa.CHAR(64), nullable=False),
        sa.Column('erased_at', _INSTANT, nullable=False),
        sa.ForeignKeyConstraint(
            ['company_id'], ['companies.id'], name=op.f('erased_references_company_id_fkey')
        ),
        sa.PrimaryKeyConstraint('company_id', 'digest', name=op.f('erased_references_pkey')),
    )
    op.create_table(
        'event_uploads',
        sa.Column(
            'id', sa.Uuid(), server_default=sa.text('gen_random_uuid()'), nullable=False
        ),
        sa.Column('company_id', sa.Uuid(), nullable=False),
        sa.Column('file_name', sa.Text(), nullable=False),
        sa.Column('bytes', sa.BigInteger(), nullable=False),
        sa.Column('sha256', sa.CHAR(64), nullable=False),
        sa.Column('state', sa.Text(), nullable=False),
        sa.Column('rows', sa.BigInteger(), nullable=False),
        sa.Column('imported', sa.BigInteger(), nullable=False),
        sa.Column('updated', sa.BigInteger(), nullable=False),
        sa.Column('unchanged', sa.BigInteger(), nullable=False),
        sa.Column('duplicates', sa.BigInteger(), nullable=False),
        sa.Column('rejected', sa.BigInteger(), nullable=False),
        sa.Column('uploaded_by', sa.Text(), nullable=False),
        sa.Column('uploaded_at', _INSTANT, nullable=False),
        sa.Column('decided_by', sa.Text()),
        sa.Column('decided_at', _INSTANT),
        sa.CheckConstraint(
            "state IN ('checked', 'imported', 'discarded')", name=op.f('event_uploads_state_check')
        ),
        sa.ForeignKeyConstraint(
            ['company_id'], ['companies.id'], name=op.f('event_uploads_company_id_fkey')
        ),
        sa.PrimaryKeyConstraint('id', name=op.f('event_uploads_pkey')),
    )
    op.create_index(
        'event_uploads_company_idx', 'event_uploads', ['company_id', sa.text('uploaded_at DESC')]
    )
    op.create_table(
        'event_upload_parts',
        sa.Column('upload_id', sa.Uuid(), nullable=False),
        sa.Column('kind', sa.Text(), nullable=False),
        sa.Column('number', sa.Integer(), autoincrement=False, nullable=False),
        sa.Column('content', sa.LargeBinary(), nullable=False),
        sa.CheckConstraint(
            "kind IN ('file', 'rejects')", name=op.f('event_upload_parts_kind_check')
        ),
        sa.ForeignKeyConstraint(
            ['upload_id'],
            ['event_uploads.id'],
            name=op.f('event_upload_parts_upload_id_fkey'),
            ondelete='CASCADE',
        ),
        sa.PrimaryKeyConstraint(
            'upload_id', 'kind', 'number', name=op.f('event_upload_parts_pkey')
        ),
    )


def downgrade() -> None:
    op.drop_table('event_upload_parts')
    op.drop_table('event_uploads')
    op.drop_table('erased_references')
    op.drop_column('companies', 'export_sha256')
    op.drop_column('companies', 'exported_at')
    op.drop_column('companies', 'deactivated_at')
