"""Reports that were stored in an earlier form, in today's: what they say stays, names and units are new.

Before, rates were percentages, the figures stood under `facts`, and recommendations were objects whose
actions named commands.
"""

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

Document = dict[str, Any]

_COUNTS = {
    "totalDeliveries": "total",
    "dueDeliveries": "due",
    "successfulDeliveries": "successful",
    "failedDeliveries": "failed",
    "recoveredDeliveries": "recovered",
    "missedDeliveries": "missed",
    "overdueDeliveries": "overdue",
    "skippedDeliveries": "skipped",
    "pendingDeliveries": "pending",
    "cancelledDeliveries": "cancelled",
    "retriedDeliveries": "retried",
    "retriedSuccessfulDeliveries": "retriedSuccessful",
    "retriedFailedDeliveries": "retriedFailed",
    "maxPayloadSizeBytes": "maxPayloadBytes",
    "avgPayloadSizeBytes": "avgPayloadBytes",
    "maxAttempts": "maxAttempts",
    "consecutiveFailures": "consecutiveFailures",
    "oldestOverdue": "oldestOverdue",
    "retryDistribution": "retryDistribution",
}
_RATES = ("success_rate", "retry_success_rate")
_COMMAND = re.compile(r"`[^`]*`")


def in_todays_form(report: Document) -> Document:
    """`report` as `wire.report_document` would write it; one that is in that form already as it is."""
    facts = report.get("facts")
    if facts is None:
        return report
    limits = report["thresholds"]
    return {
        "kind": report["period"],
        "period": report["window"],
        "companyId": None,
        **{n: report[n] for n in ("company", "companyName", "generatedAt", "provisional")},
        "thresholds": {
            name.removesuffix("Percent"): _fraction(value) if name.endswith("Percent") else value
            for name, value in limits.items()
        },
        "overall": _scope(facts["overall"]),
        "byPlatform": [
            {
                "platform": platform,
                **_scope(scope),
                "errorBudget": _budget(facts["budgetByPlatform"].get(platform)),
            }
            for platform, scope in sorted(facts["byPlatform"].items())
        ],
        "errorBudget": _budget(facts["budget"]),
        "recommendations": [_text(one) for one in report["recommendations"]],
        "recommendationDetails": [
            {**one, "action": _COMMAND.sub("…", one["action"])} for one in report["recommendations"]
        ],
        "trend": [
            {
                **{n: value for n, value in point.items() if n != "startsOn"},
                "start": f"{point['startsOn']}T00:00:00+00:00",
                "successRate": _fraction(point["successRate"]),
                "onTimeRate": None,
                "retrySuccessRate": _fraction(point["retrySuccessRate"]),
                "latencyP95Capped": False,
            }
            for point in facts["trend"]
        ],
        "days": [{"timed": 0, "onTime": 0, **day} for day in facts["days"]],
        "latencyBuckets": facts["latencyBuckets"],
        "causes": facts["causes"],
        "crowdedMinutes": facts["crowded"],
        "incidents": facts["incidents"],
        "maintenance": facts["maintenance"],
        "companies": [
            {**line, "successRate": _fraction(line["successRate"]), "onTimeRate": None}
            for line in facts["companies"]
        ],
    }


def _scope(scope: Mapping[str, Any]) -> Document:
    m = scope["metrics"]
    success, retry, latency = m["successRate"], m["retrySuccessRate"], m["latency"]
    return {
        **{name: m[old] for name, old in _COUNTS.items()},
        **dict.fromkeys(("replayedDeliveries", "onTimeDeliveries", "timedDeliveries"), 0),
        "successRate": _fraction(success and success["percent"]),
        "successRateInterval": _interval(success),
        "onTimeRate": None,
        "onTimeRateInterval": None,
        "retrySuccessRate": _fraction(retry and retry["percent"]),
        "retrySuccessRateInterval": _interval(retry),
        "avgDeliveryLatencyMs": latency and latency["average"],
        "latencyMs": _spread(latency),
        "latenessMs": _spread(m["lateness"]),
        "avgRetries": None if m["avgAttempts"] is None else round(m["avgAttempts"] - 1, 10),
        "overdueNow": m["overdue"],
        "slaStatus": scope["state"],
        "breaches": [
            {
                "type": one["type"],
                "severity": one["severity"],
                "threshold": _value(one["type"], one["threshold"]),
                "actual": _value(one["type"], one["actual"]),
                "since": one["since"],
                "sampleSize": one["sampleSize"],
                "lowConfidence": one["lowConfidence"],
                "pages": one["severity"] == "critical" and not one["lowConfidence"],
                "rule": None,
            }
            for one in scope["breaches"]
        ],
    }


def _value(type_: str, value: float) -> float | None:
    return _fraction(value) if type_ in _RATES else value


def _fraction(percent: float | None) -> float | None:
    return None if percent is None else float(Decimal(str(percent)) / 100)


def _interval(rate: Mapping[str, Any] | None) -> Document | None:
    if rate is None:
        return None
    return {
        "low": _fraction(rate["lowPercent"]),
        "high": _fraction(rate["highPercent"]),
        "n": rate["n"],
    }


def _spread(durations: Mapping[str, Any] | None) -> Document | None:
    if durations is None:
        return None
    named = {"avg": "average", "p50": "p50", "p95": "p95", "max": "maximum", "n": "n"}
    return {name: durations[old] for name, old in named.items()}


def _budget(budget: Mapping[str, Any] | None) -> Document | None:
    if budget is None:
        return None
    kept = {name: value for name, value in budget.items() if name != "leftPercent"}
    return {**kept, "left": _fraction(budget["leftPercent"])}


def _text(one: Mapping[str, Any]) -> str:
    return f"{one['where']}: {one['seen']} {_COMMAND.sub('…', one['action'])}"
