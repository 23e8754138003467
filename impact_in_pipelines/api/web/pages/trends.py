"""Trends: how deliveries have gone over weeks or months, drawn as the reports draw them."""

from collections.abc import Sequence
from itertools import dropwhile

from markupsafe import Markup
from starlette.responses import Response
from starlette.routing import Route

from impact_in_pipelines.api.web.visits import VIEW, Pages, Visit
from impact_in_pipelines.services.trends import Trends, trends
from impact_in_pipelines.sla.reports import charts
from impact_in_pipelines.sla.reports.report import TrendPoint
from impact_in_pipelines.sla.windows import ReportPeriod
from impact_in_pipelines.wording.marking import N_

_MINUTE_MS = 60_000


def routes(pages: Pages) -> list[Route]:
    """The page."""
    return [pages.route("/{company_id}/trends", page, VIEW)]


def page(visit: Visit) -> Response:
    """Charts with axes, and the same in figures below."""
    asked = visit.query("by")
    period = ReportPeriod.MONTHLY if asked == "monthly" else ReportPeriod.WEEKLY
    found = trends(visit.api.runtime, visit.home, period)
    # Periods before the first delivery say nothing.
    points = list(dropwhile(lambda point: not point.due, found.points))
    known = any(point.due for point in points)
    return visit.render(
        "trends.html",
        period=period.value,
        points=[(_label(visit, point, period), point) for point in points],
        drawn=_drawn(visit, found, points) if known else [],
    )


def _label(visit: Visit, point: TrendPoint, period: ReportPeriod) -> str:
    first = point.start.date()
    if period is ReportPeriod.MONTHLY:
        return visit.formats.month(first)
    return visit.formats.days(first, first)


def _drawn(
    visit: Visit, found: Trends, points: Sequence[TrendPoint]
) -> list[tuple[str, str, Markup]]:
    """Each chart: its title, a line below it, and itself."""
    limits = visit.api.runtime.sla_thresholds.book().of(visit.home.id)
    labels = [_axis(visit, point, found.period) for point in points]
    success, on_time = visit.text(N_("Success rate")), visit.text(N_("On time"))
    days = visit.text(N_("Deliveries by day"))
    latency = visit.text(N_("Average latency"))
    within = visit.formats.duration(limits.latency_target_ms)
    return [
        (
            success,
            visit.text(N_("Of what was due, the share that arrived.")),
            _rates(
                visit,
                labels,
                [point.success_rate for point in points],
                limits.success_rate_target_percent,
                success,
            ),
        ),
        (
            on_time,
            visit.text(N_("Of what was due, the share that arrived within %(time)s."))
            % {"time": within},
            _rates(
                visit,
                labels,
                [point.on_time_rate for point in points],
                limits.on_time_rate_target_percent,
                on_time,
            ),
        ),
        (
            latency,
            visit.text(N_("From when it was due until it arrived, on average.")),
            _latency(visit, labels, points, limits.latency_target_ms, latency),
        ),
        (
            days,
            visit.text(N_("Arrived, and on top of them those that did not; days are UTC.")),
            _svg(
                charts.stacked_days(
                    [visit.formats.short_day(one.day) for one in found.days],
                    [one.successful for one in found.days],
                    [one.not_arrived for one in found.days],
                    title=days,
                )
            ),
        ),
    ]


def _rates(
    visit: Visit,
    labels: Sequence[str],
    values: Sequence[float | None],
    target_percent: float,
    title: str,
) -> Markup:
    said = visit.text(N_("target %(value)s")) % {"value": visit.formats.percent(target_percent)}
    return _svg(
        charts.trend_chart(
            labels,
            values,
            target=target_percent / 100,
            title=title,
            target_text=said,
            shown=visit.formats.percent,
        )
    )


def _latency(
    visit: Visit, labels: Sequence[str], points: Sequence[TrendPoint], target_ms: float, title: str
) -> Markup:
    """In minutes."""
    times = [one.average_latency_ms for one in points]
    said = visit.text(N_("target %(value)s")) % {"value": visit.formats.duration(target_ms)}
    return _svg(
        charts.measure_chart(
            labels,
            [None if time is None else time / _MINUTE_MS for time in times],
            target=target_ms / _MINUTE_MS,
            title=title,
            target_text=said,
            unit=visit.text(N_("min")),
            shown=lambda minutes: visit.formats.duration(minutes * _MINUTE_MS),
        )
    )


def _axis(visit: Visit, point: TrendPoint, period: ReportPeriod) -> str:
    """A label that fits below a point."""
    first = point.start.date()
    return (
        visit.formats.short_month(first)
        if period is ReportPeriod.MONTHLY
        else visit.formats.days(first, first)
    )


def _svg(text: str) -> Markup:
    return Markup(text)  # noqa: S704 (the charts escape what they are given)
