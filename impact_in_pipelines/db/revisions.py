"""The revision that this program needs, and what another one means; no alembic needed."""

from impact_in_pipelines.errors import DatabaseUnavailable
from impact_in_pipelines.errors.database import DatabaseAhead, DatabaseBehind, DatabaseEmpty

REVISION = "0028"
"""The newest migration; a test keeps it true."""

USABLE_FROM = "0009"
"""The oldest program, by its own `REVISION`, that may work on a database at this one: everything since has
only added what such a program neither reads nor must write. It stands in the database as the comment on
`alembic_version`, so that programs of before go on while a newer one is rolled out. Exceptions, each
with what to do in docs/operations.md: programs before 0019 stop at a correction, those before 0025 at a row
of a fourth platform, those before 0024 at an incident of a type that they don't know (`anomaly`,
`not_refreshed`, `correction_undecided`). Since then such a type is shown by its name (`BreachType`)."""


def usable_by_this_program(at: str, usable_from: str | None) -> bool:
    """Whether this program may work on a database at revision `at` that says `usable_from` of itself."""
    if at == REVISION:
        return True
    return at > REVISION and usable_from is not None and usable_from <= REVISION


def out_of_step(at: str | None) -> DatabaseUnavailable:
    """The refusal of a database at revision `at` (None: no tables), which isn't this program's."""
    if at is None:
        return DatabaseEmpty()
    if at < REVISION:
        return DatabaseBehind(at, REVISION)
    return DatabaseAhead(at, REVISION)
