"""The control interface and its client: bad input, reset, configuration."""

import pytest
import requests
from pydantic import ValidationError

from impact_in_pipelines.sandbox.accounts.config import SandboxConfig
from impact_in_pipelines.sandbox.client import SandboxClient, SandboxControlError

from .helpers import Caller


@pytest.mark.parametrize(
    ("path", "body", "named"),
    [
        ("faults", {"platform": "benevty", "kind": "slow"}, "platform"),
        ("faults", {"platform": "benevity", "kind": "explode"}, "kind"),
        ("faults", {"platform": "benevity", "kind": "slow", "rate": 1.5}, "rate"),
        ("faults", {"platform": "benevity", "kind": "server_error", "status": 404}, "status"),
        ("faults", {"platform": "benevity", "kind": "slow", "speed": 1}, "speed"),
        (
            "faults",
            {"platform": "benevity", "kind": "success_false", "afterProcessing": True},
            "afterProcessing",
        ),
        ("config", {"latencyMs": -1}, "latencyMs"),
        ("config", {"latency": 5}, "latency"),
        ("config", {"rateLimits": {"benevity": {"perMinute": 0}}}, "perMinute"),
        ("config", {"workdayDuplicates": "maybe"}, "workdayDuplicates"),
    ],
)
def test_a_bad_control_request_names_what_is_wrong(
    caller: Caller, path: str, body: dict[str, object], named: str
) -> None:
    """One line with the field's name, status 400, and nothing changes."""
    answer = caller.session.post(f"{caller.sandbox.url}/_sandbox/{path}", json=body, timeout=30)
    assert answer.status_code == 400
    assert named in answer.json()["error"]
    assert "\n" not in answer.json()["error"]
    assert caller.control.faults() == []


@pytest.mark.parametrize(
    ("path", "choices"),
    [
        ("accepted?platform=slack", "benevity, goodera, workday"),
        ("accepted", "benevity, goodera, workday"),
        ("messages?sink=email", "slack, pagerduty"),
    ],
)
def test_an_unknown_platform_or_sink_gets_the_choices(
    caller: Caller, path: str, choices: str
) -> None:
    """The reader learns what can be asked for."""
    answer = caller.session.get(f"{caller.sandbox.url}/_sandbox/{path}", timeout=30)
    assert answer.status_code == 400
    assert choices in answer.json()["error"]


def test_reset_forgets_everything(caller: Caller) -> None:
    """Counts, keys, tokens, faults, messages and configuration are as at the start."""
    held: dict[str, str | None] = {"Authorization": f"Bearer {caller.token()}"}
    caller.send("workday", key="key-1", headers=held)
    caller.session.post(caller.sandbox.slack_url(), json={"text": "a"}, timeout=30)
    caller.control.add_fault("benevity", "slow")
    caller.control.configure(latency_ms=1, workday_duplicates="conflict", goodera_keys=["other"])
    caller.control.reset()
    assert caller.control.faults() == []
    assert caller.control.messages("slack") == []
    assert caller.control.accepted("workday")["accepted"] == []
    assert caller.stats("workday")["received"] == 0
    assert caller.send("workday", headers=held).status_code == 401
    assert caller.send("goodera").status_code == 200
    shown = caller.control.configure()
    assert (shown["latencyMs"], shown["workdayDuplicates"]) == (0, "replay")


def test_transaction_ids_are_not_used_again_after_a_reset(caller: Caller) -> None:
    """Two runs of a test can't mistake each other's answers."""
    first = caller.send("benevity").json()["transactionId"]
    caller.control.reset()
    assert caller.send("benevity").json()["transactionId"] != first


def test_every_request_ends_in_one_count(caller: Caller) -> None:
    """received = accepted + replayed + rejected + faulted, as long as no fault processes."""
    caller.send("benevity", key="key-1")
    caller.send("benevity", key="key-1")
    caller.send("benevity", headers={"Authorization": "Bearer wrong"})
    caller.control.add_fault("benevity", "server_error", count=1)
    caller.send("benevity")
    stats = caller.stats("benevity")
    assert stats == {
        "received": 4,
        "accepted": 1,
        "acceptedRequests": 1,
        "replayed": 1,
        "rejected": {"AUTH_INVALID": 1},
        "rejectedByStatus": {"401": 1},
        "faulted": {"server_error": 1},
        "tokenRequests": 0,
        "tokensIssued": 0,
    }


def test_the_latency_of_normal_answers_can_be_set(caller: Caller) -> None:
    """A client less patient than the latency times out, though its delivery was accepted."""
    caller.control.configure(latency_ms=3_000)
    with pytest.raises(requests.ReadTimeout):
        caller.send("benevity", timeout=0.2)
    assert caller.stats("benevity")["accepted"] == 1


def test_no_secret_is_in_the_configurations_text() -> None:
    """Accepted keys may be a developer's own."""
    config = SandboxConfig.model_validate(
        {"benevityKeys": ["secret-1"], "gooderaKeys": ["secret-2"], "oauthClients": {"c": "secret"}}
    )
    assert "secret" not in f"{config!r} {config} {config.model_dump_json()}"


def test_the_client_refuses_a_fault_that_does_not_hold(caller: Caller) -> None:
    """A typing error in a test fails in the test, before any request."""
    with pytest.raises(ValidationError):
        caller.control.add_fault("benevity", "slow", rate=7)
    with pytest.raises(ValueError, match="explode"):
        caller.control.add_fault("benevity", "explode")


def test_the_client_says_why_a_request_failed(caller: Caller) -> None:
    """One line with the sandbox's own words, or that nobody answers."""
    with pytest.raises(SandboxControlError, match="there is no fault 99"):
        caller.control.remove_fault(99)
    with pytest.raises(SandboxControlError, match="no sandbox answers at"):
        SandboxClient("http://127.0.0.1:9").stats()
    with pytest.raises(ValueError, match="http://host:port"):
        SandboxClient("localhost:3999")
