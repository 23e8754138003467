"""Reports as tables, with pandas: for analysts and for CSV."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

COLUMNS: dict[str, str] = {
    # column: pandas dtype; counts are whole and always there, rates (fractions) and averages may be absent
    "company": "string",
    "platform": "string",
    "kind": "string",
    "starts_at": "string",
    "ends_at": "string",
    "state": "string",
    **dict.fromkeys(
        (
            *("total", "due", "successful", "failed", "recovered", "missed", "overdue", "skipped"),
            *("pending", "replayed", "timed", "on_time"),
            *("retried", "retried_successful", "retried_failed"),
            *("retry_first", "retry_second", "retry_third", "retry_later"),
        ),
        "int64",
    ),
    **dict.fromkeys(
        (
            *("success_rate", "success_rate_low", "success_rate_high"),
            *("on_time_rate", "retry_success_rate"),
            *("avg_latency_ms", "p50_latency_ms", "p95_latency_ms", "max_latency_ms"),
            *("avg_lateness_ms", "avg_payload_bytes", "max_payload_bytes", "avg_retries"),
            *("max_attempts", "error_budget_left"),
        ),
        "Float64",
    ),
    "consecutive_failures": "int64",
}


def report_frame(reports: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """One row for each scope of each report's document: the company over `all` platforms, then each
    platform. Columns and dtypes: `COLUMNS`; the report on all companies has the company `all`."""
    rows = [row for report in reports for row in _rows(report)]
    frame = pd.DataFrame(rows, columns=list(COLUMNS))
    return frame.astype(COLUMNS)


def render_csv(reports: Sequence[Mapping[str, Any]]) -> str:
    """`report_frame` as CSV with a header (RFC 4180, `\\n` line ends); an absent value is empty."""
    text: str = report_frame(reports).to_csv(index=False, lineterminator="\n")
    return text


def _rows(report: Mapping[str, Any]) -> list[dict[str, Any]]:
    whole = {"platform": "all", **report["overall"], "errorBudget": report["errorBudget"]}
    return [
        {
            "company": report["company"] or "all",
            "platform": scope["platform"],
            "kind": report["kind"],
            "starts_at": report["period"]["start"],
            "ends_at": report["period"]["end"],
            "state": scope["slaStatus"],
            **_measures(scope),
            "error_budget_left": scope["errorBudget"]["left"] if scope["errorBudget"] else None,
        }
        for scope in (whole, *report["byPlatform"])
    ]


def _measures(scope: Mapping[str, Any]) -> dict[str, Any]:
    interval = scope["successRateInterval"] or {}
    latency, lateness = scope["latencyMs"] or {}, scope["latenessMs"] or {}
    counts = {
        **{name: name for name in ("total", "due", "successful", "failed", "recovered", "missed")},
        **{name: name for name in ("overdue", "skipped", "pending", "replayed", "timed")},
        "on_time": "onTime",
        "retried": "retried",
        "retried_successful": "retriedSuccessful",
        "retried_failed": "retriedFailed",
    }
    return {
        **{name: scope[f"{field}Deliveries"] for name, field in counts.items()},
        **{
            f"retry_{name}": scope["retryDistribution"][name]
            for name in ("first", "second", "third", "later")
        },
        "success_rate": scope["successRate"],
        "success_rate_low": interval.get("low"),
        "success_rate_high": interval.get("high"),
        "on_time_rate": scope["onTimeRate"],
        "retry_success_rate": scope["retrySuccessRate"],
        "avg_latency_ms": latency.get("avg"),
        "p50_latency_ms": latency.get("p50"),
        "p95_latency_ms": latency.get("p95"),
        "max_latency_ms": latency.get("max"),
        "avg_lateness_ms": lateness.get("avg"),
        "avg_payload_bytes": scope["avgPayloadSizeBytes"],
        "max_payload_bytes": scope["maxPayloadSizeBytes"],
        "avg_retries": scope["avgRetries"],
        "max_attempts": scope["maxAttempts"],
        "consecutive_failures": scope["consecutiveFailures"],
    }
