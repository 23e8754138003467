"""Which promises a scope breaks: every rule is evaluated, the most severe match of each type is reported
(design D8), and each says whether it pages somebody and why (design D18).

The specification's warning levels of the two rates (95 %, 85 %) lie below their targets (98 %, 90 %), and
missing the target is critical, so with the defaults a rate never ends as a warning. The levels count as
soon as somebody sets a warning above its target.

Facts page at any number: overdue fires, failures in a row, deliveries half of which are late. Estimates (the
rates) need enough deliveries, or, by the policy `significant`, failures that chance does not explain.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from math import floor
from operator import ge, gt, lt
from typing import Any
from uuid import UUID

from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.sla.document import number
from impact_in_pipelines.sla.model import Breach, BreachType, Metrics, Rate, Rule, Severity
from impact_in_pipelines.sla.rates import chance_of_failures
from impact_in_pipelines.sla.thresholds import Thresholds

_MATCHES = {"<": lt, ">": gt, "≥": ge}
SIGNIFICANCE = 0.05
"""Failures that chance explains with this probability or more prove nothing."""


@dataclass(frozen=True, slots=True)
class Subject:
    """Whose metrics they are. `company` is the slug; nothing at all means everybody."""

    company_id: UUID | None = None
    company: str | None = None
    platform: Platform | None = None


@dataclass(frozen=True, slots=True)
class Streak:
    """A schedule that has failed `failures` times in a row up to the window's end."""

    schedule_id: UUID
    company_id: UUID
    platform: Platform
    failures: int
    since: datetime | None
    error_kind: str | None
    last_error: str | None


@dataclass(frozen=True, slots=True)
class _Level:
    severity: Severity
    threshold: float
    sign: str

    def matches(self, actual: float) -> bool:
        return bool(_MATCHES[self.sign](actual, self.threshold))

    def __str__(self) -> str:
        return f"{self.severity} {self.sign} {self.threshold:g}"


def evaluate(
    metrics: Metrics,
    thresholds: Thresholds,
    subject: Subject,
    now: datetime,
    *,
    since: Mapping[BreachType, datetime] | None = None,
    streaks: Sequence[Streak] = (),
) -> list[Breach]:
    """The breaches of `subject` at `now` (UTC), at most one of each type, in the order of `BreachType`.

    `since` says when the rates and the latency went bad, where it is known; `streaks` are the schedules of
    the subject that are failing.
    """
    known = since or {}
    found = (
        _success_breach(metrics, thresholds),
        _on_time_breach(metrics, thresholds),
        _latency_breach(metrics, thresholds),
        _retry_breach(metrics, thresholds),
        _streak_breach(metrics, thresholds, streaks),
        _overdue_breach(metrics, thresholds, now),
    )
    return [
        Breach(
            type=one.type,
            severity=one.severity,
            threshold=one.threshold,
            actual=one.actual,
            since=not_later(one.since or known.get(one.type), now),
            company_id=subject.company_id,
            company=subject.company,
            platform=subject.platform,
            sample_size=one.n,
            low_confidence=one.low_confidence,
            details=one.details,
            pages=one.pages,
            rule=one.rule,
        )
        for one in found
        if one is not None
    ]


def not_later(at: datetime | None, now: datetime) -> datetime | None:
    """`at`, or `now` where it lies ahead: another machine's clock may be fast, and nothing has been wrong
    since tomorrow."""
    return None if at is None else min(at, now)


@dataclass(frozen=True, slots=True)
class _Found:
    type: BreachType
    severity: Severity
    threshold: float
    actual: float
    n: int
    rule: Rule
    pages: bool = False
    low_confidence: bool = False
    details: Mapping[str, Any] = field(default_factory=dict)
    since: datetime | None = None


def _matching(levels: Sequence[_Level], actual: float) -> list[_Level]:
    """The levels that match, the most severe first."""
    matched = [level for level in levels if level.matches(actual)]
    return sorted(matched, key=lambda level: level.severity is not Severity.CRITICAL)


def _success_breach(metrics: Metrics, t: Thresholds) -> _Found | None:
    levels = (t.success_rate_target_percent, t.success_rate_warning_percent)
    return _rate_breach(BreachType.SUCCESS_RATE, metrics.success_rate, levels, t)


def _retry_breach(metrics: Metrics, t: Thresholds) -> _Found | None:
    levels = (t.retry_success_rate_target_percent, t.retry_success_rate_warning_percent)
    return _rate_breach(BreachType.RETRY_SUCCESS_RATE, metrics.retry_success_rate, levels, t)


def _rate_breach(
    type_: BreachType, rate: Rate | None, levels: tuple[float, float], thresholds: Thresholds
) -> _Found | None:
    target, warning = levels
    if rate is None or rate.percent >= max(target, warning):
        return None
    matched = _matching(
        (_Level(Severity.CRITICAL, target, "<"), _Level(Severity.WARNING, warning, "<")),
        rate.percent,
    )
    if not matched:
        return None
    level = matched[0]
    if level.severity is Severity.CRITICAL:
        rule, pages = _judged(rate, target, thresholds)
    else:
        rule, pages = Rule.WARNING_LEVEL, False
    return _Found(
        type_,
        level.severity,
        level.threshold,
        rate.percent,
        rate.n,
        rule,
        pages,
        low_confidence=rule in (Rule.FEW_DELIVERIES, Rule.NOT_SIGNIFICANT)
        or (rule is Rule.WARNING_LEVEL and rate.n < thresholds.min_deliveries),
        details={"rules": [str(one) for one in matched], "interval": _interval(rate)},
    )


def _judged(rate: Rate, target: float, thresholds: Thresholds) -> tuple[Rule, bool]:
    """Whether a rate below its target pages, by the policy in force."""
    if thresholds.page_policy == "significant":
        allowed = float((100 - Decimal(str(target))) / 100)
        significant = chance_of_failures(rate.n - rate.count, rate.n, allowed) < SIGNIFICANCE
        return (Rule.SIGNIFICANT if significant else Rule.NOT_SIGNIFICANT), significant
    enough = rate.n >= thresholds.min_deliveries
    return (Rule.TARGET_MISSED if enough else Rule.FEW_DELIVERIES), enough


def _on_time_breach(metrics: Metrics, thresholds: Thresholds) -> _Found | None:
    """Late deliveries warn: the specification's table knows no such rate, so nobody is paged for it."""
    rate, target = metrics.on_time_rate, thresholds.on_time_rate_target_percent
    if rate is None or rate.percent >= target:
        return None
    return _Found(
        BreachType.ON_TIME_RATE,
        Severity.WARNING,
        target,
        rate.percent,
        rate.n,
        Rule.LATE_DELIVERIES,
        low_confidence=rate.n < thresholds.min_deliveries,
        details={"interval": _interval(rate)},
    )


def _interval(rate: Rate) -> list[float]:
    return [number(rate.low), number(rate.high)]


def _latency_breach(metrics: Metrics, thresholds: Thresholds) -> _Found | None:
    """An average that is late is told; one page is worth it if the median is late too, at any number: half
    of the deliveries are a fact, one that took a day is an average."""
    latency = metrics.latency
    lowest = min(thresholds.latency_target_ms, thresholds.latency_warning_ms)
    if latency is None or latency.average <= lowest:
        return None
    matched = _matching(
        (
            _Level(Severity.CRITICAL, thresholds.latency_target_ms, ">"),
            _Level(Severity.WARNING, thresholds.latency_warning_ms, ">"),
        ),
        latency.average,
    )
    if not matched:
        return None
    level, pages, rule = matched[0], False, Rule.WARNING_LEVEL
    if level.severity is Severity.CRITICAL:
        # More than half later than their own target. By counts, which add up over companies; a median
        # doesn't.
        pages = 2 * metrics.on_time < latency.n
        rule = Rule.MEDIAN_LATE if pages else Rule.AVERAGE_LATE
    return _Found(
        BreachType.LATENCY,
        level.severity,
        level.threshold,
        latency.average,
        latency.n,
        rule,
        pages,
        low_confidence=not pages and latency.n < thresholds.min_deliveries,
        details={
            "rules": [str(one) for one in matched],
            "p50_ms": latency.p50,
            "p95_ms": latency.p95,
            "max_ms": latency.maximum,
        },
    )


def _streak_breach(
    metrics: Metrics, thresholds: Thresholds, streaks: Sequence[Streak]
) -> _Found | None:
    limit = thresholds.consecutive_failures_critical
    if metrics.consecutive_failures < limit:
        return None
    failing = sorted(
        (one for one in streaks if one.failures >= limit), key=lambda one: -one.failures
    )
    details: dict[str, Any] = {"schedules": len(failing)}
    if failing:
        worst = failing[0]
        details |= {
            "schedule_id": str(worst.schedule_id),
            "error_kind": worst.error_kind,
            "last_error": worst.last_error,
        }
    return _Found(
        BreachType.CONSECUTIVE_FAILURES,
        Severity.CRITICAL,
        limit,
        metrics.consecutive_failures,
        metrics.consecutive_failures,
        Rule.FAILURES_IN_A_ROW,
        pages=True,
        details=details,
        since=min((one.since for one in failing if one.since), default=None),
    )


def _overdue_breach(metrics: Metrics, thresholds: Thresholds, now: datetime) -> _Found | None:
    if not metrics.overdue_now:
        return None
    oldest = metrics.oldest_overdue
    late = None if oldest is None else (now - oldest) / timedelta(minutes=1)
    critical = late is not None and late >= thresholds.overdue_critical_after_minutes
    return _Found(
        BreachType.OVERDUE,
        Severity.CRITICAL if critical else Severity.WARNING,
        0,
        metrics.overdue_now,
        metrics.overdue_now,
        Rule.OVERDUE_LONG if critical else Rule.OVERDUE_SHORT,
        pages=critical,
        details={
            "oldest_scheduled_for": oldest.isoformat() if oldest else None,
            # Cut: what is not yet late enough to page must not read as if it were.
            "oldest_late_minutes": None if late is None else floor(late * 10) / 10,
        },
        since=None
        if oldest is None
        else oldest + timedelta(minutes=thresholds.overdue_after_minutes),
    )
