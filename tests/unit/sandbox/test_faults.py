"""Every fault switch, seen from a client, and what the platform counted meanwhile."""

from datetime import datetime
from email.utils import parsedate_to_datetime

import pytest
import requests

from .helpers import BAD_CODE, BODIES, PLATFORMS, Caller, goodera_body


@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.parametrize(
    ("kind", "status", "code"),
    [
        ("rate_limited", 429, "RATE_LIMIT"),
        ("unauthorized", 401, "AUTH_INVALID"),
        ("expired_token", 401, "AUTH_INVALID"),
        ("bad_request", 400, None),
        ("success_false", 200, None),
    ],
)
def test_an_injected_refusal_has_the_platforms_shape_and_no_effect(
    caller: Caller, platform: str, kind: str, status: int, code: str | None
) -> None:
    """An injected refusal looks like a real one, and the next request is well again."""
    caller.control.add_fault(platform, kind, count=1)
    answer = caller.send(platform, key="key-1")
    assert answer.status_code == status
    assert answer.json() == {
        "success": False,
        "error": answer.json()["error"],
        "errorCode": code or BAD_CODE[platform],
    }
    assert caller.stats(platform)["accepted"] == 0
    assert caller.stats(platform)["faulted"] == {kind: 1}
    assert caller.send(platform, key="key-1").json()["success"] is True


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_server_error_has_the_status_asked_for_and_is_no_json(
    caller: Caller, status: int
) -> None:
    """Gateways fail in HTML."""
    caller.control.add_fault("benevity", "server_error", status=status, count=1)
    answer = caller.send("benevity")
    assert answer.status_code == status
    with pytest.raises(requests.exceptions.JSONDecodeError):
        answer.json()
    assert caller.stats("benevity")["accepted"] == 0


def test_retry_after_comes_in_seconds_as_a_date_or_not_at_all(caller: Caller) -> None:
    """Both forms of RFC 9110, and the platforms that say nothing."""
    caller.control.add_fault("goodera", "rate_limited", retry_after_seconds=7, count=1)
    caller.control.add_fault(
        "goodera", "rate_limited", retry_after_seconds=90, retry_after_format="date", count=1
    )
    caller.control.add_fault("goodera", "rate_limited", retry_after_seconds=None, count=1)
    assert caller.send("goodera").headers["Retry-After"] == "7"
    answer = caller.send("goodera")
    until = parsedate_to_datetime(answer.headers["Retry-After"])
    sent: datetime = parsedate_to_datetime(answer.headers["Date"])
    assert 85 <= (until - sent).total_seconds() <= 95
    assert "Retry-After" not in caller.send("goodera").headers


@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.parametrize(
    ("kind", "accepted"), [("connection_reset", 0), ("connection_reset_after", 1)]
)
def test_a_reset_connection_gives_no_answer_at_all(
    caller: Caller, platform: str, kind: str, accepted: int
) -> None:
    """The TCP connection is reset; after processing the effect stands, a retry is replayed."""
    caller.control.add_fault(platform, kind, count=1)
    with pytest.raises(requests.ConnectionError, match=r"reset|aborted|disconnected"):
        caller.send(platform, key="key-1")
    assert caller.stats(platform)["accepted"] == accepted
    assert caller.send(platform, key="key-1").status_code == 200
    stats = caller.stats(platform)
    assert (stats["accepted"], stats["replayed"]) == (1, accepted)


@pytest.mark.parametrize(("kind", "accepted"), [("timeout_before", 0), ("timeout_after", 1)])
def test_a_timeout_hangs_until_the_client_gives_up(
    caller: Caller, kind: str, accepted: int
) -> None:
    """Before processing nothing happened, after it everything did; the client can't tell."""
    caller.control.add_fault("workday", kind, count=1)
    with pytest.raises(requests.ReadTimeout):
        caller.send("workday", key="key-1", timeout=0.3)
    assert caller.stats("workday")["accepted"] == accepted
    assert caller.send("workday", key="key-1").status_code == 200
    assert caller.stats("workday")["accepted"] == 1


def test_a_timeout_ends_without_an_answer_when_its_time_is_over(caller: Caller) -> None:
    """A patient client sees the connection end."""
    caller.control.add_fault("benevity", "timeout_before", delay_ms=50, count=1)
    with pytest.raises(requests.ConnectionError):
        caller.send("benevity")


def test_a_slow_answer_is_a_whole_answer(caller: Caller) -> None:
    """Slow is not broken: the client that waits gets its 200, the other one finds it accepted."""
    caller.control.add_fault("benevity", "slow", delay_ms=20, count=1)
    assert caller.send("benevity", key="key-1").json()["success"] is True
    caller.control.add_fault("benevity", "slow", delay_ms=5_000, count=1)
    with pytest.raises(requests.ReadTimeout):
        caller.send("benevity", key="key-2", timeout=0.2)
    assert caller.stats("benevity")["accepted"] == 2


@pytest.mark.parametrize("after_processing", [False, True])
def test_malformed_json_is_a_200_that_can_not_be_read(
    caller: Caller, after_processing: bool
) -> None:
    """By default nothing was processed; the switch can make it a lost answer instead."""
    caller.control.add_fault(
        "goodera", "malformed_json", count=1, after_processing=after_processing
    )
    answer = caller.send("goodera", key="key-1")
    assert answer.status_code == 200
    with pytest.raises(requests.exceptions.JSONDecodeError):
        answer.json()
    assert caller.stats("goodera")["accepted"] == int(after_processing)


def test_an_expired_token_stays_expired_until_a_new_one_is_fetched(caller: Caller) -> None:
    """The fault revokes the token that was sent, so that only a refresh helps."""
    token = caller.token()
    caller.control.add_fault("workday", "expired_token", count=1)
    held: dict[str, str | None] = {"Authorization": f"Bearer {token}"}
    assert caller.send("workday", headers=held).status_code == 401
    assert caller.send("workday", headers=held).status_code == 401
    assert caller.send("workday").status_code == 200


def test_a_fault_can_be_limited_to_one_organisation(caller: Caller) -> None:
    """One company misbehaves, the others are healthy; a batch that holds it is hit and named."""
    for platform in PLATFORMS:
        caller.control.add_fault(platform, "bad_request", organization="org-2")
        assert caller.send(platform, BODIES[platform]("org-2")).status_code == 400
        assert caller.send(platform, BODIES[platform]("org-1")).status_code == 200
    batch = {"records": [goodera_body("org-1"), goodera_body("org-2")]}
    assert caller.send("goodera batch", batch).json()["error"].startswith("records[1].")


def test_a_workday_fault_can_be_limited_to_one_tenant(caller: Caller) -> None:
    """The tenant in the header counts as an organisation."""
    caller.control.configure(workday_tenants=["sandbox-tenant", "tenant-2"])
    caller.control.add_fault("workday", "server_error", organization="tenant-2")
    assert caller.send("workday", headers={"X-Workday-Tenant": "tenant-2"}).status_code == 503
    assert caller.send("workday").status_code == 200


def test_a_fault_is_of_one_platform_only(caller: Caller) -> None:
    """An outage of one platform leaves the others alone."""
    caller.control.add_fault("benevity", "server_error")
    assert [caller.send(platform).status_code for platform in PLATFORMS] == [503, 200, 200]


def failures(caller: Caller, rate: float, seed: int) -> list[bool]:
    """Return which of 40 requests failed under a fresh fault."""
    caller.control.clear_faults()
    caller.control.add_fault("goodera", "server_error", rate=rate, seed=seed)
    return [caller.send("goodera").status_code == 503 for _ in range(40)]


def test_a_rate_fails_a_share_of_the_requests_and_a_seed_repeats_it(caller: Caller) -> None:
    """The same seed over the same requests fails the same ones; rates 0 and 1 are exact."""
    caller.control.configure(rate_limits_enabled=False)
    first = failures(caller, 0.5, seed=1)
    assert 8 < sum(first) < 32
    assert failures(caller, 0.5, seed=1) == first
    assert failures(caller, 0.5, seed=2) != first
    assert sum(failures(caller, 0.0, seed=1)) == 0
    assert sum(failures(caller, 1.0, seed=1)) == 40


def test_a_count_ends_the_fault(caller: Caller) -> None:
    """The next n requests fail, then none."""
    caller.control.add_fault("benevity", "server_error", count=2)
    assert [caller.send("benevity").status_code for _ in range(3)] == [503, 503, 200]
    assert [fault["fired"] for fault in caller.control.faults()] == [2]


def test_faults_are_listed_and_removed_one_by_one_or_all(caller: Caller) -> None:
    """The oldest that matches decides."""
    first = caller.control.add_fault("benevity", "server_error", status=500)
    caller.control.add_fault("benevity", "server_error", status=502)
    assert caller.send("benevity").status_code == 500
    caller.control.remove_fault(first)
    assert caller.send("benevity").status_code == 502
    assert [fault["status"] for fault in caller.control.faults()] == [502]
    caller.control.clear_faults()
    assert caller.control.faults() == []
    assert caller.send("benevity").status_code == 200


def test_the_token_endpoint_has_faults_of_its_own(caller: Caller) -> None:
    """A delivery fault leaves the token endpoint alone, and the other way round."""
    caller.control.add_fault("workday", "server_error", target="token", count=1)
    assert caller.ask_token().status_code == 503
    assert caller.send("workday").status_code == 200
    caller.control.add_fault("workday", "unauthorized", target="token", count=1)
    answer = caller.ask_token()
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
