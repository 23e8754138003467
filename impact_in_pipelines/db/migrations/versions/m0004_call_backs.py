"""Call-backs have times, and what was taken back is marked until it has been sent again"""

import sqlalchemy as sa
from alembic import op

from impact_in_pipelines.db.migrations.online import create_index

revision = '0004'
down_revision = '0003'


def upgrade() -> None:
    op.add_column('impact_deliveries', sa.Column('taken_back_at', sa.DateTime(timezone=True), nullable=True), if_not_exists=True)
    op.add_column('impact_deliveries', sa.Column('call_back_at', sa.DateTime(timezone=True), nullable=True), if_not_exists=True)
    # Seven days of messages: a small table. Messages from before carry no transaction and are found by their id.
    op.add_column('webhook_messages', sa.Column('transaction_id', sa.Text(), nullable=True), if_not_exists=True)
    op.execute(
        "UPDATE impact_deliveries SET taken_back_at = failed_at WHERE status = 'failed' "
        "AND delivered_at IS NOT NULL AND failed_at >= delivered_at AND error_kind = 'rejected'"
    )
    create_index('webhook_messages_transaction_idx', 'webhook_messages', ['platform', 'transaction_id'])


def downgrade() -> None:
    op.drop_index('webhook_messages_transaction_idx', table_name='webhook_messages')
    op.drop_column('webhook_messages', 'transaction_id')
    op.drop_column('impact_deliveries', 'call_back_at')
    op.drop_column('impact_deliveries', 'taken_back_at')
