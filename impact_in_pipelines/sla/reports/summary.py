"""A report and a status in Markdown, for the metadata of the Dagster assets."""

from base64 import b64encode
from collections.abc import Mapping, Sequence
from typing import Any

from impact_in_pipelines.platforms import FACTS, Platform
from impact_in_pipelines.sla.model import SlaStatus
from impact_in_pipelines.sla.reports.charts import sparkline, stacked_days
from impact_in_pipelines.sla.reports.report import TOP_FAILURES, CompanyLine, DayPoint
from impact_in_pipelines.sla.wording import budget_left, duration, instant, percent

_STATES = {"healthy": "on target", "warning": "**warning**", "breach": "**missed**"}
_SHORT = 14


def report_markdown(report: Mapping[str, Any]) -> str:
    """A stored report's document: the figures, what to do, causes, companies in trouble."""
    facts, m = report["facts"], report["facts"]["overall"]["metrics"]
    rate, latency = m["successRate"], m["latency"]
    rates = [point["successRate"] for point in facts["trend"]]
    lines = [
        f"## {report['companyName']}: {report['period']} report from {report['window']['start'][:10]}",
        "",
        f"Target: {_STATES[facts['overall']['state']]}.",
        f"**{percent(rate and rate['percent'])}** of {m['due']:,} due deliveries arrived; average latency "
        f"**{duration(latency and latency['average'])}**; trend `{_spark(rates)}`."
        if m["due"]
        else "No delivery was due.",
        "",
        "### What to do",
        *(
            f"- **{one['where']}**: {one['seen']} {one['action']}"
            for one in report["recommendations"]
        ),
    ]
    platforms = [_platform_row(facts, p) for p in Platform if p.value in facts["byPlatform"]]
    if platforms:
        head = ("Platform", "Target", "Due", "Success", "Latency", "Retry success", "Budget left")
        lines += ["", "### Platforms", *_table(head, platforms)]
    if facts["causes"]:
        lines += ["", "### Why deliveries failed", *_causes(facts["causes"][:TOP_FAILURES])]
    if facts["companies"]:
        lines += ["", "### Companies in trouble", *_companies(facts["companies"])]
    if facts["incidents"]:
        lines += ["", f"{len(facts['incidents'])} incidents were open in the period."]
    return "\n".join(lines)


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
            ("Platform", "Target", "Due", "Not arrived", "Success", "Latency", "Overdue"),
            [
                (
                    _title(name),
                    _STATES[scope.state.value],
                    f"{scope.metrics.due:,}",
                    f"{scope.metrics.due - scope.metrics.successful:,}",
                    percent(rate.percent if (rate := scope.metrics.success_rate) else None),
                    duration(taken.average if (taken := scope.metrics.latency) else None),
                    f"{scope.metrics.overdue:,}",
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
    rates = [
        100 * point.successful / due if (due := point.successful + point.not_arrived) else None
        for point in days
    ]
    image = b64encode(svg.encode()).decode()
    return (
        f"### The last {len(days)} days\n\n![deliveries by day](data:image/svg+xml;base64,{image})\n\n"
        f"Success by day: `{_spark(rates)}`"
    )


def _spark(rates: Sequence[float | None]) -> str:
    known = [rate for rate in rates if rate is not None]
    return sparkline(rates, low=min([*known, 98.0]) - 1) if known else "no deliveries"


def _platform_row(facts: Mapping[str, Any], platform: Platform) -> tuple[str, ...]:
    scope = facts["byPlatform"][platform.value]
    m, budget = scope["metrics"], facts["budgetByPlatform"].get(platform.value)
    rate, retry, latency = m["successRate"], m["retrySuccessRate"], m["latency"]
    return (
        FACTS[platform].title,
        _STATES[scope["state"]],
        f"{m['due']:,}",
        percent(rate and rate["percent"]),
        duration(latency and latency["average"]),
        percent(retry and retry["percent"]),
        budget_left(budget and budget["leftPercent"]),
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
                (c["example"] or "–")[:120],
            )
            for c in causes
        ],
    )


def _companies(lines: Sequence[Mapping[str, Any]]) -> list[str]:
    return _table(
        ("Company", "Target", "Due", "Success", "Latency", "Failures in a row"),
        [
            (
                line["company"],
                _STATES[line["state"]],
                f"{line['due']:,}",
                percent(line["successRate"]),
                duration(line["averageLatencyMs"]),
                str(line["consecutiveFailures"]),
            )
            for line in lines
        ],
    )


def _title(platform: str) -> str:
    return "All platforms" if platform == "all" else FACTS[Platform(platform)].title


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """A Markdown table; a bar in a cell would end it, a line break its row."""

    def line(cells: Sequence[str]) -> str:
        clean = (_cell(text) for text in cells)
        return f"| {' | '.join(clean)} |"

    return [line(head), "|" + "---|" * len(head), *map(line, rows)]


def _cell(text: str) -> str:
    # A figure must not be torn from its unit.
    text = text.replace(" ", "\u00a0") if len(text) <= _SHORT else text
    return text.replace("|", "\\|").replace("\n", " ")
