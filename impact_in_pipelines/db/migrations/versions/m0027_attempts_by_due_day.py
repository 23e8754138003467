"""An index for the attempts of a day"""

from alembic import op

from impact_in_pipelines.db.migrations.online import create_index

revision = '0027'
down_revision = '0026'


def upgrade() -> None:
    # count_calls: the attempts of deliveries that were due on a day, of all in their month.
    create_index('delivery_attempts_due_brin', 'delivery_attempts', ['due_at'], postgresql_using='brin', postgresql_with={'autosummarize': 'on', 'pages_per_range': '32'})


def downgrade() -> None:
    op.drop_index('delivery_attempts_due_brin', table_name='delivery_attempts')
