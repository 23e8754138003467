"""The error budget and how fast it burns (Google's SRE workbook, chapter 5: multi-window, multi-burn-rate
alerts)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from impact_in_pipelines.sla.model import Breach, BreachType, Rule, Severity
from impact_in_pipelines.sla.rules import Subject
from impact_in_pipelines.sla.thresholds import Thresholds

BUDGET_DAYS = 28
"""Four whole weeks, so that every weekday counts equally often."""

PRESENT_DAYS = 7
"""The days whose rate counts as the present one."""

LONGEST_DAYS = 366
"""A budget that lasts longer at the present rate doesn't run out."""


@dataclass(frozen=True, slots=True)
class BurnRule:
    """Burning at `rate` times what the budget allows, over the long window and still over the short one."""

    rate: float
    long: timedelta
    short: timedelta

    @property
    def fast(self) -> bool:
        """Whether somebody is paged for it."""
        return self.rate > 1


BURN_RULES = (
    BurnRule(14.4, timedelta(hours=1), timedelta(minutes=5)),
    BurnRule(6.0, timedelta(hours=6), timedelta(minutes=30)),
    BurnRule(1.0, timedelta(days=3), timedelta(hours=6)),
)
"""The workbook's own numbers, the fastest first."""

BURN_WINDOWS = tuple(sorted({w for rule in BURN_RULES for w in (rule.long, rule.short)}))


@dataclass(frozen=True, slots=True)
class Errors:
    """`errors` of `due` deliveries that came to their end (arrived, failed, missed) in some window."""

    due: int
    errors: int


@dataclass(frozen=True, slots=True)
class ErrorBudget:
    """What may fail over 28 days and what has.

    `allowed` = (1 − target) × due. `left` is the fraction of it that isn't spent, below 0 when it is
    overspent, None where nothing was due or the target allows nothing. `runs_out_at` (UTC) is when it is
    spent at the rate of the last 7 days, None where that rate is sustainable or it lasts a year; in the past
    or now: it is spent already.
    """

    days: int
    due: int
    errors: int
    allowed: float
    left: float | None
    burn_rate: float | None
    runs_out_at: datetime | None


def error_budget(
    whole: Errors, present: Errors, thresholds: Thresholds, now: datetime
) -> ErrorBudget:
    """The budget of a scope: `whole` over the last 28 days, `present` over the last 7."""
    share = thresholds.error_budget
    # Rounded, so that one failure of the one allowed leaves 0 and not 8.88e-16.
    allowed = round(share * whole.due, 9)
    left = allowed - whole.errors
    drain_per_day = (present.errors - share * present.due) / PRESENT_DAYS
    runs_out_at = None
    if whole.due and left <= 0:
        runs_out_at = now
    elif drain_per_day > 0 and left / drain_per_day <= LONGEST_DAYS:
        runs_out_at = now + timedelta(days=left / drain_per_day)
    return ErrorBudget(
        days=BUDGET_DAYS,
        due=whole.due,
        errors=whole.errors,
        allowed=allowed,
        left=left / allowed if allowed > 0 else None,
        burn_rate=burn_rate(present, thresholds),
        runs_out_at=runs_out_at,
    )


def burn_rate(errors: Errors, thresholds: Thresholds) -> float | None:
    """How many times faster than sustainable the budget burns; None where nothing came to its end or the
    target allows no failure at all."""
    if not errors.due or thresholds.error_budget <= 0:
        return None
    return errors.errors / errors.due / thresholds.error_budget


def burn_breach(
    by_window: Mapping[timedelta, Errors],
    thresholds: Thresholds,
    subject: Subject,
    *,
    since: datetime | None = None,
) -> Breach | None:
    """The breach of the fastest rule that matches in both of its windows, or None. A fast one is critical
    and pages: at that rate the budget of four weeks is gone within days.

    Guard against little traffic: the long window must hold `min_deliveries` ends and two errors; one
    failure of one delivery would otherwise be a burn rate of 50.
    """
    for rule in BURN_RULES:
        long, short = by_window[rule.long], by_window[rule.short]
        if long.due < thresholds.min_deliveries or long.errors < 2:
            continue
        fast, still = burn_rate(long, thresholds), burn_rate(short, thresholds)
        if fast is None or still is None or fast < rule.rate or still < rule.rate:
            continue
        return Breach(
            type=BreachType.BURN_RATE,
            severity=Severity.CRITICAL if rule.fast else Severity.WARNING,
            pages=rule.fast,
            rule=Rule.FAST_BURN if rule.fast else Rule.SLOW_BURN,
            threshold=rule.rate,
            actual=fast,
            since=since,
            company_id=subject.company_id,
            company=subject.company,
            platform=subject.platform,
            sample_size=long.due,
            low_confidence=False,
            details={
                "long_window_minutes": rule.long // timedelta(minutes=1),
                "short_window_minutes": rule.short // timedelta(minutes=1),
                "short_window_burn_rate": round(still, 2),
                "errors": long.errors,
            },
        )
    return None
