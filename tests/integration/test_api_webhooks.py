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
def api(api: Served) -> Served:
    """An API whose companies' arrived deliveries have known transaction ids."""
    return with_known_ids(api)


@pytest.fixture
def made(world: World) -> Iterator[Served]:
    """The same, of which the sandbox knows what has arrived."""
    with (
        world_on(world.database.url, world.sandbox, gated=False, **SETTINGS) as one,
        served(one) as running,
    ):
        yield with_known_ids(running)


def with_known_ids(api: Served) -> Served:
    """Set the transaction id of the own company's arrived delivery."""
    api.world.execute(
        "UPDATE impact_deliveries SET transaction_id = :own WHERE id = :id",
        own=TRANSACTION,
        id=api.own.arrived,
    )
    return api


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


def test_a_recovered_delivery_that_is_taken_back_is_not_counted_a_second_time(
    api: Served,
) -> None:
    """Its failure was counted when it failed first; the replay repaired the delivery, not the record."""
    api.world.execute(
        "UPDATE impact_deliveries SET failed_at = scheduled_for + interval '5 seconds' WHERE id = :id",
        id=api.own.arrived,
    )
    api.world.execute("UPDATE scheduled_deliveries SET consecutive_failures = 1")
    body = call_back(api)

    assert send(api, body, signed(body, secret(api))).json()["result"] == "taken_back"

    row = api.world.delivery(api.own.arrived)
    assert row["failed_at"] < api.world.clock()
    assert api.world.scalars(
        "SELECT consecutive_failures FROM scheduled_deliveries WHERE id = :id",
        id=row["schedule_id"],
    ) == [1]


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


@pytest.mark.parametrize("transaction", [TRANSACTION, "txn-0"])
@pytest.mark.parametrize("case", ["no signature", "another secret", "changed"])
def test_what_no_account_has_signed_is_401_and_tells_nothing(
    api: Served, case: str, transaction: str
) -> None:
    """The same answer, whether there is such a transaction or not."""
    body = call_back(api, transactionId=transaction)
    headers = signed(body, secret(api))
    match case:
        case "no signature":
            headers = {}
        case "another secret":
            headers = signed(body, "a guess that is long enough")
        case "changed":
            body = body.replace(b"closed", b"opened")

    answer = send(api, body, headers)

    assert answer.status_code == 401
    assert answer.json()["detail"] == ("the call-back isn't signed by an account of this platform")
    assert api.world.delivery(api.own.arrived)["status"] == "success"


def test_a_transaction_that_is_not_known_yet_is_to_be_sent_again_and_then_taken(
    api: Served,
) -> None:
    """A platform may call back before its answer has reached the log: refused for good, it would be lost."""
    api.world.execute("UPDATE impact_deliveries SET transaction_id = NULL")
    body = call_back(api)

    early = send(api, body, signed(body, secret(api)))
    api.world.execute(
        "UPDATE impact_deliveries SET transaction_id = :own WHERE id = :id",
        own=TRANSACTION,
        id=api.own.arrived,
    )
    again = send(api, body, signed(body, secret(api)))

    assert (early.status_code, early.headers["Retry-After"]) == (409, "60")
    assert early.json()["type"] == "urn:impact-in:problem:call-back-transaction-unknown"
    assert again.json() == {"result": "taken_back", "deliveries": 1}


def test_another_companys_transaction_is_as_good_as_unknown(api: Served) -> None:
    """Whoever has an account must not learn by it which transactions others have."""
    other = f"the secret of {api.other.slug}"
    theirs, nobodys = call_back(api), call_back(api, transactionId="txn-0")

    answers = [send(api, body, signed(body, other)) for body in (theirs, nobodys)]

    assert [answer.status_code for answer in answers] == [409, 409]
    assert {answer.json()["type"] for answer in answers} == {
        "urn:impact-in:problem:call-back-transaction-unknown"
    }
    assert api.world.delivery(api.own.arrived)["status"] == "success"


def test_a_large_call_back_of_an_unknown_transaction_is_not_held_against_every_account(
    api: Served,
) -> None:
    """A guess must not cost the work of hashing a quarter of a megabyte for each account."""
    body = call_back(api, transactionId="txn-0", message="x" * 9_000, more="y" * 20_000)

    assert send(api, body, signed(body, secret(api))).status_code == 413


@pytest.mark.parametrize(
    ("words", "status", "results"),
    [
        (["failed 5", "completed 6"], "success", ["taken_back", "restored"]),
        (["completed 6", "failed 5"], "success", ["noted", "noted"]),
        (["failed 6", "completed 5"], "failed", ["taken_back", "noted"]),
        (["completed 5", "failed 6"], "failed", ["noted", "taken_back"]),
        (["failed 5", "completed 5"], "failed", ["taken_back", "noted"]),
        (["completed 5", "failed 5"], "failed", ["noted", "taken_back"]),
        (
            ["failed 5", "completed 6", "failed 7"],
            "failed",
            ["taken_back", "restored", "taken_back"],
        ),
        (["failed 5", "failed 6", "completed 7"], "success", ["taken_back", "noted", "restored"]),
        (["processing 7", "failed 5"], "failed", ["noted", "taken_back"]),
        (["failed 5", "failed 7", "completed 6"], "failed", ["taken_back", "noted", "noted"]),
    ],
)
def test_the_later_word_counts_whichever_arrives_first(
    api: Served, words: list[str], status: str, results: list[str]
) -> None:
    """Call-backs overtake each other; of two of one instant the failure counts."""
    before = api.world.delivery(api.own.arrived)
    at = api.world.clock() - timedelta(minutes=10)
    done = []
    for word in words:
        said, minute = word.split()
        body = call_back(api, said, timestamp=(at + timedelta(minutes=int(minute))).isoformat())
        done.append(send(api, body, signed(body, secret(api))).json()["result"])
    row = api.world.delivery(api.own.arrived)

    assert (row["status"], done) == (status, results)
    if status == "success":
        assert (row["failed_at"], row["taken_back_at"], row["last_error"]) == (None, None, None)
        assert row["delivered_at"] == before["delivered_at"]


def test_what_was_taken_back_goes_out_under_a_new_key_and_is_accepted_again(made: Served) -> None:
    """To the old key a platform would repeat the answer that it has stored, and accept nothing."""
    api = made
    before = api.world.delivery(api.own.arrived)
    body = call_back(api)
    send(api, body, signed(body, secret(api)))

    assert api.post(f"/deliveries/{api.own.arrived}/replay", {"force": True}).status_code == 202
    api.world.drain(Platform.BENEVITY)
    after = api.world.delivery(api.own.arrived)

    assert (after["status"], after["revision"]) == ("success", before["revision"] + 1)
    assert after["payload_hash"] == before["payload_hash"]
    assert after["idempotency_key"] != before["idempotency_key"]
    assert after["transaction_id"] not in (None, TRANSACTION)
    accepted = api.world.accepted(Platform.BENEVITY)
    assert {str(before["idempotency_key"]), str(after["idempotency_key"])} <= set(accepted)
    again = send(api, body, signed(body, secret(api)))
    assert again.json() == {"result": "duplicate", "deliveries": 0}
    late = call_back(api, message="once more")
    assert send(api, late, signed(late, secret(api))).json()["result"] == "noted"
    assert api.world.delivery(api.own.arrived)["status"] == "success"


def test_the_days_of_what_was_taken_back_are_no_duplicate(api: Served) -> None:
    """`deliver --from --to` of that day, inside the window: nothing of it has arrived any more."""
    before = api.world.delivery(api.own.arrived)
    body = call_back(api)
    send(api, body, signed(body, secret(api)))
    (again,) = api.world.deliveries(
        Platform.BENEVITY, api.own.company, days=[before["period_start"]], trigger="backfill"
    )

    api.world.drain(Platform.BENEVITY)
    row = api.world.delivery(again)

    assert (row["status"], row["payload_hash"]) == ("success", before["payload_hash"])
    assert row["idempotency_key"] != before["idempotency_key"]


def test_a_replay_that_waits_is_called_off_by_a_good_word(api: Served) -> None:
    """The platform has it after all: sent again it would be there twice."""
    at = api.world.clock() - timedelta(minutes=10)
    body = call_back(api, timestamp=at.isoformat())
    send(api, body, signed(body, secret(api)))
    api.post(f"/deliveries/{api.own.arrived}/replay")
    accepted = len(api.world.accepted(Platform.BENEVITY))

    good = call_back(api, "completed", timestamp=(at + timedelta(minutes=1)).isoformat())
    assert send(api, good, signed(good, secret(api))).json()["result"] == "restored"
    api.world.drain(Platform.BENEVITY)

    assert api.world.delivery(api.own.arrived)["status"] == "success"
    assert len(api.world.accepted(Platform.BENEVITY)) == accepted


def test_a_time_ahead_of_ours_outranks_nothing_that_is_said_later(api: Served) -> None:
    """A platform whose clock runs ahead could otherwise never correct itself."""
    ahead = call_back(
        api, "completed", timestamp=(api.world.clock() + timedelta(hours=10)).isoformat()
    )
    send(api, ahead, signed(ahead, secret(api)))
    api.world.clock.advance(timedelta(minutes=1))
    body = call_back(api)

    assert send(api, body, signed(body, secret(api))).json()["result"] == "taken_back"


def test_what_is_kept_of_a_call_back_holds_no_secret_of_the_account(api: Served) -> None:
    """A platform may echo what it was sent: the key, the webhook's secret, also encoded."""
    key = "sandbox-key-" + "0" * 8
    api.world.runtime.connections.save(
        api.own.company, Platform.BENEVITY, credentials={"api_key": key}
    )
    echoed = base64.b64encode(key.encode()).decode()
    body = call_back(api, message=f"refused {key}, {echoed} and {secret(api)}")

    assert send(api, body, signed(body, secret(api))).json()["result"] == "taken_back"
    error = api.world.delivery(api.own.arrived)["last_error"]
    assert "refused ***" in error
    for leaked in (key, echoed, secret(api)):
        assert leaked not in error


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
    first, again = (send(api, body, headers("m-1", seconds), "goodera") for seconds in (-299, 10))

    assert old.status_code == 422
    assert old.json()["errors"][0]["field"] == "webhook-timestamp"
    assert first.json() == {"result": "taken_back", "deliveries": 1}
    assert again.json() == {"result": "duplicate", "deliveries": 0}
