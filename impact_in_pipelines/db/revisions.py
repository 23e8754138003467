"""The revision that this program needs, and what another one means; no alembic needed."""

from impact_in_pipelines.errors import DatabaseUnavailable
from impact_in_pipelines.errors.database import DatabaseAhead, DatabaseBehind, DatabaseEmpty

REVISION = "0009"
"""The newest migration; a test keeps it true."""


def out_of_step(at: str | None) -> DatabaseUnavailable:
    """The refusal of a database at revision `at` (None: no tables), which isn't this program's."""
    if at is None:
        return DatabaseEmpty()
    if at < REVISION:
        return DatabaseBehind(at, REVISION)
    return DatabaseAhead(at, REVISION)
