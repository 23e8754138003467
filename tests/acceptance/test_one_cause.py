"""Twelve companies that are late for one reason: the real sensors and outbox tell it once."""

from datetime import timedelta

import pytest

from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.sandbox.server import Sandbox
from impact_in_pipelines.services.operating import platforms

from .conftest import close_runtime, forget_settings
from .test_alert_sensors import KEY, headers, tick
from .world import World

SLUGS = [f"company-{n:02}" for n in range(1, 13)]
NAMED = f"12 companies: {', '.join(SLUGS[:10])} and 2 more"


@pytest.fixture
def late(world: World, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> World:
    """A world whose alerts lead to the sandbox."""
    monkeypatch.setenv("SLACK_WEBHOOK_URL", sandbox.slack_url())
    monkeypatch.setenv("PAGERDUTY_INTEGRATION_KEY", KEY)
    monkeypatch.setenv("PAGERDUTY_EVENTS_URL", sandbox.pagerduty_url)
    monkeypatch.setenv("ALERT_RECOVERY_HOLD_MINUTES", "0")
    close_runtime()
    forget_settings()
    return world


def due(world: World, ago: timedelta) -> None:
    """A daily schedule of each company that was due so long ago, to the minute."""
    fire = (world.runtime.clock() - ago).replace(second=0, microsecond=0)
    for slug in SLUGS:
        company = world.company(slug, days=3)
        world.schedule(company, "benevity", cron=f"{fire.minute} {fire.hour} * * *", fire=fire)


def ticks(world: World, times: int = 2) -> None:
    """The daemon's rounds: every alert sensor, the sender last."""
    for _ in range(times):
        for name in ("platform_outages", "sla_breaches", "send_notifications"):
            tick(world, name)


def pages(world: World) -> list[str]:
    """What PagerDuty was asked to do."""
    return [line["message"]["event_action"] for line in world.sandbox.messages("pagerduty")]


def own_incidents(world: World) -> int:
    """How many companies have an incident of their own."""
    (row,) = world.execute("SELECT count(DISTINCT company_id) AS n FROM incidents")
    count: int = row["n"]
    return count


def test_the_daemon_was_dead_for_an_hour(late: World) -> None:
    """One message and one page when it is back, and one of each when all is planned."""
    due(late, timedelta(hours=1))
    ticks(late)
    (told,) = late.sandbox.messages("slack")
    assert NAMED in str(told["message"])
    assert pages(late) == ["trigger"]

    assert late.run("benevity").success
    ticks(late, 3)

    assert headers(late) == [
        ":red_circle: Level 2 · SLA breach: many companies at once",
        ":large_green_circle: Recovered: many companies at once",
    ]
    assert pages(late) == ["trigger", "resolve"]
    assert {row["status"] for row in late.deliveries("benevity")} == {"success"}
    assert own_incidents(late) == 12


def test_the_platform_is_held(late: World) -> None:
    """Planned in time and held by a person for half an hour: one message and one page with who, and whom."""
    runtime = late.runtime
    hold = platforms.hold
    hold(runtime, Platform.BENEVITY, company_id=None, reason="they move", actor="ida")
    due(late, timedelta(0))
    assert late.run("benevity").success
    # As if half an hour had passed since.
    late.execute("UPDATE connection_closures SET since = since - interval '31 minutes'")
    late.execute(
        "UPDATE impact_deliveries SET scheduled_for = scheduled_for - interval '30 minutes', "
        "next_attempt_at = next_attempt_at - interval '30 minutes'"
    )

    ticks(late)
    (told,) = late.sandbox.messages("slack")
    assert NAMED in str(told["message"])
    assert "they move" in str(told["message"])
    assert pages(late) == ["trigger"]

    platforms.resume(runtime, Platform.BENEVITY, company_id=None, actor="ida")
    assert late.run("benevity").success
    ticks(late, 3)

    assert headers(late) == [
        ":red_circle: Level 2 · SLA breach: held by a person",
        ":large_green_circle: Recovered: held by a person",
    ]
    assert pages(late) == ["trigger", "resolve"]
    assert {row["status"] for row in late.deliveries("benevity")} == {"success"}
    assert own_incidents(late) == 12
