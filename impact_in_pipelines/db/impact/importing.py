"""An events file into `impact_events` (design, section 8)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, Row

from impact_in_pipelines.db.access.audit import Change, record
from impact_in_pipelines.db.accounts.companies import Company
from impact_in_pipelines.db.erasing.people import erased_people, no_erasing_meanwhile
from impact_in_pipelines.db.queries import load
from impact_in_pipelines.impact.csv_import import (
    Broken,
    EventsFile,
    RejectsFile,
    default_rejects_path,
)
from impact_in_pipelines.impact.csv_rules import LONGEST_REF, EventRules
from impact_in_pipelines.impact.reasons import sentences as reasons
from impact_in_pipelines.progress import Tell, silent

FUTURE_LIMIT = timedelta(days=1)
"""How far after the import an event may lie; a later one is taken for mistyped and rejected."""

_CHUNK_ROWS = 50_000
_CONFLICTS_AT_ONCE = 1_000
_LINES_NAMED = 5
_IMPORT_LOCK = 727103
_COPY = "COPY staged_events FROM STDIN WITH (FORMAT text, NULL '')"
_COPY_REFUSED = "COPY refused_events FROM STDIN WITH (FORMAT text)"
_ESCAPES = str.maketrans({"\\": r"\\", "\n": r"\n", "\r": r"\r", "\t": r"\t"})


@dataclass(frozen=True, slots=True)
class ImportSummary:
    """What an import did with the `rows` of its file: `imported` new events, `updated` known ones that an
    earlier file had otherwise, `unchanged` ones, `duplicates` that repeat another line of the same file word
    for word, `rejected` ones (in `rejects_path`, None without any; the first ones with line and reason)."""

    rows: int
    imported: int
    updated: int
    unchanged: int
    duplicates: int
    rejected: int
    rejects_path: Path | None
    first_reasons: tuple[tuple[int, str], ...] = field(default=(), compare=False)


def import_events(
    engine: Engine,
    path: Path,
    *,
    now: datetime,
    actor: str | None = None,
    rejects_path: Path | None = None,
    tell: Tell = silent,
    only: Company | None = None,
    name: str | None = None,
    dry_run: bool = False,
    first: Callable[[Connection], None] | None = None,
) -> ImportSummary:
    """Import the CSV file at `path`: all rows that hold, or, if this raises, none.

    `only`: rows of other companies are rejected as if there were none. `name`: what the audit log calls the
    file. With `dry_run` everything is done and taken back: the summary and the rejects say what would be.

    Rows that don't hold go to `rejects_path` (default `<input>.rejects.csv` beside the input), which is
    written anew each time and removed when none are rejected. So do all lines of an event that the file has
    with different content: which one is right, only a person knows. The same file again changes nothing.
    Memory is bounded by 50,000 rows; the rest waits in a temporary table. `tell` is called
    with bytes of the file: reading and merging count half each. `now` (aware) is what `imported_at` says.
    With an `actor`, an import that changes or rejects anything stands in the audit log. `first` does
    something of its caller's in the same transaction, before anything is read: both are kept, or neither.

    Raises a refusal of `errors.impact` for a file that can't be read as an events file.
    """
    rejects = RejectsFile(rejects_path or default_rejects_path(path))
    try:
        with EventsFile(path) as events, engine.connect() as connection:
            rejects.dialect = events.dialect
            # Sorting and merging millions of rows takes longer than a statement may otherwise.
            connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
            # Who is erased between reading and merging would come back.
            no_erasing_meanwhile(connection)
            if first is not None:
                first(connection)
            rows = _stage(connection, events, rejects, now, tell, only)
            counts = _merge(
                connection,
                rows - rejects.count,
                now,
                _Conflicts(connection, path, rejects),
                lambda share: tell(*_halfway(events, share)),
            )
            written = counts["imported"] + counts["updated"]
            # A file of which nothing was taken is what somebody asks about later.
            if actor and (written or rejects.count) and not dry_run:
                after = {**counts, "rows": rows, "rejected": rejects.count}
                company_id = only.id if only else None
                change = Change("events.import", name or path.name, company_id, after=after)
                record(connection, [change], actor=actor, now=now)
            if dry_run:
                connection.rollback()
            else:
                connection.commit()
    except BaseException:
        rejects.discard()
        raise
    return ImportSummary(
        rows=rows,
        imported=counts["imported"],
        updated=counts["updated"],
        unchanged=counts["distinct"] - written,
        duplicates=rows - rejects.count - counts["distinct"],
        rejected=rejects.count,
        rejects_path=rejects.publish(),
        first_reasons=tuple(rejects.first),
    )


@dataclass(frozen=True, slots=True)
class _Conflicts:
    """Takes events that stand in the file with different content out of what is merged, and their lines to
    the rejects, as they are written: the file is read once more, and only for files that have such. A line
    that was rejected by itself says something else as well: what it was meant to say may be what is right."""

    connection: Connection
    path: Path
    rejects: RejectsFile

    def reject(self) -> int:
        """How many events were taken out."""
        sql = load("impact/impact")
        self.connection.execute(sql["create_conflicts"], {"most": _LINES_NAMED + 1})
        events = self.connection.execute(sql["drop_conflicts_from_merged"]).rowcount
        if events:
            found = self.connection.execute(
                sql["conflicts_in_order"], execution_options={"yield_per": _CONFLICTS_AT_ONCE}
            )
            with EventsFile(self.path) as file:
                records = file.records()
                for row in found:
                    fields = next(fields for line, fields in records if line == row.line)
                    assert not isinstance(fields, Broken)
                    self.rejects.add(row.line, _conflict(row), fields)
        return events


def _conflict(row: Row[Any]) -> str:
    others = [line for line in row.lines if line != row.line][:_LINES_NAMED]
    named = ", ".join(f"{line}" for line in others)
    more = row.total - 1 - len(others)
    return reasons.told(
        reasons.CONFLICT_LINES if row.total > 2 else reasons.CONFLICT_LINE,
        value=row.event_id[:60],
        lines=f"{named}{f' and {more:,} more' if more else ''}",
    )


def _halfway(events: EventsFile, share: float) -> tuple[int, int]:
    half = events.total_bytes // 2
    return half + round((events.total_bytes - half) * share), events.total_bytes


def _stage(
    connection: Connection,
    events: EventsFile,
    rejects: RejectsFile,
    now: datetime,
    tell: Tell,
    only: Company | None,
) -> int:
    """Copy the rows that hold into a temporary table, the others into the rejects; returns all rows."""
    sql = load("impact/impact")
    connection.execute(sql["create_staged_events"])
    connection.execute(sql["create_refused_events"])
    known = connection.execute(sql["company_slugs"])
    companies = {row.slug: str(row.id) for row in known if only is None or row.id == only.id}
    erased = erased_people(connection)
    rules = EventRules(companies, now + FUTURE_LIMIT, decimal_comma=events.dialect.decimal_comma)
    rows = 0
    lines: list[str] = []
    refused: list[str] = []
    for line, fields in events.records():
        rows += 1
        if isinstance(fields, Broken):
            rejects.add(line, fields.reason, fields.fields)
            continue
        if erased.any and erased.has(companies.get(fields[1], ""), fields[4:6]):
            # Not even the rejects may name them.
            rejects.add(line, reasons.ERASED, [*fields[:4], "", "", *fields[6:]])
            continue
        if problem := rules.problem(fields):
            rejects.add(line, problem, fields)
            if (company_id := companies.get(fields[1])) and 0 < len(fields[0]) <= LONGEST_REF:
                refused.append(_refused_line(line, company_id, fields[0]))
            if len(refused) == _CHUNK_ROWS:
                _copy(connection, refused, _COPY_REFUSED)
                refused.clear()
            continue
        lines.append(_copy_line(line, fields, companies))
        if len(lines) == _CHUNK_ROWS:
            _copy(connection, lines)
            lines.clear()
            tell(events.bytes_read // 2, events.total_bytes)
    _copy(connection, lines)
    _copy(connection, refused, _COPY_REFUSED)
    return rows


def _copy_line(line: int, fields: list[str], companies: Mapping[str, str]) -> str:
    fields[1], fields[0] = fields[0], companies[fields[1]]
    text = "\t".join(fields)
    if "\\" in text or "\n" in text or "\r" in text or text.count("\t") != len(fields) - 1:
        text = "\t".join([field.translate(_ESCAPES) for field in fields])
    return f"{line}\t{text}\n"


def _refused_line(line: int, company_id: str, event_id: str) -> str:
    # PostgreSQL knows no NUL, and no event that is stored has one.
    return f"{line}\t{company_id}\t{event_id.replace(chr(0), '').translate(_ESCAPES)}\n"


def _copy(connection: Connection, lines: list[str], statement: str = _COPY) -> None:
    driver: Any = connection.connection.cursor()
    with driver as cursor:
        cursor.copy_expert(statement, StringIO("".join(lines)))


def _merge(
    connection: Connection,
    staged: int,
    now: datetime,
    conflicts: _Conflicts,
    tell: Callable[[float], None],
) -> dict[str, Any]:
    """Bring the `staged` rows into `impact_events`; counts of `imported`, `updated` and `distinct` events."""
    sql = load("impact/impact")
    # Two imports of the same events in another order would otherwise wait for each other's rows for ever.
    connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_IMPORT_LOCK})")
    # DISTINCT ON sorts the whole file; 4 MB at a time takes twice as long.
    connection.exec_driver_sql("SET LOCAL work_mem = '32MB'")
    places = connection.execute(sql["create_merged_events"]).rowcount
    repeated = staged > places or conflicts.rejects.count
    distinct = places - (conflicts.reject() if repeated else 0)
    connection.execute(sql["index_merged_events"])
    connection.execute(sql["analyze_merged_events"])
    counts = {"imported": 0, "updated": 0, "distinct": distinct}
    for after in range(0, places, _CHUNK_ROWS):
        merged = connection.execute(
            sql["merge_events"], {"after": after, "until": after + _CHUNK_ROWS, "now": now}
        ).one()
        counts["imported"] += merged.imported
        counts["updated"] += merged.updated
        tell(min(1.0, (after + _CHUNK_ROWS) / places))
    if not places:
        tell(1.0)
    return counts
