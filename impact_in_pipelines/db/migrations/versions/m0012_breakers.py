"""Breakers, and holds by people, beside the closures that platforms ask for (design D12)"""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = '0012'
down_revision = '0011'

COLUMNS: tuple[tuple[str, sa.types.TypeEngine[Any], dict[str, Any]], ...] = (
    ('holds', sa.Boolean(), {'server_default': sa.text('false'), 'nullable': False}),
    ('state', sa.Text(), {}),
    ('cause', sa.Text(), {}),
    ('interval_seconds', postgresql.DOUBLE_PRECISION(), {}),
    ('probing', sa.Boolean(), {'server_default': sa.text('false'), 'nullable': False}),
    ('step', sa.SmallInteger(), {'server_default': sa.text('0'), 'nullable': False}),
    ('streak', sa.Integer(), {'server_default': sa.text('0'), 'nullable': False}),
    ('avoid_company_id', sa.Uuid(), {}),
    ('held_by', sa.Text(), {}),
    ('resumed_at', postgresql.TIMESTAMP(timezone=True), {}),
    ('notified_at', postgresql.TIMESTAMP(timezone=True), {}),
)


def upgrade() -> None:
    for name, type_, options in COLUMNS:
        op.add_column('connection_closures', sa.Column(name, type_, **options))
    op.drop_constraint('connection_closures_kind_check', 'connection_closures')
    # The table has a row for each closed connection, so the scan is over at once.
    op.execute(
        "-- squawk-ignore constraint-missing-not-valid\n"
        "ALTER TABLE connection_closures ADD CONSTRAINT connection_closures_kind_check "
        "CHECK (kind IN ('retry_after', 'breaker', 'person'))"
    )


def downgrade() -> None:
    op.execute("DELETE FROM connection_closures WHERE kind <> 'retry_after'")
    op.drop_constraint('connection_closures_kind_check', 'connection_closures')
    op.create_check_constraint(op.f('connection_closures_kind_check'), 'connection_closures', "kind IN ('retry_after')")
    for name, _, _ in COLUMNS:
        op.drop_column('connection_closures', name)
