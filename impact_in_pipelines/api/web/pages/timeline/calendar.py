"""The calendar: a year, a month in detail; from a day to its delivery, from a hole to sending it."""

import calendar as months
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from starlette.responses import Response
from starlette.routing import Route

from impact_in_pipelines.api.http.problems import not_found
from impact_in_pipelines.api.web.visits import MANAGE, VIEW, Pages, Visit
from impact_in_pipelines.errors import ImpactInError
from impact_in_pipelines.platforms import Platform, installed_platform
from impact_in_pipelines.services.deliveries import calendar as service
from impact_in_pipelines.services.deliveries import corrections
from impact_in_pipelines.services.deliveries.calendar import CalendarDay, DayState
from impact_in_pipelines.services.deliveries.corrections import StaleFilter

_FIRST_YEAR = 2000
_TROUBLE = (DayState.FAILED, DayState.MISSED, DayState.HOLE)


def routes(pages: Pages) -> list[Route]:
    """The year, a month, and sending a day."""
    base = "/{company_id}/calendar"
    return [
        pages.route(base, year_page, VIEW),
        pages.route(f"{base}/send", send_form, MANAGE),
        pages.route(f"{base}/send", send, MANAGE, method="POST"),
        pages.route(f"{base}/{{month}}", month_page, VIEW),
    ]


@dataclass(frozen=True)
class MonthLine:
    """One month of a year: its first day, its days by platform, and how many of each state they have."""

    first: date
    days: Mapping[Platform, Sequence[CalendarDay]]
    counts: Mapping[DayState, int]


@dataclass(frozen=True)
class DayBox:
    """One day of a month in detail; outside the month, or not over yet, nothing is known of it."""

    day: date
    inside: bool
    states: Mapping[Platform, CalendarDay]


def year_page(visit: Visit) -> Response:
    """The months of a year that have begun, the latest first."""
    latest = service.last_day_over(visit.api.runtime, visit.home)
    year = _year(visit, latest)
    first, last = date(year, 1, 1), min(date(year, 12, 31), latest)
    found = service.calendar(visit.api.runtime, visit.home, first, last)
    begun = [month for month in range(12, 0, -1) if date(year, month, 1) <= latest]
    return visit.render(
        "calendar.html",
        year=year,
        lines=[_month_line(found, date(year, month, 1)) for month in begun],
        platforms_shown=list(found),
        stale=corrections.stale_days(
            visit.api.runtime, StaleFilter([visit.home.id]), limit=1
        ).total,
        earlier=year - 1 if year > _FIRST_YEAR else None,
        later=year + 1 if year < latest.year else None,
    )


def _year(visit: Visit, latest: date) -> int:
    text = visit.query("year")
    year = int(text) if len(text) == 4 and text.isdecimal() else latest.year
    return min(max(year, _FIRST_YEAR), latest.year)


def _month_line(found: Mapping[Platform, Sequence[CalendarDay]], first: date) -> MonthLine:
    days = {
        platform: [
            one for one in shown if (one.day.year, one.day.month) == (first.year, first.month)
        ]
        for platform, shown in found.items()
    }
    return MonthLine(first, days, Counter(one.state for shown in days.values() for one in shown))


def month_page(visit: Visit) -> Response:
    """One month, week by week."""
    return _month_page(visit, _month(visit))


def _month_page(visit: Visit, first: date, *, refusal: ImpactInError | None = None) -> Response:
    last = date(first.year, first.month, months.monthrange(first.year, first.month)[1])
    latest = service.last_day_over(visit.api.runtime, visit.home)
    found = {}
    if first <= latest:
        found = service.calendar(visit.api.runtime, visit.home, first, min(last, latest))
    by_day: dict[date, dict[Platform, CalendarDay]] = {}
    for platform, days in found.items():
        for one in days:
            by_day.setdefault(one.day, {})[platform] = one
    week_from = visit.language.locale.first_week_day
    weeks = months.Calendar(week_from).monthdatescalendar(first.year, first.month)
    return visit.render(
        "month.html",
        status=409 if refusal else 200,
        first=first,
        weeks=[
            [DayBox(d, d.month == first.month, by_day.get(d, {})) for d in week] for week in weeks
        ],
        weekdays=[
            visit.language.locale.days["stand-alone"]["abbreviated"][(week_from + n) % 7]
            for n in range(7)
        ],
        earlier=first - timedelta(days=1),
        later=last + timedelta(days=1) if last < latest else None,
        trouble=_TROUBLE,
        problem=visit.told(refusal) if refusal else None,
    )


def _month(visit: Visit) -> date:
    text = visit.request.path_params["month"]
    try:
        first = date.fromisoformat(f"{text}-01")
    except ValueError:
        raise not_found("month") from None
    if not _FIRST_YEAR <= first.year < 2100:
        raise not_found("month")
    return first


def send_form(visit: Visit) -> Response:
    """Asks whether the day is to be sent."""
    platform, day = _asked(visit.query("platform"), visit.query("day"))
    template = "parts/send_day.html" if visit.is_fragment else "send_day.html"
    return visit.render(template, platform=platform, day=day)


def send(visit: Visit) -> Response:
    """Queue the day; the timeline shows it at once."""
    platform, day = _asked(visit.field("platform"), visit.field("day"))
    try:
        service.send_day(
            visit.api.runtime,
            visit.home,
            platform,
            day,
            actor=visit.caller.subject,
            drains=visit.api.dagster,
        )
    except ImpactInError as refusal:
        return _month_page(visit, day.replace(day=1), refusal=refusal)
    return visit.go(visit.path("calendar", f"{day:%Y-%m}", done="sent"))


def _asked(platform: str, day: str) -> tuple[Platform, date]:
    """Raises a 404 problem: no other link names anything."""
    try:
        return installed_platform(platform), date.fromisoformat(day)
    except ValueError:
        raise not_found("day") from None
