"""Analytics as JSON data, which the API answers with and every written form is made from (docs/sla.md).

Rates are fractions, durations milliseconds unless the name says seconds; None stands for what nothing was
measured of.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from impact_in_pipelines.analytics.hours import FEWEST_CALLS, BestHour, HourCalls
from impact_in_pipelines.analytics.model import (
    Analytics,
    CompanyCalls,
    PlatformFigures,
    Prices,
    SpanFigures,
)
from impact_in_pipelines.analytics.series import Calls, Deliveries
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.sla.metrics import histogram_percentile
from impact_in_pipelines.sla.model import Rate

Document = dict[str, Any]


def analytics_document(found: Analytics) -> Document:
    """`found` as JSON data."""
    by_platform = {one.platform: one.figures for one in found.platforms}
    requests = {one: figures.calls.requests for one, figures in by_platform.items()}
    saved = {one: figures.calls.saved for one, figures in by_platform.items()}
    return {
        "company": found.company,
        "companyName": found.name,
        "from": found.total.first.isoformat(),
        "to": found.total.last.isoformat(),
        "grain": found.grain.value,
        "generatedAt": found.made_at.isoformat(),
        "countedAt": found.counted_at.isoformat() if found.counted_at else None,
        "timezone": found.zone,
        "currency": found.prices.currency if found.prices.per_thousand else None,
        "targets": {
            "successRate": found.goals.success_rate,
            "onTimeRate": found.goals.on_time_rate,
            "latencyMs": found.goals.latency_ms,
        },
        "total": {
            **_figures(found.total),
            "cost": found.prices.of_all(requests),
            "savedCost": found.prices.of_all(saved),
        },
        "before": _figures(found.before),
        "points": [_figures(one) for one in found.points],
        "platforms": [_platform(one, found.prices) for one in found.platforms],
        "companies": [_company(one, found.prices) for one in found.companies],
        "companiesInAll": found.called_by,
    }


def _figures(one: SpanFigures) -> Document:
    return {
        "from": one.first.isoformat(),
        "to": one.last.isoformat(),
        **_deliveries(one.deliveries),
        **_calls(one.calls),
    }


def _deliveries(one: Deliveries) -> Document:
    latency = one.latency_ms_sum / one.latency_ms_n if one.latency_ms_n else None
    p50, p95 = (histogram_percentile(one.latency_ms_buckets, share) for share in (0.5, 0.95))
    return {
        "plannedDeliveries": one.planned,
        "succeededDeliveries": one.succeeded,
        "failedDeliveries": one.failed,
        "neverStartedDeliveries": one.never_started,
        "timedDeliveries": one.timed,
        "onTimeDeliveries": one.on_time,
        "successRate": one.succeeded / one.planned if one.planned else None,
        "onTimeRate": one.on_time / one.timed if one.timed else None,
        "avgLatencyMs": latency,
        "p50LatencyMs": p50.ms if p50 else None,
        "p95LatencyMs": p95.ms if p95 else None,
        "payloadBytes": one.payload_bytes,
    }


def _calls(one: Calls) -> Document:
    return {
        "requests": one.requests,
        "deliveriesSent": one.deliveries_sent,
        "savedRequests": one.saved,
        "repeatedRequests": one.repeats,
        "failedRequests": one.failed_requests,
        "lostAttempts": one.lost,
        "answerSeconds": one.answer_ms_sum / 1_000,
        "avgAnswerMs": one.answer_ms_mean,
        "p50AnswerMs": one.answer_p50_ms,
        "p95AnswerMs": one.answer_p95_ms,
    }


def _platform(one: PlatformFigures, prices: Prices) -> Document:
    calls = one.figures.calls
    return {
        "platform": one.platform.value,
        **_figures(one.figures),
        "cost": prices.of(one.platform, calls.requests),
        "savedCost": prices.of(one.platform, calls.saved),
        "points": [
            {
                "from": point.first.isoformat(),
                "to": point.last.isoformat(),
                "requests": point.calls.requests,
                "p50AnswerMs": point.calls.answer_p50_ms,
                "p95AnswerMs": point.calls.answer_p95_ms,
            }
            for point in one.points
        ],
        "errors": [
            {"kind": kind, "requests": n}
            for kind, n in sorted(calls.errors.items(), key=lambda item: (-item[1], item[0]))
            if n
        ],
        "bestHour": _best(one.best),
        "hours": [_hour(hour) for hour in one.hours],
        "bestLocalHour": _best(one.local_best) if one.local_best else None,
        "localHours": [_hour(hour) for hour in one.local_hours],
    }


def _best(one: BestHour) -> Document:
    return {
        "verdict": one.verdict.value,
        "hours": list(one.hours),
        "comparedHours": one.compared,
        "fewestRequests": FEWEST_CALLS,
        "best": _hour(one.best) if one.best else None,
        "others": _hour(one.others) if one.others else None,
    }


def _hour(one: HourCalls) -> Document:
    success = one.success
    return {
        "hour": one.hour,
        "requests": one.requests,
        "failedRequests": one.failed,
        "successRate": success.fraction if success else None,
        "successRateInterval": _interval(success),
        "p50AnswerMs": one.answer_p50_ms,
    }


def _interval(one: Rate | None) -> Mapping[str, Any] | None:
    return {"low": one.low, "high": one.high, "n": one.n} if one else None


def _company(one: CompanyCalls, prices: Prices) -> Document:
    requests: dict[Platform, int] = {p: calls.requests for p, calls in one.by_platform.items()}
    saved = {p: calls.saved for p, calls in one.by_platform.items()}
    return {
        "company": one.company,
        "companyName": one.name,
        **_calls(one.calls),
        "cost": prices.of_all(requests),
        "savedCost": prices.of_all(saved),
    }


def has_prices(document: Mapping[str, Any]) -> bool:
    """Whether it says what calls cost."""
    return document["currency"] is not None


def known_points(document: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """Its points from the first one on that says something."""
    points = document["points"]
    first = next(
        (n for n, one in enumerate(points) if one["plannedDeliveries"] or one["requests"]),
        len(points),
    )
    return list(points[first:])
