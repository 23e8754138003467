"""Call-backs of the platforms: only signed ones count, and each counts once."""

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import requests
from factories import World, world_on

from impact_in_pipelines.platforms import Platform

from .api_harness import SETTINGS, Served, served

TRANSACTION = "txn-4711"


@pytest.fixture
def api(world: World) -> Iterator[Served]:
    """An API whose companies' arrived deliveries have known transaction ids."""
    with (
        world_on(world.database.url, world.sandbox, gated=False, **SETTINGS) as one,
        served(one) as running,
    ):
        one.execute(
            "UPDATE impact_deliveries SET transaction_id = :own WHERE id = :id",
            own=TRANSACTION,
            id=running.own.arrived,
        )
        yield running


def call_back(api: Served, status: str = "failed", **changes: Any) -> bytes:
    """A body of Benevity's, of the present."""
    content = {
        "transactionId": TRANSACTION,
        "status": status,
        "message": "the programme is closed; ask kari@example.org",
        "timestamp": api.world.clock().isoformat(),
    }
    return json.dumps(
        {name: v for name, v in (content | changes).items() if v is not None}
    ).encode()


def signed(body: bytes, secret: str) -> dict[str, str]:
    digest = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return {"X-Benevity-Signature": f"sha256={digest}"}


def send(
    api: Served, body: bytes, headers: dict[str, str], platform: str = "benevity"
) -> requests.Response:
    sent = {"Content-Type": "application/json", **headers}
    return api.call("POST", f"/webhooks/{platform}", token=None, data=body, headers=sent)


def secret(api: Served) -> str:
    return f"the secret of {api.own.slug}"


def test_a_later_failed_takes_the_success_back_and_counts(api: Served) -> None:
    """In the log, for the SLA, for the schedule's row of failures, and in the audit log."""
    body = call_back(api)

    answer = send(api, body, signed(body, secret(api)))

    assert answer.json() == {"result": "taken_back", "deliveries": 1}
    row = api.world.delivery(api.own.arrived)
    assert (row["status"], row["error_kind"], row["recorded_at"]) == ("failed", "rejected", None)
    assert row["failed_at"] == api.world.clock()
    assert row["delivered_at"] is not None
    assert row["last_error"] == (
        "Benevity accepted it and took it back: the programme is closed; ask ***"
    )
    (schedule,) = api.world.rows(
        "SELECT consecutive_failures, last_status FROM scheduled_deliveries WHERE id = :id",
        id=row["schedule_id"],
    )
    assert list(schedule.values()) == [1, "failed"]
    status = api.get("/sla-status", companyId=str(api.own.company))
    assert status["overall"]["failedDeliveries"] == 1
    assert status["overall"]["successfulDeliveries"] == 0
    log = api.get("/audit-log", companyId=str(api.own.company))["data"]
    assert ("call-back of benevity", "delivery.taken_back") in [
        (one["actor"], one["action"]) for one in log
    ]


def test_the_same_call_back_again_changes_nothing(api: Served) -> None:
    """A platform that repeats itself, and whoever has overheard it."""
    body = call_back(api)
    send(api, body, signed(body, secret(api)))
    api.world.execute(
        "UPDATE impact_deliveries SET status = 'success' WHERE id = :id", id=api.own.arrived
    )

    answer = send(api, body, signed(body, secret(api)))

    assert answer.json() == {"result": "duplicate", "deliveries": 0}
    assert api.world.delivery(api.own.arrived)["status"] == "success"


def test_any_other_status_is_noted_only(api: Served) -> None:
    """What arrived has arrived."""
    body = call_back(api, status="processed")

    assert send(api, body, signed(body, secret(api))).json()["result"] == "noted"
    assert api.world.delivery(api.own.arrived)["status"] == "success"


def test_a_delivery_taken_back_can_be_replayed(api: Served) -> None:
    """It has failed like any other."""
    body = call_back(api)
    send(api, body, signed(body, secret(api)))

    assert api.post(f"/deliveries/{api.own.arrived}/replay").status_code == 202
    api.world.drain(Platform.BENEVITY)
    assert api.world.delivery(api.own.arrived)["status"] == "success"


@pytest.mark.parametrize(
    "case",
    ["no signature", "another secret", "another company's", "changed", "unknown transaction"],
)
def test_what_is_not_signed_by_the_account_is_401_and_tells_nothing(api: Served, case: str) -> None:
    """The same answer, whether there is such a transaction or not."""
    body = call_back(api)
    headers = signed(body, secret(api))
    match case:
        case "no signature":
            headers = {}
        case "another secret":
            headers = signed(body, "a guess that is long enough")
        case "another company's":
            headers = signed(body, f"the secret of {api.other.slug}")
        case "changed":
            body = body.replace(b"closed", b"opened")
        case "unknown transaction":
            body = call_back(api, transactionId="txn-0")
            headers = signed(body, secret(api))

    answer = send(api, body, headers)

    assert answer.status_code == 401
    assert answer.json()["detail"] == (
        "the call-back isn't signed by an account that has such a transaction"
    )
    assert api.world.delivery(api.own.arrived)["status"] == "success"


@pytest.mark.parametrize("hours", [-25, 25])
def test_an_old_call_back_is_refused(api: Served, hours: int) -> None:
    """Its id may have been forgotten by now."""
    at = api.world.clock() + timedelta(hours=hours)
    body = call_back(api, timestamp=at.isoformat())

    answer = send(api, body, signed(body, secret(api)))

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "timestamp"


def test_standard_webhooks_serve_the_other_platforms(api: Served) -> None:
    """Signed with id and time; the same id again changes nothing, an old time is refused."""
    key = b"a key of thirty-two bytes or so."
    api.world.runtime.connections.save(
        api.own.company,
        Platform.GOODERA,
        webhook_secret="whsec_" + base64.b64encode(key).decode(),
    )
    api.world.execute(
        "UPDATE impact_deliveries SET status = 'success', transaction_id = :own, delivered_at = :now, "
        "failed_at = NULL WHERE id = :id",
        own=TRANSACTION,
        id=api.own.failed,
        now=api.world.clock(),
    )
    body = call_back(api, timestamp=None)

    def headers(id_: str, seconds: int) -> dict[str, str]:
        at = str(int(api.world.clock().timestamp()) + seconds)
        digest = hmac.new(key, f"{id_}.{at}.".encode() + body, hashlib.sha256).digest()
        return {
            "webhook-id": id_,
            "webhook-timestamp": at,
            "webhook-signature": "v1," + base64.b64encode(digest).decode(),
        }

    old = send(api, body, headers("m-0", -301), "goodera")
    first = send(api, body, headers("m-1", -299), "goodera")
    again = send(api, body, headers("m-1", 10), "goodera")

    assert old.status_code == 422
    assert old.json()["errors"][0]["field"] == "webhook-timestamp"
    assert first.json() == {"result": "taken_back", "deliveries": 1}
    assert again.json() == {"result": "duplicate", "deliveries": 0}


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        (b"{", 422, "body"),
        (b"[]", 422, "body"),
        (b'{"status": "failed"}', 422, "transactionId"),
        (b'{"transactionId": 1, "status": "failed"}', 422, "transactionId"),
        (b'{"transactionId": "\\u0000", "status": "failed"}', 422, "body"),
        (b'"' + b"x" * 300_000 + b'"', 413, None),
    ],
)
def test_what_is_no_call_back_is_refused(
    api: Served, body: bytes, status: int, field: str | None
) -> None:
    """Before anything is looked up."""
    answer = send(api, body, {})

    assert answer.status_code == status
    if field is not None:
        assert answer.json()["errors"][0]["field"] == field
