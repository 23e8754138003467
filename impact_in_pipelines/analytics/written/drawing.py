"""The charts of analytics, from its document; they are the reports' own."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple

from markupsafe import Markup

from impact_in_pipelines.analytics.document import known_points
from impact_in_pipelines.platforms import TITLES, Platform
from impact_in_pipelines.sla.reports import charts
from impact_in_pipelines.sla.reports.said import N_, ReportLanguage

_MINUTE_MS = 60_000
DayLabel = Callable[[date], str]
"""Words a day for an axis."""


class Drawn(NamedTuple):
    """A chart with its title and a line below it."""

    title: str
    caption: str
    svg: Markup


def drawn_charts(
    document: Mapping[str, Any], reader: ReportLanguage, label: DayLabel
) -> list[Drawn]:
    """Success, punctuality, latency, volume, answers, calls, and calls by hour; of a document in which
    something is."""
    points, text = known_points(document), reader.text
    labels = [label(date.fromisoformat(one["from"])) for one in points]
    targets = document["targets"]
    target = N_("target %(value)s")
    return [
        _rates(
            (N_("Success rate"), N_("Of what was due, the share that arrived.")),
            (labels, [one["successRate"] for one in points]),
            targets["successRate"],
            reader,
        ),
        _rates(
            (
                N_("On time"),
                N_("Of what was due, the share that arrived within the latency target."),
            ),
            (labels, [one["onTimeRate"] for one in points]),
            targets["onTimeRate"],
            reader,
        ),
        _drawn(
            reader,
            N_("Average latency"),
            N_("From when it was due until it arrived, on average."),
            charts.measure_chart(
                labels,
                [_in(one["avgLatencyMs"], _MINUTE_MS) for one in points],
                target=targets["latencyMs"] / _MINUTE_MS,
                title=text(N_("Average latency")),
                target_text=text(target) % {"value": reader.duration(targets["latencyMs"])},
                unit=text(N_("min")),
                shown=lambda minutes: reader.duration(minutes * _MINUTE_MS),
            ),
        ),
        _drawn(
            reader,
            N_("Deliveries"),
            N_("Arrived, and on top of them those that did not; days are UTC."),
            charts.stacked_days(
                labels,
                [one["succeededDeliveries"] for one in points],
                [one["plannedDeliveries"] - one["succeededDeliveries"] for one in points],
                title=text(N_("Deliveries")),
            ),
        ),
        _answers(document, points, labels, reader),
        _drawn(
            reader,
            N_("API calls"),
            N_(
                "Calls that brought something, and on top of them those that did not; a batch is one call."
            ),
            charts.stacked_days(
                labels,
                [one["requests"] - one["failedRequests"] for one in points],
                [one["failedRequests"] for one in points],
                title=text(N_("API calls")),
            ),
        ),
        _hours(document, reader),
    ]


def _drawn(reader: ReportLanguage, title: str, caption: str, svg: str) -> Drawn:
    # The charts escape what they are given.
    return Drawn(reader.text(title), reader.text(caption), Markup(svg))  # noqa: S704


def _rates(
    said: tuple[str, str],
    values: tuple[Sequence[str], Sequence[float | None]],
    target: float,
    reader: ReportLanguage,
) -> Drawn:
    title, caption = said
    labels, rates = values
    svg = charts.trend_chart(
        labels,
        rates,
        target=target,
        title=reader.text(title),
        target_text=reader.text(N_("target %(value)s")) % {"value": reader.share(target, 0)},
        shown=lambda percent: reader.share(percent / 100, 1),
    )
    return _drawn(reader, title, caption, svg)


def _answers(
    document: Mapping[str, Any],
    points: Sequence[Mapping[str, Any]],
    labels: Sequence[str],
    reader: ReportLanguage,
) -> Drawn:
    """In milliseconds, or in seconds where a platform takes that long."""
    left_out = len(document["points"]) - len(points)
    named = [
        (
            TITLES[Platform(one["platform"])],
            [point["p50AnswerMs"] for point in one["points"][left_out:]],
        )
        for one in document["platforms"]
    ]
    slow = max([ms for _, values in named for ms in values if ms is not None], default=0.0) >= 2_000
    svg = charts.lines(
        labels,
        [(name, [_in(ms, 1_000 if slow else 1) for ms in values]) for name, values in named],
        title=reader.text(N_("Median answer")),
        unit="s" if slow else "ms",
    )
    return _drawn(reader, N_("Median answer"), N_("How long platforms take to answer a call."), svg)


def _hours(document: Mapping[str, Any], reader: ReportLanguage) -> Drawn:
    """Of all platforms together, in the company's zone or in UTC."""
    local = document["timezone"] is not None
    calls, failed = [0] * 24, [0] * 24
    for one in document["platforms"]:
        for hour in one["localHours" if local else "hours"]:
            calls[hour["hour"]] += hour["requests"] - hour["failedRequests"]
            failed[hour["hour"]] += hour["failedRequests"]
    caption = reader.text(N_("When calls began; hours are those of %(zone)s.")) % {
        "zone": document["timezone"] or "UTC"
    }
    svg = charts.stacked_days(
        [f"{hour:02d}" for hour in range(24)],
        calls,
        failed,
        title=reader.text(N_("Calls by hour of the day")),
    )
    return Drawn(reader.text(N_("Calls by hour of the day")), caption, Markup(svg))  # noqa: S704


def _in(value: float | None, unit: float) -> float | None:
    return None if value is None else value / unit


def axis_label(day: date) -> str:
    """A day as reports write it below their charts: 03-09."""
    return f"{day:%m-%d}"
