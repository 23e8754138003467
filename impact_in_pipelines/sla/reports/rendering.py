"""A stored report as a page (self-contained, printable) and as CSV. Both start from its document, so that
an old report looks as it was."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import cache
from html import escape
from itertools import dropwhile
from re import sub
from typing import Any

from jinja2 import Environment, PackageLoader, Template
from markupsafe import Markup

from impact_in_pipelines.platforms import FACTS, Platform
from impact_in_pipelines.sla.metrics import LATENCY_BUCKETS_MS
from impact_in_pipelines.sla.reports import charts
from impact_in_pipelines.sla.reports.report import TOP_FAILURES
from impact_in_pipelines.sla.wording import budget_left, duration, in_unit, instant, percent

_INCIDENTS_SHOWN = 25
_STATE_WORDS = {"healthy": "On target", "warning": "Warning", "breach": "Target missed"}
_PLATFORMS = {platform.value: FACTS[platform].title for platform in Platform}
_BUCKET_LABELS = (
    *("≤ 10 s", "30 s", "1 min", "2 min", "4 min", "5 min", "10 min", "20 min", "1 h"),
    "longer",
)


def render_html(report: Mapping[str, Any]) -> str:
    """The report's document as one HTML page without anything to load."""
    facts = report["facts"]
    metrics = facts["overall"]["metrics"]
    spread = metrics["retryDistribution"]
    return _template().render(
        title=f"{report['companyName']}: delivery report {_span(report)}",
        r=report,
        f=facts,
        t=report["thresholds"],
        span=_span(report),
        tiles=_tiles(report),
        charts=_charts(report),
        platforms=_PLATFORMS,
        platform_scopes=_platform_scopes(facts),
        state_words=_STATE_WORDS,
        top=TOP_FAILURES,
        incidents_shown=sorted(facts["incidents"], key=lambda one: -one["durationMs"])[
            :_INCIDENTS_SHOWN
        ],
        retried=metrics["retried"],
        retries=[
            ("first retry", spread["first"]),
            ("second retry", spread["second"]),
            ("third retry", spread["third"]),
            ("a later one", spread["later"]),
        ],
        retry_words=_retry_words(metrics),
        trend_words=_trend_words(facts["trend"]),
        latency_words=_latency_words(metrics),
        budget_words=_budget_words(facts["budget"]) if facts["budget"] else "",
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
        "percent": percent,
        "budget_left": budget_left,
        "words": lambda text: text.replace("_", " "),
        "actual": lambda breach: in_unit(breach["type"], breach["actual"]),
        "limit": lambda breach: in_unit(breach["type"], breach["threshold"]),
        "code": _code,
    }
    return environment.get_template("report.html")


def _code(text: str) -> Markup:
    """Commands between backquotes as code; everything else escaped."""
    return Markup(sub(r"`([^`]*)`", r"<code>\1</code>", escape(text)))  # noqa: S704 - escaped first


def _span(report: Mapping[str, Any]) -> str:
    start = datetime.fromisoformat(report["window"]["start"])
    last = datetime.fromisoformat(report["window"]["end"]) - timedelta(days=1)
    return f"{start:%-d %B} to {last:%-d %B %Y}"


def _platform_scopes(facts: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    """In the platforms' own order: stored JSON doesn't keep one."""
    return [(name, facts["byPlatform"][name]) for name in _PLATFORMS if name in facts["byPlatform"]]


def _tiles(report: Mapping[str, Any]) -> list[dict[str, Any]]:
    facts, limits = report["facts"], report["thresholds"]
    m = facts["overall"]["metrics"]
    rate, retry, latency, budget = (
        m["successRate"],
        m["retrySuccessRate"],
        m["latency"],
        facts["budget"],
    )
    left = budget["leftPercent"] if budget else None
    return [
        {
            "name": "Success rate",
            "value": percent(rate and rate["percent"]),
            "note": f"target {limits['successRateTargetPercent']:g} %"
            + (f"; {rate['lowPercent']:.1f}–{rate['highPercent']:.1f}" if rate else ""),
            "off": bool(rate and rate["percent"] < limits["successRateTargetPercent"]),
        },
        {
            "name": "Deliveries due",
            "value": f"{m['due']:,}",
            "note": f"{m['successful']:,} arrived, {m['failed']:,} failed, "
            f"{m['missed'] + m['overdue']:,} never started",
            "off": False,
        },
        {
            "name": "Average latency",
            "value": duration(latency and latency["average"]),
            "note": f"target {duration(limits['latencyTargetMs'])}; p95 "
            f"{duration(latency and latency['p95'])}",
            "off": bool(latency and latency["average"] > limits["latencyTargetMs"]),
        },
        {
            "name": "Retry success",
            "value": percent(retry and retry["percent"], 1),
            "note": f"target {limits['retrySuccessRateTargetPercent']:g} %; {m['retried']:,} retried",
            "off": bool(retry and retry["percent"] < limits["retrySuccessRateTargetPercent"]),
        },
        {
            "name": "Error budget left",
            "value": "spent" if left is not None and left <= 0 else percent(left, 0),
            "note": _budget_note(budget),
            "off": left is not None and left <= 0,
        },
    ]


def _budget_note(budget: Mapping[str, Any] | None) -> str:
    if not budget:
        return "nothing was due"
    left = budget["leftPercent"]
    if left is not None and left < 0:
        return f"{budget['errors']:,} failed, {budget['allowed']:,.1f} allowed in {budget['days']} days"
    return f"of {budget['days']} days"


def _charts(report: Mapping[str, Any]) -> dict[str, Markup]:
    facts, limits = report["facts"], report["thresholds"]
    target = limits["successRateTargetPercent"]
    # Periods before the first delivery say nothing.
    trend = list(dropwhile(lambda point: not point["due"], facts["trend"]))
    drawn = {
        "trend": charts.trend_chart(
            [point["startsOn"][5:] for point in trend],
            [point["successRate"] for point in trend],
            target=target,
            title="Success rate by period",
        ),
        "days": charts.stacked_days(
            [point["day"][5:] for point in facts["days"]],
            [point["successful"] for point in facts["days"]],
            [point["notArrived"] for point in facts["days"]],
            title="Deliveries by day",
        ),
        "platforms": charts.rate_ranges(
            [
                (
                    _PLATFORMS[name],
                    *(rate["percent"], rate["lowPercent"], rate["highPercent"], rate["n"]),
                )
                for name, scope in _platform_scopes(facts)
                for rate in [scope["metrics"]["successRate"]]
                if rate
            ],
            target=target,
            title="Success rate by platform",
        ),
        "latency": charts.histogram(
            _BUCKET_LABELS,
            facts["latencyBuckets"],
            beyond=sum(bound <= limits["latencyTargetMs"] for bound in LATENCY_BUCKETS_MS),
            title="Deliveries by latency",
        ),
        "budget": charts.meter(
            facts["budget"]["leftPercent"] if facts["budget"] else None,
            title="Error budget left",
        ),
    }
    # The charts escape what they are given.
    return {name: Markup(svg) for name, svg in drawn.items()}  # noqa: S704


def _trend_words(trend: Sequence[Mapping[str, Any]]) -> str:
    known = [point["successRate"] for point in trend if point["successRate"] is not None]
    if len(known) < 2 or trend[-1]["successRate"] is None:
        return "No earlier period to compare with."
    change = known[-1] - known[-2]
    if abs(change) < 0.005:
        return "As in the period before."
    return f"{'Up' if change > 0 else 'Down'} {abs(change):.2f} points on the period before."


def _latency_words(metrics: Mapping[str, Any]) -> str:
    latency, lateness = metrics["latency"], metrics["lateness"]
    if not latency:
        return "."
    words = f"; half within {duration(latency['p50'])}, the slowest {duration(latency['maximum'])}."
    if lateness:
        words += (
            f" First attempts started {duration(lateness['average'])} after their time on average."
        )
    return words


def _retry_words(metrics: Mapping[str, Any]) -> str:
    words = f"{metrics['retried']:,} of {metrics['total']:,} deliveries needed a retry"
    if metrics["retriedFailed"]:
        words += f"; {metrics['retriedFailed']:,} of them failed for good"
    return words + "."


def _budget_words(budget: Mapping[str, Any]) -> str:
    words = (
        f"In {budget['days']} days {budget['errors']:,} of {budget['due']:,} deliveries did not arrive; the "
        f"target allows {budget['allowed']:,.1f}."
    )
    left = budget["leftPercent"]
    if left is None:
        return words
    if left <= 0:
        return f"{words} The budget is overspent by {-left:.0f} %."
    words += f" {left:.0f} % of the budget is left"
    if budget["runsOutAt"]:
        return f"{words}; at the rate of the last 7 days it is spent on {budget['runsOutAt'][:10]}."
    return f"{words}, and the rate of the last 7 days is sustainable."
