"""Notices sent to the sandbox's Slack and PagerDuty over HTTP: each once, in order, none lost."""

import json
import logging
import threading
from collections.abc import Iterator
from datetime import timedelta
from uuid import UUID

import pytest
from factories import NO_DAGSTER

from impact_in_pipelines.db.engine import Database
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.sandbox.server import Sandbox
from impact_in_pipelines.sla.incidents import Channel, FailedRun

from .alert_worlds import KEY, MINUTE, AlertWorld, alert_world

GOODERA = Platform.GOODERA
HOLD = timedelta(minutes=5)
SILENT = {"SLACK_WEBHOOK_URL": "", "PAGERDUTY_INTEGRATION_KEY": ""}


@pytest.fixture
def made(database: Database, sandbox: Sandbox) -> Iterator[AlertWorld]:
    """A clean database and sandbox with both channels configured."""
    with alert_world(database.url, sandbox) as alerts:
        yield alerts


def story(made: AlertWorld, company: UUID) -> Iterator[str]:
    """A latency that becomes a warning, then critical, then good, one step at a time; nothing is sent."""
    made.settled(company, GOODERA, arrived=20, latency=timedelta(minutes=4, seconds=1))
    made.watch()
    yield "opened"
    set_latency(made, company, "5 minutes 1 second")
    made.watch()
    yield "raised"
    set_latency(made, company, "10 seconds")
    made.watch()
    made.watch(HOLD)
    yield "recovered"


def set_latency(made: AlertWorld, company: UUID, latency: str) -> None:
    """As if every delivery had taken so long."""
    made.world.execute(
        "UPDATE impact_deliveries SET delivered_at = scheduled_for + CAST(:latency AS interval) "
        "WHERE company_id = :company",
        latency=latency,
        company=company,
    )


def whole_story(made: AlertWorld) -> UUID:
    """The story of one company, written and not sent."""
    (company,) = made.world.companies()
    assert list(story(made, company)) == ["opened", "raised", "recovered"]
    return company


TOLD = [
    ":large_yellow_circle: Level 1 · warning: average latency",
    ":red_circle: Raised to level 2 · SLA breach: average latency",
    ":large_green_circle: Recovered: average latency",
]


def test_one_message_for_each_thing_that_happened(made: AlertWorld) -> None:
    """An opening, a rise, a recovery; triggered and resolved at PagerDuty under one key."""
    (company,) = made.world.companies()
    for _ in story(made, company):
        made.alerts.send()
        made.alerts.send()

    assert made.headers() == TOLD
    (incident,) = made.incidents()
    key = f"impact-in-incident-{incident['id']}"
    assert made.pages == [("trigger", key), ("resolve", key)]
    assert all(row["sent_at"] for row in made.outbox())


def test_what_a_message_says(made: AlertWorld) -> None:
    """What, whose, actual against threshold, since when, links, the runbook and the first command."""
    (company,) = made.world.companies()
    made.settled(company, GOODERA, arrived=97, failed=3)
    made.watch()
    made.alerts.send()

    (line,) = made.slack
    said = json.dumps(line["message"], ensure_ascii=False)
    for part in (
        "c-1",
        "Goodera",
        "97.00 %, threshold 98 %",
        "100 deliveries",
        "UTC",
        f"{NO_DAGSTER}/assets/goodera_export",
        f"http://127.0.0.1:3007/en/cockpit/{company}/deliveries",
        "docs/runbook.md#success-rate",
        "impact-in deliveries list --company c-1 --platform goodera --status failed --status missed",
    ):
        assert part in said
    (page,) = made.world.sandbox.client.messages("pagerduty")
    assert page["message"]["routing_key"] == KEY
    payload = page["message"]["payload"]
    assert payload["severity"] == "critical"
    assert (payload["component"], payload["group"]) == ("goodera", "c-1")
    assert "97.00 %, threshold 98 %" in payload["summary"]


def test_slack_is_down_for_an_hour(made: AlertWorld) -> None:
    """Everything is sent late, in order, none lost; PagerDuty doesn't wait for it."""
    made.world.sandbox.client.add_fault("slack", "server_error")
    (company,) = made.world.companies()
    for _ in story(made, company):
        for _ in range(20):
            made.later()
            made.alerts.send()
    assert made.slack == []
    assert [action for action, _ in made.pages] == ["trigger", "resolve"]

    made.world.sandbox.client.clear_faults()
    made.later(HOLD)
    made.alerts.send()

    assert made.headers() == TOLD


def test_a_channel_that_is_down_is_asked_rarely(made: AlertWorld) -> None:
    """After 30 s, then 1, 2, 4 and at most 5 minutes, with one message each time, however many wait."""
    made.world.sandbox.client.add_fault("slack", "server_error")
    for company in made.world.companies(2):
        for platform in Platform:
            made.settled(company, platform, arrived=97, failed=3)
    made.watch()
    for _ in range(120):
        made.later(timedelta(seconds=30))
        made.alerts.send()

    asked = made.world.sandbox.client.stats()["slack"]["received"]
    assert 12 <= asked <= 16
    tried = [row["attempts"] for row in made.outbox() if row["channel"] == "slack"]
    assert sum(tried) == asked
    assert tried[1:] == [0] * 8

    made.world.sandbox.client.clear_faults()
    made.later(HOLD)
    made.alerts.send()
    assert len(made.slack) == 9


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "server_error"},
        {"kind": "connection_reset"},
        {"kind": "timeout_before"},
        {"kind": "rate_limited", "retry_after_seconds": 120},
        {"kind": "unauthorized"},
        {"kind": "success_false"},
        {"kind": "bad_request"},
        {"kind": "malformed_json"},
    ],
)
@pytest.mark.parametrize("sink", ["slack", "pagerduty"])
def test_whatever_goes_wrong_it_is_sent_again(
    made: AlertWorld, sink: str, fault: dict[str, object]
) -> None:
    """Only what was accepted counts as sent, and nothing of the same incident overtakes it."""
    whole_story(made)
    made.world.sandbox.client.add_fault(sink, count=2, **fault)  # type: ignore[arg-type]

    sent = made.alerts.send()
    assert any(trouble.startswith(f"{sink}: ") for trouble in sent.troubles)
    for _ in range(4):
        made.later(3 * MINUTE)
        made.alerts.send()

    assert made.headers() == TOLD
    assert [action for action, _ in made.pages] == ["trigger", "resolve"]
    assert all(row["sent_at"] for row in made.outbox())


def test_retry_after_is_honoured(made: AlertWorld) -> None:
    """A channel that asks for ten minutes gets them."""
    whole_story(made)
    made.world.sandbox.client.add_fault("slack", "rate_limited", count=1, retry_after_seconds=600)
    made.alerts.send()
    made.later(9 * MINUTE)
    made.alerts.send()
    assert made.slack == []

    made.later(2 * MINUTE)
    made.alerts.send()

    assert made.headers() == TOLD


def test_a_message_that_is_refused_holds_back_its_own_incident_only(made: AlertWorld) -> None:
    """The others go out; what follows it waits for it."""
    first, second = made.world.companies(2)
    for one in (first, second):
        assert list(story(made, one))
    made.world.sandbox.client.add_fault("slack", "bad_request", count=1)

    made.alerts.send()
    assert len(made.headers()) == 3

    made.later()
    made.alerts.send()
    assert made.headers() == TOLD * 2


@pytest.mark.parametrize("sink", ["slack", "pagerduty"])
def test_a_sender_that_dies_before_it_sends_loses_nothing(made: AlertWorld, sink: str) -> None:
    """Its claim ends by itself, and until then nothing of the incident overtakes on that channel."""
    whole_story(made)
    now = made.world.clock()
    claimed = made.world.runtime.outbox.claim(
        Channel(sink), now=now, lease_until=now + timedelta(minutes=2)
    )
    assert claimed is not None

    made.alerts.send()
    assert made.world.sandbox.client.messages(sink) == []
    made.later(2 * MINUTE)
    made.alerts.send()

    assert made.headers() == TOLD
    assert [action for action, _ in made.pages] == ["trigger", "resolve"]


def test_an_event_that_is_sent_twice_is_one_at_pagerduty(made: AlertWorld) -> None:
    """A sender died between the acceptance and its mark: the same dedup key goes out again. Slack has no
    such key: there a second message is the price of losing none."""
    for sink in ("slack", "pagerduty"):
        made.world.sandbox.client.add_fault(sink, "connection_reset_after", count=1)
    (company,) = made.world.companies()
    made.settled(company, GOODERA, arrived=97, failed=3)
    made.watch()
    made.alerts.send()
    made.later()
    made.alerts.send()

    assert len(made.pages) == 2
    assert len(set(made.pages)) == 1
    assert len(made.headers()) == 2


def test_senders_at_once_send_each_notice_once(made: AlertWorld) -> None:
    """Four of them over forty notices of ten stories, still in order."""
    for company in made.world.companies(10):
        assert list(story(made, company))
    written = [row for row in made.outbox() if row["channel"] == "slack"]
    threads = [threading.Thread(target=made.alerts.send) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    made.alerts.send()

    assert len(made.headers()) == len(written)
    for place in range(1, 11):
        mine = [
            line["message"]["blocks"][0]["text"]["text"]
            for line in made.slack
            if f"c-{place} on" in line["message"]["text"]
        ]
        assert mine == TOLD


def test_the_critical_webhook_takes_what_is_critical(database: Database, sandbox: Sandbox) -> None:
    """Warnings stay where they are; whoever heard of an incident hears of its end."""
    urgent = {"SLACK_CRITICAL_WEBHOOK_URL": sandbox.slack_url("critical")}
    with alert_world(database.url, sandbox, **urgent) as made:
        whole_story(made)
        made.alerts.send()

        assert made.headers("alerts") == [TOLD[0], TOLD[2]]
        assert made.headers("critical") == [TOLD[1], TOLD[2]]


def test_without_a_webhook_notices_are_logged_and_kept(
    database: Database, sandbox: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing fails; critical ones are errors in the log."""
    with alert_world(database.url, sandbox, **SILENT) as made, caplog.at_level(logging.WARNING):
        whole_story(made)
        made.alerts.send()
        made.alerts.send()

        assert [row["channel"] for row in made.outbox()] == ["log"] * 3
        assert all(row["sent_at"] for row in made.outbox())
    lines = [record for record in caplog.records if record.name == "impact_in.alerts"]
    assert [line.levelname for line in lines] == ["WARNING", "ERROR", "WARNING"]
    assert "c-1 on Goodera" in lines[0].getMessage()
    assert made.slack == []


def test_a_webhook_that_is_taken_away_leaves_its_notices_in_the_log(
    database: Database, sandbox: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    """What was written for Slack isn't kept for ever, nor forgotten."""
    with alert_world(database.url, sandbox) as made:
        (company,) = made.world.companies()
        made.settled(company, GOODERA, arrived=97, failed=3)
        made.watch()
    with alert_world(database.url, sandbox, **SILENT) as made:
        made.world.clock.advance(HOLD)
        with caplog.at_level(logging.WARNING):
            made.alerts.send()
        assert {row["channel"] for row in made.outbox()} == {"log"}
        assert all(row["sent_at"] for row in made.outbox())
    assert "97.00 %" in caplog.text


def test_a_failed_run_is_told_once(made: AlertWorld) -> None:
    """On Slack, with the way to the run."""
    run = FailedRun("0f5a", "refresh_company_impact", "company_impact", "KeyError: 'hours' <b>")
    assert made.alerts.run_failed(run)
    assert not made.alerts.run_failed(run)
    made.alerts.send()

    (line,) = made.slack
    said = json.dumps(line["message"])
    assert f"{NO_DAGSTER}/runs/0f5a" in said
    assert "refresh_company_impact" in said
    assert "&lt;b&gt;" in said
    assert made.pages == []


def test_an_acknowledgement_stops_the_escalation(made: AlertWorld) -> None:
    """PagerDuty hears of it, Slack doesn't; it is recorded who it was."""
    (company,) = made.world.companies()
    made.settled(company, GOODERA, arrived=97, failed=3)
    made.watch()
    (incident,) = made.incidents()
    made.alerts.acknowledge(str(incident["id"])[:8], "ola")
    made.watch()
    made.alerts.send()

    (after,) = made.incidents()
    assert after["acknowledged_by"] == "ola"
    assert [action for action, _ in made.pages] == ["trigger", "acknowledge"]
    assert len(made.slack) == 1


@pytest.mark.parametrize("break_it", ["unauthorized", "connection_reset", "timeout_before"])
def test_no_secret_is_logged_or_stored(
    made: AlertWorld, break_it: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A webhook's URL and an integration key are secrets, also when they don't work."""
    whole_story(made)
    for sink in ("slack", "pagerduty"):
        made.world.sandbox.client.add_fault(sink, break_it)
    with caplog.at_level(logging.DEBUG):
        sent = made.alerts.send()

    kept = made.world.rows("SELECT last_error FROM alert_channels")
    everything = " ".join([caplog.text, *sent.troubles, *(str(row["last_error"]) for row in kept)])
    assert len(kept) == 2
    assert KEY not in everything
    assert "/slack/alerts" not in everything


def test_a_round_ends_when_its_time_is_up(made: AlertWorld) -> None:
    """It runs in a Dagster tick: what is left goes out with the next one."""
    whole_story(made)

    assert made.alerts.send(seconds=0).total == 0
    assert made.slack == []
    made.alerts.send()
    assert made.headers() == TOLD


def test_the_backlog_says_what_waits_and_why(made: AlertWorld) -> None:
    """For `impact-in incidents list`."""
    whole_story(made)
    made.world.sandbox.client.add_fault("slack", "server_error")
    made.alerts.send()

    (line,) = made.world.runtime.outbox.backlog()
    assert (line.channel, line.waiting) == (Channel.SLACK, 3)
    assert line.error == "Slack answered HTTP 503"
    made.world.sandbox.client.clear_faults()
    made.later()
    made.alerts.send()
    assert made.world.runtime.outbox.backlog() == []
