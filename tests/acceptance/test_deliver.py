"""`impact-in deliver`: the drain jobs in this process, and what came of them."""

import json
import subprocess
import sys
from typing import Any

import pytest
import typer
from cryptography.fernet import Fernet
from dagster import DagsterEventType, DagsterRunStatus
from typer.testing import CliRunner, Result

from impact_in_pipelines.assets.partitions import FURTHEST_EAST, latest_day
from impact_in_pipelines.cli.deliveries.deliver import deliver, how_many_due, how_many_ended
from impact_in_pipelines.cli.deliveries.drains import run_drains
from impact_in_pipelines.dagster_instance.runs.stopping import Stop
from impact_in_pipelines.errors import ImpactInError, NotFound, UsageError
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.wording import sentence

from .conftest import forget_settings
from .world import World, day


def call(*arguments: str) -> Result:
    """The command as the CLI runs it."""
    app = typer.Typer()
    app.command()(deliver)
    return CliRunner().invoke(app, arguments)


def told(*arguments: str) -> tuple[int, dict[str, Any]]:
    """The exit code and, by platform, what the one JSON document says."""
    result = call(*arguments, "--json")
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, {p["platform"]: p for p in json.loads(result.stdout)["platforms"]}


def test_what_is_due_is_delivered_on_all_platforms(world: World) -> None:
    """Exit code 0, one JSON document, one Dagster run a platform, green cells."""
    company = world.company("north")
    for platform in ("benevity", "goodera", "workday"):
        world.schedule(company, platform)

    north = world.runtime.companies.find("north")
    due = [how_many_due(world.runtime, list(Platform), only, None) for only in (None, north)]
    code, platforms = told()

    assert code == 0
    runs = {Platform(name): found["dagsterRunId"] for name, found in platforms.items()}
    assert [*due, how_many_ended(world.runtime, runs)] == [3, 3, 3]  # what a terminal shows
    assert {name: found["success"] for name, found in platforms.items()} == {
        "benevity": 1,
        "goodera": 1,
        "workday": 1,
    }
    for name, found in platforms.items():
        assert found["error"] is None
        assert world.materialized(name) == {("north", day(1))}
        run = world.instance.get_run_by_id(found["dagsterRunId"])
        assert run is not None
        assert run.status is DagsterRunStatus.SUCCESS


def test_a_failure_for_good_is_exit_code_1(world: World) -> None:
    """What failed is counted, and the table says where to look."""
    world.due("north", "south")
    world.sandbox.add_fault("benevity", "bad_request", organization="south")

    result = call("--platform", "benevity")

    assert result.exit_code == 1
    assert "impact-in deliveries list --status failed" in result.stdout
    assert "error:" not in result.stderr
    assert world.arrived("benevity") == [("north", day(1))]


def test_what_waits_for_its_retry_is_no_failure(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The command doesn't wait for later retries: exit code 0, counted as retrying."""
    # So far away that no drain, however slow, is still there when it is due.
    monkeypatch.setenv("SCHEDULER_RETRY_DELAY_MS", "600000")
    forget_settings()
    world.due("north", platform="workday")
    world.sandbox.add_fault("workday", "server_error", status=500, count=1)

    code, platforms = told("--platform", "workday")

    assert code == 0
    assert platforms["workday"]["retrying"] == 1
    world.execute("UPDATE impact_deliveries SET next_attempt_at = now()")
    code, platforms = told("--platform", "workday")
    assert platforms["workday"]["success"] == 1


def test_dates_deliver_those_days_of_that_company(world: World) -> None:
    """`--from` and `--to`: due or not, inclusive."""
    world.due("north", "south", platform="goodera")

    code, platforms = told(
        *("--platform", "goodera", "--company", "south"),
        *("--from", day(3).isoformat(), "--to", day(2).isoformat()),
    )

    assert code == 0
    assert platforms["goodera"]["success"] == 2
    assert world.arrived("goodera") == [("south", day(3)), ("south", day(2))]


def test_a_day_is_sent_for_those_for_whom_it_has_begun(world: World) -> None:
    """The furthest zone's running day is a day to come for most: they were sent noughts for it, and its cell
    turned green."""
    for slug, zone in (("east", FURTHEST_EAST), ("west", "Pacific/Pago_Pago")):
        world.execute(
            "UPDATE companies SET timezone = :zone WHERE id = :id",
            zone=zone,
            id=world.company(slug),
        )
    today = latest_day()

    call("--platform", "benevity", "--from", today.isoformat(), "--to", today.isoformat())
    rows = world.execute(
        "SELECT c.slug, d.period_end FROM impact_deliveries d JOIN companies c ON c.id = d.company_id"
    )
    assert [tuple(row.values()) for row in rows] == [("east", today)]

    (alone,) = run_drains(
        world.runtime,
        [Platform.BENEVITY],
        {"companies": ["west"], "start": today.isoformat(), "end": today.isoformat()},
        begun={},
        quiet=True,
        stop=Stop(),
    )
    assert alone["error"]


def test_dates_that_have_not_all_arrived_are_exit_code_1(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A script that named days must learn that one of them waits, for what, and until when."""
    monkeypatch.setenv("SCHEDULER_RETRY_DELAY_MS", "600000")
    forget_settings()
    world.company("north")
    world.sandbox.add_fault("benevity", "server_error", status=500, count=1)
    dates = ["--from", day(2).isoformat(), "--to", day(1).isoformat()]

    result = call("--platform", "benevity", "--company", "north", *dates)

    assert result.exit_code == 1
    (waiting,) = [row for row in world.deliveries("benevity") if row["status"] == "retrying"]
    assert (
        "Benevity: 1 delivery remains, waiting for a retry until "
        f"{waiting['next_attempt_at']:%Y-%m-%d %H:%M:%S} UTC."
    ) in result.stdout


def test_nothing_due_says_so(world: World) -> None:
    """An empty run is no table of dashes."""
    result = call("--platform", "benevity")

    assert result.exit_code == 0
    assert "nothing was due" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        (["--company", "nobody"], NotFound, "no company 'nobody'"),
        (["--from", "2026-01-31"], UsageError, "--from and --to go together"),
        (["--from", "soon", "--to", "2026-01-31"], UsageError, "'soon'"),
        (["--from", "2001-01-01", "--to", "2001-01-02"], UsageError, "2001-01-01 has no partition"),
    ],
)
def test_wrong_usage_is_one_line_before_anything_runs(
    world: World, arguments: list[str], error: type[ImpactInError], words: str
) -> None:
    """The program prints the error's line and leaves with its exit code; no run was started."""
    result = call(*arguments)

    assert isinstance(result.exception, error)
    line = sentence(result.exception)
    assert words in line
    assert "\n" not in line
    assert world.instance.get_runs_count() == 0


def test_a_row_that_cannot_be_decrypted_fails_by_its_name_and_nobody_else(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A person has to mend that one; the others' deliveries go out with the environment's account."""
    world.due("north")
    world.due("south")
    company = world.runtime.companies.find("north")
    credentials = {"api_key": "a-key-of-its-own"}
    world.runtime.connections.save(company.id, Platform.BENEVITY, credentials=credentials)
    monkeypatch.setenv("IMPACT_IN_SECRET_KEY", Fernet.generate_key().decode())
    forget_settings()

    code, platforms = told("--platform", "benevity")

    assert code == 1
    assert platforms["benevity"]["error"] is None
    assert world.sandbox.stats()["benevity"]["accepted"] == 1
    rows = sorted((row["status"], row["last_error"] or "") for row in world.deliveries("benevity"))
    assert [status for status, _ in rows] == ["failed", "success"]
    assert "credentials of north for Benevity can't be decrypted" in rows[0][1]


def test_a_run_that_breaks_down_is_told_by_its_cause(world: World) -> None:
    """Not by Dagster's "Exceeded max_retries", which says nothing of what went wrong."""
    world.due("north")
    world.execute("ALTER TABLE delivery_attempts RENAME TO gone")

    code, platforms = told("--platform", "benevity")

    assert code == 1
    assert 'relation "delivery_attempts" does not exist' in platforms["benevity"]["error"]
    assert "\n" not in platforms["benevity"]["error"]
    run_id = platforms["benevity"]["dagsterRunId"]
    retries = world.instance.all_logs(run_id, of_type=DagsterEventType.STEP_UP_FOR_RETRY)
    assert len(retries) == 2


def test_what_has_failed_for_good_does_not_hide_that_the_run_broke_down(world: World) -> None:
    """Of two, one is refused and the other is left due: that something failed doesn't explain it."""
    world.due("north", "south")
    south = world.runtime.companies.find("south")
    world.runtime.connections.save(south.id, Platform.BENEVITY, enabled=False)
    world.execute(
        """CREATE FUNCTION refuse_attempts() RETURNS trigger LANGUAGE plpgsql AS $$
           BEGIN RAISE EXCEPTION 'no room on the device'; END $$;
           CREATE TRIGGER refuse_attempts BEFORE INSERT ON delivery_attempts
           FOR EACH ROW EXECUTE FUNCTION refuse_attempts()"""
    )

    code, platforms = told("--platform", "benevity")

    assert (code, platforms["benevity"]["failed"]) == (1, 1)
    assert "no room on the device" in platforms["benevity"]["error"]


def test_a_result_that_could_not_be_recorded_is_exit_code_1(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has arrived and the log doesn't know it: nobody may take that for done. Once the database takes it
    again, it is recorded under the same key, and the platform has it once."""
    monkeypatch.setenv("IMPACT_IN_LEASE_SECONDS", "5")
    forget_settings()
    world.due("north")
    world.execute(
        """CREATE FUNCTION refuse_results() RETURNS trigger LANGUAGE plpgsql AS $$
           BEGIN RAISE EXCEPTION 'no room on the device'; END $$;
           CREATE TRIGGER refuse_results BEFORE UPDATE OF outcome ON delivery_attempts
           FOR EACH ROW WHEN (NEW.outcome = 'delivered') EXECUTE FUNCTION refuse_results()"""
    )

    code, platforms = told("--platform", "benevity")

    assert code == 1
    assert "no room on the device" in platforms["benevity"]["error"]
    world.execute("DROP TRIGGER refuse_results ON delivery_attempts")
    world.execute("UPDATE impact_deliveries SET next_attempt_at = now(), lease_until = now()")
    code, platforms = told("--platform", "benevity")
    assert (code, platforms["benevity"]["success"]) == (0, 1)
    assert world.arrived("benevity") == [("north", day(1))]


def test_a_drain_loads_no_table_library(world: World) -> None:
    """Its process judges in plain Python: Great Expectations alone would cost it 3 CPU-seconds and 150 MB, as
    much as everything else at 900 deliveries."""
    world.due("north", "south")
    world.execute(
        "UPDATE impact_events SET hours = -1 WHERE company_id = "
        "(SELECT id FROM companies WHERE slug = 'south')"
    )
    program = (
        "import sys\n"
        "from impact_in_pipelines.cli.main import main\n"
        "sys.argv = ['impact-in', 'deliver', '--platform', 'benevity', '--json']\n"
        "try:\n    main()\n"
        "finally:\n    sys.stderr.write('\\nloaded: ' + ' '.join(sys.modules))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )

    (told,) = json.loads(done.stdout)["platforms"]
    assert (told["success"], told["failed"]) == (1, 1)
    assert [(d["slug"], d["status"]) for d in world.deliveries("benevity")] == [
        ("north", "success"),
        ("south", "failed"),
    ]
    names = done.stderr.rpartition("\nloaded: ")[2].split()
    assert "dagster" in names
    assert {"great_expectations", "pandas"} & set(names) == set()
