"""Uploaded files of events: their results, and their content in pieces. Statements: uploads.sql."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Engine

from impact_in_pipelines.db.access.audit import Change, record
from impact_in_pipelines.db.engine import rows_of
from impact_in_pipelines.db.erasing.people import erased_so_far, no_erasing_meanwhile
from impact_in_pipelines.db.impact.importing import ImportSummary
from impact_in_pipelines.db.queries import load
from impact_in_pipelines.errors.impact import UploadDecided

_SQL = load("impact/uploads")
PIECE_BYTES = 512 * 1024


@dataclass(frozen=True, slots=True)
class Upload:
    """One file: `state` is 'checked' (a person must decide), 'imported' or 'discarded'; counts as in
    `ImportSummary`, of the check or of the import. `rejects_kept`: whether its rejected rows can be had."""

    id: UUID
    company_id: UUID
    file_name: str
    bytes: int
    sha256: str
    state: str
    rows: int
    imported: int
    updated: int
    unchanged: int
    duplicates: int
    rejected: int
    uploaded_by: str
    uploaded_at: datetime
    decided_by: str | None
    decided_at: datetime | None
    rejects_kept: bool

    @property
    def accepted(self) -> int:
        """Rows that hold."""
        return self.rows - self.rejected


class UploadStore:
    """Keeps uploads."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(
        self,
        company_id: UUID,
        path: Path,
        summary: ImportSummary,
        *,
        file_name: str,
        sha256: str,
        erased: int,
        actor: str,
        now: datetime,
    ) -> UUID | None:
        """Keep the file at `path` and its rejects, checked and not imported. Audited. None: people were
        erased since there were `erased` before the check, and the rejects may name them."""
        values = {
            "company_id": company_id,
            "file_name": file_name,
            "bytes": path.stat().st_size,
            "sha256": sha256,
            "actor": actor,
            "now": now,
            **_counts(summary),
        }
        with self._engine.begin() as connection:
            no_erasing_meanwhile(connection)
            if erased_so_far(connection, company_id) != erased:
                return None
            id_: UUID = connection.execute(_SQL["add"], values).scalar_one()
            self._put(connection, id_, "file", path)
            self._put(connection, id_, "rejects", summary.rejects_path)
            change = Change(
                "events.upload",
                file_name,
                company_id,
                after={"upload": str(id_), **_counts(summary)},
            )
            record(connection, [change], actor=actor, now=now)
        return id_

    def erased(self, company_id: UUID) -> int:
        """How many people of the company were erased so far."""
        with self._engine.connect() as connection:
            return erased_so_far(connection, company_id)

    def undecided(self, company_id: UUID, *, since: datetime) -> int:
        """How many of the company's uploads since then await a decision."""
        with self._engine.connect() as connection:
            values = {"company_id": company_id, "since": since}
            return int(connection.execute(_SQL["undecided"], values).scalar_one())

    @staticmethod
    def take(upload: Upload, connection: Connection, *, actor: str, now: datetime) -> None:
        """Decide to import a checked upload, in the transaction that imports it: whatever ends that one, the
        upload is imported or awaits a decision as before. Waits for whoever is deciding just now.

        Raises `UploadDecided`.
        """
        values = {"id": upload.id, "actor": actor, "now": now}
        if connection.execute(_SQL["take"], values).rowcount != 1:
            raise UploadDecided(upload.file_name)

    def imported(self, upload: Upload, summary: ImportSummary, *, erased: int) -> None:
        """Note what the import gave, with its rejects, unless people were erased since there were `erased`
        before it: they may name them. The file itself goes."""
        with self._engine.begin() as connection:
            no_erasing_meanwhile(connection)
            connection.execute(_SQL["imported"], {"id": upload.id, **_counts(summary)})
            connection.execute(_SQL["drop_parts"], {"id": upload.id})
            if erased_so_far(connection, upload.company_id) == erased:
                self._put(connection, upload.id, "rejects", summary.rejects_path)

    def discard(self, upload: Upload, *, actor: str, now: datetime) -> None:
        """Discard a checked one and drop what was kept of it. Audited. Raises `UploadDecided`, also while it
        is being imported."""
        with self._engine.begin() as connection:
            values = {"id": upload.id, "actor": actor, "now": now}
            if connection.execute(_SQL["discard"], values).rowcount != 1:
                raise UploadDecided(upload.file_name)
            connection.execute(_SQL["drop_parts"], {"id": upload.id})
            after = {"upload": str(upload.id)}
            change = Change("events.discard", upload.file_name, upload.company_id, after=after)
            record(connection, [change], actor=actor, now=now)

    def of_company(self, company_id: UUID, *, limit: int) -> Sequence[Upload]:
        """Its uploads, newest first."""
        with self._engine.connect() as connection:
            values = {"company_id": company_id, "limit": limit}
            return [
                Upload(**row) for row in rows_of(connection.execute(_SQL["of_company"], values))
            ]

    def find(self, company_id: UUID, id_: UUID) -> Upload | None:
        """One of the company's."""
        with self._engine.connect() as connection:
            values = {"company_id": company_id, "id": id_}
            row = connection.execute(_SQL["find"], values).mappings().one_or_none()
        return None if row is None else Upload(**row)

    def content(self, id_: UUID, kind: str) -> Iterator[bytes]:
        """The content in pieces: kind 'file' or 'rejects'."""
        number = 0
        while True:
            with self._engine.connect() as connection:
                values = {"id": id_, "kind": kind, "number": number}
                piece = connection.scalar(_SQL["piece"], values)
            if piece is None:
                return
            yield bytes(piece)
            number += 1

    def purge(self, *, undecided_before: datetime, rejects_before: datetime, now: datetime) -> int:
        """Discard what nobody decided on, and drop rejects that are old; how many pieces went."""
        values = {"undecided": undecided_before, "rejects": rejects_before, "now": now}
        with self._engine.begin() as connection:
            connection.execute(_SQL["discard_undecided"], values)
            return connection.execute(_SQL["purge_parts"], values).rowcount

    @staticmethod
    def _put(connection: Any, id_: UUID, kind: str, path: Path | None) -> None:
        if path is None:
            return
        with path.open("rb") as file:
            number = 0
            while piece := file.read(PIECE_BYTES):
                values = {"id": id_, "kind": kind, "number": number, "content": piece}
                connection.execute(_SQL["put"], values)
                number += 1


def _counts(summary: ImportSummary) -> dict[str, int]:
    names = ("rows", "imported", "updated", "unchanged", "duplicates", "rejected")
    return {name: getattr(summary, name) for name in names}
