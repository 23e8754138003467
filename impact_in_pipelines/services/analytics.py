"""How deliveries and calls have gone over a span of days: for one company's people, or over all companies."""

from collections.abc import Sequence
from datetime import date, timedelta

from impact_in_pipelines.analytics.document import Document, analytics_document
from impact_in_pipelines.analytics.hours import best_hour
from impact_in_pipelines.analytics.model import (
    Analytics,
    DayFigures,
    Goals,
    PlatformFigures,
    Prices,
    grain_of,
    points_of,
    total_of,
)
from impact_in_pipelines.db.accounts.companies import Company
from impact_in_pipelines.db.analytics.hours import HourStore
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.runtime import Runtime

DAYS = 28
"""The usual span: four of each weekday."""
MOST_DAYS = 400
COMPANIES = 20
"""So many companies are listed on a page; a file has `ALL_COMPANIES` of them."""
ALL_COMPANIES = 10_000
_DAY = timedelta(days=1)


def about(
    runtime: Runtime, company: Company | None, days: int = DAYS, *, companies: int = COMPANIES
) -> Document:
    """`analytics` as JSON data."""
    return analytics_document(analytics(runtime, company, days, companies=companies))


def analytics(
    runtime: Runtime, company: Company | None, days: int = DAYS, *, companies: int = COMPANIES
) -> Analytics:
    """The last `days` UTC days up to today, which is as far as the last hourly run has counted. About one
    company it says nothing of any other; about all (None), the `companies` with the most calls are listed."""
    now = runtime.clock()
    last = now.date()
    first = last - (days - 1) * _DAY
    earlier = first - days * _DAY
    rows = _rows(runtime, company, earlier, last)
    present = [one for one in rows if one.day >= first]
    hours = HourStore(runtime.database.engine)
    most, called_by = ([], 0) if company else hours.most_calls(first, last, companies)
    limits = runtime.sla_thresholds.book().of(company.id if company else None)
    return Analytics(
        company=company.slug if company else None,
        name=company.name if company else None,
        zone=company.timezone if company else None,
        made_at=now,
        counted_at=hours.counted_at(last),
        grain=grain_of(days),
        goals=Goals(
            limits.success_rate_target_percent / 100,
            limits.on_time_rate_target_percent / 100,
            limits.latency_target_ms,
        ),
        prices=Prices(runtime.settings.api_call_prices, runtime.settings.api_call_currency),
        total=total_of(rows, first, last),
        before=total_of(rows, earlier, first - _DAY),
        points=points_of(present, first, last),
        platforms=_platforms(hours, company, present, first, last),
        companies=most,
        called_by=called_by,
    )


def _rows(runtime: Runtime, company: Company | None, first: date, last: date) -> list[DayFigures]:
    found = (
        runtime.series.of_company(company.id, first, last)
        if company
        else runtime.series.of_platforms(first, last)
    )
    return [DayFigures(one.day, one.platform, one.deliveries, one.calls) for one in found]


def _platforms(
    store: HourStore, company: Company | None, rows: Sequence[DayFigures], first: date, last: date
) -> list[PlatformFigures]:
    """Those of which anything is known."""
    if company:
        hours, local = store.of_company(company.id, first, last, company.timezone)
    else:
        hours, local = store.of_platforms(first, last), {}
    return [
        PlatformFigures(
            platform,
            total_of(mine, first, last),
            points_of(mine, first, last),
            hours.get(platform, []),
            best_hour(hours.get(platform, [])),
            local.get(platform, []),
            best_hour(local.get(platform, [])) if company else None,
        )
        # Also those whose connector is gone.
        for platform in dict.fromkeys([*Platform, *(one.platform for one in rows)])
        if (mine := [one for one in rows if one.platform is platform])
    ]
