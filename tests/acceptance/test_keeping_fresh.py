"""Assets that are filled, observed and kept fresh: the first start, the observations, and what is too old."""

from datetime import UTC, datetime, timedelta
from typing import Any

from dagster import (
    AssetKey,
    AssetMaterialization,
    RunRequest,
    build_sensor_context,
)

from impact_in_pipelines.assets.freshness import KEPT_FRESH, KeptFresh
from impact_in_pipelines.definitions import defs
from impact_in_pipelines.resources.runtime import RuntimeResource
from impact_in_pipelines.sensors.freshness import old_assets
from impact_in_pipelines.sensors.run_failures import only_deliveries_failed
from impact_in_pipelines.services.alerts import Alerts

from .world import QUIET, World, day, succeeded

AN_HOUR = timedelta(hours=1)


def observed(world: World, asset: str) -> dict[str, Any]:
    """What the newest observation of a table says."""
    (record,) = world.instance.fetch_observations(AssetKey(asset), limit=1).records
    assert record.asset_observation is not None
    return {name: one.value for name, one in record.asset_observation.metadata.items()}


def requests(world: World) -> list[RunRequest]:
    """What the first start asks for."""
    context = build_sensor_context(
        instance=world.instance,
        resources={"runtime": RuntimeResource()},
        repository_def=defs.get_repository_def(),
    )
    found = defs.resolve_sensor_def("first_start").evaluate_tick(context).run_requests
    return list(found or ())


def test_a_new_installation_is_filled_at_once(world: World) -> None:
    """Every asset that a schedule fills, by the jobs of the schedules; once it is there, no second time."""
    wanted = {one.job_name: one for one in requests(world)}
    assert {*wanted} >= {"refresh_company_impact", "monitor_sla"}
    assert wanted["monitor_sla"].tags["dagster/asset_partition_range_end"] == str(day(0))
    assert len({one.run_key for one in wanted.values()}) == len(wanted)
    for name in KEPT_FRESH:
        world.instance.report_runless_asset_event(AssetMaterialization(name))
    assert requests(world) == []


def test_the_tables_that_others_write_are_counted_by_the_hourly_jobs(world: World) -> None:
    """Rows, rejects and the newest event of the events; deliveries by status."""
    company = world.company("north")
    world.execute(
        """INSERT INTO audit_log (actor, action, subject, after)
           VALUES ('ann', 'events.import', 'a.csv', '{"rows": 9, "rejected": 4}')"""
    )
    world.schedule(company, "benevity")
    assert succeeded(world.run())
    refresh = defs.resolve_job_def("refresh_company_impact")
    assert succeeded(refresh.execute_in_process(instance=world.instance, run_config=QUIET))
    monitor = defs.resolve_job_def("monitor_sla")
    assert succeeded(
        monitor.execute_in_process(
            instance=world.instance, run_config=QUIET, partition_key=day(0).isoformat()
        )
    )

    events = observed(world, "impact_events")
    (row,) = world.execute("SELECT count(*) AS n, max(occurred_at) AS newest FROM impact_events")
    assert events["dagster/row_count"] == row["n"]
    assert events["newest_event"] == row["newest"].timestamp()
    assert events["rows_rejected_in_7_days"] == 4
    deliveries = observed(world, "impact_deliveries")
    assert (deliveries["success"], deliveries["failed"], deliveries["oldest_open"]) == (1, 0, "–")


def test_a_blocking_check_that_fails_ends_the_run_and_hides_no_other(world: World) -> None:
    """The figures stand, every check of the run is evaluated, and nobody is told of a crash: what it stops is
    told where it is stopped."""
    world.company("north")
    world.execute("UPDATE impact_events SET hours = -1 WHERE event_id = 'e1-1'")
    job = defs.resolve_job_def("refresh_company_impact")
    done = job.execute_in_process(instance=world.instance, run_config=QUIET, raise_on_error=False)
    assert not done.success
    evaluated = {one.check_name: one for one in done.get_asset_check_evaluations()}
    assert not evaluated["hours_non_negative"].passed
    assert evaluated["hours_non_negative"].blocking
    assert evaluated["delivered_days_are_current"].passed
    assert world.instance.get_latest_materialization_event(AssetKey("company_impact"))
    (failed,) = [event for event in done.all_events if event.is_step_failure]
    assert only_deliveries_failed([failed])


def test_an_asset_that_nobody_fills_is_an_incident_until_it_is_filled(world: World) -> None:
    """Also where somebody has switched its schedule off, which the incident says."""
    world.instance.report_runless_asset_event(AssetMaterialization("sla_status"))
    now = datetime.now(UTC)
    kept = {"sla_status": KEPT_FRESH["sla_status"], "sla_daily": KEPT_FRESH["sla_daily"]}
    assert (
        old_assets(world.instance, kept, now + AN_HOUR) == []
    )  # one was never filled: nothing is known
    (old,) = old_assets(world.instance, kept, now + 4 * AN_HOUR)
    assert (old.name, old.switched_off) == ("sla_status", None)
    watched = Alerts(world.runtime).watch_freshness([old])
    assert watched is not None
    assert watched.opened == 1
    (row,) = world.execute("SELECT type, severity, details FROM incidents")
    assert (row["type"], row["severity"]) == ("not_refreshed", "warning")
    assert row["details"]["assets"] == ["sla_status"]
    again = Alerts(world.runtime).watch_freshness([])
    assert again is not None
    assert again.closed == 1


def test_a_report_is_too_old_six_hours_after_its_period_has_ended() -> None:
    """The policy that Dagster marks by and the time that the sensor compares with say the same."""
    weekly: KeptFresh = KEPT_FRESH["weekly_sla_report"]
    monday = datetime(2026, 3, 9, tzinfo=UTC)
    assert weekly.since(monday + timedelta(hours=5, minutes=59)) == monday - timedelta(days=7)
    assert weekly.since(monday + timedelta(hours=6)) == monday
    assert weekly.since(monday + timedelta(days=7)) == monday
    monthly = KEPT_FRESH["monthly_sla_report"]
    assert monthly.since(datetime(2026, 4, 1, 6, tzinfo=UTC)) == datetime(2026, 4, 1, tzinfo=UTC)
    assert monthly.since(datetime(2026, 4, 1, 5, tzinfo=UTC)) == datetime(2026, 3, 1, tzinfo=UTC)
