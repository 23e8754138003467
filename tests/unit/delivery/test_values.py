"""Values of the core: keys, origins, plans, replays and differences, at their edges."""

import random
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from impact_in_pipelines.delivery.draining.preparing import as_requests, prepare
from impact_in_pipelines.delivery.holding.breaking import ConnectionEvidence
from impact_in_pipelines.delivery.identity import (
    batch_key,
    catch_up_id,
    fire_id,
    revision_key,
    selected_id,
)
from impact_in_pipelines.delivery.limits.budgets import GRAIN_S, WINDOW_S
from impact_in_pipelines.delivery.model import Claimed, Shipment
from impact_in_pipelines.delivery.origins import origin_of
from impact_in_pipelines.delivery.payload import payload_hash
from impact_in_pipelines.delivery.resending.replaying import Candidate, plan_replay
from impact_in_pipelines.delivery.retry import CLOSED_MOST_MS, LONGEST_DELAY_MS, RetryPlan
from impact_in_pipelines.delivery.showing import sanitising
from impact_in_pipelines.delivery.showing.differences import Difference, differences
from impact_in_pipelines.delivery.states import (
    DeliveryStatus,
    ErrorKind,
    Trigger,
)
from impact_in_pipelines.errors.deliveries import (
    ReplayArrived,
    ReplayBeingSent,
    ReplayCancelled,
    ReplayMissed,
    ReplayOnItsWay,
    ReplaySkipped,
    ReplayUnconfirmed,
)
from impact_in_pipelines.platforms import Platform

from .helpers import NOW, claimed, connection, prepared
from .test_preparing import BEFORE, CHANGED, HERE, Source

DEADLINE_S = 30.0


# Values ---------------------------------------------------------------------------------------------------


def test_what_was_just_planned_has_no_history() -> None:
    """It went out in no way, no worker died over it, and its key is its own."""
    row = Claimed(
        id=UUID(int=7),
        company_id=UUID(int=1),
        company_slug="acme",
        company_name="Acme",
        platform=Platform.BENEVITY,
        trigger=Trigger.SCHEDULE,
        timezone="UTC",
        period_start=date(2026, 3, 9),
        period_end=date(2026, 3, 9),
        scheduled_for=NOW,
        idempotency_key=UUID(int=7),
        attempt_number=1,
        failed_attempts=0,
    )
    assert not row.tried
    assert (row.workers_lost, row.revision) == (0, 1)
    assert [row.may_have_arrived, row.rebuild, row.force, row.trial] == [False] * 4
    shipment = Shipment(connection(), row.id, row.id, ({"a": 1},))
    assert shipment.body == b'{"a":1}'
    assert not shipment.may_have_arrived


@pytest.mark.parametrize(
    ("attempt", "may_have_arrived", "tried"),
    [(1, False, False), (2, False, True), (1, True, True)],
)
def test_what_went_out_before_keeps_its_key(
    attempt: int, may_have_arrived: bool, tried: bool
) -> None:
    """In any way that counts for the platform."""
    row = replace(claimed(), attempt_number=attempt, may_have_arrived=may_have_arrived)
    assert row.tried is tried


def test_each_revision_has_the_key_of_its_own_number() -> None:
    """Whoever has lost an evening of the database makes the same keys again (D14)."""
    row = replace(claimed(BEFORE, rebuild=True), revision=3, may_have_arrived=True)
    ((item,), _) = prepare([row], HERE, Source(CHANGED), NOW)
    assert item.claimed.revision == 4
    assert item.claimed.idempotency_key == revision_key(row.id, 4)
    assert item.payload_hash == payload_hash(CHANGED)
    assert not item.claimed.may_have_arrived


def test_a_single_delivery_is_no_batch_and_a_batch_of_one_is_one() -> None:
    """A batch's body has a list, whatever is left of it; each goes under its own key."""
    row, batch = claimed(), UUID(int=77)
    single, of_one = as_requests([prepared(row), prepared(claimed(), batch_id=batch)])
    assert (single.shipment.is_batch, single.shipment.key) == (False, row.idempotency_key)
    assert (of_one.shipment.is_batch, of_one.shipment.key) == (True, batch)


def test_ids_and_keys_follow_from_what_they_stand_for_and_differ_by_each_part() -> None:
    """One for one thing, whenever and wherever it is made."""
    schedule, at = UUID(int=1), datetime(2026, 3, 10, tzinfo=UTC)
    benevity, goodera = Platform.BENEVITY, Platform.GOODERA
    day = date(2026, 3, 9)
    made = [
        fire_id(schedule, at),
        fire_id(schedule, at + timedelta(seconds=1)),
        fire_id(UUID(int=2), at),
        catch_up_id(schedule),
        selected_id("run", benevity, schedule, day),
        selected_id("run", goodera, schedule, day),
        selected_id("run", benevity, schedule, day + timedelta(days=1)),
        selected_id("other", benevity, schedule, day),
        revision_key(schedule, 2),
        revision_key(schedule, 3),
        batch_key([(schedule, "a")]),
        batch_key([(schedule, "b")]),
        batch_key([(schedule, "a"), (UUID(int=2), "a")]),
    ]
    assert len(set(made)) == len(made)
    assert fire_id(schedule, at.astimezone(ZoneInfo("Europe/Oslo"))) == made[0]
    pair = [(schedule, "a"), (UUID(int=2), "b")]
    assert batch_key(pair) == batch_key(reversed(pair))


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://Platform.example./api", "https://platform.example"),
        ("https://platform.example:443/api", "https://platform.example"),
        ("https://platform.example:80/", "https://platform.example:80"),
        ("http://platform.example:80", "http://platform.example"),
        ("http://platform.example:443", "http://platform.example:443"),
        ("https://platform.example:8443", "https://platform.example:8443"),
        ("http://[::1]:3999/x", "http://[::1]:3999"),
        ("https://[2001:db8::1]", "https://[2001:db8::1]"),
        ("http://platform.example:0", "http://platform.example:0"),
        ("ftp://platform.example", None),
        ("https:///path", None),
        ("https://platform.example:x", None),
        ("nonsense", None),
    ],
)
def test_an_origin_is_scheme_host_and_port_as_rfc_6454_writes_it(
    url: str, origin: str | None
) -> None:
    """The scheme's own port goes without saying, an IPv6 address has brackets."""
    found = origin_of(url)
    assert (found and str(found)) == origin


# Retries --------------------------------------------------------------------------------------------------


def test_a_plan_without_retries_waits_for_nothing() -> None:
    """Whatever a platform asks to wait for lies beyond it; nothing asked closes nothing."""
    plan = RetryPlan(max_retries=0)
    assert plan.longest_delay_ms == 0.0
    assert plan.closes_for_ms(0.5) == 0.5
    assert plan.closes_for_ms(0.0) is None
    assert plan.closes_for_ms(None) is None


def test_a_plan_without_delays_tries_again_at_once() -> None:
    """Unless the platform asks for a while."""
    plan = RetryPlan(base_ms=0)
    for asked_ms, wait in (
        (None, timedelta(0)),
        (0.0, timedelta(0)),
        (7.0, timedelta(milliseconds=7)),
    ):
        at = plan.next_attempt_at(
            failed_attempts=1, now=NOW, rng=random.Random(1), retry_after_ms=asked_ms
        )
        assert at == NOW + wait


def test_a_wait_within_the_plan_is_waited_and_a_longer_one_closes() -> None:
    """The plan's own longest, its jitter included, is still within it; nobody is left alone for more than
    two days."""
    plan = RetryPlan()
    longest = 20 * 60_000 * 1.2
    assert plan.longest_delay_ms == longest
    assert plan.closes_for_ms(longest) is None
    assert plan.closes_for_ms(longest + 1) == longest + 1
    assert (
        plan.closes_for_ms(1e12) == CLOSED_MOST_MS == timedelta(days=2) / timedelta(milliseconds=1)
    )
    kinds = RetryPlan(jitter=0.0, kinds={ErrorKind.TIMEOUT: (5, 9_000_000)})
    assert kinds.longest_delay_ms == 9_000_000
    assert RetryPlan(delays_ms=(), jitter=0.5).longest_delay_ms == 0.0


def test_no_delay_is_longer_than_a_week() -> None:
    """However the settings grow it."""
    plan = RetryPlan(max_retries=3, base_ms=86_400_000, multiplier=10.0)
    assert plan.delays() == (86_400_000, LONGEST_DELAY_MS, LONGEST_DELAY_MS)
    assert timedelta(milliseconds=LONGEST_DELAY_MS) == timedelta(days=7)


def test_an_account_is_blamed_for_nothing_that_is_not_known() -> None:
    """Whether others get through is to be shown, not assumed."""
    nothing = ConnectionEvidence()
    assert (nothing.failures, nothing.others_work, nothing.refusals) == (0, False, 0)


def test_rests_end_at_half_seconds() -> None:
    """So that an account's state has at most so many of them as half seconds in its minute."""
    assert GRAIN_S * 2 == 1.0
    assert WINDOW_S % GRAIN_S == 0


# Replays --------------------------------------------------------------------------------------------------


def candidate(status: DeliveryStatus, **changes: Any) -> Candidate:
    values: dict[str, Any] = {
        "batch_id": None,
        "delivered_at": None,
        "next_attempt_at": None,
        "duplicate_of": None,
        "may_have_arrived": False,
    }
    return Candidate(id=UUID(int=1), status=status, **(values | changes))


@pytest.mark.parametrize(
    ("one", "refusal"),
    [
        (candidate(DeliveryStatus.IN_PROGRESS), ReplayBeingSent()),
        (candidate(DeliveryStatus.IN_PROGRESS, next_attempt_at=NOW), ReplayBeingSent()),
        (candidate(DeliveryStatus.RETRYING, next_attempt_at=NOW), ReplayOnItsWay(NOW)),
        (candidate(DeliveryStatus.PENDING, next_attempt_at=NOW), ReplayOnItsWay(NOW)),
        (candidate(DeliveryStatus.PENDING), ReplayBeingSent()),
        (candidate(DeliveryStatus.SKIPPED, duplicate_of=UUID(int=2)), ReplaySkipped(UUID(int=2))),
        (candidate(DeliveryStatus.MISSED), ReplayMissed()),
        (candidate(DeliveryStatus.CANCELLED), ReplayCancelled()),
        (candidate(DeliveryStatus.SUCCESS, delivered_at=NOW), ReplayArrived(NOW)),
    ],
)
def test_whoever_may_not_be_replayed_is_told_why(one: Candidate, refusal: Exception) -> None:
    """What is being sent has no time yet; what waits has one."""
    plan = plan_replay([one.id], [one], window_start=NOW - timedelta(hours=1), force=False)
    found = plan.refused[one.id]
    assert (type(found), str(found)) == (type(refusal), str(refusal))


@pytest.mark.parametrize(
    ("age", "renew", "fate"),
    [
        (timedelta(0), True, "anew"),  # at the window's very start it is no longer inside
        (-timedelta(microseconds=1), True, "arrived"),
        (timedelta(hours=1), False, "unconfirmed"),
        (-timedelta(microseconds=1), False, "arrived"),
    ],
)
def test_a_success_is_renewed_outside_the_window_and_where_that_is_meant(
    age: timedelta, renew: bool, fate: str
) -> None:
    """`age`: how long before the window it arrived."""
    one = candidate(DeliveryStatus.SUCCESS, delivered_at=NOW - age)
    plan = plan_replay([one.id, one.id], [one], window_start=NOW, force=False, renew=renew)
    found = {
        "anew": plan.anew == [one.id],
        "arrived": isinstance(plan.refused.get(one.id), ReplayArrived),
        "unconfirmed": isinstance(plan.refused.get(one.id), ReplayUnconfirmed),
    }
    assert [name for name, is_so in found.items() if is_so] == [fate]


# Showing --------------------------------------------------------------------------------------------------


def test_differences_are_told_leaf_by_leaf_with_their_places() -> None:
    """Keys of either side, items beyond the shorter list, and values of other kinds as a whole; a pointer
    escapes its own signs (RFC 6901)."""
    before = {"same": 1, "a": {"b": [1, 2], "c~/d": 3}, "gone": None, "list": [1], "kind": {"x": 1}}
    after = {"same": 1, "a": {"b": [1, 5, 6], "c~/d": 4}, "new": 7, "list": {"x": 1}, "kind": [1]}
    assert list(differences(before, after)) == [
        Difference("/a/b/1", 2, 5),
        Difference("/a/b/2", None, 6),
        Difference("/a/c~0~1d", 3, 4),
        Difference("/list", [1], {"x": 1}),
        Difference("/kind", {"x": 1}, [1]),
        Difference("/new", None, 7),
    ]
    assert list(differences([1, 2], [1])) == [Difference("/1", 2, None)]
    assert list(differences({"a": 1}, 5)) == [Difference("", {"a": 1}, 5)]
    assert list(differences(5, {"a": 1})) == [Difference("", 5, {"a": 1})]
    assert list(differences(before, before)) == []


def test_only_short_texts_are_remembered() -> None:
    """A payload's long ones hardly come twice, and would fill the memory."""
    sanitising._masked.cache_clear()
    assert sanitising.sanitised("x" * 101) == "x" * 101
    assert sanitising._masked.cache_info().currsize == 0
    assert sanitising.sanitised("x" * 100) == "x" * 100
    assert sanitising._masked.cache_info().currsize == 1
