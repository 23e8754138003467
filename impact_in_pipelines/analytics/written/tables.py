"""Analytics as CSV: a row for each point, platform, hour and company, told apart by `kind`."""

import csv
from collections.abc import Iterator, Mapping
from io import StringIO
from typing import Any

from impact_in_pipelines.plain_text import cell

_FIGURES = {
    "planned": "plannedDeliveries",
    "succeeded": "succeededDeliveries",
    "failed": "failedDeliveries",
    "never_started": "neverStartedDeliveries",
    "timed": "timedDeliveries",
    "on_time": "onTimeDeliveries",
    "success_rate": "successRate",
    "on_time_rate": "onTimeRate",
    "avg_latency_ms": "avgLatencyMs",
    "p50_latency_ms": "p50LatencyMs",
    "p95_latency_ms": "p95LatencyMs",
    "payload_bytes": "payloadBytes",
    "requests": "requests",
    "deliveries_sent": "deliveriesSent",
    "saved_requests": "savedRequests",
    "repeated_requests": "repeatedRequests",
    "failed_requests": "failedRequests",
    "lost_attempts": "lostAttempts",
    "answer_seconds": "answerSeconds",
    "avg_answer_ms": "avgAnswerMs",
    "p50_answer_ms": "p50AnswerMs",
    "p95_answer_ms": "p95AnswerMs",
    "cost": "cost",
    "saved_cost": "savedCost",
}
COLUMNS = ("kind", "company", "platform", "from", "to", "hour_utc", *_FIGURES, "currency")
"""`kind`: total, before, day, week, month, platform, hour (a platform's, UTC; its success rate is that of
calls), error (a platform's failed requests of one kind) or company."""


def render_csv(document: Mapping[str, Any]) -> str:
    """`document` as CSV with a header (RFC 4180, `\\n` line ends); an absent value is empty."""
    text = StringIO()
    writer = csv.DictWriter(text, (*COLUMNS, "error_kind"), restval="", lineterminator="\n")
    writer.writeheader()
    for row in _rows(document):
        writer.writerow({name: "" if value is None else value for name, value in row.items()})
    return text.getvalue()


def _rows(document: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    company = cell(document["company"] or "all")
    common = {
        "company": company,
        "platform": "all",
        "from": document["from"],
        "to": document["to"],
        "currency": document["currency"],
    }
    yield {**common, "kind": "total", **_figures(document["total"])}
    yield {**common, "kind": "before", **_figures(document["before"]), **_span(document["before"])}
    for point in document["points"]:
        yield {**common, "kind": document["grain"], **_figures(point), **_span(point)}
    for one in document["platforms"]:
        mine = {**common, "platform": one["platform"]}
        yield {**mine, "kind": "platform", **_figures(one)}
        for error in one["errors"]:
            yield {
                **mine,
                "kind": "error",
                "error_kind": error["kind"],
                "failed_requests": error["requests"],
            }
        for hour in one["hours"]:
            yield {**mine, "kind": "hour", "hour_utc": hour["hour"], **_figures(hour)}
    for one in document["companies"]:
        yield {**common, "kind": "company", "company": cell(one["company"]), **_figures(one)}


def _figures(one: Mapping[str, Any]) -> dict[str, Any]:
    return {column: one[name] for column, name in _FIGURES.items() if name in one}


def _span(one: Mapping[str, Any]) -> dict[str, Any]:
    return {"from": one["from"], "to": one["to"]}
