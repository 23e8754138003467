"""Credentials are bound to the origin that they were entered for"""

from alembic import op
import sqlalchemy as sa

revision = '0007'
down_revision = '0006'


def upgrade() -> None:
    op.add_column('platform_connections', sa.Column('credentials_origin', sa.Text(), nullable=True))
    # What a row's credentials go to today is what they were entered for: scheme and host in lower case,
    # without the scheme's own port. Rows at the environment's URL are bound when they are next changed.
    op.execute(
        r"""
        UPDATE platform_connections
        SET credentials_origin = regexp_replace(
            regexp_replace(lower(substring(base_url from '^https?://[^/]+')), '^(http://.*)\:80$', '\1'),
            '^(https://.*)\:443$', '\1')
        WHERE credentials IS NOT NULL AND base_url IS NOT NULL
        """
    )


def downgrade() -> None:
    op.drop_column('platform_connections', 'credentials_origin')
