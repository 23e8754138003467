"""What programs read of service levels: one vocabulary and one shape for the API, the CLI's JSON, stored
reports and webhooks (design D17).

The names are the specification's. Rates, intervals and what is left of a budget are fractions, durations
milliseconds, instants ISO 8601 with offset; nothing is rounded but the noise of binary fractions.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from decimal import Decimal
from typing import Any
from uuid import UUID

from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.sla.budget import ErrorBudget
from impact_in_pipelines.sla.document import document
from impact_in_pipelines.sla.incidents import Incident, told_details
from impact_in_pipelines.sla.model import RATES, Breach, BreachType, Durations, Rate, Scope
from impact_in_pipelines.sla.model import SlaStatus as Status
from impact_in_pipelines.sla.reports.report import Recommendation, Report
from impact_in_pipelines.sla.reports.said import as_document
from impact_in_pipelines.sla.thresholds import as_values

Document = dict[str, Any]
_PERCENT = "_percent"


def status_document(
    status: Status, budget: ErrorBudget | None, *, company_id: UUID | None
) -> Document:
    """How a company, or everybody, stands in a window."""
    return {
        "companyId": document(company_id),
        "company": status.company,
        "period": document(status.window),
        "overall": scope_document(status.overall),
        "byPlatform": _by_platform(status.by_platform),
        "errorBudget": document(budget),
    }


def report_document(report: Report) -> Document:
    """A report: what a status has, what to do in words, and the evidence in further fields."""
    facts = report.facts
    return {
        "kind": report.kind.value,
        "period": document(report.window),
        "companyId": document(report.company_id),
        "company": report.company,
        "companyName": report.company_name,
        "generatedAt": document(report.generated_at),
        "provisional": report.provisional,
        "thresholds": thresholds_document(as_values(report.thresholds)),
        "overall": scope_document(facts.overall),
        "byPlatform": _by_platform(facts.by_platform, facts.budget_by_platform),
        "errorBudget": document(facts.budget),
        "recommendations": [one.text for one in report.recommendations],
        "recommendationDetails": [_recommendation(one) for one in report.recommendations],
        **{
            name: document(getattr(facts, field))
            for name, field in {
                "trend": "trend",
                "days": "days",
                "latencyBuckets": "latency_buckets",
                "causes": "causes",
                "crowdedMinutes": "crowded",
                "incidents": "incidents",
                "maintenance": "maintenance",
                "companies": "companies",
            }.items()
        },
    }


def scope_document(scope: Scope) -> Document:
    """What was measured and what is wrong, under the specification's names."""
    m = scope.metrics
    return {
        "totalDeliveries": m.total,
        "dueDeliveries": m.due,
        "successfulDeliveries": m.successful,
        "failedDeliveries": m.failed,
        "recoveredDeliveries": m.recovered,
        "missedDeliveries": m.missed,
        "overdueDeliveries": m.overdue,
        "skippedDeliveries": m.skipped,
        "pendingDeliveries": m.pending,
        "cancelledDeliveries": m.cancelled,
        "replayedDeliveries": m.replayed,
        "onTimeDeliveries": m.on_time,
        "timedDeliveries": m.timed,
        "retriedDeliveries": m.retried,
        "retriedSuccessfulDeliveries": m.retried_successful,
        "retriedFailedDeliveries": m.retried_failed,
        "successRate": _fraction(m.success_rate),
        "successRateInterval": _interval(m.success_rate),
        "onTimeRate": _fraction(m.on_time_rate),
        "onTimeRateInterval": _interval(m.on_time_rate),
        "retrySuccessRate": _fraction(m.retry_success_rate),
        "retrySuccessRateInterval": _interval(m.retry_success_rate),
        "retryDistribution": document(m.retry_distribution),
        "avgDeliveryLatencyMs": document(m.latency.average if m.latency else None),
        "latencyMs": _spread(m.latency),
        "latenessMs": _spread(m.lateness),
        "avgPayloadSizeBytes": document(m.avg_payload_bytes),
        "maxPayloadSizeBytes": m.max_payload_bytes,
        "avgRetries": document(m.avg_retries),
        "maxAttempts": m.max_attempts,
        "consecutiveFailures": m.consecutive_failures,
        "overdueNow": m.overdue_now,
        "oldestOverdue": document(m.oldest_overdue),
        "slaStatus": scope.state.value,
        "breaches": [breach_document(one) for one in scope.breaches],
    }


def breach_document(breach: Breach) -> Document:
    """One metric outside its SLA: without its details, which may be another company's."""
    return {
        "type": breach.type.value,
        "severity": breach.severity.value,
        "threshold": in_wire_unit(breach.type, breach.threshold),
        "actual": in_wire_unit(breach.type, breach.actual),
        "since": document(breach.since),
        "sampleSize": breach.sample_size,
        "lowConfidence": breach.low_confidence,
        "pages": breach.pages,
        "rule": breach.rule.value if breach.rule else None,
    }


def incident_document(incident: Incident) -> Document:
    """An incident with its level; values in the units of the wire, and no company's last error on an
    incident that is everybody's."""
    found: Document = document(asdict(incident))
    for name in ("threshold", "actual"):
        found[name] = in_wire_unit(incident.type, getattr(incident, name))
    found["level"] = incident.level
    found["details"] = document(told_details(incident))
    return found


def in_wire_unit(type_: BreachType, value: float) -> float:
    """A breach's threshold or actual value as programs read it: a fraction where it is a rate."""
    if type_ in RATES:
        value = float(Decimal(str(value)) / 100)
    found: float = document(value)
    return found


def thresholds_document(values: Mapping[str, Any]) -> Document:
    """Thresholds by name: `successRateTarget` 0.98 for `success_rate_target_percent` 98."""
    found = {}
    for name, value in values.items():
        if name.endswith(_PERCENT):
            found[name.removesuffix(_PERCENT)] = float(Decimal(str(value)) / 100)
        else:
            found[name] = value
    named: Document = document(found)
    return named


def _by_platform(
    scopes: Mapping[Platform, Scope], budgets: Mapping[Platform, ErrorBudget] | None = None
) -> Sequence[Document]:
    found: list[Document] = []
    for platform, scope in scopes.items():
        one = {"platform": platform.value, **scope_document(scope)}
        if budgets is not None:
            one["errorBudget"] = document(budgets.get(platform))
        found.append(one)
    return found


def _recommendation(one: Recommendation) -> Document:
    found: Document = document(one)
    # What each text is made of, for readers of other languages.
    found["said"] = {name: as_document(getattr(one, name)) for name in ("seen", "where", "action")}
    return found


def _fraction(rate: Rate | None) -> float | None:
    found: float | None = document(rate.fraction) if rate else None
    return found


def _interval(rate: Rate | None) -> Document | None:
    return {"low": document(rate.low), "high": document(rate.high), "n": rate.n} if rate else None


def _spread(durations: Durations | None) -> Document | None:
    if durations is None:
        return None
    return {
        "avg": document(durations.average),
        "p50": document(durations.p50),
        "p95": document(durations.p95),
        "max": document(durations.maximum),
        "n": durations.n,
    }
