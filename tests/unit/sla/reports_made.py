"""Two reports made from known facts: all companies in a bad week, one company with nothing due."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.sla.assessing import (
    EVERYTHING,
    Assessment,
    Burn,
    Measured,
    Overdue,
    assess,
    since_wanted,
    with_since,
)
from impact_in_pipelines.sla.budget import BURN_WINDOWS, Errors, error_budget
from impact_in_pipelines.sla.metrics import COUNTERS, metrics_of
from impact_in_pipelines.sla.model import Severity, Window
from impact_in_pipelines.sla.reports.recommending import recommend
from impact_in_pipelines.sla.reports.report import (
    CrowdedMinute,
    Facts,
    FailureCause,
    IncidentLine,
    MaintenanceLine,
    Report,
    company_line,
    day_points,
    trend_end,
    trend_point,
    worst_first,
)
from impact_in_pipelines.sla.rules import Streak
from impact_in_pipelines.sla.thresholds import ThresholdBook, Thresholds
from impact_in_pipelines.sla.windows import (
    ReportKind,
    ReportPeriod,
    days_of,
    period_of,
    rolling,
    trend_windows,
)

NOW = datetime(2026, 3, 16, 6, 30, tzinfo=UTC)
WEEK = period_of(ReportPeriod.WEEKLY, datetime(2026, 3, 11, tzinfo=UTC).date())
ACME, ZETA = UUID(int=1), UUID(int=2)
SLUGS = {ACME: "acme", ZETA: "zeta_|_co"}
THRESHOLDS = Thresholds()


def counters(**some: int | None) -> dict[str, int | None]:
    """Every counter, 0 where it isn't given."""
    return dict.fromkeys(COUNTERS, 0) | some


BAD = counters(
    successful=1180,
    failed=31,
    recovered=4,
    missed=12,
    overdue=2,
    skipped=5,
    pending=7,
    cancelled=3,
    replayed=6,
    timed=1200,
    on_time=1100,
    retried=120,
    retried_successful=90,
    retried_failed=30,
    retry_1=60,
    retry_2=20,
    retry_3=8,
    retry_later=2,
    attempts_sum=1500,
    attempts_n=1211,
    attempts_max=5,
    payload_bytes_sum=1211 * 2048,
    payload_bytes_n=1211,
    payload_bytes_max=153_600,
    latency_ms_sum=1180 * 301_000,
    latency_ms_n=1180,
    latency_ms_max=7_300_000,
    lateness_ms_sum=1180 * 1_250,
    lateness_ms_n=1180,
    lateness_ms_max=61_000,
    latency_ms_p50=42_123,
    latency_ms_p95=1_234_567,
)
FEW = counters(
    successful=4,
    failed=1,
    timed=5,
    on_time=1,
    attempts_sum=9,
    attempts_n=5,
    attempts_max=4,
    latency_ms_sum=4 * 610_000,
    latency_ms_n=4,
    latency_ms_max=900_000,
    latency_ms_p50=600_500,
    latency_ms_p95=890_000,
    retried=1,
    retried_failed=1,
    payload_bytes_max=800,
)
GOOD = counters(
    successful=2000,
    timed=2000,
    on_time=1999,
    attempts_sum=2000,
    attempts_n=2000,
    attempts_max=1,
    latency_ms_sum=2000 * 850,
    latency_ms_n=2000,
    latency_ms_max=3_700,
    latency_ms_p50=800,
    latency_ms_p95=1_100,
    payload_bytes_max=102_400,
)


def assessed() -> Assessment:
    """Everybody and two companies, judged by the rules."""
    streak = Streak(
        UUID(int=7), ZETA, Platform.GOODERA, 4, NOW - timedelta(hours=9), "timeout", "it said no"
    )
    slow = {w: Errors(400, 9) if w >= timedelta(hours=6) else Errors(40, 1) for w in BURN_WINDOWS}
    fast = {w: Errors(50, 20) for w in BURN_WINDOWS}
    measured = Measured(
        WEEK,
        {
            EVERYTHING: metrics_of(BAD, oldest_overdue=NOW - timedelta(minutes=16)),
            (None, Platform.BENEVITY): metrics_of(GOOD),
            (None, Platform.GOODERA): metrics_of(FEW),
            (None, Platform.WORKDAY): metrics_of(BAD, oldest_overdue=NOW - timedelta(minutes=7)),
            (ACME, None): metrics_of(GOOD),
            (ACME, Platform.BENEVITY): metrics_of(GOOD),
            (ZETA, None): metrics_of(FEW),
            (ZETA, Platform.GOODERA): metrics_of(FEW),
        },
        streaks=[streak],
        burns={
            EVERYTHING: Burn(slow, NOW + timedelta(hours=1)),
            (None, Platform.WORKDAY): Burn(fast, NOW - timedelta(hours=2)),
        },
        overdue_before={EVERYTHING: Overdue(3, NOW - timedelta(days=8))},
    )
    found = assess(measured, ThresholdBook(THRESHOLDS), SLUGS, NOW)
    wanted = since_wanted(found)
    return with_since(found, {key: NOW - timedelta(days=2) for key in wanted[:3]})


def _causes() -> list[FailureCause]:
    def cause(
        platform: Platform, kind: str, deliveries: int, companies: int, hours: int
    ) -> FailureCause:
        at = NOW - timedelta(hours=hours)
        said = f"<{kind}> | `{hours}`" if hours % 2 else None
        return FailureCause(
            *(platform, kind, 500 + hours, deliveries, companies, deliveries // 3),
            first_at=at - timedelta(days=1),
            last_at=at,
            example=said,
            example_delivery=UUID(int=hours),
            example_company="zeta_|_co" if companies < 4 else None,
        )

    return [
        cause(Platform.WORKDAY, "server_error", 1200, 3, 1),
        cause(Platform.WORKDAY, "timeout", 6, 2, 2),
        cause(Platform.WORKDAY, "unheard_of", 5, 1, 3),
        cause(Platform.GOODERA, "authentication", 1, 1, 5),
        cause(Platform.GOODERA, "rate_limited", 2, 4, 7),
        cause(Platform.BENEVITY, "rejected", 3, 2, 9),
    ]


def _trend_counters(failed: int) -> dict[str, object]:
    return counters(successful=100 - failed, failed=failed, timed=100, on_time=97 - failed) | {
        "latency_ms_buckets": [10, 0, 20, 30, 0, 0, 0, 0, 0, failed * 3]
    }


def bad_week() -> Report:
    """All companies, in a week in which nearly every rule finds something."""
    assessment = assessed()
    status = assessment.status()
    windows = trend_windows(ReportKind.WEEKLY, WEEK, 4)
    trend = [
        trend_point(window, found)
        for window, found in zip(
            windows,
            [None, _trend_counters(2), None, _trend_counters(1)],
            strict=True,
        )
    ]
    first, last = days_of(WEEK)
    rows = [
        {"day": first + timedelta(days=n), **counts}
        for n, counts in enumerate(
            [
                {"successful": 400, "not_arrived": 0, "timed": 400, "on_time": 400},
                {"successful": 380, "not_arrived": 40, "timed": 400, "on_time": 300},
                {"successful": 400, "not_arrived": 1, "timed": 0, "on_time": 0},
            ]
        )
    ]
    budget = error_budget(Errors(4000, 45), Errors(1225, 45), THRESHOLDS, NOW)
    spent = error_budget(Errors(1000, 60), Errors(100, 9), THRESHOLDS, NOW)
    opened = WEEK.start + timedelta(hours=5)
    facts = Facts(
        overall=status.overall,
        by_platform=status.by_platform,
        budget=budget,
        budget_by_platform={Platform.WORKDAY: spent, Platform.BENEVITY: budget},
        trend=[*trend, trend_end(WEEK, status.overall.metrics)],
        days=day_points(first, last, rows),
        latency_buckets=[700, 200, 100, 50, 40, 20, 0, 60, 1, 1009],
        causes=_causes(),
        crowded=[
            CrowdedMinute(Platform.WORKDAY, "06:00", 700, 60_000.0, 180_000.0),
            CrowdedMinute(Platform.GOODERA, "07:30", 20, 59_999.0, 61_000.0),
        ],
        incidents=[
            IncidentLine(
                *(UUID(int=n), "success_rate" if n % 2 else "latency"),
                Severity.CRITICAL if n % 3 else Severity.WARNING,
                *("acme" if n % 2 else None, Platform.WORKDAY if n % 4 else None),
                opened + timedelta(hours=n),
                opened + timedelta(hours=2 * n) if n % 5 else None,
                duration_ms=3_600_000.0 * n,
                low_confidence=n % 6 == 0,
                muted_by="upgrade" if n == 7 else None,
            )
            for n in range(1, 28)
        ],
        maintenance=[
            MaintenanceLine(Platform.WORKDAY, None, opened, WEEK.end, "upgrade <b>", "ana@acme")
        ],
        companies=worst_first(
            [company_line(SLUGS[id_], assessment.status(id_).overall) for id_ in (ACME, ZETA)]
        ),
    )
    return Report(
        kind=ReportKind.WEEKLY,
        window=WEEK,
        company_id=None,
        company=None,
        company_name="All <companies>",
        generated_at=NOW,
        provisional=7,
        thresholds=THRESHOLDS,
        facts=facts,
        recommendations=recommend(facts, THRESHOLDS, None),
    )


def _quiet(window: Window) -> Facts:
    status = assess(Measured(window, {}), ThresholdBook(THRESHOLDS), SLUGS, NOW).status(ACME)
    first, last = days_of(window)
    nothing = Errors(0, 0)
    windows = trend_windows(ReportKind.ROLLING, window, 2)
    return Facts(
        overall=status.overall,
        by_platform=status.by_platform,
        budget=error_budget(nothing, nothing, THRESHOLDS, NOW),
        budget_by_platform={},
        trend=[trend_point(one, None) for one in (*windows, window)],
        days=day_points(first, last, []),
        latency_buckets=[],
        causes=[],
        crowded=[],
        incidents=[],
        maintenance=[],
    )


def quiet_days() -> Report:
    """One company over the last ten days, in which nothing was due."""
    window = rolling(NOW, 10)
    facts = _quiet(window)
    return Report(
        kind=ReportKind.ROLLING,
        window=window,
        company_id=ACME,
        company="acme",
        company_name="Acme",
        generated_at=NOW,
        provisional=0,
        thresholds=THRESHOLDS,
        facts=facts,
        recommendations=recommend(facts, THRESHOLDS, "acme"),
    )


def good_week() -> Report:
    """One company whose every delivery arrived, one of 2,000 not on time."""
    status = assessed().status(ACME)
    whole, present = Errors(8000, 40), Errors(2000, 20)
    budget = error_budget(whole, present, THRESHOLDS, NOW)
    first, last = days_of(WEEK)
    before = trend_windows(ReportKind.WEEKLY, WEEK, 1)[0]
    rows = [
        {"day": first, "successful": 2000, "not_arrived": 0, "timed": 2000, "on_time": 1999},
    ]
    facts = Facts(
        overall=status.overall,
        by_platform=status.by_platform,
        budget=budget,
        budget_by_platform={Platform.BENEVITY: budget},
        trend=[
            trend_point(before, _trend_counters(0)),
            trend_end(WEEK, status.overall.metrics),
        ],
        days=day_points(first, last, rows),
        latency_buckets=[2000, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        causes=[],
        crowded=[],
        incidents=[],
        maintenance=[],
    )
    return replace(
        quiet_days(),
        kind=ReportKind.WEEKLY,
        window=WEEK,
        facts=facts,
        recommendations=recommend(facts, THRESHOLDS, "acme"),
    )
