"""Rows that are about to leave, as Parquet: a file for each table and month, with a manifest beside it.

`{folder}/{table}/2024-10.parquet` is read by `pandas.read_parquet`; `_2024-10.json` says how many rows it
has, its SHA-256 and the snapshot of the database in which they were read. UUIDs and JSON are text, times UTC.
A complete file is never written over: what comes to a month later, or was archived and not removed, is in
`2024-10-2.parquet`, and the newest file counts for a row that is in both.
"""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Column, Connection, Engine, text
from sqlalchemy.dialects.postgresql import ARRAY, CHAR, JSONB, TIMESTAMP
from sqlalchemy.types import (
    BigInteger,
    Boolean,
    Date,
    Float,
    Integer,
    LargeBinary,
    SmallInteger,
    Text,
    Uuid,
)

from impact_in_pipelines.db.queries import load
from impact_in_pipelines.db.schema import metadata
from impact_in_pipelines.errors.retention import ArchiveDiffers, ArchiveUnwritable

if TYPE_CHECKING:
    import pyarrow

_SQL = load("retention/leaving")
AT_ONCE = 5_000
"""Rows in memory at a time."""

_AS_TEXT = (Uuid, JSONB, ARRAY)


@dataclass(frozen=True, slots=True)
class Archive:
    """One file: its rows, and the snapshot (`changes.py`) in which they were read."""

    table: str
    month: str
    file: str
    rows: int
    bytes: int
    sha256: str
    columns: Sequence[str]
    mark: str


def archived(
    engine: Engine, folder: Path, table: str, month: datetime, until: datetime
) -> Archive | None:
    """Write the rows of `table` that belong to [month, until), read the file back and count; None: no rows.

    Rows and mark are of one snapshot. Raises `ArchiveDiffers` where the file doesn't hold what was written,
    `ArchiveUnwritable` where it can't be written.
    """
    try:
        with engine.connect() as connection:
            connection.execution_options(isolation_level="REPEATABLE READ")
            return _archived(connection, folder / table, table, month, until)
    except OSError as error:
        raise ArchiveUnwritable(folder, error.strerror or type(error).__name__) from error


def _archived(
    connection: Connection, folder: Path, table: str, month: datetime, until: datetime
) -> Archive | None:
    connection.execute(text("SET LOCAL statement_timeout = 0"))
    span = {"month": month, "until": until}
    rows = connection.scalar(_SQL[f"{table}_rows"], span)
    if not rows:
        return None
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    mark = connection.scalar(text("SELECT CAST(pg_current_snapshot() AS text)"))
    file = _free_name(folder, f"{month:%Y-%m}")
    columns = metadata.tables[table].columns
    digest = _write(file, columns, _chunks(connection, table, columns, span | {"limit": None}))
    archive = Archive(
        table=table,
        month=f"{month:%Y-%m}",
        file=file.name,
        rows=rows,
        bytes=file.stat().st_size,
        sha256=digest,
        columns=[column.name for column in columns],
        mark=str(mark),
    )
    _read_back(file, archive)
    put(manifest_of(file), json.dumps(asdict(archive), indent=1).encode())
    return archive


def _free_name(folder: Path, month: str) -> Path:
    """The first file of `month` that isn't there whole: one without a manifest was broken off."""
    number = 1
    while True:
        name = month if number == 1 else f"{month}-{number}"
        file = folder / f"{name}.parquet"
        if not manifest_of(file).exists():
            return file
        number += 1


def manifest_of(file: Path) -> Path:
    # Whoever reads a folder of Parquet files passes over names that begin so.
    return file.with_name(f"_{file.stem}.json")


def _chunks(
    connection: Connection, table: str, columns: Any, span: Mapping[str, Any]
) -> Iterator[list[tuple[Any, ...]]]:
    selected = ", ".join(_selected(column) for column in columns)
    statement = text(_SQL[table].text.replace("{columns}", selected))
    result = connection.execution_options(stream_results=True, max_row_buffer=AT_ONCE).execute(
        statement, span
    )
    for part in result.partitions(AT_ONCE):
        yield [tuple(row) for row in part]


def _selected(column: Column[Any]) -> str:
    name = f'r."{column.name}"'
    if isinstance(column.type, JSONB | Uuid):
        return f"CAST({name} AS text)"
    if isinstance(column.type, ARRAY):
        return f"CAST(to_jsonb({name}) AS text)"
    if column.name == "due_at":
        return f"nullif({name}, '-infinity')"
    return name


def _write(file: Path, columns: Any, chunks: Iterator[list[tuple[Any, ...]]]) -> str:
    import pyarrow as pa  # 0.4 s and 60 MB
    import pyarrow.parquet as pq

    schema = pa.schema([pa.field(column.name, _arrow_type(column)) for column in columns])
    with _beside(file) as temporary:
        with pq.ParquetWriter(temporary, schema, compression="zstd") as writer:
            for rows in chunks:
                arrays = [
                    pa.array(values, type=field.type)
                    for field, values in zip(schema, zip(*rows, strict=True), strict=True)
                ]
                writer.write_table(pa.Table.from_arrays(arrays, schema=schema))
        return sha256_of(temporary)


@contextmanager
def _beside(file: Path) -> Iterator[Path]:
    """What the block writes to the path is in the place of `file` afterwards, whole and on disk; what was
    broken off is gone: on a disk that is full, half a month would keep others from writing."""
    temporary = file.with_name(f".{file.stem}.part")
    try:
        yield temporary
        temporary.chmod(0o600)
        to_disk(temporary)
        temporary.replace(file)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    to_disk(file.parent)


def _arrow_type(column: Column[Any]) -> "pyarrow.DataType":
    import pyarrow as pa

    types: Sequence[tuple[Any, Any]] = (
        (_AS_TEXT, pa.string()),
        (TIMESTAMP, pa.timestamp("us", tz="UTC")),
        (Date, pa.date32()),
        (BigInteger, pa.int64()),
        (SmallInteger, pa.int16()),
        (Integer, pa.int32()),
        (Boolean, pa.bool_()),
        (Float, pa.float64()),
        (LargeBinary, pa.binary()),
        ((Text, CHAR), pa.string()),
    )
    return next(arrow for sql, arrow in types if isinstance(column.type, sql))


def _read_back(file: Path, archive: Archive) -> None:
    """Every value is read, as whoever opens it years later does."""
    import pyarrow.parquet as pq

    found = 0
    for batch in pq.ParquetFile(file).iter_batches(batch_size=AT_ONCE):
        found += batch.num_rows
    if found != archive.rows or sha256_of(file) != archive.sha256:
        raise ArchiveDiffers(file, archive.rows, found)


def put(path: Path, content: bytes) -> None:
    with _beside(path) as temporary:
        temporary.write_bytes(content)


def to_disk(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sha256_of(path: Path) -> str:
    with path.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
