"""A company's file of events, uploaded: checked first, imported when a person says yes.

The rules are those of every import (`services/importing.py`); rows of other companies are rejected as if
there were none. Content waits in the database in pieces, so that any process may go on with it.
"""

import csv
import hashlib
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from uuid import UUID

from impact_in_pipelines.db.accounts.companies import Company
from impact_in_pipelines.db.impact.importing import import_events
from impact_in_pipelines.db.impact.uploads import PIECE_BYTES, Upload, UploadStore
from impact_in_pipelines.errors.impact import UploadDecided, UploadUnknown
from impact_in_pipelines.impact.csv_dialect import HEADER as COLUMNS
from impact_in_pipelines.impact.csv_dialect import dialect_of
from impact_in_pipelines.runtime import Runtime
from impact_in_pipelines.services.accounts.companies import require_active

__all__ = ["COLUMNS", "RejectedRow", "Upload"]

UNDECIDED_FOR = timedelta(days=1)
"""So long an upload waits for a person; then it is discarded."""

REJECTS_FOR = timedelta(days=30)
"""So long its rejected rows can be had."""

SHOWN = 200
"""So many rejected rows are read out one by one; all of them are in the file."""

_LONGEST_NAME = 200


@dataclass(frozen=True, slots=True)
class RejectedRow:
    """A row that isn't imported: its line in the file, why, and its fields as they were."""

    line: int
    reason: str
    fields: Sequence[str]


def check(runtime: Runtime, company: Company, path: Path, *, file_name: str, actor: str) -> Upload:
    """Check the file at `path` as an import would, and keep it for a person to decide on.

    Raises `CompanyInactive`, and a refusal of `errors.impact` for a file that is no events file.
    """
    require_active(company)
    store, now = _store(runtime), runtime.clock()
    purge(runtime)
    name = file_name.strip()[:_LONGEST_NAME] or "events.csv"
    with _folder() as folder:
        # Under its own name: that is what a refusal of the file says.
        named = folder / (Path(name).name or "events.csv")
        named.symlink_to(path)
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        id_ = None
        while id_ is None:  # once more where a person was erased during the check
            erased = store.erased(company.id)
            summary = import_events(
                runtime.database.engine,
                named,
                now=now,
                rejects_path=folder / "rejects.csv",
                only=company,
                dry_run=True,
            )
            id_ = store.add(
                *(company.id, path, summary),
                file_name=name,
                sha256=digest,
                erased=erased,
                actor=actor,
                now=now,
            )
    return find(runtime, company, id_)


def confirm(runtime: Runtime, company: Company, id_: UUID, *, actor: str) -> Upload:
    """Import a checked upload: all rows that hold. Raises `CompanyInactive`, `UploadUnknown`,
    `UploadDecided`."""
    require_active(company)
    upload, store = find(runtime, company, id_), _store(runtime)
    if not store.take(id_, state="imported", actor=actor, now=runtime.clock()):
        raise UploadDecided(upload.file_name)
    erased = store.erased(company.id)
    try:
        with _folder() as folder:
            file = folder / "events.csv"
            with file.open("wb") as target:
                for piece in store.content(id_, "file"):
                    target.write(piece)
            if file.stat().st_size != upload.bytes:
                # A person was erased meanwhile, and with that the content of every upload.
                raise UploadDecided(upload.file_name)
            summary = import_events(
                runtime.database.engine,
                file,
                now=runtime.clock(),
                actor=actor,
                rejects_path=folder / "rejects.csv",
                only=company,
                name=upload.file_name,
            )
            store.imported(upload, summary, erased=erased)
    except UploadDecided:
        store.give_back(id_)
        discard(runtime, company, id_, actor=actor)
        raise
    except BaseException:
        store.give_back(id_)
        raise
    return find(runtime, company, id_)


def discard(runtime: Runtime, company: Company, id_: UUID, *, actor: str) -> Upload:
    """Drop a checked upload. Raises `UploadUnknown`, `UploadDecided`."""
    upload, store, now = find(runtime, company, id_), _store(runtime), runtime.clock()
    if not store.take(id_, state="discarded", actor=actor, now=now):
        raise UploadDecided(upload.file_name)
    store.discarded(upload, actor=actor, now=now)
    return find(runtime, company, id_)


def find(runtime: Runtime, company: Company, id_: UUID) -> Upload:
    """One of the company's uploads. Raises `UploadUnknown`."""
    found = _store(runtime).find(company.id, id_)
    if found is None:
        raise UploadUnknown(str(id_))
    return found


def listed(runtime: Runtime, company: Company, *, limit: int) -> Sequence[Upload]:
    """The company's uploads, newest first."""
    return _store(runtime).of_company(company.id, limit=limit)


def rejects(runtime: Runtime, upload: Upload) -> Iterator[bytes]:
    """Its rejected rows as a CSV file in pieces, in the form of the file that they come from; mended there it
    can be uploaded as it is. Nothing, where there are none any more."""
    return _store(runtime).content(upload.id, "rejects")


def first_rejects(runtime: Runtime, upload: Upload, *, limit: int = SHOWN) -> list[RejectedRow]:
    """At most `limit` of its rejected rows."""
    piece = next(rejects(runtime, upload), b"")
    if not piece:
        return []
    with _folder() as folder:
        file = folder / "rejects.csv"
        file.write_bytes(piece)
        if len(piece) == PIECE_BYTES:
            # What was cut off in the middle of a letter would be no text.
            file.write_bytes(piece[: piece.rfind(b"\n") + 1])
        dialect = dialect_of(file)
        with file.open(encoding=dialect.encoding, errors="replace", newline="") as text:
            rows = csv.reader(text, delimiter=dialect.separator)
            next(rows, None)
            found: list[RejectedRow] = []
            for row in rows:
                if len(found) == limit:
                    break
                if len(row) > 1 and row[0].isdecimal():
                    found.append(RejectedRow(int(row[0]), row[1], row[2:]))
    return found


def purge(runtime: Runtime) -> int:
    """Discard what nobody has decided on for a day, drop rejects of a month ago; how many pieces went."""
    now = runtime.clock()
    return _store(runtime).purge(
        undecided_before=now - UNDECIDED_FOR, rejects_before=now - REJECTS_FOR, now=now
    )


@contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="impact-in-upload-") as name:
        yield Path(name)


def _store(runtime: Runtime) -> UploadStore:
    return UploadStore(runtime.database.engine)
