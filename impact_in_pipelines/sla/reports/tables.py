"""Reports as tables, with pandas: for analysts and for CSV."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from impact_in_pipelines.platforms import Platform

COLUMNS: dict[str, str] = {
    # column: pandas dtype; counts are whole and always there, rates and averages may be absent
    "company": "string",
    "platform": "string",
    "period": "string",
    "starts_at": "string",
    "ends_at": "string",
    "state": "string",
    **dict.fromkeys(
        (
            *("total", "due", "successful", "failed", "recovered", "missed", "overdue", "skipped"),
            *("pending", "retried", "retried_successful", "retried_failed"),
            *("retry_first", "retry_second", "retry_third", "retry_later"),
        ),
        "int64",
    ),
    **dict.fromkeys(
        (
            *("success_rate_percent", "success_rate_low_percent", "success_rate_high_percent"),
            "retry_success_rate_percent",
            *("avg_latency_ms", "p50_latency_ms", "p95_latency_ms", "max_latency_ms"),
            *("avg_lateness_ms", "avg_payload_bytes", "max_payload_bytes", "avg_attempts"),
            *("max_attempts", "error_budget_left_percent"),
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
    facts = report["facts"]
    scopes = [("all", facts["overall"], facts["budget"])] + [
        (p.value, facts["byPlatform"][p.value], facts["budgetByPlatform"].get(p.value))
        for p in Platform
        if p.value in facts["byPlatform"]
    ]
    return [
        {
            "company": report["company"] or "all",
            "platform": platform,
            "period": report["period"],
            "starts_at": report["window"]["start"],
            "ends_at": report["window"]["end"],
            "state": scope["state"],
            **_measures(scope["metrics"]),
            "error_budget_left_percent": budget["leftPercent"] if budget else None,
        }
        for platform, scope, budget in scopes
    ]


def _measures(m: Mapping[str, Any]) -> dict[str, Any]:
    success, retry = m["successRate"] or {}, m["retrySuccessRate"] or {}
    latency, lateness, spread = m["latency"] or {}, m["lateness"] or {}, m["retryDistribution"]
    counts = ("total", "due", "successful", "failed", "recovered", "missed", "overdue", "skipped")
    return {
        **{name: m[name] for name in (*counts, "pending", "retried")},
        "retried_successful": m["retriedSuccessful"],
        "retried_failed": m["retriedFailed"],
        **{f"retry_{name}": spread[name] for name in ("first", "second", "third", "later")},
        "success_rate_percent": success.get("percent"),
        "success_rate_low_percent": success.get("lowPercent"),
        "success_rate_high_percent": success.get("highPercent"),
        "retry_success_rate_percent": retry.get("percent"),
        "avg_latency_ms": latency.get("average"),
        "p50_latency_ms": latency.get("p50"),
        "p95_latency_ms": latency.get("p95"),
        "max_latency_ms": latency.get("maximum"),
        "avg_lateness_ms": lateness.get("average"),
        "avg_payload_bytes": m["avgPayloadBytes"],
        "max_payload_bytes": m["maxPayloadBytes"],
        "avg_attempts": m["avgAttempts"],
        "max_attempts": m["maxAttempts"],
        "consecutive_failures": m["consecutiveFailures"],
    }
