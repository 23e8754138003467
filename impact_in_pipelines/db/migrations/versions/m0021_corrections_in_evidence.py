"""Records of the chain of evidence name what a delivery corrects"""

from alembic import op

revision = '0021'
down_revision = '0020'

_BEFORE = "'replay_of', d.replay_of)) AS text) AS content"
_AFTER = """'replay_of', d.replay_of, 'corrects', d.corrects))
                   AS text) AS content"""


def upgrade() -> None:
    _rewrite(_BEFORE, _AFTER)


def downgrade() -> None:
    _rewrite(_AFTER, _BEFORE)


def _rewrite(old: str, new: str) -> None:
    # The rest of the function stays as it is; links that were added before have no such member.
    op.execute(f"""
DO $do$
BEGIN
    EXECUTE replace(
        pg_get_functiondef(CAST('add_evidence(uuid[],timestamptz,timestamptz,boolean)' AS regprocedure)),
        $old${old}$old$, $new${new}$new$);
END $do$
""")
