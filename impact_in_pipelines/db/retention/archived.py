"""Which archived delivery is in which file of the archive: noted before its month leaves the log.

A row of 68 bytes a delivery and 40 of index, found by the delivery's id alone. The links of evidence, which
stay as well, have no index by delivery: it would cost every delivery something, for what is asked seldom. And
the files are found without the archive, which not every process has.
"""

import logging
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DataError

from impact_in_pipelines.db.queries import load
from impact_in_pipelines.db.retention.archives import manifest_of
from impact_in_pipelines.errors import ImpactInError
from impact_in_pipelines.errors.deliveries import DeliveryArchived, DeliveryUnknown

_SQL = load("retention/archived")
_DELIVERIES = "impact_deliveries"
_AT_ONCE = 20_000
_log = logging.getLogger(__name__)


def note_file(engine: Engine, file: Path, at: datetime) -> None:
    """Note every delivery that `file` has, a file of deliveries that was archived `at` (aware), in place
    of what was noted of one with its name: an archive that was lost begins again with the same names."""
    import pyarrow.parquet as pq  # 0.4 s and 60 MB

    month = datetime.strptime(file.stem[:7], "%Y-%m").replace(tzinfo=UTC).date()
    with engine.begin() as connection:
        connection.execute(text("SET LOCAL statement_timeout = 0"))
        values = {"file": f"{_DELIVERIES}/{file.name}", "month": month, "at": at}
        earlier = connection.scalar(_SQL["forget_file"], values)
        if earlier is not None:
            connection.execute(_SQL["forget_deliveries"], {"file": earlier})
        number = connection.scalar(_SQL["add_file"], values)
        for batch in pq.ParquetFile(file).iter_batches(_AT_ONCE, columns=["id", "company_id"]):
            connection.execute(_SQL["add_deliveries"], {"file": number, **_columns(batch)})


def note_older_files(engine: Engine, folder: Path) -> None:
    """Note the deliveries of files from before they were noted, and of what was restored since. One that
    can't be read is named in the log, and holds up nothing.

    Only of files with a manifest: one without is a stranger's, or was broken off and is written over.
    """
    with engine.connect() as connection:
        known = set(connection.scalars(_SQL["known_files"]))
        noted = {row.file: row.at for row in connection.execute(_SQL["noted_files"])}
    for file in sorted((folder / _DELIVERIES).glob("*.parquet"), key=_age):
        name = f"{_DELIVERIES}/{file.name}"
        if name in known or not manifest_of(file).exists():
            continue
        try:
            written = datetime.fromtimestamp(file.stat().st_mtime, UTC)
            note_file(engine, file, noted.get(name, written))
        except (OSError, ValueError, RuntimeError, LookupError, TypeError, DataError) as error:
            # These are what pyarrow raises. A DataError quotes all ids after its first line.
            reason = str(error).partition("\n")[0] or type(error).__name__
            _log.warning("%s can't be read, so its deliveries aren't known by id: %s", file, reason)


def absent(
    connection: Connection, ids: Sequence[UUID], company_ids: Sequence[UUID] | None
) -> dict[UUID, ImpactInError]:
    """Why each of `ids`, which the log doesn't have, isn't there: it was archived, or is unknown to who may
    see `company_ids` (None: all)."""
    seen = None if company_ids is None else list(company_ids)
    found = connection.execute(_SQL["archived"], {"ids": list(ids), "company_ids": seen})
    archived = {
        row.id: DeliveryArchived(
            str(row.id), row.archived_at.astimezone(UTC).date(), f"{row.month:%Y-%m}", row.file
        )
        for row in found
    }
    return {id_: archived.get(id_) or DeliveryUnknown(str(id_)) for id_ in ids}


def archived_between(
    connection: Connection, lowest: UUID, highest: UUID, company_id: UUID | None, limit: int
) -> list[UUID]:
    """At most `limit` archived deliveries whose ids lie in a range; of a company, None: of all."""
    values = {"lowest": lowest, "highest": highest, "company_id": company_id, "limit": limit}
    return list(connection.scalars(_SQL["between"], values))


def _columns(batch: object) -> dict[str, list[str]]:
    ids, companies = (column.to_pylist() for column in batch.columns)  # type: ignore[attr-defined]
    return {"ids": ids, "company_ids": companies}


def _age(file: Path) -> tuple[str, int]:
    """Months in their order, and `2024-10` before `2024-10-2`."""
    number = file.stem[8:]
    return file.stem[:7], int(number) if number.isdigit() else 1
