"""Refusals about the database: where it is, whether it runs, at which revision it stands."""

from pathlib import Path

from impact_in_pipelines.errors.base import DatabaseUnavailable, InvalidSetting, refusal


@refusal("database.not_found")
class DatabaseNotFound(DatabaseUnavailable):
    """No database server is named, and there is no embedded database in the home folder either."""

    folder: Path


@refusal("database.folder_unusable")
class FolderUnusable(DatabaseUnavailable):
    """The embedded database's folder can't be made, read or trusted."""

    folder: Path
    reason: str


@refusal("database.cannot_start")
class ServerCannotStart(DatabaseUnavailable):
    """The embedded PostgreSQL doesn't start, or doesn't stop."""

    folder: Path
    reason: str


@refusal("database.elsewhere")
class ServerElsewhere(DatabaseUnavailable):
    """The folder's server runs where this process can't see it: another container or another machine."""

    folder: Path


@refusal("database.earlier_version")
class EarlierVersionRuns(DatabaseUnavailable):
    """Processes of an earlier version of this program still use the server without a password."""

    folder: Path
    processes: list[int]


@refusal("database.unreachable")
class ServerUnreachable(DatabaseUnavailable):
    """The server doesn't accept a connection."""

    host: str
    reason: str


@refusal("database.sessions_unprepared")
class SessionsUnprepared(DatabaseUnavailable):
    """Sessions behind the pooler are not in UTC, in which days are cut: `zone` is what they are in."""

    zone: str


@refusal("database.empty")
class DatabaseEmpty(DatabaseUnavailable):
    """The database has no tables of ours yet."""


@refusal("database.behind")
class DatabaseBehind(DatabaseUnavailable):
    """The database stands at an earlier revision than this program needs."""

    at: str
    needed: str


@refusal("database.ahead")
class DatabaseAhead(DatabaseUnavailable):
    """A newer version of the program has upgraded the database."""

    at: str
    known: str


@refusal("database.busy")
class DatabaseBusy(DatabaseUnavailable):
    """Other transactions hold a table for so long that the upgrade to `revision` could not change it."""

    revision: str


@refusal("database.url_invalid")
class DatabaseUrlInvalid(InvalidSetting):
    """The database's URL is not one of PostgreSQL. What it was is not kept: it may hold a password."""
