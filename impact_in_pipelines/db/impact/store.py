"""The impact room's source in PostgreSQL: figures of any period, and `company_impact` kept up to date."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Engine

from impact_in_pipelines.db.engine import drained_rows, rows_as_json, rows_of
from impact_in_pipelines.db.impact import rows as impact_rows
from impact_in_pipelines.db.queries import load
from impact_in_pipelines.impact.figures import (
    FUTURE_TOLERANCE,
    HISTORY_DAYS,
    STANDARD_RANGES,
    ImpactFigures,
    PeriodRequest,
    Ref,
    utc_bounds,
)

_BATCH_DAYS = 2_000
_bounds = lru_cache(maxsize=4_096)(utc_bounds)  # most companies ask for the same few days


@dataclass(frozen=True, slots=True)
class RefreshSummary:
    """What a refresh of `company_impact` did: `days` (company, local day) pairs of `companies` companies
    computed, of which `written` rows changed, `removed` have no events left and the rest was as before;
    `first_day` and `last_day` span them (None: nothing was touched)."""

    companies: int = 0
    days: int = 0
    written: int = 0
    removed: int = 0
    first_day: date | None = None
    last_day: date | None = None

    @property
    def unchanged(self) -> int:
        """Days computed whose figures were what the table already said."""
        return self.days - self.written - self.removed


class ImpactStore:
    """Implements `impact.figures.ImpactSource` on `engine`; safe to share between threads."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._sql = load("impact/impact")

    def figures(
        self, requests: Sequence[PeriodRequest], now: datetime
    ) -> Mapping[Ref, ImpactFigures]:
        """The figures of every request by its ref, from one SQL statement, zeros where nothing happened.

        Raises `ZoneInfoNotFoundError` for a time zone that isn't one.
        """
        if not requests:
            return {}
        with self._engine.connect() as connection:
            return self.figures_on(connection, requests, now, history_days=HISTORY_DAYS)

    def figures_on(
        self,
        connection: Connection,
        requests: Sequence[PeriodRequest],
        now: datetime,
        *,
        history_days: int = 0,
    ) -> dict[Ref, ImpactFigures]:
        """`figures` in the transaction of `connection`; without `history_days` nobody tells what was
        usual."""  # Three platforms ask for the same company and period: it is read once.
        first: dict[tuple[Any, ...], PeriodRequest] = {}
        for request in requests:
            first.setdefault(_what(request), request)
        distinct = list(first.values())
        rows = connection.execute(
            self._sql["aggregate_periods"],
            {
                "requests": drained_rows([_as_row(n, r) for n, r in enumerate(distinct)]),
                "ranges": drained_rows(_RANGES),
                "latest": now + FUTURE_TOLERANCE,
                "history_days": history_days,
            },
        ).mappings()
        found = impact_rows.assemble(distinct, rows)
        return {r.ref: _known_as(r.ref, found[first[_what(r)].ref]) for r in requests}

    def refresh_company_impact(
        self, now: datetime, *, company_ids: Sequence[UUID] | None = None, full: bool = False
    ) -> RefreshSummary:
        """Compute the local days anew that imports have touched since the last refresh, or, if `full`, all.

        Works in batches of one transaction each: a day leaves the list of touched days in the transaction
        that writes its figures, so a refresh that dies repeats only what it hadn't finished, and two at
        once share the work. `company_ids` narrows it to some companies.
        """
        ids = list(company_ids) if company_ids is not None else None
        if full:
            with self._engine.begin() as connection:
                connection.execute(self._sql["mark_all_days"], {"company_ids": ids})
        companies: set[UUID] = set()
        summary = RefreshSummary()
        for days, written, removed in self._refresh_batches(now, ids):
            companies.update(company for company, _, _ in days)
            seen = [day for _, day, _ in days]
            summary = RefreshSummary(
                companies=len(companies),
                days=summary.days + len(days),
                written=summary.written + written,
                removed=summary.removed + removed,
                first_day=min(seen if summary.first_day is None else [*seen, summary.first_day]),
                last_day=max(seen if summary.last_day is None else [*seen, summary.last_day]),
            )
        return summary

    def _refresh_batches(
        self, now: datetime, company_ids: list[UUID] | None
    ) -> Iterator[tuple[list[tuple[UUID, date, str]], int, int]]:
        while True:
            with self._engine.begin() as connection:
                taken = connection.execute(
                    self._sql["take_touched_days"],
                    {"company_ids": company_ids, "limit": _BATCH_DAYS},
                )
                rows = rows_of(taken)
                days = [(row["company_id"], row["day"], row["timezone"]) for row in rows]
                # A statement of its own: only its newer snapshot has what the rows' last holder imported.
                written, removed = self._compute(connection, days, now) if days else (0, 0)
                handed_on = {"rows": rows_as_json([dict(row) for row in rows]), "now": now}
                connection.execute(self._sql["hand_on_days"], handed_on)
            if not days:
                return
            yield days, written, removed

    def _compute(
        self, connection: Connection, days: Sequence[tuple[UUID, date, str]], now: datetime
    ) -> tuple[int, int]:
        requests = [
            PeriodRequest(str(n), company, timezone, day, day)
            for n, (company, day, timezone) in enumerate(days)
        ]
        figures = self.figures_on(connection, requests, now).values()
        kept = [impact_rows.to_row(each) for each in figures if each.events]
        gone = [
            {"company_id": each.company_id, "day": each.period_start}
            for each in figures
            if not each.events
        ]
        written = connection.execute(
            self._sql["write_company_days"], {"rows": rows_as_json(kept), "now": now}
        )
        removed = connection.execute(self._sql["remove_company_days"], {"rows": rows_as_json(gone)})
        return written.rowcount, removed.rowcount

    def content_version(self) -> str:
        """What `company_impact` says, as one short text: the same for the same figures, whenever they were
        computed."""
        with self._engine.connect() as connection:
            row = connection.execute(self._sql["content_version"]).one()
        return f"{row.days}-{int(row.digest):x}"

    def daily_figures(
        self,
        now: datetime,
        *,
        first_day: date | None = None,
        last_day: date | None = None,
        company_ids: Sequence[UUID] | None = None,
        computed_since: datetime | None = None,
        limit: int = 100_000,
    ) -> list[ImpactFigures]:
        """What `company_impact` says, one per company and local day, in that order, `limit` at most.

        `computed_since` leaves only what a refresh since then has changed; `ref` is `SLUG DAY`.
        """
        parameters = {
            "history_days": HISTORY_DAYS,
            "company_ids": list(company_ids) if company_ids is not None else None,
            "first_day": first_day,
            "last_day": last_day,
            "computed_since": computed_since,
            "limit": limit,
        }
        with self._engine.connect() as connection:
            rows = connection.execute(self._sql["company_days"], parameters).mappings()
            return [impact_rows.from_row(row, now) for row in rows]


_RANGES: list[dict[str, Any]] = [
    {"category": category, "lowest": lowest, "highest": highest}
    for category, (lowest, highest) in STANDARD_RANGES.items()
]


def _what(request: PeriodRequest) -> tuple[Any, ...]:
    return (request.company_id, request.period_start, request.period_end, request.timezone)


def _known_as(ref: Ref, figures: ImpactFigures) -> ImpactFigures:
    return figures if figures.ref == ref else replace(figures, ref=ref)


def _as_row(number: int, request: PeriodRequest) -> dict[str, Any]:
    starts_at, ends_at = _bounds(request.period_start, request.period_end, request.timezone)
    return {
        "ref": number,
        "company_id": str(request.company_id),
        "starts_at": starts_at.isoformat(),
        "ends_at": ends_at.isoformat(),
        "timezone": request.timezone,
        "first_day": request.period_start.isoformat(),
        "last_day": request.period_end.isoformat(),
    }
