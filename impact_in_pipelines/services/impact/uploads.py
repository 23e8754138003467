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
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TextIO
from uuid import UUID

from impact_in_pipelines.db.accounts.companies import Company
from impact_in_pipelines.db.impact.importing import import_events
from impact_in_pipelines.db.impact.uploads import PIECE_BYTES, Upload, UploadStore
from impact_in_pipelines.delivery.showing.sanitising import sanitised
from impact_in_pipelines.errors import UsageError
from impact_in_pipelines.errors.impact import (
    EventsFileEncoding,
    UploadDecided,
    UploadsWaiting,
    UploadUnknown,
)
from impact_in_pipelines.impact.csv_dialect import HEADER as COLUMNS
from impact_in_pipelines.impact.csv_dialect import REJECTS_COLUMNS, Dialect, dialect_of
from impact_in_pipelines.impact.reasons.parts import parts_of
from impact_in_pipelines.impact.reasons.sentences import BETWEEN
from impact_in_pipelines.redaction.masking import MASK
from impact_in_pipelines.runtime import Runtime
from impact_in_pipelines.services.accounts.companies import require_active

__all__ = ["COLUMNS", "RejectedRow", "Upload"]

UNDECIDED_FOR = timedelta(days=1)
"""So long an upload waits for a person; then it is discarded."""

REJECTS_FOR = timedelta(days=30)
"""So long its rejected rows can be had."""

SHOWN = 200
"""So many rejected rows are read out one by one; all of them are in the file."""

MOST_UNDECIDED = 5
"""So many files of a company await a decision; each may be as large as the operator allows."""

_REFERENCES = ("participant_ref", "volunteer_ref")

_LONGEST_NAME = 200
_LONGEST_ROW = 100_000
_LONGEST_LINE_NUMBER = 12


@dataclass(frozen=True, slots=True)
class RejectedRow:
    """A row that isn't imported: its line in the file, why, and its fields as they were."""

    line: int
    reason: str
    fields: Sequence[str]


def check(runtime: Runtime, company: Company, path: Path, *, file_name: str, actor: str) -> Upload:
    """Check the file at `path` as an import would, and keep it for a person to decide on.

    Raises `CompanyInactive`, `UploadsWaiting`, and a refusal of `errors.impact` for a file that is no events
    file.
    """
    require_active(company)
    store, now = _store(runtime), runtime.clock()
    purge(runtime)
    require_room(runtime, company)
    shown = "".join(one for one in file_name if one.isprintable())
    name = shown.strip()[:_LONGEST_NAME] or "events.csv"
    with _folder() as folder, _called(name, path):
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        id_ = None
        while id_ is None:  # once more where a person was erased during the check
            erased = store.erased(company.id)
            summary = import_events(
                runtime.database.engine,
                path,
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
    if upload.state != "checked":
        raise UploadDecided(upload.file_name)
    erased = store.erased(company.id)
    with _folder() as folder:
        file = folder / "events.csv"
        with file.open("wb") as target:
            for piece in store.content(id_, "file"):
                target.write(piece)
        if file.stat().st_size != upload.bytes:
            # A person was erased meanwhile, and with that the content of every upload.
            discard(runtime, company, id_, actor=actor)
            raise UploadDecided(upload.file_name)
        with _called(upload.file_name, file):
            summary = import_events(
                runtime.database.engine,
                file,
                now=runtime.clock(),
                actor=actor,
                rejects_path=folder / "rejects.csv",
                only=company,
                name=upload.file_name,
                first=partial(store.take, upload, actor=actor, now=runtime.clock()),
            )
        store.imported(upload, summary, erased=erased)
    return find(runtime, company, id_)


def require_room(runtime: Runtime, company: Company) -> None:
    """Raise `UploadsWaiting` where the company must decide on a file before it brings another."""
    waiting = _store(runtime).undecided(company.id, since=runtime.clock() - UNDECIDED_FOR)
    if waiting >= MOST_UNDECIDED:
        raise UploadsWaiting(waiting)


def discard(runtime: Runtime, company: Company, id_: UUID, *, actor: str) -> Upload:
    """Drop a checked upload. Raises `UploadUnknown`, `UploadDecided`."""
    upload, store, now = find(runtime, company, id_), _store(runtime), runtime.clock()
    store.discard(upload, actor=actor, now=now)
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


def first_rejects(
    runtime: Runtime, upload: Upload, *, limit: int = SHOWN, masked: bool = False
) -> list[RejectedRow]:
    """At most `limit` of its rejected rows, as far as they can be shown; `masked`: without what may be
    somebody's reference."""
    piece = next(rejects(runtime, upload), b"")
    if not piece:
        return []
    with _folder() as folder:
        file = folder / "rejects.csv"
        file.write_bytes(piece)
        if len(piece) == PIECE_BYTES:
            # What was cut off in the middle of a letter would be no text.
            file.write_bytes(piece[: piece.rfind(b"\n") + 1])
        dialect = _dialect(file)
        with file.open(encoding=dialect.encoding, errors="replace", newline="") as text:
            rows = (row for row in _rows(text, dialect.separator) if _is_reject(row))
            found = [RejectedRow(int(row[0]), row[1], row[2:]) for row in islice(rows, limit)]
    return [_masked(row) for row in found] if masked else found


def _masked(row: RejectedRow) -> RejectedRow:
    """The row without references of people, and without values that broke a rule: where a column was
    forgotten, a reference stands in another one's place."""
    parts = parts_of(row.reason)
    reason = BETWEEN.join(part.without_values(MASK) for part in parts)
    if len(row.fields) != len(COLUMNS) or any(part.sentence is None for part in parts):
        return RejectedRow(row.line, reason, [MASK if one else "" for one in row.fields])
    hidden = [column in _REFERENCES or column in reason for column in COLUMNS]
    fields = zip(row.fields, hidden, strict=True)
    return RejectedRow(
        row.line, reason, [MASK if one and mask else sanitised(one) for one, mask in fields]
    )


def _dialect(rejects: Path) -> Dialect:
    """How these rejects are written. A few words may leave the encoding open that the whole file told: what
    isn't ASCII of them is then shown as unknown."""
    try:
        return dialect_of(rejects)
    except EventsFileEncoding:
        with rejects.open(encoding="utf-8", errors="replace", newline="") as text:
            head = text.read(len(REJECTS_COLUMNS[0]) + 1)
        return Dialect("utf-8", head[-1])


def _rows(text: TextIO, separator: str) -> Iterator[list[str]]:
    """The rows below the header; of one that is longer than the reader takes, the beginning."""
    taken: list[str] = []

    def lines() -> Iterator[str]:
        for line in text:
            taken.append(line)
            yield line

    reader = csv.reader(lines(), delimiter=separator)
    next(reader, None)
    while True:
        taken.clear()
        try:
            row = next(reader, None)
        except csv.Error:
            beginning = "".join(taken)[:_LONGEST_ROW]
            row = next(csv.reader([beginning], delimiter=separator))
        if row is None:
            return
        yield row


def _is_reject(row: Sequence[str]) -> bool:
    return len(row) > 1 and row[0].isdecimal() and len(row[0]) <= _LONGEST_LINE_NUMBER


@contextmanager
def _called(name: str, file: Path) -> Iterator[None]:
    """Refusals of `file` call it `name`, as whoever uploaded it does: on disk it has a name of ours."""
    try:
        yield
    except UsageError as refusal:
        if getattr(refusal, "path", None) == file:
            vars(refusal)["path"] = Path(name)
        raise


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
