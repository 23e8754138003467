"""A stored report as a page (self-contained, printable) and as CSV. Both start from its document, so that
an old report looks as it was."""

from collections.abc import Mapping, Sequence
from datetime import datetime, time, timedelta
from functools import cache
from itertools import dropwhile
from typing import Any

from jinja2 import Environment, PackageLoader, Template
from markupsafe import Markup

from impact_in_pipelines.platforms import FACTS, Platform
from impact_in_pipelines.sla.metrics import LATENCY_BUCKETS_MS
from impact_in_pipelines.sla.model import RATES
from impact_in_pipelines.sla.reports import charts
from impact_in_pipelines.sla.reports.report import TOP_FAILURES
from impact_in_pipelines.sla.wording import (
    budget_left,
    duration,
    in_percent,
    in_unit,
    instant,
    share,
)

_INCIDENTS_SHOWN = 25
_STATE_WORDS = {"healthy": "On target", "warning": "Warning", "breach": "Target missed"}
_PLATFORMS = {platform.value: FACTS[platform].title for platform in Platform}
_BUCKET_LABELS = (
    *("≤ 10 s", "30 s", "1 min", "2 min", "4 min", "5 min", "10 min", "20 min", "1 h"),
    "longer",
)


def render_html(report: Mapping[str, Any]) -> str:
    """The report's document as one HTML page without anything to load."""
    overall = report["overall"]
    spread = overall["retryDistribution"]
    return _template().render(
        title=f"{report['companyName']}: delivery report {_span(report)}",
        r=report,
        o=overall,
        t=report["thresholds"],
        span=_span(report),
        tiles=_tiles(report),
        charts=_charts(report),
        platforms=_PLATFORMS,
        state_words=_STATE_WORDS,
        top=TOP_FAILURES,
        incidents_shown=sorted(report["incidents"], key=lambda one: -one["durationMs"])[
            :_INCIDENTS_SHOWN
        ],
        retried=overall["retriedDeliveries"],
        retries=[
            ("first retry", spread["first"]),
            ("second retry", spread["second"]),
            ("third retry", spread["third"]),
            ("a later one", spread["later"]),
        ],
        retry_words=_retry_words(overall),
        trend_words=_trend_words(report["trend"]),
        latency_words=_latency_words(overall),
        budget_words=_budget_words(report["errorBudget"]) if report["errorBudget"] else "",
    )


@cache
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("impact_in_pipelines.sla.reports"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "instant": instant,
        "duration": duration,
        "share": share,
        "target": target_words,
        "budget_left": budget_left,
        "words": lambda text: text.replace("_", " "),
        "actual": lambda breach: _in_unit(breach["type"], breach["actual"]),
        "limit": lambda breach: _in_unit(breach["type"], breach["threshold"]),
    }
    return environment.get_template("report.html")


def _in_unit(type_: str, value: float) -> str:
    return in_unit(type_, in_percent(value) if type_ in RATES else value)


def target_words(fraction: float) -> str:
    """A target as people write it: `98 %`."""
    return f"{in_percent(fraction):g} %"


def _span(report: Mapping[str, Any]) -> str:
    """`2 March to 8 March 2026`; with the time where it isn't whole days."""
    start = datetime.fromisoformat(report["period"]["start"])
    end = datetime.fromisoformat(report["period"]["end"])
    if any(at.time() != time() for at in (start, end)):
        return f"{start:%-d %B %H:%M} to {end:%-d %B %Y %H:%M}"
    return f"{start:%-d %B} to {end - timedelta(days=1):%-d %B %Y}"


def _tiles(report: Mapping[str, Any]) -> list[dict[str, Any]]:
    m, limits, budget = report["overall"], report["thresholds"], report["errorBudget"]
    interval, latency = m["successRateInterval"], m["latencyMs"]
    left = budget["left"] if budget else None
    # Reports of before the on-time rate have neither it nor its target.
    on_time_target = limits.get("onTimeRateTarget")
    return [
        {
            "name": "Success rate",
            "value": share(m["successRate"]),
            "note": f"target {target_words(limits['successRateTarget'])}"
            + (
                f"; {share(interval['low'], 1)} to {share(interval['high'], 1)}" if interval else ""
            ),
            "off": _below(m["successRate"], limits["successRateTarget"]),
        },
        {
            "name": "On time",
            "value": share(m["onTimeRate"]),
            "note": f"target {target_words(on_time_target)}; within {duration(limits['latencyTargetMs'])}"
            if on_time_target is not None
            else "not measured then",
            "off": _below(m["onTimeRate"], on_time_target),
        },
        {
            "name": "Deliveries due",
            "value": f"{m['dueDeliveries']:,}",
            "note": f"{m['successfulDeliveries']:,} arrived, {m['failedDeliveries']:,} failed, "
            f"{m['missedDeliveries'] + m['overdueDeliveries']:,} never started",
            "off": False,
        },
        {
            "name": "Average latency",
            "value": duration(m["avgDeliveryLatencyMs"]),
            "note": f"target {duration(limits['latencyTargetMs'])}; p95 "
            f"{duration(latency and latency['p95'])}",
            "off": bool(latency and latency["avg"] > limits["latencyTargetMs"]),
        },
        {
            "name": "Retry success",
            "value": share(m["retrySuccessRate"]),
            "note": f"target {target_words(limits['retrySuccessRateTarget'])}; "
            f"{m['retriedDeliveries']:,} retried",
            "off": _below(m["retrySuccessRate"], limits["retrySuccessRateTarget"]),
        },
        {
            "name": "Error budget left",
            "value": "spent" if left is not None and left <= 0 else share(left, 0),
            "note": _budget_note(budget),
            "off": left is not None and left <= 0,
        },
    ]


def _below(value: float | None, target: float | None) -> bool:
    return value is not None and target is not None and value < target


def _budget_note(budget: Mapping[str, Any] | None) -> str:
    if not budget:
        return "nothing was due"
    left = budget["left"]
    if left is not None and left < 0:
        return f"{budget['errors']:,} failed, {budget['allowed']:,.1f} allowed in {budget['days']} days"
    return f"of {budget['days']} days"


def _charts(report: Mapping[str, Any]) -> dict[str, Markup]:
    limits, budget = report["thresholds"], report["errorBudget"]
    target = limits["successRateTarget"]
    # Periods before the first delivery say nothing.
    trend = list(dropwhile(lambda point: not point["due"], report["trend"]))
    drawn = {
        "trend": charts.trend_chart(
            [point["start"][5:10] for point in trend],
            [point["successRate"] for point in trend],
            target=target,
            title="Success rate by period",
        ),
        "days": charts.stacked_days(
            [point["day"][5:] for point in report["days"]],
            [point["successful"] for point in report["days"]],
            [point["notArrived"] for point in report["days"]],
            title="Deliveries by day",
        ),
        "platforms": charts.rate_ranges(
            [
                (
                    _PLATFORMS[scope["platform"]],
                    *(scope["successRate"], interval["low"], interval["high"], interval["n"]),
                )
                for scope in report["byPlatform"]
                for interval in [scope["successRateInterval"]]
                if interval
            ],
            target=target,
            title="Success rate by platform",
        ),
        "latency": charts.histogram(
            _BUCKET_LABELS,
            report["latencyBuckets"] or [0] * len(_BUCKET_LABELS),
            beyond=sum(bound <= limits["latencyTargetMs"] for bound in LATENCY_BUCKETS_MS),
            title="Deliveries by latency",
        ),
        "budget": charts.meter(
            budget["left"] if budget else None,
            title="Error budget left",
        ),
    }
    # The charts escape what they are given.
    return {name: Markup(svg) for name, svg in drawn.items()}  # noqa: S704


def _trend_words(trend: Sequence[Mapping[str, Any]]) -> str:
    known = [point["successRate"] for point in trend if point["successRate"] is not None]
    if len(known) < 2 or trend[-1]["successRate"] is None:
        return "No earlier period to compare with."
    change = in_percent(known[-1]) - in_percent(known[-2])
    if abs(change) < 0.005:
        return "As in the period before."
    return f"{'Up' if change > 0 else 'Down'} {abs(change):.2f} points on the period before."


def _latency_words(overall: Mapping[str, Any]) -> str:
    latency, lateness = overall["latencyMs"], overall["latenessMs"]
    if not latency:
        return "."
    words = f"; half within {duration(latency['p50'])}, the slowest {duration(latency['max'])}."
    if lateness:
        words += f" First attempts started {duration(lateness['avg'])} after their time on average."
    return words


def _retry_words(overall: Mapping[str, Any]) -> str:
    words = f"{overall['retriedDeliveries']:,} of {overall['totalDeliveries']:,} deliveries needed a retry"
    if overall["retriedFailedDeliveries"]:
        words += f"; {overall['retriedFailedDeliveries']:,} of them failed for good"
    return words + "."


def _budget_words(budget: Mapping[str, Any]) -> str:
    words = (
        f"In {budget['days']} days {budget['errors']:,} of {budget['due']:,} deliveries did not arrive; the "
        f"target allows {budget['allowed']:,.1f}."
    )
    left = budget["left"]
    if left is None:
        return words
    if left == 0:
        return f"{words} The budget is spent."
    if left < 0:
        return f"{words} The budget is overspent by {share(-left, 0)}."
    words += f" {share(left, 0)} of the budget is left"
    if budget["runsOutAt"]:
        return f"{words}; at the rate of the last 7 days it is spent on {budget['runsOutAt'][:10]}."
    return f"{words}, and lasts at the rate of the last 7 days."
