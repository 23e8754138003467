"""The queue at its edges: what just may leave, just waits, and is just given back."""

from uuid import UUID

import pytest

from impact_in_pipelines.delivery.draining.lanes import GRANT_VALID_S, REPORT_AFTER_S, Request
from impact_in_pipelines.delivery.draining.sendqueue import (
    CLAIMED_MOST,
    HUNG_AGAIN_S,
    UNANSWERED_S,
    SendQueue,
)
from impact_in_pipelines.delivery.limits.budgets import WINDOW_S, EndedRequests, Grant
from impact_in_pipelines.delivery.states import Trigger

from .helpers import connection, request

NOW = 1_000.0
COMPANY = UUID(int=1)


def queue_of(
    count: int, *, per_minute: int = 1_000, at_once: int = 1_000, organization: str = "org"
) -> tuple[SendQueue, list[Request]]:
    """A queue with so many requests of one connection, nothing granted."""
    queue = SendQueue()
    via = connection(organization, per_minute=per_minute, concurrency=at_once)
    added = [request(via) for _ in range(count)]
    for one in added:
        queue.add(one)
    return queue, added


def grant(queue: SendQueue, grants: Grant | None, now: float = NOW) -> None:
    """Answer everything that is asked with the same grant; None: nobody could be asked."""
    asks = queue.asks(now)
    queue.answer(asks, None if grants is None else [grants] * len(asks), now, now)


def refused(queue: SendQueue, answer: Grant | None) -> None:
    """As `grant`; then nothing leaves, and the lane waits."""
    grant(queue, answer)
    assert queue.take(NOW) is None


def proven(queue: SendQueue, now: float = NOW) -> None:
    """Send one and have it answered, so that the connection may use all its senders."""
    grant(queue, Grant(1), now)
    first = queue.take(now)
    assert first is not None
    queue.done(first, now=now)


def test_nothing_leaves_without_a_grant_and_each_grant_is_for_one() -> None:
    """In the order in which it was added."""
    queue, added = queue_of(3)
    assert queue.take(NOW) is None
    proven(queue)
    grant(queue, Grant(1))
    assert [queue.take(NOW), queue.take(NOW)] == [added[1], None]
    assert len(queue) == 1


def test_what_is_added_is_asked_for_once_and_before_its_turn() -> None:
    """The answer takes a moment; while one is on its way no second question is asked."""
    queue, _ = queue_of(2)
    ((_, ask),) = queue.asks(NOW)
    assert ask.wanted == 2
    queue.add(request(connection("org", per_minute=1_000, concurrency=1_000)))
    assert queue.asks(NOW) == []


def test_a_lane_that_was_refused_waits_until_it_opens_and_asks_then() -> None:
    """At the very moment, and not a moment before."""
    queue, _ = queue_of(2)
    refused(queue, Grant(0, opens_in_s=7.0))
    assert queue.next_opening(NOW + 2.0) == 5.0
    assert queue.next_opening(NOW + 9.0) == 0.0
    assert queue.take(NOW + 6.999) is None
    assert queue.asks(NOW + 6.999) == []
    assert queue.take(NOW + 7.0) is None
    assert [ask.wanted for _, ask in queue.asks(NOW + 7.0)] == [2]
    assert queue.next_opening(NOW + 7.0) is None


def test_while_nobody_can_be_asked_it_waits_a_moment() -> None:
    """Instead of asking in every round."""
    queue, _ = queue_of(1)
    refused(queue, None)
    assert queue.next_opening(NOW) == REPORT_AFTER_S


def test_a_part_of_what_was_wanted_leaves_and_the_rest_waits_for_the_opening() -> None:
    """What was granted is used at once."""
    queue, added = queue_of(4)
    proven(queue)
    grant(queue, Grant(2, opens_in_s=5.0, tight=True))
    assert [queue.take(NOW) for _ in range(3)] == [added[1], added[2], None]
    assert queue.next_opening(NOW) == 5.0


def test_more_is_asked_for_before_the_last_grant_is_used() -> None:
    """With less than half a block left: a sender would otherwise wait for each exchange."""
    queue, _ = queue_of(9, per_minute=10, at_once=2)  # a block of four
    proven(queue)
    grant(queue, Grant(4))
    wanted = []
    for _ in range(4):
        taken = queue.take(NOW)
        assert taken is not None
        wanted.append([ask.wanted for _, ask in queue.asks(NOW)])
        queue.done(taken, now=NOW)
    assert wanted == [[], [], [3], []]


def test_an_account_that_opens_later_is_not_asked_before() -> None:
    """However low its grants run."""
    queue, _ = queue_of(9, per_minute=10, at_once=2)
    proven(queue)
    grant(queue, Grant(2, opens_in_s=5.0, tight=True))
    assert queue.take(NOW) is not None
    assert queue.take(NOW) is not None
    assert queue.asks(NOW + 1.999) == []


def test_a_closed_connection_opens_at_its_instant() -> None:
    """A shorter time told later doesn't open it sooner."""
    queue, added = queue_of(3)
    proven(queue)
    grant(queue, Grant(2))
    assert queue.take(NOW) is added[1]
    queue.done(added[1], now=NOW, closed_for_s=10.0)
    assert queue.take(NOW) is None
    assert queue.next_opening(NOW) == 10.0
    assert queue.take(NOW + 9.999) is None
    assert queue.take(NOW + 10.0) is added[2]


@pytest.mark.parametrize("waiting", [CLAIMED_MOST - 1, CLAIMED_MOST])
def test_no_more_is_claimed_of_who_has_enough_waiting(waiting: int) -> None:
    """More would take the room of others."""
    queue, _ = queue_of(waiting)
    assert queue.held_back(NOW) == ([COMPANY] if waiting == CLAIMED_MOST else [])


def test_no_more_is_claimed_of_who_waits_for_longer_than_a_second() -> None:
    """A moment's wait is none: what is claimed meanwhile leaves with it."""
    queue, _ = queue_of(2)
    refused(queue, Grant(0, opens_in_s=5.0))
    assert queue.held_back(NOW + 3.999) == [COMPANY]
    assert queue.held_back(NOW + 4.0) == []


def test_no_more_is_claimed_behind_a_first_request_without_an_answer() -> None:
    """Whatever is claimed waits for it; once it has answered, or nothing waits, it doesn't matter."""
    queue, added = queue_of(2)
    grant(queue, Grant(1))
    assert queue.held_back(NOW) == []
    assert queue.take(NOW) is added[0]
    assert queue.held_back(NOW) == [COMPANY]
    queue.done(added[0], now=NOW)
    assert queue.held_back(NOW) == []
    alone, (one,) = queue_of(1)
    grant(alone, Grant(1))
    assert alone.take(NOW) is one
    assert alone.held_back(NOW) == []


def test_a_first_request_hangs_after_a_moment_and_no_later_one_does() -> None:
    """The connection is known to answer by then."""
    queue, added = queue_of(3)
    grant(queue, Grant(3), 0.0)
    assert queue.take(0.0) is added[0]
    assert queue.hanging(UNANSWERED_S - 0.001) == 0
    assert queue.hanging(UNANSWERED_S) == 1
    queue.done(added[0], now=2.0)
    assert queue.take(2.0) is added[1]
    assert queue.hanging(9.0) == 0
    # One that timed out is as good as never answered.
    queue.done(added[1], now=9.0, answered=False)
    assert queue.take(9.0) is added[2]
    assert queue.hanging(9.0 + queue.patience_s + 0.001) == 1


def test_a_sender_is_replaced_when_the_next_request_hangs() -> None:
    """The one that will hang first; while nothing waits nobody needs the sender, and one that hangs has been
    replaced."""
    queue, added = queue_of(1)
    others = [request(connection(name, per_minute=1_000)) for name in ("b", "c")]
    for one in others:
        queue.add(one)
    grant(queue, Grant(1), 0.0)
    assert queue.next_sender(0.0) is None
    assert queue.take(0.0) is added[0]
    assert queue.take(0.125) is others[0]
    assert queue.next_sender(0.125) == UNANSWERED_S - 0.125
    assert queue.next_sender(UNANSWERED_S) == pytest.approx(0.125)
    assert queue.next_sender(UNANSWERED_S + 0.125) is None
    assert queue.take(0.25) is others[1]
    assert queue.next_sender(0.25) is None


def released(queue: SendQueue, now: float, patience_s: float) -> list[tuple[float, int]]:
    """What is given back: in how many seconds to try again, and how many requests."""
    return [(wait_s, len(part)) for wait_s, part in queue.release_paced(now, patience_s)]


@pytest.mark.parametrize("opens_in_s", [5.0, 5.5])
def test_what_waits_for_longer_than_the_patience_is_given_back(opens_in_s: float) -> None:
    """A minute's worth for each minute: they would otherwise all come back in the first."""
    queue, _ = queue_of(5, per_minute=2)
    refused(queue, Grant(0, opens_in_s=opens_in_s))
    parts = released(queue, NOW, 5.0)
    if opens_in_s == 5.0:
        assert (parts, len(queue)) == ([], 5)
    else:
        later = [opens_in_s + minute * WINDOW_S for minute in range(3)]
        assert parts == list(zip(later, (2, 2, 1), strict=True))
        assert len(queue) == 0
        assert released(queue, NOW, 5.0) == []


@pytest.mark.parametrize(("patience_s", "again_s"), [(5.0, HUNG_AGAIN_S), (60.0, 60.0)])
def test_what_waits_behind_a_hanging_request_is_given_back_after_the_patience(
    patience_s: float, again_s: float
) -> None:
    """For half a minute, or as long as the run would have waited."""
    queue, added = queue_of(3)
    grant(queue, Grant(1))
    assert queue.take(NOW) is added[0]
    assert released(queue, NOW + patience_s, patience_s) == []
    assert released(queue, NOW + patience_s + 0.001, patience_s) == [(again_s, 2)]


def test_what_went_back_is_no_longer_behind_once_any_of_the_requests_is_answered() -> None:
    """One that times out while another is in flight says nothing of that one."""
    queue, added = queue_of(5)
    proven(queue)
    grant(queue, Grant(3))
    assert [queue.take(NOW) for _ in range(3)] == added[1:4]
    refused(queue, Grant(0, opens_in_s=1.0))
    queue.done(added[1], now=NOW + 6.0, answered=False)
    assert released(queue, NOW + 6.0, 5.0) == [(HUNG_AGAIN_S, 1)]
    queue.done(added[2], now=NOW + 6.0, answered=False)
    assert queue.no_longer_behind() == []
    queue.done(added[3], now=NOW + 7.0)
    assert queue.no_longer_behind() == list(added[4].ids)
    assert queue.no_longer_behind() == []


def test_what_a_limit_holds_is_behind_no_request() -> None:
    """It was given back anew since; and of what went back a minute's worth may go."""
    queue, added = queue_of(4, per_minute=2)
    grant(queue, Grant(1))
    assert queue.take(NOW) is added[0]
    assert released(queue, NOW + 6.0, 5.0) == [(HUNG_AGAIN_S, 2), (HUNG_AGAIN_S + WINDOW_S, 1)]
    queue.add(added[1])
    assert queue.take(NOW + 36.0) is None
    grant(queue, Grant(0, opens_in_s=40.0), NOW + 36.0)
    assert released(queue, NOW + 36.0, 5.0) == [(40.0, 1)]
    queue.done(added[0], now=NOW + 37.0)
    assert queue.no_longer_behind() == list(added[2].ids)


def test_a_limits_wait_is_kept_where_a_request_hangs_as_well() -> None:
    """It is the longer one."""
    queue, added = queue_of(3)
    grant(queue, Grant(1))
    assert queue.take(NOW) is added[0]
    queue.done(added[0], now=NOW, closed_for_s=100.0, answered=False)
    assert queue.take(NOW) is None
    assert released(queue, NOW + 10.0, 5.0) == [(90.0, 2)]


def test_a_delivery_that_another_worker_took_takes_its_request_out() -> None:
    """None of those beside it, and nothing if there is none."""
    queue, added = queue_of(3)
    other = request(connection("other", per_minute=1_000))
    queue.add(other)
    queue.discard(frozenset())
    assert len(queue) == 4
    queue.discard({*added[1].ids, *other.ids})
    assert list(queue.peek()) == [added[0], added[2]]
    assert len(queue) == 2


def test_everything_taken_out_leaves_no_turn_and_no_wait_behind() -> None:
    """What is added afterwards is served as if nothing had been."""
    queue, added = queue_of(2)
    refused(queue, Grant(0, opens_in_s=60.0))
    assert queue.release_all() == added
    assert (len(queue), queue.next_opening(NOW), queue.held_back(NOW)) == (0, None, [])
    again = request(connection("org", per_minute=1_000, concurrency=1_000))
    queue.add(again)
    assert queue.next_opening(NOW) is None


def test_a_better_turn_is_taken_once() -> None:
    """Something scheduled overtakes what its own connection had in turn, and nobody goes twice."""
    queue = SendQueue()
    mine, others = (connection(name, per_minute=1_000, concurrency=10) for name in ("a", "b"))
    backfills = [request(via, Trigger.BACKFILL) for via in (mine, others)]
    urgent = request(mine)
    for one in (*backfills, urgent):
        queue.add(one)
    order = []
    for _ in range(9):
        grant(queue, Grant(1))
        taken = queue.take(NOW)
        if taken is not None:
            order.append(taken)
            queue.done(taken, now=NOW)
    assert order[0] is urgent
    assert {one.ids for one in order[1:]} == {one.ids for one in backfills}
    assert len(queue) == 0


def test_a_repetition_uses_a_grant_and_is_reported_with_its_request() -> None:
    """Without one in force it is not made."""
    queue, added = queue_of(2)
    grant(queue, Grant(2, tight=True))
    assert queue.take(NOW) is added[0]
    assert queue.take_again(added[0], NOW + GRANT_VALID_S - 0.001)
    assert not queue.take_again(added[0], NOW)
    queue.done(added[0], now=NOW)
    ended = [ask.ended for _, ask in queue.asks(NOW + REPORT_AFTER_S)]
    assert ended == [(EndedRequests(2, REPORT_AFTER_S),)]


def test_a_repetition_uses_one_grant() -> None:
    """The others are for what waits."""
    queue, added = queue_of(4)
    grant(queue, Grant(4))
    assert queue.take(NOW) is added[0]
    assert queue.take_again(added[0], NOW)
    queue.done(added[0], now=NOW)
    assert [queue.take(NOW) for _ in range(3)] == [added[1], added[2], None]


def test_a_grant_that_is_over_repeats_nothing() -> None:
    """The account may count it as ended."""
    queue, added = queue_of(2)
    grant(queue, Grant(2))
    assert queue.take(NOW) is added[0]
    assert not queue.take_again(added[0], NOW + GRANT_VALID_S)


def test_ends_on_a_tight_account_are_reported_after_a_moment_and_others_never() -> None:
    """They rest for longer than they must, which matters to nobody there."""
    for tight in (True, False):
        queue, added = queue_of(1)
        grant(queue, Grant(1, tight=tight))
        assert queue.take(NOW) is added[0]
        queue.done(added[0], now=NOW)
        assert queue.asks(NOW + REPORT_AFTER_S - 0.001) == []
        reports = [ask.ended for _, ask in queue.asks(NOW + REPORT_AFTER_S)]
        assert reports == ([(EndedRequests(1, REPORT_AFTER_S),)] if tight else [])


def test_a_grant_that_nobody_needs_any_more_goes_back() -> None:
    """Its request was taken out before it left."""
    queue, added = queue_of(1)
    asks = queue.asks(NOW)
    queue.discard(frozenset(added[0].ids))
    queue.answer(asks, [Grant(1)], NOW, NOW)
    assert [(ask.wanted, ask.returned) for _, ask in queue.asks(NOW)] == [(0, 1)]


def test_the_last_report_returns_and_reports_all_that_matters() -> None:
    """Also what a question that is still open concerns; where nothing matters, nothing."""
    queue, added = queue_of(3)
    grant(queue, Grant(3, tight=True))
    assert queue.take(NOW) is added[0]
    queue.done(added[0], now=NOW)
    queue.release_all()
    assert [(ask.returned, ask.ended) for _, ask in queue.last_asks(NOW + 1.0)] == [
        (2, (EndedRequests(1, 1.0),))
    ]
    assert queue.last_asks(NOW + 1.0) == []


def test_unanswered_is_what_left_so_long_ago() -> None:
    """Counted from when it left, to the very second."""
    queue, added = queue_of(1)
    grant(queue, Grant(1))
    assert queue.take(NOW) == added[0]
    assert queue.unanswered(NOW + 59.9, 60.0) == 0
    assert queue.unanswered(NOW + 60.0, 60.0) == 1
    assert queue.unanswered(NOW + 2_000.0, 60.0) == 1
