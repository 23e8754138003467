"""The PostgreSQL that starts by itself when there is no DATABASE_URL (design D9, ADR 5).

Every process that needs it joins; the first one starts the server, the last one to leave stops it, however
the others ended. It listens on a socket in a private folder only, and asks for a password.
"""

import atexit
import os
import threading
from pathlib import Path

from sqlalchemy import URL

from impact_in_pipelines.db.embedded.server import Server
from impact_in_pipelines.errors.database import DatabaseNotFound
from impact_in_pipelines.settings import Settings

_joined: dict[Path, Server] = {}
_joining = threading.Lock()


def cluster_folder(settings: Settings) -> Path:
    """Where the embedded server's data lies, absolute."""
    return settings.home.absolute() / "postgres"


def require_cluster(settings: Settings) -> None:
    """Raise `DatabaseNotFound` where there is no DATABASE_URL and no embedded database either.

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
    raise DatabaseNotFound(folder.parent)


def embedded_url(folder: Path, database: str = "postgres") -> URL:
    """The URL, password included, of the server whose data lies in `folder`, made and started if need be.
    This process counts as its user until it ends or calls `leave_servers`.

    Raises `DatabaseUnavailable` when it can't be started.
    """
    data = folder.resolve()
    with _joining:
        server = _joined.get(data)
        # A process that was forked has its parent's table, but is a user of its own.
        if server is None or server.joined_by != os.getpid():
            server = _joined[data] = Server(data)
        return server.url(database)


def leave_server(folder: Path) -> None:
    """Stop using the server in `folder`; the last one to leave stops it."""
    with _joining:
        server = _joined.get(folder.resolve())
        if server is not None and server.joined_by == os.getpid():
            server.leave()
            del _joined[folder.resolve()]


def leave_servers() -> None:
    """Stop using all servers, as this process's orderly end does."""
    for folder in list(_joined):
        leave_server(folder)


def stop_server(folder: Path) -> None:
    """Stop the server in `folder`, whoever uses it, and leave it."""
    data = folder.resolve()
    with _joining:
        server = _joined.pop(data, None) or Server(data)
        server.stop()
        server.leave()


atexit.register(leave_servers)
