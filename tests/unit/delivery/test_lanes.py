"""One connection's lane: how many leave, what it asks for, what it returns and when it reports."""

import pytest

from impact_in_pipelines.delivery.draining.lanes import (
    GRANT_VALID_S,
    REPORT_AFTER_S,
    Lane,
    Request,
    account_of,
    limit_of,
)
from impact_in_pipelines.delivery.draining.sendqueue import SendQueue
from impact_in_pipelines.delivery.limits.budgets import Ask, EndedRequests, Grant, Limit
from impact_in_pipelines.delivery.states import Trigger

from .helpers import connection, request

NOW = 1_000.0
VIA = connection("org", per_minute=10, concurrency=2)
"""Few enough that a block is two requests for each of its two senders."""

BLOCK = 4


def lane(scheduled: int = 0, backfills: int = 0, *, granted: int = 0) -> tuple[Lane, list[Request]]:
    """A lane with so many waiting and granted, and these in their order."""
    made = Lane(account_of(VIA), limit_of(VIA))
    waiting = [request(VIA) for _ in range(scheduled)]
    waiting += [request(VIA, Trigger.BACKFILL) for _ in range(backfills)]
    made.put(waiting)
    made.granted = granted
    made.valid_until = NOW + 5.0
    return made, waiting


def asked(of: Lane, now: float = NOW) -> Ask:
    found = of.ask(now)
    assert found is not None
    return found


@pytest.mark.parametrize(("own", "most"), [(None, 4), (1, 1), (3, 3)])
def test_one_sender_until_it_has_answered_and_then_as_many_as_it_allows(
    own: int | None, most: int
) -> None:
    """An account that hangs holds up one sender, not four."""
    via = connection("org", concurrency=own)
    made = Lane(account_of(via), limit_of(via))
    made.put([request(via) for _ in range(9)])
    started = []
    for proven, at_once in ((False, 1), (True, most)):
        made.proven = proven
        while made.has_room():
            started.append(request(via))
            made.started(started[-1], NOW)
        assert len(made.in_flight) == at_once


def test_an_empty_lane_has_no_room_to_send_from() -> None:
    """There is nothing that could take it."""
    made, _ = lane()
    assert not made.has_room()
    assert (made.first_class, made.connection, made.block()) == (None, None, 0)


def test_a_grant_is_used_before_its_end_and_not_at_it() -> None:
    """The account may count it as ended from then on."""
    made, _ = lane(2, granted=1)
    assert made.may_start(NOW + 4.999)
    assert not made.may_start(NOW + 5.0)
    made.granted = 0
    assert not made.may_start(NOW)


@pytest.mark.parametrize(
    ("per_minute", "at_once", "block"),
    [(10, 2, 4), (24, 2, 4), (25, 2, 5), (100, 2, 20), (100, None, 20), (10, None, 8), (1, 1, 2)],
)
def test_a_block_is_two_for_each_sender_or_a_fifth_of_the_minute(
    per_minute: int, at_once: int | None, block: int
) -> None:
    """Enough that no sender waits for the next exchange, few enough that five drains share a minute."""
    via = connection("org", per_minute=per_minute, concurrency=at_once)
    made = Lane(account_of(via), limit_of(via))
    made.put([request(via) for _ in range(200)])
    assert made.block() == block
    assert asked(made).wanted == block


@pytest.mark.parametrize(
    ("waiting", "granted", "low"),
    [(9, 2, False), (9, 1, True), (9, 0, True), (1, 1, False), (1, 0, True), (0, 0, False)],
)
def test_it_asks_for_more_when_half_a_block_is_left(waiting: int, granted: int, low: bool) -> None:
    """Before the last is used, and never for more than waits."""
    made, _ = lane(waiting, granted=granted)
    assert made.runs_low() is low


@pytest.mark.parametrize(
    ("scheduled", "backfills", "granted", "wanted", "urgent", "returned"),
    [
        # Up to a block in hand, what is scheduled first.
        (3, 2, 0, 4, 3, 0),
        (1, 0, 0, 1, 1, 0),
        (0, 9, 0, 4, 0, 0),
        (9, 0, 0, 4, 4, 0),
        # What it has already will carry scheduled ones.
        (3, 2, 1, 3, 2, 0),
        (1, 8, 2, 2, 0, 0),
        # What nobody waits for goes back.
        (1, 0, 3, 0, 0, 2),
        (0, 0, 3, 0, 0, 3),
    ],
)
def test_it_asks_for_what_it_lacks_and_returns_what_it_cannot_use(
    scheduled: int, backfills: int, granted: int, wanted: int, urgent: int, returned: int
) -> None:
    """In one exchange; what was returned is no longer used."""
    made, _ = lane(scheduled, backfills, granted=granted)
    ask = asked(made)
    assert (ask.wanted, ask.urgent, ask.returned) == (wanted, urgent, returned)
    assert made.granted == granted - returned
    assert made.ask(NOW) is None  # one question at a time


def test_a_replay_is_as_urgent_as_a_schedule_and_a_single_day_is_not() -> None:
    """Up to this priority the whole limit may be used (D13)."""
    made, _ = lane()
    made.put([request(VIA, trigger) for trigger in Trigger])
    assert (asked(made).wanted, len(made)) == (made.block(), len(Trigger))
    made, _ = lane()
    made.put([request(VIA, trigger) for trigger in Trigger])
    assert asked(made).urgent == 2


def test_a_grant_whose_time_is_over_goes_back_whole() -> None:
    """From its last moment on; what waits is asked for anew."""
    made, _ = lane(3, granted=2)
    assert asked(made, NOW + 5.0) == Ask(
        made.account, limit_of(VIA), wanted=3, urgent=3, returned=2
    )
    assert made.granted == 0


@pytest.mark.parametrize("closes", ["ask_again_at", "closed_until"])
def test_what_is_closed_asks_for_nothing_before_it_opens(closes: str) -> None:
    """It may still report; at the very moment of opening it asks."""
    made, _ = lane(3)
    setattr(made, closes, NOW + 1.0)
    assert made.ask(NOW + 0.999) is None
    made.ended.append((1, NOW))
    assert asked(made, NOW + 0.999).wanted == 0
    made.answer(Ask(made.account, made.limit), Grant(0), NOW, NOW)
    assert asked(made, NOW + 1.0).wanted == 3


def test_a_refusal_is_asked_again_when_it_opens_and_a_full_grant_at_once() -> None:
    """From the answer on; a grant counts from the question on, as the account counts it."""
    made, _ = lane(9)
    ask = asked(made)
    made.answer(ask, Grant(2, opens_in_s=7.0, tight=True), NOW + 0.5, NOW + 1.0)
    assert (made.granted, made.tight, made.ask_again_at) == (2, True, NOW + 8.0)
    assert made.valid_until == NOW + 0.5 + GRANT_VALID_S
    ask = asked(made, NOW + 8.0)
    made.answer(ask, Grant(ask.wanted, opens_in_s=7.0), NOW + 8.0, NOW + 8.0)
    assert (made.granted, made.tight, made.ask_again_at) == (BLOCK, False, 0.0)


def test_a_mere_report_leaves_what_is_known_of_the_limit() -> None:
    """Its answer says nothing of whether more would be granted."""
    made, _ = lane(3)
    made.tight, made.ask_again_at = True, NOW + 9.0
    made.ended.append((1, NOW))
    valid_until = made.valid_until
    made.answer(asked(made), Grant(0, tight=False), NOW, NOW)
    assert (made.tight, made.ask_again_at, made.valid_until) == (True, NOW + 9.0, valid_until)
    assert not made.asking


def test_while_nobody_can_be_asked_it_tries_again_in_a_moment() -> None:
    """Not at once: the database would be asked in every round."""
    made, _ = lane(3)
    made.answer(asked(made), None, NOW, NOW)
    assert (made.asking, made.granted, made.ask_again_at) == (False, 0, NOW + REPORT_AFTER_S)


def test_each_start_uses_a_grant_and_each_end_is_reported_with_its_repeats() -> None:
    """Ends of one second go as one, at the age of the youngest, so that none rests too briefly."""
    made, (first, second, third) = lane(3, granted=3)
    for item in (first, second, third):
        made.started(item, NOW)
    assert (made.granted, set(made.in_flight.values())) == (0, {NOW})
    made.repeated(first)
    made.repeated(first)
    proven = []
    for item, after_s, answered in ((first, 0.25, False), (second, 0.75, True), (third, 1.5, True)):
        made.answered(item, NOW + after_s, proven=answered)
        proven.append(made.proven)
    assert proven == [False, True, True]
    assert made.in_flight == {}
    assert asked(made, NOW + 2.0).ended == (EndedRequests(4, 1.25), EndedRequests(1, 0.5))
    assert made.ended == []
    assert made.repeats == {}


def test_ends_on_a_tight_account_are_reported_within_two_seconds() -> None:
    """Counted from the oldest; where nobody waits for the account a statement would be wasted."""
    made, _ = lane(3)
    made.ended = [(1, NOW), (1, NOW + 1.9)]
    assert not made.due_to_report(NOW + 60)
    made.tight = True
    assert not made.due_to_report(NOW + REPORT_AFTER_S - 0.001)
    assert made.due_to_report(NOW + REPORT_AFTER_S)
    made.asking = True
    assert not made.due_to_report(NOW + REPORT_AFTER_S)
    made.asking, made.ended = False, []
    assert not made.due_to_report(NOW + 60)


def test_grants_that_nobody_needs_are_reported_at_once() -> None:
    """Nothing waits, or their time is over; those in use are not."""
    made, _ = lane(1, granted=1)
    assert not made.due_to_report(NOW + 4.999)
    assert made.due_to_report(NOW + 5.0)
    made.put([])
    assert made.due_to_report(NOW)
    made.granted = 0
    assert not made.due_to_report(NOW)


@pytest.mark.parametrize(
    "busy",
    [
        {"granted": 1},
        {"asking": True},
        {"closed_until": NOW + 0.001},
        {"in_flight": {request(VIA).shipment.request_id: NOW}},
    ],
)
def test_a_lane_is_idle_only_if_nothing_would_be_lost_with_it(busy: dict[str, object]) -> None:
    """A closed one remembers until when; from that moment on it may be forgotten."""
    made, _ = lane()
    made.closed_until = NOW
    assert made.is_idle(NOW)
    for name, value in busy.items():
        setattr(made, name, value)
    assert not made.is_idle(NOW)
    made, _ = lane(1)
    assert not made.is_idle(NOW)


def test_what_only_reports_says_the_accounts_own_limits_too() -> None:
    """Nothing waits on it any more. With a limit of nobody's the account forgot its day each time a lane ran
    empty, so that a platform's daily limit never held."""
    made, (item,) = lane(1, granted=1)
    made.started(item, NOW)
    made.put([])
    made.answered(item, NOW, proven=True)
    ask = asked(made)
    assert (ask.wanted, ask.limit) == (0, Limit(10, 10_000))


def test_a_changed_limit_holds_from_the_next_request_on() -> None:
    """It was read with the connection, when its delivery was claimed."""
    queue = SendQueue()
    queue.add(request(connection("org", per_minute=10)))
    queue.add(request(connection("org", per_minute=5)))
    ((_, ask),) = queue.asks(NOW)
    assert ask.limit.per_minute == 5
