"""`impact-in events import`: an events file into `impact_events` (design, section 8)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine

from impact_in_pipelines.db.queries import load
from impact_in_pipelines.impact.csv_import import (
    Broken,
    EventsFile,
    RejectsFile,
    default_rejects_path,
)
from impact_in_pipelines.impact.csv_rules import EventRules

FUTURE_LIMIT = timedelta(days=1)
"""How far after the import an event may lie; a later one is taken for mistyped and rejected."""

Progress = Callable[[int, int], None]

_CHUNK_ROWS = 50_000
_IMPORT_LOCK = 727103
_COPY = "COPY staged_events FROM STDIN WITH (FORMAT text, NULL '')"
_ESCAPES = str.maketrans({"\\": r"\\", "\n": r"\n", "\r": r"\r", "\t": r"\t"})


@dataclass(frozen=True, slots=True)
class ImportSummary:
    """What an import did with the `rows` of its file: `imported` new events, `updated` known ones whose
    content changed, `unchanged` ones, `duplicates` that a later line of the same file replaced, `rejected`
    ones (in `rejects_path`, None without any)."""

    rows: int
    imported: int
    updated: int
    unchanged: int
    duplicates: int
    rejected: int
    rejects_path: Path | None


def import_events(
    engine: Engine,
    path: Path,
    *,
    now: datetime,
    rejects_path: Path | None = None,
    progress: Progress | None = None,
) -> ImportSummary:
    """Import the CSV file at `path`: all rows that hold, or, if this raises, none.

    Rows that don't hold go to `rejects_path` (default `<input>.rejects.csv` beside the input), which is
    written anew each time and removed when none are rejected. The same file again changes nothing.
    Memory is bounded by 50,000 rows; the rest waits in a temporary table. `progress(done, total)` is told
    bytes of the file: reading and merging count half each. `now` (aware) is what `imported_at` says.

    Raises `UsageError` for a file that is missing, empty, not UTF-8 or has another header.
    """
    rejects = RejectsFile(rejects_path or default_rejects_path(path))
    tell = progress or _silent
    try:
        with EventsFile(path) as events, engine.begin() as connection:
            rows = _stage(connection, events, rejects, now, tell)
            counts = _merge(connection, now, lambda share: tell(*_halfway(events, share)))
    except BaseException:
        rejects.discard()
        raise
    written = counts["imported"] + counts["updated"]
    return ImportSummary(
        rows=rows,
        imported=counts["imported"],
        updated=counts["updated"],
        unchanged=counts["distinct"] - written,
        duplicates=rows - rejects.count - counts["distinct"],
        rejected=rejects.count,
        rejects_path=rejects.publish(),
    )


def _silent(_done: int, _total: int) -> None:
    """For callers that don't watch."""


def _halfway(events: EventsFile, share: float) -> tuple[int, int]:
    half = events.total_bytes // 2
    return half + round((events.total_bytes - half) * share), events.total_bytes


def _stage(
    connection: Connection, events: EventsFile, rejects: RejectsFile, now: datetime, tell: Progress
) -> int:
    """Copy the rows that hold into a temporary table, the others into the rejects; returns all rows."""
    sql = load("impact/impact")
    connection.execute(sql["create_staged_events"])
    companies = {row.slug: str(row.id) for row in connection.execute(sql["company_slugs"])}
    rules = EventRules(companies, now + FUTURE_LIMIT)
    rows = 0
    lines: list[str] = []
    for line, fields in events.records():
        rows += 1
        if isinstance(fields, Broken):
            rejects.add(line, fields.reason, fields.fields)
            continue
        if problem := rules.problem(fields):
            rejects.add(line, problem, fields)
            continue
        lines.append(_copy_line(line, fields, companies))
        if len(lines) == _CHUNK_ROWS:
            _copy(connection, lines)
            lines.clear()
            tell(events.bytes_read // 2, events.total_bytes)
    _copy(connection, lines)
    return rows


def _copy_line(line: int, fields: list[str], companies: Mapping[str, str]) -> str:
    fields[1], fields[0] = fields[0], companies[fields[1]]
    fields[6] = fields[6] or "0"
    text = "\t".join(fields)
    if "\\" in text or "\n" in text or "\r" in text or text.count("\t") != len(fields) - 1:
        text = "\t".join([field.translate(_ESCAPES) for field in fields])
    return f"{line}\t{text}\n"


def _copy(connection: Connection, lines: list[str]) -> None:
    driver: Any = connection.connection.cursor()
    with driver as cursor:
        cursor.copy_expert(_COPY, StringIO("".join(lines)))


def _merge(connection: Connection, now: datetime, tell: Callable[[float], None]) -> dict[str, Any]:
    """Bring the staged rows into `impact_events`; counts of `imported`, `updated` and `distinct` events."""
    sql = load("impact/impact")
    # Two imports of the same events in another order would otherwise wait for each other's rows for ever.
    connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_IMPORT_LOCK})")
    # DISTINCT ON sorts the whole file; 4 MB at a time takes twice as long.
    connection.exec_driver_sql("SET LOCAL work_mem = '32MB'")
    distinct = connection.execute(sql["create_merged_events"]).rowcount
    connection.execute(sql["index_merged_events"])
    connection.execute(sql["analyze_merged_events"])
    counts = {"imported": 0, "updated": 0, "distinct": distinct}
    for after in range(0, distinct, _CHUNK_ROWS):
        merged = connection.execute(
            sql["merge_events"], {"after": after, "until": after + _CHUNK_ROWS, "now": now}
        ).one()
        counts["imported"] += merged.imported
        counts["updated"] += merged.updated
        tell(min(1.0, (after + _CHUNK_ROWS) / distinct))
    if not distinct:
        tell(1.0)
    return counts
