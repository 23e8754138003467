"""The charts of a report's page, from its document."""

from collections.abc import Mapping
from itertools import dropwhile
from typing import Any

from markupsafe import Markup

from impact_in_pipelines.platforms import TITLES
from impact_in_pipelines.sla.metrics import LATENCY_BUCKETS_MS
from impact_in_pipelines.sla.reports import charts
from impact_in_pipelines.sla.reports.said import N_, ReportLanguage

_BUCKET_LABELS = (
    *("≤ 10 s", "30 s", "1 min", "2 min", "4 min", "5 min", "10 min", "20 min", "1 h"),
    N_("longer"),
)


def drawn_charts(report: Mapping[str, Any], reader: ReportLanguage) -> dict[str, Markup]:
    """Each chart of the page as SVG, its title in the reader's language."""
    limits, budget = report["thresholds"], report["errorBudget"]
    target = limits["successRateTarget"]
    # Periods before the first delivery say nothing.
    trend = list(dropwhile(lambda point: not point["due"], report["trend"]))
    drawn = {
        "trend": charts.trend_chart(
            [point["start"][5:10] for point in trend],
            [point["successRate"] for point in trend],
            target=target,
            title=reader.text(N_("Success rate by period")),
        ),
        "days": charts.stacked_days(
            [point["day"][5:] for point in report["days"]],
            [point["successful"] for point in report["days"]],
            [point["notArrived"] for point in report["days"]],
            title=reader.text(N_("Deliveries by day")),
        ),
        "platforms": charts.rate_ranges(
            [
                (
                    TITLES[scope["platform"]],
                    *(scope["successRate"], interval["low"], interval["high"], interval["n"]),
                )
                for scope in report["byPlatform"]
                for interval in [scope["successRateInterval"]]
                if interval
            ],
            target=target,
            title=reader.text(N_("Success rate by platform")),
        ),
        "latency": charts.histogram(
            [*_BUCKET_LABELS[:-1], reader.text(_BUCKET_LABELS[-1])],
            report["latencyBuckets"] or [0] * len(_BUCKET_LABELS),
            beyond=sum(bound <= limits["latencyTargetMs"] for bound in LATENCY_BUCKETS_MS),
            title=reader.text(N_("Deliveries by latency")),
        ),
        "budget": charts.meter(
            budget["left"] if budget else None,
            title=reader.text(N_("Error budget left")),
        ),
    }
    # The charts escape what they are given.
    return {name: Markup(svg) for name, svg in drawn.items()}  # noqa: S704
