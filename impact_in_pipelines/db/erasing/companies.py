"""Everything of one company: taken out as a ZIP, and erased. Statements: erasing.sql."""

import hashlib
import json
import os
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import (
    Connection,
    Delete,
    Engine,
    Select,
    Table,
    Text,
    cast,
    delete,
    func,
    literal_column,
    select,
    text,
)

from impact_in_pipelines.db.access.audit import Change, record
from impact_in_pipelines.db.accounts.companies import Company
from impact_in_pipelines.db.erasing.holdings import HOLDINGS
from impact_in_pipelines.db.erasing.sweeping import drop_answers, sweep, table_sizes
from impact_in_pipelines.db.erasing.words import Words
from impact_in_pipelines.db.queries import load
from impact_in_pipelines.db.schema import metadata
from impact_in_pipelines.errors.accounts import (
    CompanyBeingSent,
    CompanyNotExported,
    CompanyStillActive,
    CompanyUnknown,
)
from impact_in_pipelines.progress import Steps, Tell, silent

_SQL = load("erasing/erasing")
_AT_ONCE = 1_000
INSTEAD = "[erased]"
"""What stands where a word of theirs stood."""


@dataclass(frozen=True, slots=True)
class Exported:
    """A ZIP of everything: its SHA-256 (hex), its size in bytes, and how many rows of each table it has."""

    path: Path
    sha256: str
    bytes: int
    rows: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Erased:
    """How many rows of each table are gone or have been cleaned, and of each archive."""

    rows: Mapping[str, int]
    archives: Mapping[str, int]


def held_tables() -> list[Table]:
    """The tables that have rows of a company's own, in the order in which they can be deleted: what refers to
    others first, and first of all what is known by them only."""
    held = [one for one in reversed(metadata.sorted_tables) if HOLDINGS[one.name].rows is not None]
    return sorted(held, key=_turn)


def _turn(table: Table) -> int:
    if " IN (" in (HOLDINGS[table.name].rows or ""):
        return 0
    # Deleted events touch their days once more; a company goes when nothing refers to it.
    return {"impact_touched_days": 2, "companies": 3}.get(table.name, 1)


class CompanyErasing:
    """Exports and erases a company."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def being_sent(self, company_id: UUID) -> int:
        """How many of its deliveries are being sent at this moment."""
        with self._engine.connect() as connection:
            return int(connection.scalar(_SQL["being_sent"], {"company_id": company_id}) or 0)

    def rows_to_erase(self, company_id: UUID) -> int:
        """About how many rows have to be looked at, or deleted, to erase it."""
        with self._engine.connect() as connection:
            connection.execute(text("SET LOCAL statement_timeout = 0"))
            sizes = table_sizes(connection)
            swept = [name for name, holding in HOLDINGS.items() if holding.shared is not None]
            deleted = sum(
                1 + int(connection.scalar(_counted(table, company_id)) or 0)
                for table in held_tables()
            )
        return deleted + sum(sizes[name] for name in (*swept, "idempotency_keys"))

    def export(
        self,
        company: Company,
        path: Path,
        archived: Iterator[tuple[str, str]],
        *,
        actor: str,
        now: datetime,
        tell: Tell = silent,
    ) -> Exported:
        """Write everything that the database has of `company` to `path`, all of one moment, and what
        `archived` has of it: (name, JSON line). A row is a line of JSON in `tables/NAME.jsonl`. Audited; the
        company can be erased once `note_exported` was called too. `tell(done, total)` is called with the
        tables that are written; the archives count as one. Broken off, it leaves what was there before."""
        rows: dict[str, int] = {}
        with self._engine.connect() as connection, _whole_or_not(path) as part:
            connection.execution_options(isolation_level="REPEATABLE READ")
            connection.execute(text("SET LOCAL statement_timeout = 0"))
            with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as archive:
                part.chmod(0o600)
                tables = held_tables()
                for done, table in enumerate(tables):
                    tell(done, len(tables) + 1)
                    with archive.open(f"tables/{table.name}.jsonl", "w", force_zip64=True) as file:
                        count = 0
                        for line in _lines(connection, table, company.id):
                            file.write(line.encode() + b"\n")
                            count += 1
                    rows[table.name] = count
                tell(len(tables), len(tables) + 1)
                with archive.open("archives.jsonl", "w", force_zip64=True) as file:
                    count = 0
                    for name, line in archived:
                        file.write(f'{{"archive":{json.dumps(name)},"row":{line}}}\n'.encode())
                        count += 1
                rows["archives"] = count
                about = {
                    "company": {"id": str(company.id), "slug": company.slug, "name": company.name},
                    "exportedAt": now.isoformat(),
                    "rows": rows,
                }
                archive.writestr("manifest.json", json.dumps(about, indent=1, ensure_ascii=False))
            with part.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
                os.fsync(file.fileno())
        size = path.stat().st_size
        with self._engine.begin() as connection:
            after = {"sha256": digest, "bytes": size, "rows": sum(rows.values())}
            change = Change("company.export", f"company {company.id}", company.id, after=after)
            record(connection, [change], actor=actor, now=now)
        return Exported(path, digest, size, rows)

    def note_exported(self, company: Company, written: Exported, *, begun: datetime) -> None:
        """Note that somebody has the export that was `begun` then."""
        with self._engine.begin() as connection:
            values = {"id": company.id, "now": begun, "sha256": written.sha256}
            connection.execute(load("accounts/companies")["exported"], values)

    def erase(
        self,
        company: Company,
        *,
        organizations: Sequence[str],
        archives: Callable[[], Mapping[str, int]],
        export_sha256: str,
        actor: str,
        now: datetime,
        steps: Steps,
    ) -> Erased:
        """Erase `company` everywhere, in one transaction; of it the audit log keeps its id, how much there
        was, and the digest of the export. `organizations`: what its accounts may be called at platforms;
        `archives` erases it there, once nothing can change any more that allowed it. `steps` counts rows.

        Raises `CompanyUnknown`, `CompanyStillActive`, `CompanyNotExported` (another than this export is the
        latest), `CompanyBeingSent`.
        """
        values = {"company_id": company.id}
        words = Words([str(company.id), company.slug, company.name], INSTEAD)
        rows: dict[str, int] = {}
        with self._engine.begin() as connection:
            connection.execute(text("SET LOCAL statement_timeout = 0"))
            # Nothing of it may be on its way into an archive that has been looked through by then.
            connection.execute(_SQL["alone"])
            self._lock(connection, company, export_sha256)
            cleared = archives()
            sizes = table_sizes(connection)
            # First: afterwards nobody could tell which rows of several companies were this one's too.
            for name, holding in HOLDINGS.items():
                if holding.shared is not None:
                    table = metadata.tables[name]
                    rows[name] = len(sweep(connection, table, holding.shared, values, words))
                    steps.step(sizes[name])
            named = [*connection.scalars(_SQL["organizations"], values), *organizations]
            for name in (
                *("sessions_of_it_alone", "sessions_among_others", "tokens"),
                *("replays_of_it_alone", "replays_among_others", "avoided"),
            ):
                connection.execute(_SQL[name], values)
            connection.execute(_SQL["budgets"], {**values, "organizations": named})
            rows["idempotency_keys"] = drop_answers(connection, words)
            steps.step(sizes["idempotency_keys"])
            for table in held_tables():
                done = connection.execute(_deleted(table, company.id))
                steps.step(1 + done.rowcount)
                rows[table.name] = rows.get(table.name, 0) + done.rowcount
            done_rows = {name: count for name, count in sorted(rows.items()) if count}
            after = {"rows": done_rows, "archives": dict(cleared), "export_sha256": export_sha256}
            change = Change("company.erase", f"company {company.id}", None, after=after)
            record(connection, [change], actor=actor, now=now)
        return Erased(done_rows, cleared)

    def _lock(self, connection: Connection, company: Company, export_sha256: str) -> None:
        values = {"company_id": company.id}
        row = connection.execute(_SQL["lock"], values).one_or_none()
        if row is None:
            raise CompanyUnknown(company.slug)
        if row.active:
            raise CompanyStillActive(company.slug)
        if row.export_sha256 != export_sha256:
            raise CompanyNotExported(company.slug)
        if sending := connection.scalar(_SQL["being_sent"], values):
            raise CompanyBeingSent(company.slug, sending)


@contextmanager
def _whole_or_not(path: Path) -> Iterator[Path]:
    """What is to be written, which takes the place of `path` once the block has ended well."""
    part = path.with_name(f".{path.name}.part")
    try:
        yield part
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _lines(connection: Connection, table: Table, company_id: UUID) -> Iterator[str]:
    holding = HOLDINGS[table.name]
    one = table.alias("t")
    row: Any = func.to_jsonb(literal_column("t"))
    for column in holding.hidden:
        row = row.op("-")(column)
    statement = (
        select(cast(row, Text))
        .select_from(one)
        .where(text(holding.rows or "false").bindparams(company_id=company_id))
    )
    streamed = connection.execution_options(stream_results=True, max_row_buffer=_AT_ONCE)
    for part in streamed.execute(statement).partitions(_AT_ONCE):
        for (line,) in part:
            yield line


def _counted(table: Table, company_id: UUID) -> Select[int]:
    condition = text(HOLDINGS[table.name].rows or "false").bindparams(company_id=company_id)
    return select(func.count()).select_from(table.alias("t")).where(condition)


def _deleted(table: Table, company_id: UUID) -> Delete:
    condition = HOLDINGS[table.name].rows or "false"
    rows: Any = table.alias("t")
    return delete(rows).where(text(condition).bindparams(company_id=company_id))
