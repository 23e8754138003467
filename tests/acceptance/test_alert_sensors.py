"""The alert sensors through Dagster, against the sandbox's Slack and PagerDuty."""

import os
import subprocess
import sys
from datetime import datetime, timedelta

import pytest
from dagster import (
    DagsterEventType,
    DagsterInstance,
    DefaultSensorStatus,
    EventRecordsFilter,
    Failure,
    OpExecutionContext,
    build_run_status_sensor_context,
    build_sensor_context,
    job,
    op,
)

from impact_in_pipelines.definitions import defs
from impact_in_pipelines.resources.runtime import RuntimeResource
from impact_in_pipelines.sandbox.server import Sandbox
from impact_in_pipelines.sensors.alerts import alert_sensors
from impact_in_pipelines.sensors.run_failures import run_failures
from impact_in_pipelines.settings import read_settings

from .conftest import close_runtime, forget_settings
from .world import QUIET, World, day

KEY = "sandbox-routing-key"


@pytest.fixture
def alerted(world: World, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> World:
    """A world whose alerts lead to the sandbox."""
    monkeypatch.setenv("SLACK_WEBHOOK_URL", sandbox.slack_url())
    monkeypatch.setenv("PAGERDUTY_INTEGRATION_KEY", KEY)
    monkeypatch.setenv("PAGERDUTY_EVENTS_URL", sandbox.pagerduty_url)
    monkeypatch.setenv("ALERT_RECOVERY_HOLD_MINUTES", "0")
    close_runtime()
    forget_settings()
    return world


def tick(world: World, name: str) -> str:
    """Evaluate a sensor as the daemon does; what it says it did."""
    context = build_sensor_context(
        instance=world.instance, resources={"runtime": RuntimeResource()}
    )
    said = defs.resolve_sensor_def(name).evaluate_tick(context).skip_message
    assert said is not None
    return said


def failing_schedule(world: World, times: int) -> None:
    """north's deliveries to Benevity have failed `times` times in a row, an hour apart."""
    company = world.company("north")
    schedule = world.schedule(company, "benevity", cron="0 * * * *", fire=_in_an_hour(world))
    world.execute(
        """INSERT INTO impact_deliveries (company_id, platform, schedule_id, trigger, status, period_start,
               period_end, scheduled_for, idempotency_key, attempt_count, failed_at, error_kind, last_error)
           SELECT :company, 'benevity', :schedule, 'schedule', 'failed', :day, :day, at, gen_random_uuid(),
                  4, at + interval '36 minutes', 'rejected', 'Benevity answered HTTP 400 INVALID_METRIC'
           FROM generate_series(1, :times) n,
                LATERAL (SELECT CAST(:now AS timestamptz) - n * interval '1 hour' AS at) t""",
        company=company,
        schedule=schedule,
        day=day(1),
        times=times,
        now=world.runtime.clock(),
    )


def _in_an_hour(world: World) -> datetime:
    return world.runtime.clock() + timedelta(hours=1)


def headers(world: World) -> list[str]:
    """The headers of all Slack messages, in order."""
    return [
        line["message"]["blocks"][0]["text"]["text"] for line in world.sandbox.messages("slack")
    ]


def test_three_failures_in_a_row_from_breach_to_recovery(alerted: World) -> None:
    """The sensors alone: opened, told on both channels, closed, resolved under the same key."""
    failing_schedule(alerted, 3)
    opened = tick(alerted, "sla_breaches")
    assert "opened 0" not in opened
    assert "opened 0, closed 0; notices written 0" in tick(alerted, "sla_breaches")
    assert "pagerduty 1" in tick(alerted, "send_notifications")
    assert "nothing was sent; 0 waiting" in tick(alerted, "send_notifications")

    alerted.execute(
        "UPDATE impact_deliveries SET status = 'success', failed_at = NULL, error_kind = NULL, "
        "delivered_at = scheduled_for + interval '5 seconds'"
    )
    tick(alerted, "sla_breaches")
    tick(alerted, "send_notifications")

    assert [head for head in headers(alerted) if "consecutive" in head] == [
        ":red_circle: Level 2 · SLA breach: consecutive failures",
        ":large_green_circle: Recovered: consecutive failures",
    ]
    # The rates that rest on the same three deliveries are told, and page nobody.
    pages = [line["message"] for line in alerted.sandbox.messages("pagerduty")]
    assert [page["event_action"] for page in pages] == ["trigger", "resolve"]
    assert len({page["dedup_key"] for page in pages}) == 1
    assert pages[0]["payload"]["class"] == "consecutive_failures"
    assert alerted.execute("SELECT * FROM incidents WHERE closed_at IS NULL") == []


def test_an_outage_is_found_by_its_own_sensor(alerted: World) -> None:
    """Level 3, of the platform alone."""
    failing_schedule(alerted, 1)
    alerted.execute(
        """INSERT INTO delivery_attempts (delivery_id, number, started_at, finished_at, outcome, error_kind)
           SELECT id, n, now() - (8 - n) * interval '5 minutes', now() - (8 - n) * interval '5 minutes',
                  'retryable', 'server_error'
           FROM impact_deliveries, generate_series(1, 7) n"""
    )

    assert "opened 1" in tick(alerted, "platform_outages")
    tick(alerted, "send_notifications")

    assert headers(alerted) == [":rotating_light: Level 3 · platform outage"]


def test_what_is_long_told_is_dropped_once_a_day(alerted: World) -> None:
    """By the sender's tick; its cursor is the day on which that was done."""
    columns = "notifications (key, channel, kind, body, sent_at)"
    old = f"INSERT INTO {columns} VALUES (:key, 'log', 'opened', '{{}}', "
    alerted.execute(f"{old} now() - interval '91 days')", key="old")
    alerted.execute(f"{old} now() - interval '89 days')", key="young")
    sender = defs.resolve_sensor_def("send_notifications")

    def ticked(cursor: str | None) -> str | None:
        context = build_sensor_context(
            instance=alerted.instance, resources={"runtime": RuntimeResource()}, cursor=cursor
        )
        return sender.evaluate_tick(context).cursor

    today = ticked(None)
    assert [row["key"] for row in alerted.execute("SELECT key FROM notifications")] == ["young"]

    alerted.execute(f"{old} now() - interval '91 days')", key="older")
    assert ticked(today) == today
    assert len(alerted.execute("SELECT key FROM notifications")) == 2


def test_a_database_that_is_away_is_a_reason_to_skip(
    alerted: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is no finding: nothing is opened, nothing closed, and the tick says why."""
    close_runtime()
    monkeypatch.setenv("DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")
    forget_settings()

    for name in ("sla_breaches", "platform_outages", "send_notifications"):
        assert "nothing was judged: PostgreSQL at 127.0.0.1" in tick(alerted, name)


@pytest.mark.parametrize(
    ("value", "status"),
    [("true", DefaultSensorStatus.RUNNING), ("false", DefaultSensorStatus.STOPPED)],
)
def test_monitoring_can_be_switched_off(value: str, status: DefaultSensorStatus) -> None:
    """`ENABLE_SLA_MONITORING=false`: nothing is judged; what was written is still sent."""
    sensors = {
        one.name: one.default_status
        for one in alert_sensors(read_settings({"ENABLE_SLA_MONITORING": value}))
    }
    assert sensors == {
        "sla_breaches": status,
        "platform_outages": status,
        "corrections_to_decide": status,
        "send_notifications": DefaultSensorStatus.RUNNING,
    }


def tell_of_failure(instance: DagsterInstance, run_id: str, name: str) -> None:
    """Give the failed run to the sensor, as the daemon does when it finds the run's failure."""
    run = instance.get_run_by_id(run_id)
    assert run is not None
    (record,) = instance.event_log_storage.get_event_records(
        EventRecordsFilter(DagsterEventType.RUN_FAILURE), limit=1
    )
    event = record.event_log_entry.dagster_event
    assert event is not None
    assert record.run_id == run_id
    context = build_run_status_sensor_context(
        sensor_name=name,
        dagster_event=event,
        dagster_instance=instance,
        dagster_run=run,
        resources={"runtime": RuntimeResource()},
    ).for_run_failure()
    run_failures(context)


def test_a_crashed_run_is_told_once(alerted: World) -> None:
    """With its job, its step, its cause and the way to it; a run is told once, however often found."""

    @op
    def add_up(context: OpExecutionContext) -> None:
        raise KeyError("no hours at https://user:secret@example.org/?token=sesame")

    @job
    def monthly_figures() -> None:
        add_up()

    result = monthly_figures.execute_in_process(
        instance=alerted.instance, run_config=QUIET, raise_on_error=False
    )
    for _ in range(2):
        tell_of_failure(alerted.instance, result.run_id, "run_failures")
    tick(alerted, "send_notifications")

    (line,) = alerted.sandbox.messages("slack")
    said = str(line["message"])
    assert "Level 1 · run failed: monthly_figures" in said
    assert "add_up" in said
    assert "no hours at" in said
    assert f"/runs/{result.run_id}" in said
    assert "secret" not in said
    assert "sesame" not in said


def test_a_drain_whose_deliveries_failed_is_not_a_crash(alerted: World) -> None:
    """The cells are red and the breaches tell of it: the run itself is no news."""
    alerted.due("north")
    alerted.sandbox.add_fault("benevity", "bad_request")
    result = alerted.run("benevity")
    assert not result.success

    tell_of_failure(alerted.instance, result.run_id, "run_failures")

    assert alerted.execute("SELECT * FROM notifications") == []


def test_a_drain_that_could_not_work_is_told(alerted: World) -> None:
    """A drain for a company that doesn't exist has delivered nothing, which nothing else would tell."""
    result = alerted.run("benevity", config={"companies": ["nowhere"]})
    assert not result.success

    tell_of_failure(alerted.instance, result.run_id, "run_failures")
    tick(alerted, "send_notifications")

    (line,) = alerted.sandbox.messages("slack")
    assert "no company" in str(line["message"])


def test_failures_with_a_reason_of_their_own_are_quoted(alerted: World) -> None:
    """What an asset says about its failure is what people read."""

    @op
    def report() -> None:
        raise Failure("the week has no deliveries")

    @job
    def weekly() -> None:
        report()

    result = weekly.execute_in_process(
        instance=alerted.instance, run_config=QUIET, raise_on_error=False
    )
    tell_of_failure(alerted.instance, result.run_id, "run_failures")

    (row,) = alerted.execute("SELECT body FROM notifications")
    assert row["body"]["run"]["error"] == "the week has no deliveries"


def test_sensors_import_nothing_slow() -> None:
    """A tick must not load what only assets need: the code server stays small."""
    program = (
        "import sys; import impact_in_pipelines.sensors.alerts, "
        "impact_in_pipelines.sensors.run_failures; "
        "print([m for m in ('pandas', 'great_expectations', 'slack_sdk') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        env=dict(os.environ),
    )
    assert done.stdout.strip() == "[]"


def test_a_run_that_had_succeeded_is_no_alarm(alerted: World) -> None:
    """Terminated a moment after its success, Dagster reports it failed: nothing has failed."""
    result = alerted.run("benevity")
    assert result.success
    run = alerted.instance.get_run_by_id(result.run_id)
    assert run is not None
    alerted.instance.report_run_canceling(run)
    alerted.instance.report_run_failed(run, "its process was gone")

    tell_of_failure(alerted.instance, result.run_id, "run_failures")

    assert alerted.execute("SELECT * FROM notifications") == []
