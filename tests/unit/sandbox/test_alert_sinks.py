"""The Slack and PagerDuty sinks."""

from typing import Any

import pytest
import requests

from .helpers import Caller, changed

SLACK_BLOCKS: list[dict[str, Any]] = [
    {"type": "header", "text": {"type": "plain_text", "text": "SLA breach"}},
    {"type": "section", "text": {"type": "mrkdwn", "text": "*acme* on Benevity"}},
    {"type": "section", "fields": [{"type": "mrkdwn", "text": "*Rate*\n91 %"}]},
    {"type": "divider"},
    {"type": "context", "elements": [{"type": "mrkdwn", "text": "since 08:00"}]},
]
SLACK_MESSAGE: dict[str, Any] = {"text": "SLA breach", "blocks": SLACK_BLOCKS}
TRIGGER: dict[str, Any] = {
    "routing_key": "sandbox-routing-key",
    "event_action": "trigger",
    "dedup_key": "incident-1",
    "payload": {
        "summary": "acme: success rate 91 %",
        "source": "impact-in",
        "severity": "critical",
        "timestamp": "2026-03-02T00:00:05Z",
        "custom_details": {"platform": "benevity"},
    },
}


def slack(caller: Caller, message: object, name: str = "alerts") -> requests.Response:
    """Post to a webhook."""
    return caller.session.post(caller.sandbox.slack_url(name), json=message, timeout=30)


def pagerduty(caller: Caller, event: object, timeout: float = 5) -> requests.Response:
    """Enqueue an event."""
    return caller.session.post(caller.sandbox.pagerduty_url, json=event, timeout=timeout)


@pytest.mark.parametrize("message", [{"text": "plain"}, {"blocks": SLACK_BLOCKS}, SLACK_MESSAGE])
def test_slack_takes_text_or_blocks(caller: Caller, message: dict[str, Any]) -> None:
    """The answer is Slack's `ok` in plain text, and the message can be read."""
    answer = slack(caller, message, "ops")
    assert (answer.status_code, answer.text) == (200, "ok")
    (kept,) = caller.control.messages("slack")
    assert kept["name"] == "ops"
    assert set(kept["message"]) == set(message)


@pytest.mark.parametrize(
    ("message", "text"),
    [
        ({}, "no_text"),
        ({"text": ""}, "no_text"),
        ({"text": 5}, "invalid_payload"),
        ({"text": "a", "surprise": 1}, "invalid_payload"),
        ({"blocks": [{"type": "poem"}]}, "invalid_payload"),
        ({"blocks": [{"type": "section"}]}, "invalid_payload"),
        ({"blocks": [{"type": "divider"}] * 51}, "invalid_payload"),
        (changed(SLACK_MESSAGE, "blocks.0.text.text", "x" * 151), "invalid_payload"),
        (changed(SLACK_MESSAGE, "blocks.1.text.text", "x" * 3001), "invalid_payload"),
        ([], "invalid_payload"),
    ],
)
def test_slack_refuses_what_slack_refuses(caller: Caller, message: object, text: str) -> None:
    """Slack's own error words, and nothing is kept."""
    answer = slack(caller, message)
    assert (answer.status_code, answer.text) == (400, text)
    assert caller.control.messages("slack") == []
    assert caller.stats("slack")["rejected"] == {text: 1}


def test_pagerduty_takes_trigger_acknowledge_and_resolve_in_order(caller: Caller) -> None:
    """202 with the dedup_key; the sink lists what arrived, oldest first."""
    short = {"routing_key": "sandbox-routing-key", "dedup_key": "incident-1"}
    for event in (
        TRIGGER,
        short | {"event_action": "acknowledge"},
        short | {"event_action": "resolve"},
    ):
        answer = pagerduty(caller, event)
        assert answer.status_code == 202
        assert answer.json()["status"] == "success"
        assert answer.json()["dedup_key"] == "incident-1"
    kept = caller.control.messages("pagerduty")
    actions = [line["message"]["event_action"] for line in kept]
    assert actions == ["trigger", "acknowledge", "resolve"]
    assert kept[0]["message"] == TRIGGER


def test_pagerduty_makes_a_dedup_key_for_a_trigger_without_one(caller: Caller) -> None:
    """As the real service does."""
    answer = pagerduty(caller, changed(TRIGGER, "dedup_key", ...))
    assert answer.status_code == 202
    assert answer.json()["dedup_key"] == caller.control.messages("pagerduty")[0]["dedupKey"]


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("routing_key", ...),
        ("routing_key", ""),
        ("event_action", "explode"),
        ("dedup_key", "x" * 256),
        ("payload", ...),
        ("payload.summary", ...),
        ("payload.summary", "x" * 1025),
        ("payload.source", ""),
        ("payload.severity", "fatal"),
        ("payload.timestamp", "soon"),
        ("payload.surprise", 1),
        ("surprise", 1),
    ],
)
def test_pagerduty_refuses_an_invalid_event(caller: Caller, path: str, value: object) -> None:
    """400 with the service's status word and one reason; nothing is kept."""
    answer = pagerduty(caller, changed(TRIGGER, path, value))
    assert (answer.status_code, answer.json()["status"]) == (400, "invalid event")
    assert len(answer.json()["errors"]) == 1
    assert caller.control.messages("pagerduty") == []


@pytest.mark.parametrize("action", ["acknowledge", "resolve"])
def test_pagerduty_needs_a_dedup_key_to_act_on_an_incident(caller: Caller, action: str) -> None:
    """Without it there is no incident to act on."""
    event = {"routing_key": "sandbox-routing-key", "event_action": action}
    assert pagerduty(caller, event).status_code == 400


@pytest.mark.parametrize(
    ("kind", "slack_status", "pagerduty_status"),
    [
        ("server_error", 503, 503),
        ("rate_limited", 429, 429),
        ("unauthorized", 403, 401),
        ("bad_request", 400, 400),
        ("success_false", 200, 200),
        ("malformed_json", 200, 200),
    ],
)
def test_sinks_have_the_same_fault_switches(
    caller: Caller, kind: str, slack_status: int, pagerduty_status: int
) -> None:
    """A faulty answer keeps nothing, and the next message arrives."""
    for service, post, good, bad_status in (
        ("slack", slack, 200, slack_status),
        ("pagerduty", pagerduty, 202, pagerduty_status),
    ):
        message = SLACK_MESSAGE if service == "slack" else TRIGGER
        caller.control.add_fault(service, kind, count=1)
        assert post(caller, message).status_code == bad_status
        assert caller.control.messages(service) == []
        assert post(caller, message).status_code == good
        assert len(caller.control.messages(service)) == 1


def test_a_sink_can_take_a_message_and_never_answer(caller: Caller) -> None:
    """The client can't know, so it sends again under the same dedup_key."""
    caller.control.add_fault("pagerduty", "timeout_after", count=1)
    with pytest.raises(requests.ReadTimeout):
        pagerduty(caller, TRIGGER, timeout=0.3)
    assert len(caller.control.messages("pagerduty")) == 1
    caller.control.add_fault("pagerduty", "connection_reset", organization=TRIGGER["routing_key"])
    with pytest.raises(requests.ConnectionError):
        pagerduty(caller, TRIGGER)
    assert len(caller.control.messages("pagerduty")) == 1


def test_one_webhook_can_fail_alone(caller: Caller) -> None:
    """A fault's organisation is the webhook's name."""
    caller.control.add_fault("slack", "server_error", organization="critical")
    assert slack(caller, {"text": "a"}, "critical").status_code == 503
    assert slack(caller, {"text": "a"}, "alerts").status_code == 200
