"""A report and a status in Markdown, for the metadata of the Dagster assets."""

from base64 import b64encode
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from impact_in_pipelines.plain_text import markdown, plain
from impact_in_pipelines.platforms import FACTS, Platform
from impact_in_pipelines.plurals import count
from impact_in_pipelines.sla.model import SlaStatus
from impact_in_pipelines.sla.reports.charts import sparkline, stacked_days
from impact_in_pipelines.sla.reports.report import TOP_FAILURES, CompanyLine, DayPoint
from impact_in_pipelines.sla.wording import budget_left, duration, instant, percent, share

_STATES = {"healthy": "on target", "warning": "**warning**", "breach": "**missed**"}
_SHORT = 14


def report_markdown(
    report: Mapping[str, Any],
    *,
    command: Callable[[Mapping[str, Any]], str | None] = lambda _: None,
) -> str:
    """A report's document: the figures, what to do, causes, companies in trouble. `command` gives what to
    type for a recommendation, for whoever reads it where commands are typed. Names and platforms' words are
    text, whatever signs they have."""
    overall, since = report["overall"], report["period"]["start"][:10]
    rates = [point["successRate"] for point in report["trend"]]
    lines = [
        f"## {markdown(report['companyName'])}: {report['kind']} report from {since}",
        "",
        f"Target: {_STATES[overall['slaStatus']]}.",
        f"**{share(overall['successRate'])}** of "
        f"{count(overall['dueDeliveries'], 'due delivery', 'due deliveries')} arrived, "
        f"**{share(overall['onTimeRate'])}** on time; average latency "
        f"**{duration(overall['avgDeliveryLatencyMs'])}**; trend `{_spark(rates)}`."
        if overall["dueDeliveries"]
        else "No delivery was due.",
        "",
        "### What to do",
        *(_advice(one, command(one)) for one in report["recommendationDetails"]),
    ]
    if report["byPlatform"]:
        head = (
            "Platform",
            "Target",
            "Due",
            "Success",
            "On time",
            "Latency",
            "Retry success",
            "Budget left",
        )
        lines += ["", "### Platforms", *_table(head, map(_platform_row, report["byPlatform"]))]
    if report["causes"]:
        lines += ["", "### Why deliveries failed", *_causes(report["causes"][:TOP_FAILURES])]
    if report["companies"]:
        lines += ["", "### Companies in trouble", *_companies(report["companies"])]
    if report["incidents"]:
        lines += [
            "",
            f"{count(len(report['incidents']), 'incident was', 'incidents were')} open in the period.",
        ]
    return "\n".join(lines)


def _advice(one: Mapping[str, Any], command: str | None) -> str:
    typed = f" `{plain(command).replace('`', '')}`" if command else ""
    return (
        f"- **{markdown(one['where'])}**: {markdown(one['seen'])} {markdown(one['action'])}{typed}"
    )


def worst_markdown(lines: Sequence[CompanyLine]) -> str:
    """The companies in trouble as a table."""
    if not lines:
        return "No company is in trouble."
    return "### Companies in trouble\n\n" + "\n".join(
        _companies(
            [
                {
                    "company": line.company,
                    "state": line.state.value,
                    "due": line.due,
                    "successRate": line.success_rate,
                    "onTimeRate": line.on_time_rate,
                    "averageLatencyMs": line.average_latency_ms,
                    "consecutiveFailures": line.consecutive_failures,
                }
                for line in lines
            ]
        )
    )


def status_markdown(status: SlaStatus) -> str:
    """Everybody's status: all platforms together, then each."""
    rows = [("all", status.overall), *((p.value, s) for p, s in status.by_platform.items())]
    return "\n".join(
        _table(
            (
                "Platform",
                "Target",
                "Due",
                "Not arrived",
                "Success",
                "On time",
                "Latency",
                "Overdue",
            ),
            [
                (
                    _title(name),
                    _STATES[scope.state.value],
                    f"{scope.metrics.due:,}",
                    f"{scope.metrics.due - scope.metrics.successful:,}",
                    percent(rate.percent if (rate := scope.metrics.success_rate) else None),
                    percent(timely.percent if (timely := scope.metrics.on_time_rate) else None),
                    duration(taken.average if (taken := scope.metrics.latency) else None),
                    f"{scope.metrics.overdue_now:,}",
                )
                for name, scope in rows
            ],
        )
    )


def days_markdown(days: Sequence[DayPoint]) -> str:
    """Deliveries by day as a chart, with the success rates as text for whoever can't see it."""
    svg = stacked_days(
        [f"{point.day:%d %b}" for point in days],
        [point.successful for point in days],
        [point.not_arrived for point in days],
        title="Deliveries by day",
    ).replace('font-family="inherit"', 'font-family="sans-serif"')
    arrived = [point.success_rate.fraction if point.success_rate else None for point in days]
    on_time = [point.on_time_rate.fraction if point.on_time_rate else None for point in days]
    image = b64encode(svg.encode()).decode()
    return (
        f"### The last {len(days)} days\n\n![deliveries by day](data:image/svg+xml;base64,{image})\n\n"
        f"Success by day: `{_spark(arrived)}`; on time: `{_spark(on_time)}`"
    )


def _spark(rates: Sequence[float | None]) -> str:
    known = [rate for rate in rates if rate is not None]
    return sparkline(rates, low=min([*known, 0.98]) - 0.01, high=1.0) if known else "no deliveries"


def _platform_row(scope: Mapping[str, Any]) -> tuple[str, ...]:
    budget = scope["errorBudget"]
    return (
        _title(scope["platform"]),
        _STATES[scope["slaStatus"]],
        f"{scope['dueDeliveries']:,}",
        share(scope["successRate"]),
        share(scope["onTimeRate"]),
        duration(scope["avgDeliveryLatencyMs"]),
        share(scope["retrySuccessRate"]),
        budget_left(budget and budget["left"]),
    )


def _causes(causes: Sequence[Mapping[str, Any]]) -> list[str]:
    return _table(
        ("Platform", "Cause", "Deliveries", "Companies", "Recovered", "Last", "Example"),
        [
            (
                _title(c["platform"]),
                c["errorKind"].replace("_", " "),
                f"{c['deliveries']:,}",
                f"{c['companies']:,}",
                f"{c['recovered']:,}",
                instant(c["lastAt"]),
                markdown((c["example"] or "–")[:120]),
            )
            for c in causes
        ],
    )


def _companies(lines: Sequence[Mapping[str, Any]]) -> list[str]:
    return _table(
        ("Company", "Target", "Due", "Success", "On time", "Latency", "Failures in a row"),
        [
            (
                markdown(line["company"]),
                _STATES[line["state"]],
                f"{line['due']:,}",
                share(line["successRate"]),
                share(line["onTimeRate"]),
                duration(line["averageLatencyMs"]),
                str(line["consecutiveFailures"]),
            )
            for line in lines
        ],
    )


def _title(platform: str) -> str:
    return "All platforms" if platform == "all" else FACTS[Platform(platform)].title


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """A Markdown table of cells that are escaped already."""
    lines = (f"| {' | '.join(map(_cell, cells))} |" for cells in (head, *rows))
    first, *others = lines
    return [first, "|" + "---|" * len(head), *others]


def _cell(text: str) -> str:
    # A figure must not be torn from its unit.
    return text.replace(" ", "\u00a0") if len(text) <= _SHORT else text
