"""Idempotency by key, and the counts that prove it (design D4, section 6)."""

import pytest

from .helpers import (
    BAD_CODE,
    BODIES,
    PLATFORMS,
    Caller,
    benevity_body,
    changed,
    goodera_body,
    workday_body,
)


@pytest.mark.parametrize("platform", PLATFORMS)
def test_a_repeat_gets_the_first_answer_and_has_no_effect(caller: Caller, platform: str) -> None:
    """Same key and same body: byte for byte the first answer, counted as replayed."""
    first = caller.send(platform, key="key-1")
    second = caller.send(platform, key="key-1")
    assert (second.status_code, second.content) == (200, first.content)
    stats = caller.stats(platform)
    assert (stats["received"], stats["accepted"], stats["replayed"]) == (2, 1, 1)
    (line,) = caller.control.accepted(platform)["accepted"]
    assert (line["key"], line["timesReceived"], line["timesAccepted"]) == ("key-1", 2, 1)
    assert (line["periodStart"], line["periodEnd"]) == ("2026-03-01", "2026-03-01")
    assert len(set(line["requestIds"])) == 2


@pytest.mark.parametrize("platform", PLATFORMS)
def test_one_key_never_carries_two_bodies(caller: Caller, platform: str) -> None:
    """Same key, other body: 422, and the first effect stands alone."""
    caller.send(platform, key="key-1")
    answer = caller.send(platform, BODIES[platform](hours=13), key="key-1")
    assert (answer.status_code, answer.json()["errorCode"]) == (422, BAD_CODE[platform])
    stats = caller.stats(platform)
    assert stats["accepted"] == 1
    assert stats["rejectedByStatus"] == {"422": 1}


def test_another_timestamp_is_another_body(caller: Caller) -> None:
    """A payload rebuilt instead of frozen shows under its old key."""
    caller.send("benevity", key="key-1")
    rebuilt = changed(benevity_body(), "timestamp", "2026-03-02T00:05:05Z")
    assert caller.send("benevity", rebuilt, key="key-1").status_code == 422


def test_the_order_of_keys_does_not_make_another_body(caller: Caller) -> None:
    """A payload that went through a jsonb column comes back in another order."""
    first = caller.send("benevity", key="key-1")
    reordered = dict(reversed(benevity_body().items()))
    assert caller.send("benevity", reordered, key="key-1").content == first.content


def test_a_refused_attempt_does_not_use_the_key_up(caller: Caller) -> None:
    """Whoever mends a refused delivery may send it under the same key."""
    bad = changed(benevity_body(), "metrics", [])
    assert caller.send("benevity", bad, key="key-1").status_code == 400
    refused = caller.control.accepted("benevity")
    assert refused["accepted"] == []
    assert [(line["key"], line["timesReceived"]) for line in refused["refused"]] == [("key-1", 1)]
    assert caller.send("benevity", key="key-1").status_code == 200
    assert caller.control.accepted("benevity")["refused"] == []


def test_the_same_content_under_two_keys_is_shown_as_doubled(caller: Caller) -> None:
    """What idempotency can't catch is listed, whatever the timestamps say."""
    caller.send("benevity", key="key-1")
    rebuilt = changed(benevity_body(), "timestamp", "2026-03-02T00:05:05Z")
    caller.send("benevity", rebuilt, key="key-2")
    caller.send("benevity", benevity_body("org-2"), key="key-3")
    (doubled,) = caller.control.accepted("benevity")["doubled"]
    assert doubled["keys"] == ["key-1", "key-2"]
    assert (doubled["organizationId"], doubled["timesAccepted"]) == ("org-1", 2)
    assert len(doubled["contentHash"]) == 64


def test_a_record_sent_in_a_batch_and_singly_is_doubled(caller: Caller) -> None:
    """Batch and single endpoint share one ledger."""
    caller.send("goodera batch", {"records": [goodera_body("a"), goodera_body("b")]}, key="batch")
    caller.send("goodera", goodera_body("b"), key="single")
    ledger = caller.control.accepted("goodera")
    assert [line["keys"] for line in ledger["doubled"]] == [["batch", "single"]]
    times = {line["organizationId"]: line["timesAccepted"] for line in ledger["periods"]}
    assert times == {"a": 1, "b": 2}


def test_a_batch_repeated_whole_gets_its_first_answer(caller: Caller) -> None:
    """A batch has one key; another composition under it is refused."""
    batch = {"records": [goodera_body("a"), goodera_body("b")]}
    first = caller.send("goodera batch", batch, key="batch")
    assert caller.send("goodera batch", batch, key="batch").content == first.content
    smaller = {"records": [goodera_body("a")]}
    assert caller.send("goodera batch", smaller, key="batch").status_code == 422
    assert caller.stats("goodera")["accepted"] == 2


def test_workday_can_answer_a_repeat_with_a_conflict(caller: Caller) -> None:
    """DUPLICATE_ACTIVITY says that an earlier attempt arrived."""
    caller.control.configure(workday_duplicates="conflict")
    caller.send("workday", key="key-1")
    answer = caller.send("workday", key="key-1")
    assert (answer.status_code, answer.json()["errorCode"]) == (409, "DUPLICATE_ACTIVITY")
    assert caller.stats("workday")["rejected"] == {"DUPLICATE_ACTIVITY": 1}
    assert caller.stats("workday")["accepted"] == 1


def test_workday_can_go_by_the_ids_of_activities(caller: Caller) -> None:
    """As a tenant that knows no transactions: another key doesn't make the same activity a new one."""
    caller.control.configure(workday_duplicates="activity")
    caller.send("workday", key="key-1")
    answer = caller.send("workday", key="key-2")
    assert (answer.status_code, answer.json()["errorCode"]) == (409, "DUPLICATE_ACTIVITY")
    body = workday_body()
    body["volunteerActivities"][0]["activityId"] = "act-2"
    assert caller.send("workday", body, key="key-3").status_code == 200
    assert caller.stats("workday")["accepted"] == 2


def test_without_idempotency_a_repeat_is_a_second_effect(caller: Caller) -> None:
    """The counts do show a doubled delivery, so a count of one means something."""
    caller.control.configure(idempotency=False)
    caller.send("benevity", key="key-1")
    caller.send("benevity", key="key-1")
    ledger = caller.control.accepted("benevity")
    assert [line["timesAccepted"] for line in ledger["accepted"]] == [2]
    assert [line["timesAccepted"] for line in ledger["doubled"]] == [2]
    assert caller.stats("benevity")["accepted"] == 2


def test_whole_bodies_are_kept_of_the_last_two_hundred(caller: Caller) -> None:
    """The ledger's memory is bounded; the newest bodies can be read as they came."""
    caller.control.configure(rate_limits_enabled=False)
    for number in range(205):
        caller.send("benevity", benevity_body(f"org-{number}"), key=f"key-{number}")
    bodies = caller.control.bodies("benevity")
    assert [line["key"] for line in bodies] == [f"key-{number}" for number in range(5, 205)]
    assert '"org-204"' in bodies[-1]["body"]
