"""What a database's revision says to a person whose program is at another one; no alembic needed."""

REVISION = "0004"
"""The newest migration; a test keeps it true."""


def out_of_step(at: str | None) -> str:
    """The one line for a database at revision `at` (None: no tables), which isn't this program's."""
    if at is None:
        return "the database has no tables yet; run: impact-in db upgrade"
    if at < REVISION:
        return f"the database is at revision {at}, this program needs {REVISION}; run: impact-in db upgrade"
    return (
        f"the database is at revision {at}, which this version (it knows {REVISION} at most) doesn't know; "
        "install the version that upgraded the database, or a newer one"
    )
