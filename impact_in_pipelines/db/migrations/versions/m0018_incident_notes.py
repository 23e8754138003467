"""Notes on incidents, by people

A new table, which programs of before neither read nor write; a dropped incident takes its notes along. And an
index for what was sent about one incident.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from impact_in_pipelines.db.migrations.online import create_index

revision = '0018'
down_revision = '0017'


def upgrade() -> None:
    op.create_table(
        'incident_notes',
        sa.Column('id', sa.Uuid(), server_default=sa.text('gen_random_uuid()'), nullable=False),
        sa.Column('incident_id', sa.Uuid(), nullable=False),
        sa.Column('at', postgresql.TIMESTAMP(timezone=True), server_default=sa.text('now()'), nullable=False),
        sa.Column('author', sa.Text(), nullable=False),
        sa.Column('text', sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ['incident_id'], ['incidents.id'], name=op.f('incident_notes_incident_id_fkey'),
            ondelete='CASCADE',
        ),
        sa.PrimaryKeyConstraint('id', name=op.f('incident_notes_pkey')),
        if_not_exists=True,
    )
    op.create_index('incident_notes_incident_idx', 'incident_notes', ['incident_id', 'at'], if_not_exists=True)
    create_index('notifications_incident_idx', 'notifications', ['incident_id'])


def downgrade() -> None:
    op.drop_index('notifications_incident_idx', table_name='notifications')
    op.drop_table('incident_notes')
