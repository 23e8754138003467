"""Which archive is this database's, and which delivery is in which of its files

New tables, which programs of before neither read nor write. What was archived before is noted by the next
retention.
"""

import sqlalchemy as sa
from alembic import op

revision = '0028'
down_revision = '0027'


def upgrade() -> None:
    op.create_table('archive_marks',
    sa.Column('id', sa.SmallInteger(), autoincrement=False, nullable=False),
    sa.Column('archive', sa.Uuid(), nullable=False),
    sa.Column('marked_at', sa.TIMESTAMP(timezone=True), nullable=False),
    sa.CheckConstraint('id = 1', name=op.f('archive_marks_single_check')),
    sa.PrimaryKeyConstraint('id', name=op.f('archive_marks_pkey'))
    )
    op.create_table('archived_files',
    sa.Column('id', sa.Integer(), sa.Identity(always=True), nullable=False),
    sa.Column('file', sa.Text(), nullable=False),
    sa.Column('month', sa.Date(), nullable=False),
    sa.Column('archived_at', sa.TIMESTAMP(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('archived_files_pkey')),
    sa.UniqueConstraint('file', name=op.f('archived_files_file_key'))
    )
    op.create_table('archived_deliveries',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('company_id', sa.Uuid(), nullable=False),
    sa.Column('file', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['company_id'], ['companies.id'], name=op.f('archived_deliveries_company_id_fkey'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('archived_deliveries_pkey'))
    )


def downgrade() -> None:
    op.drop_table('archived_deliveries')
    op.drop_table('archived_files')
    op.drop_table('archive_marks')
