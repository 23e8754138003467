"""Prometheus' rules, run by its own `promtool`: each fires when it should, and is quiet when it should."""

import shutil
import subprocess
from datetime import timedelta
from pathlib import Path

import pytest
import yaml
from factories import World

from impact_in_pipelines.api.operations.metrics import DeliveryMetrics
from impact_in_pipelines.db.deliveries.metrics import MetricsStore
from impact_in_pipelines.platforms import Platform

from .test_monitoring import ALERTS, CASES, DEPLOY

NAMES = [rule["alert"] for rule in ALERTS]
BENEVITY = Platform.BENEVITY
STUCK = "ImpactInQueueStuck"
MINUTE = timedelta(minutes=1)

needs_promtool = pytest.mark.skipif(
    shutil.which("promtool") is None,
    reason="no promtool here: the alert rules were not run (apt-get install prometheus)",
)


def outcomes(name: str) -> list[list[bool]]:
    """Of each case of a rule, whether it fires at each of the times that it is asked."""
    found = [
        [bool(one["exp_alerts"]) for one in case["alert_rule_test"] if one["alertname"] == name]
        for case in CASES
    ]
    return [fires for fires in found if fires]


@pytest.mark.parametrize("name", NAMES)
def test_every_rule_has_a_case_in_which_it_fires_and_one_in_which_it_is_quiet(name: str) -> None:
    """A rule that nobody has seen fire is a hope; one that nobody has seen quiet is noise."""
    cases = outcomes(name)
    assert any(any(fires) for fires in cases)
    assert any(not any(fires) for fires in cases)


def test_no_case_is_about_a_rule_that_is_gone() -> None:
    """A renamed rule would leave its case behind, which then proves nothing."""
    assert {one["alertname"] for case in CASES for one in case["alert_rule_test"]} == set(NAMES)


@needs_promtool
def test_the_rules_do_as_their_cases_say() -> None:
    """promtool's own unit tests, the text of each alert included."""
    done = promtool("test", "rules", "alerts.test.yml", cwd=DEPLOY / "prometheus")
    assert done.returncode == 0, done.stderr


@needs_promtool
def test_the_configuration_holds() -> None:
    """With its rules."""
    done = promtool("check", "config", "prometheus.yml", cwd=DEPLOY / "prometheus")
    assert done.returncode == 0, done.stderr


def promtool(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["promtool", *arguments], cwd=cwd, capture_output=True, text=True, check=False
    )


class Scraped:
    """Benevity's /metrics, read once a minute of the world's clock."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._metrics = DeliveryMetrics(
            MetricsStore(world.database.engine),
            lambda _: {},
            clock=world.clock,
            by_company=False,
        )
        self.values: dict[str, list[float]] = {}

    def now(self, name: str) -> float:
        """A gauge, at this moment."""
        return self._read()[name]

    def minutes(self, count: int) -> None:
        """Let minutes pass, and read at the end of each."""
        for _ in range(count):
            self._world.clock.advance(MINUTE)
            for name, value in self._read().items():
                self.values.setdefault(name, []).append(value)

    def _read(self) -> dict[str, float]:
        return {
            sample.name: sample.value
            for family in self._metrics.collect()
            if family.type == "gauge"
            for sample in family.samples
            if sample.labels == {"platform": BENEVITY.value}
        }

    def fires(self, folder: Path) -> bool:
        """Whether `ImpactInQueueStuck` fires at the end of what was read."""
        shutil.copy(DEPLOY / "prometheus/alerts.yml", folder)
        series = [
            {
                "series": f'{name}{{platform="{BENEVITY.value}"}}',
                "values": " ".join(str(value) for value in values),
            }
            for name, values in self.values.items()
        ]
        firing = f'count(ALERTS{{alertname="{STUCK}",alertstate="firing"}}) or vector(0)'
        minutes = len(self.values["impact_in_queue_due"])
        for value in (0, 1):
            asked = {
                "expr": firing,
                "eval_time": f"{minutes - 1}m",
                "exp_samples": [{"labels": "{}", "value": value}],
            }
            test = {"interval": "1m", "input_series": series, "promql_expr_test": [asked]}
            case = {"rule_files": ["alerts.yml"], "evaluation_interval": "1m", "tests": [test]}
            (folder / "case.yml").write_text(yaml.safe_dump(case))
            if promtool("test", "rules", "case.yml", cwd=folder).returncode == 0:
                return bool(value)
        raise AssertionError("it neither fires nor is quiet")


@pytest.fixture
def scraped(world: World) -> Scraped:
    return Scraped(world)


@needs_promtool
def test_a_dead_daemon_shows_although_nobody_plans(
    world: World, scraped: Scraped, tmp_path: Path
) -> None:
    """Ten schedules are due and have no row: they are counted, they grow older, the rule fires."""
    world.due(BENEVITY, 10)
    scraped.minutes(12)

    assert world.statuses() == {}
    assert scraped.values["impact_in_queue_due"][-1] == 10
    assert scraped.values["impact_in_oldest_due_seconds"][-1] == 12 * 60 + 30
    assert scraped.fires(tmp_path)


@needs_promtool
def test_a_living_one_is_quiet(world: World, scraped: Scraped, tmp_path: Path) -> None:
    """The same, and a drain each minute."""
    world.due(BENEVITY, 10)
    for _ in range(12):
        scraped.minutes(1)
        world.drain(BENEVITY)

    assert scraped.now("impact_in_queue_due") == 0
    assert not scraped.fires(tmp_path)


@needs_promtool
def test_what_waits_its_turn_or_is_held_wants_no_worker(
    world: World, scraped: Scraped, tmp_path: Path
) -> None:
    """Behind a predecessor whose retry is to come, or for the end of a hold: a series for each, and quiet."""
    first, second, third = world.companies(3)
    world.events([first, second, third])
    (schedule,) = world.schedules(BENEVITY, [first], fire=world.clock() + timedelta(days=1))
    ahead, behind = world.deliveries(BENEVITY, first, first)
    world.execute(
        "UPDATE impact_deliveries SET schedule_id = :schedule, scheduled_for = scheduled_for - "
        "CASE WHEN id = :ahead THEN interval '1 hour' ELSE interval '0 hours' END, "
        "next_attempt_at = next_attempt_at + CASE WHEN id = :ahead THEN interval '1 day' "
        "ELSE interval '0 hours' END WHERE id IN (:ahead, :behind)",
        schedule=schedule,
        ahead=ahead,
        behind=behind,
    )
    hold = world.runtime.closures.hold
    hold(BENEVITY, second, reason="they move", by="ida", now=world.clock())
    hold(BENEVITY, third, reason="they move", by="ida", now=world.clock())
    world.deliveries(BENEVITY, second)
    world.schedules(BENEVITY, [third])
    scraped.minutes(12)

    assert scraped.now("impact_in_queue_due") == 0
    assert scraped.now("impact_in_oldest_due_seconds") == 0
    assert scraped.now("impact_in_queue_waiting_turn") == 1
    assert scraped.now("impact_in_deliveries_held") == 2
    assert not scraped.fires(tmp_path)


@needs_promtool
def test_a_canary_that_nobody_sends_shows(world: World, scraped: Scraped, tmp_path: Path) -> None:
    """What an open breaker holds is no backlog; that nobody tries the platform any more is a dead daemon."""
    world.due(BENEVITY, 10)
    world.sandbox.client.add_fault(BENEVITY.value, "server_error")
    for _ in range(3):
        world.drain(BENEVITY)
        scraped.minutes(1)
    assert scraped.now("impact_in_deliveries_held") == 10
    assert scraped.now("impact_in_queue_due") <= 1
    scraped.minutes(15)

    assert scraped.now("impact_in_deliveries_held") == 10
    assert scraped.now("impact_in_queue_due") == 1
    assert scraped.fires(tmp_path)


@needs_promtool
def test_a_drained_platform_that_is_down_is_quiet(
    world: World, scraped: Scraped, tmp_path: Path
) -> None:
    """Its canary goes out in time; what it holds has an alert of its own."""
    world.due(BENEVITY, 10)
    world.sandbox.client.add_fault(BENEVITY.value, "server_error")
    for _ in range(20):
        world.drain(BENEVITY)
        scraped.minutes(1)

    assert scraped.now("impact_in_deliveries_held") == 10
    assert not scraped.fires(tmp_path)
