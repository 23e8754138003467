"""The SLA in Dagster: the rollup by day, the hourly status with its checks, reports by week and month."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from dagster import (
    AssetKey,
    AssetMaterialization,
    ExecuteInProcessResult,
    RunRequest,
    build_schedule_context,
)

from impact_in_pipelines.definitions import defs
from impact_in_pipelines.resources.runtime import RuntimeResource
from impact_in_pipelines.schedules.sla import RANGE_END, RANGE_START, sla_schedules
from impact_in_pipelines.settings import read_settings
from impact_in_pipelines.sla.windows import ReportPeriod, last_complete, midnight

from .world import QUIET, World, day, succeeded, today, values

PLATFORMS = ("benevity", "goodera", "workday")
CHECKS = (
    *("success_rate", "on_time_rate", "latency", "retry_success_rate"),
    *("consecutive_failures", "overdue"),
)


def log(
    world: World,
    company: UUID,
    on: date,
    *,
    ok: int = 0,
    failed: int = 0,
    platform: str = "benevity",
    took: timedelta = timedelta(seconds=30),
) -> None:
    """Deliveries that were due on a day, one every second from 01:00 UTC, the failed ones last."""
    world.execute(
        """INSERT INTO impact_deliveries (company_id, platform, trigger, status, period_start, period_end,
               scheduled_for, idempotency_key, attempt_count, delivered_at, failed_at, error_kind,
               last_error, recorded_at)
           SELECT :company, :platform, 'schedule', CASE WHEN n <= :ok THEN 'success' ELSE 'failed' END,
                  :day, :day, at, gen_random_uuid(), CASE WHEN n <= :ok THEN 1 ELSE 4 END,
                  CASE WHEN n <= :ok THEN at + :took END,
                  CASE WHEN n > :ok THEN at + interval '40 minutes' END,
                  CASE WHEN n > :ok THEN 'authentication' END,
                  CASE WHEN n > :ok THEN 'the platform answered 401' END, at
           FROM generate_series(1, :ok + :failed) n,
                LATERAL (SELECT CAST(:start AS timestamptz) + n * interval '1 second' AS at) t""",
        company=company,
        platform=platform,
        ok=ok,
        failed=failed,
        day=on,
        start=midnight(on) + timedelta(hours=1),
        took=took,
    )


def monitor(world: World, first: date, last: date | None = None) -> ExecuteInProcessResult:
    """What the hourly schedule's run does."""
    return defs.resolve_job_def("monitor_sla").execute_in_process(
        instance=world.instance,
        tags={RANGE_START: first.isoformat(), RANGE_END: (last or today()).isoformat()},
        run_config=QUIET,
        raise_on_error=False,
    )


def make_report(world: World, period: ReportPeriod, key: date) -> ExecuteInProcessResult:
    return defs.resolve_job_def(f"make_{period.value}_sla_report").execute_in_process(
        instance=world.instance,
        partition_key=key.isoformat(),
        run_config=QUIET,
        raise_on_error=False,
    )


def latest(world: World, asset: str) -> dict[str, Any]:
    event = world.instance.get_latest_materialization_event(AssetKey(asset))
    assert event is not None
    materialization: AssetMaterialization | None = event.asset_materialization
    return values(materialization)


def failing_checks(result: ExecuteInProcessResult) -> Mapping[str, str]:
    """The checks that didn't pass, with their severity."""
    return {
        evaluation.check_name: evaluation.severity.value
        for evaluation in result.get_asset_check_evaluations()
        if not evaluation.passed
    }


def test_the_hourly_run_rolls_up_its_days_and_judges_everybody(world: World) -> None:
    """One run: a materialisation for each day of its range, one of the status, every check reported."""
    log(world, world.company("acme"), day(1), ok=20)

    result = monitor(world, day(2))

    assert succeeded(result)
    assert world.instance.get_materialized_partitions(AssetKey("sla_daily")) == {
        day(2).isoformat(),
        day(1).isoformat(),
        today().isoformat(),
    }
    assert {one.check_name for one in result.get_asset_check_evaluations()} == {
        f"{platform}_{check}" for platform in PLATFORMS for check in CHECKS
    }
    assert failing_checks(result) == {}
    seen = latest(world, "sla_status")
    assert (seen["state"], seen["deliveries_due"], seen["companies"]) == ("healthy", 20, 1)


def test_before_the_first_delivery_the_hourly_run_succeeds(world: World) -> None:
    """Its tables have columns, if no rows: a new installation was told that its run had failed."""
    world.company("acme")

    result = monitor(world, today())

    assert succeeded(result)
    assert latest(world, "delivery_analytics")["platforms"].records == []


def test_a_missed_target_fails_the_check_of_its_platform(world: World) -> None:
    """97 of 100 on one platform is an error there, and nowhere else; the worst company is named."""
    bad, good = world.company("bad"), world.company("good")
    log(world, bad, day(1), ok=97, failed=3, platform="goodera")
    log(world, good, day(1), ok=200, platform="benevity")

    result = monitor(world, day(1))

    assert succeeded(result)
    assert failing_checks(result) == {
        "goodera_success_rate": "ERROR",
        "goodera_on_time_rate": "WARN",
        # Three retried ones that no retry saved are too few to be sure of.
        "goodera_retry_success_rate": "WARN",
    }
    assert "bad" in latest(world, "sla_status")["worst_companies"]
    assert "good " not in latest(world, "sla_status")["worst_companies"]


def test_a_breach_on_few_deliveries_only_warns(world: World) -> None:
    """One of three failed: shown, and not sure enough for an error."""
    log(world, world.company("small"), day(1), ok=2, failed=1)

    assert failing_checks(monitor(world, day(1))) == {
        "benevity_success_rate": "WARN",
        "benevity_on_time_rate": "WARN",
        "benevity_retry_success_rate": "WARN",
    }


def test_slow_deliveries_fail_the_latency_check(world: World) -> None:
    """4 minutes 1 second on average warns."""
    log(world, world.company("slow"), day(1), ok=20, took=timedelta(minutes=4, seconds=1))

    assert failing_checks(monitor(world, day(1))) == {"benevity_latency": "WARN"}


def test_the_tick_asks_for_the_days_that_have_changed(world: World) -> None:
    """After a run only what has changed since is computed again, up to today."""
    company = world.company("acme")
    log(world, company, day(1), ok=3)
    assert succeeded(monitor(world, date.fromisoformat(_tick(world).tags[RANGE_START])))
    world.execute("UPDATE sla_days SET computed_at = computed_at + interval '1 hour'")
    log(world, company, day(5), ok=1)
    world.execute(
        "UPDATE impact_deliveries SET updated_at = now() + interval '1 hour' WHERE period_start = :day",
        day=day(5),
    )

    request = _tick(world)

    assert request.tags[RANGE_START] == day(5).isoformat()
    assert request.tags[RANGE_END] == today().isoformat()


def _tick(world: World) -> RunRequest:
    [hourly] = [s for s in sla_schedules(world.runtime.settings) if s.name == "monitor_sla_hourly"]
    data = hourly.evaluate_tick(
        build_schedule_context(instance=world.instance, resources={"runtime": RuntimeResource()})
    )
    assert data.run_requests is not None
    [request] = data.run_requests
    return request


def test_the_monitor_can_be_switched_off(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """ENABLE_SLA_MONITORING=false: its schedules are off by default, and a tick skips."""
    off = read_settings({"ENABLE_SLA_MONITORING": "false"})

    assert {s.default_status.value for s in sla_schedules(off)} == {"STOPPED"}
    tick = sla_schedules(off)[0].evaluate_tick(
        build_schedule_context(
            instance=world.instance,
            resources={"runtime": RuntimeResource(environment={"ENABLE_SLA_MONITORING": "false"})},
        )
    )
    assert tick.skip_message == "ENABLE_SLA_MONITORING is false"


@pytest.mark.parametrize(
    ("name", "at", "key"),
    [
        ("weekly_sla_report_on_mondays", datetime(2026, 3, 9, tzinfo=UTC), "2026-03-02"),
        ("monthly_sla_report_on_the_first", datetime(2026, 3, 1, tzinfo=UTC), "2026-02-01"),
    ],
)
def test_reports_are_about_the_period_that_has_just_ended(
    name: str, at: datetime, key: str
) -> None:
    """Monday 00:00 UTC asks for the week before, the first of a month for the month before."""
    [found] = [s for s in sla_schedules(read_settings({})) if s.name == name]

    tick = found.evaluate_tick(
        build_schedule_context(
            scheduled_execution_time=at,
            repository_def=defs.get_repository_def(),
        )
    )

    assert tick.run_requests is not None
    assert [request.partition_key for request in tick.run_requests] == [key]


def test_a_past_week_can_be_reported_on_and_read_in_the_metadata(world: World) -> None:
    """A backfilled partition stores the reports and shows the one on all as Markdown."""
    week = last_complete(ReportPeriod.WEEKLY, midnight(today())).start.date()
    acme = world.company("acme")
    log(world, acme, week, ok=96, failed=4)

    assert succeeded(make_report(world, ReportPeriod.WEEKLY, week))

    seen = latest(world, "weekly_sla_report")
    assert seen["deliveries_due"] == 100
    assert seen["success_rate"] == "96.00 %"
    assert "Renew the credential in Benevity" in seen["report"]
    assert "impact-in connections" not in seen["report"]
    [company] = [c for c in world.runtime.companies.listed() if c.slug == "acme"]
    stored = world.runtime.sla_reports.stored(company, ReportPeriod.WEEKLY, week)
    assert stored["overall"]["failedDeliveries"] == 4


def test_a_past_month_can_be_reported_on(world: World) -> None:
    """The same by month, also one in which nothing was due."""
    month = last_complete(ReportPeriod.MONTHLY, midnight(today())).start.date()

    assert succeeded(make_report(world, ReportPeriod.MONTHLY, month))

    assert latest(world, "monthly_sla_report")["state"] == "healthy"
    assert latest(world, "monthly_sla_report")["success_rate"] == "–"
