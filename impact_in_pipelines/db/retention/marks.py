"""Which folder is this database's archive: the one with the id that the database remembers.

The id is in `archive.json`, written when something is archived for the first time. A folder that merely has
files of ours isn't it: a volume that was swapped got the newest months, and what an erasure cleaned was
called the whole archive. An archive from before there were ids is known by the files of all passes.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from uuid import UUID, uuid4

from sqlalchemy import Connection, Engine

from impact_in_pipelines.db.queries import load
from impact_in_pipelines.db.retention.archives import manifest_of, put
from impact_in_pipelines.db.retention.months import left_until
from impact_in_pipelines.db.schema.months import MONTHLY
from impact_in_pipelines.errors.retention import ArchiveOther, ArchiveUnwritable

_SQL = load("retention/archived")
MARK = "archive.json"


def missing_of_archive(engine: Engine, folder: Path | None) -> str | None:
    """What `folder` would have if it were the archive of this database; None: it is, or there is none yet."""
    with engine.connect() as connection:
        archive = _remembered(connection)
        if archive is not None:
            here = folder is not None and _mark_in(folder) == archive
            return None if here else f"{MARK} ({archive})"
        if left_until(connection) is None and not connection.scalar(_SQL["has_noted"]):
            return None
        files = [row.file for row in connection.execute(_SQL["noted_files"])]
    if folder is None:
        return files[0] if files else MARK
    # Erasing leaves the manifest of a file that it has emptied.
    for file in map(folder.joinpath, files):
        if not file.is_file() and not manifest_of(file).is_file():
            return str(file.relative_to(folder))
    known = bool(files) or any(any((folder / table).glob("*")) for table in (*MONTHLY, "audit_log"))
    return None if known else MARK


def mark_archive(engine: Engine, folder: Path, now: datetime) -> None:
    """Make `folder` the archive of this database, if there is none. One that has an id already keeps it: a
    database that was set back to a moment before the first archiving takes up its own archive again.

    Raises `ArchiveOther` for another folder than the archive, `ArchiveUnwritable`.
    """
    if (missing := missing_of_archive(engine, folder)) is not None:
        raise ArchiveOther(folder, missing)
    with engine.begin() as connection:
        if _remembered(connection) is not None:
            return
        archive = _mark_in(folder)
        if archive is None:
            archive = uuid4()
            _write(folder, {"archive": str(archive), "since": now.isoformat()})
        connection.execute(_SQL["set_archive"], {"archive": archive, "now": now})


def _remembered(connection: Connection) -> UUID | None:
    archive: UUID | None = connection.scalar(_SQL["archive"])
    return archive


def _mark_in(folder: Path) -> UUID | None:
    """The id in the folder; None: it has none that can be read."""
    try:
        return UUID(json.loads((folder / MARK).read_text())["archive"])
    except (OSError, ValueError, TypeError, KeyError):
        return None


def _write(folder: Path, content: Mapping[str, str]) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        put(folder / MARK, (json.dumps(content, indent=1) + "\n").encode())
    except OSError as error:
        raise ArchiveUnwritable(folder, error.strerror or type(error).__name__) from error
