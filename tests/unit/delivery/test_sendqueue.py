"""Fairness, concurrency and rate limits of what goes out, on a simulated clock."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from impact_in_pipelines.delivery.draining.lanes import Request
from impact_in_pipelines.delivery.draining.sendqueue import (
    HUNG_AGAIN_S,
    UNANSWERED_S,
    SendQueue,
)
from impact_in_pipelines.delivery.limits.budgets import WINDOW_S
from impact_in_pipelines.delivery.states import Trigger

from .helpers import LocalBudgets, connection, request


@dataclass
class Traffic:
    """A queue that is driven at instants of its own, and what left it when."""

    queue: SendQueue = field(default_factory=SendQueue)
    budgets: LocalBudgets = field(default_factory=LocalBudgets)
    now: float = 1_000.0
    sent: list[tuple[float, Request]] = field(default_factory=list)
    in_flight: list[Request] = field(default_factory=list)

    def add(
        self,
        organization: str,
        count: int = 1,
        *,
        per_minute: int = 1_000,
        lanes: int = 1_000,
        trigger: Trigger = Trigger.SCHEDULE,
    ) -> list[Request]:
        """Queue `count` requests of `organization`."""
        via = connection(organization, per_minute=per_minute, concurrency=lanes)
        made = [request(via, trigger) for _ in range(count)]
        for item in made:
            self.queue.add(item)
        return made

    def take(self) -> Request | None:
        """Take the next one, if any may go."""
        taken = self.queue.take(self.now)
        if taken is None:
            self.ask()
            taken = self.queue.take(self.now)
        if taken is not None:
            self.sent.append((self.now, taken))
            self.in_flight.append(taken)
        return taken

    def ask(self) -> None:
        """What the drain does now and then."""
        asks = self.queue.asks(self.now)
        grants = self.budgets.exchange([ask for _, ask in asks], holder="one", now=self.now)
        self.queue.answer(asks, grants, self.now, self.now)

    def finish(self, place: int = 0) -> None:
        """End one request."""
        self.queue.done(self.in_flight.pop(place), now=self.now)

    @property
    def organizations(self) -> list[str]:
        return [item.connection.organization_id for _, item in self.sent]


def test_connections_take_turns() -> None:
    """A company with a thousand deliveries doesn't hold up one with a single one."""
    traffic = Traffic()
    for organization, count in (("big", 100), ("small", 1), ("middle", 5)):
        traffic.add(organization, count)
    while len(traffic.sent) < 6 and traffic.take():
        traffic.finish()
    assert traffic.organizations == ["big", "small", "middle", "big", "middle", "big"]


def test_a_connection_has_no_more_in_flight_than_it_allows() -> None:
    """And gets its turn back as soon as one of its own has ended."""
    traffic = Traffic()
    traffic.add("org", 6, lanes=2)
    traffic.take()
    traffic.finish()
    assert [traffic.take() is not None for _ in range(3)] == [True, True, False]
    traffic.finish()
    assert [traffic.take() is not None for _ in range(2)] == [True, False]


def test_a_retry_after_closes_the_connection_and_no_other() -> None:
    """For as long as the platform asked."""
    traffic = Traffic()
    (first, _) = traffic.add("limited", 2)
    assert traffic.take() is first
    traffic.add("other", 1)
    traffic.queue.done(first, now=traffic.now, closed_for_s=30.0)
    assert traffic.take() is not None
    assert traffic.organizations[-1] == "other"
    assert traffic.take() is None
    assert traffic.queue.next_opening(traffic.now) == pytest.approx(30.0)
    traffic.now += 30.0
    assert traffic.take() is not None


def test_withdrawing_takes_out_what_waits_for_long_and_says_until_when() -> None:
    """What waits a moment stays; a connection that isn't held back stays."""
    traffic = Traffic()
    traffic.add("held", 4, per_minute=1)
    assert traffic.take() is not None
    traffic.finish()
    assert traffic.take() is None
    traffic.now += 1.0  # what was in flight may have come back at any moment
    assert traffic.take() is None
    free = traffic.add("free", 1)
    assert list(traffic.queue.release_paced(traffic.now, patience_s=61.0)) == []
    waits, parts = zip(*traffic.queue.release_paced(traffic.now, patience_s=5.0), strict=True)
    assert list(waits) == pytest.approx([WINDOW_S * n - 1.0 for n in (1, 2, 3)])
    assert [len(part) for part in parts] == [1, 1, 1]
    assert list(traffic.queue.peek()) == free
    assert len(traffic.queue) == 1


def test_what_another_worker_took_is_not_sent() -> None:
    """The others of its connection are."""
    traffic = Traffic()
    items = traffic.add("org", 4)
    traffic.ask()
    traffic.queue.discard({items[1].ids[0], UUID(int=9)})
    while traffic.take():
        traffic.finish()
    assert [item for _, item in traffic.sent] == [items[0], items[2], items[3]]
    assert len(traffic.queue) == 0


def test_a_drained_queue_serves_again() -> None:
    """Taking everything out must not leave a connection without a turn."""
    traffic = Traffic()
    items = traffic.add("org", 3)
    assert traffic.queue.release_all() == items
    assert len(traffic.queue) == 0
    again = traffic.add("org", 1)
    assert traffic.take() is again[0]


def test_what_is_scheduled_goes_before_what_came_earlier() -> None:
    """Schedule, replay, single days, backfill (D13): within a connection and between them."""
    traffic = Traffic()
    order = [Trigger.BACKFILL, Trigger.MANUAL, Trigger.REPLAY, Trigger.SCHEDULE]
    for organization in ("one", "other"):
        for trigger in order:
            traffic.add(organization, 1, trigger=trigger)
    while traffic.take():
        traffic.finish()
    went = [item.members[0].claimed.trigger for _, item in traffic.sent]
    assert went == [trigger for trigger in reversed(order) for _ in range(2)]


def test_a_connection_that_has_not_answered_gets_one_sender() -> None:
    """Twelve accounts that hang would otherwise have all of them; one that answers gets more."""
    traffic = Traffic()
    for n in range(12):
        traffic.add(f"hung-{n}", 10, lanes=4)
    traffic.add("healthy", 10, lanes=4)
    while traffic.take():
        pass
    assert Counter(traffic.organizations).most_common(1)[0][1] == 1
    assert traffic.queue.hanging(traffic.now) == 0
    traffic.now += 2.0
    assert traffic.queue.hanging(traffic.now) == 13
    traffic.finish(traffic.organizations.index("healthy"))
    assert traffic.queue.hanging(traffic.now) == 12
    while traffic.take():
        pass
    assert Counter(traffic.organizations)["healthy"] == 5


def test_the_sender_of_one_that_hangs_is_replaced_as_soon_as_something_waits_for_it() -> None:
    """Whoever waits for results knows when to start another sender; nobody is woken for nothing."""
    traffic = Traffic()
    for n in range(3):
        traffic.add(f"hung-{n}", lanes=4)
    assert traffic.queue.next_sender(traffic.now) is None
    for _ in range(2):
        traffic.take()
        traffic.now += 0.1
    assert traffic.queue.next_sender(traffic.now) == pytest.approx(UNANSWERED_S - 0.2)
    traffic.now += UNANSWERED_S - 0.2
    assert traffic.queue.hanging(traffic.now) == 1
    assert traffic.queue.next_sender(traffic.now) == pytest.approx(0.1)
    traffic.take()
    assert traffic.queue.next_sender(traffic.now) is None


@pytest.mark.parametrize(
    ("answer_s", "patience_s"), [(0.01, 0.1), (0.1, 0.3), (0.3, 0.9), (2.0, 1.0)]
)
def test_who_is_taken_for_hanging_depends_on_how_soon_others_answer(
    answer_s: float, patience_s: float
) -> None:
    """Soon where answers come at once, later where they are slow: they would get too many at once."""
    traffic = Traffic()
    assert traffic.queue.patience_s == UNANSWERED_S
    for n in range(3):
        traffic.add(f"healthy-{n}")
        assert traffic.take() is not None
        traffic.now += answer_s
        traffic.finish()
    traffic.add("hung")
    traffic.take()
    traffic.now += patience_s - 0.05
    assert traffic.queue.hanging(traffic.now) == 0
    traffic.now += 0.06
    assert traffic.queue.hanging(traffic.now) == 1


def test_what_waits_behind_a_hanging_request_makes_room() -> None:
    """It is given back; nothing more of its company is claimed meanwhile."""
    traffic = Traffic()
    items = traffic.add("hung", 5)
    assert traffic.take() is items[0]
    assert traffic.queue.held_back(traffic.now) == [items[0].connection.company_id]
    traffic.now += 6.0
    ((again_in_s, taken),) = traffic.queue.release_paced(traffic.now, patience_s=5.0)
    assert (again_in_s, taken) == (HUNG_AGAIN_S, items[1:])
    assert len(traffic.queue) == 0


def test_repeats_within_an_attempt_count() -> None:
    """They need a grant like any request, and rest as long."""
    traffic = Traffic()
    (item, _) = traffic.add("org", 2, per_minute=2)
    assert traffic.take() is item
    assert traffic.queue.take_again(item, traffic.now)
    assert not traffic.queue.take_again(item, traffic.now)
    traffic.finish()
    traffic.now += WINDOW_S - 1.0
    assert traffic.take() is None
    traffic.now += 1.5
    assert traffic.take() is not None


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.sampled_from("abc"), st.integers(1, 6)),
        st.tuples(st.just("take"), st.just(""), st.integers(1, 8)),
        st.tuples(st.just("finish"), st.just(""), st.integers(0, 5)),
        st.tuples(st.just("close"), st.just(""), st.integers(0, 90)),
        st.tuples(st.just("wait"), st.just(""), st.integers(0, 70)),
        st.tuples(st.just("release_paced"), st.just(""), st.integers(0, 40)),
        st.tuples(st.just("discard"), st.just(""), st.integers(0, 9)),
    ),
    max_size=80,
)
LIMITS = st.fixed_dictionaries({name: st.integers(1, 5) for name in "abc"})
LANES = st.fixed_dictionaries({name: st.integers(1, 3) for name in "abc"})


@settings(max_examples=300)
@given(steps=STEPS, limits=LIMITS, lanes=LANES)
def test_random_traffic_keeps_every_limit_and_loses_nothing(
    steps: list[tuple[str, str, int]], limits: dict[str, int], lanes: dict[str, int]
) -> None:
    """In no minute more requests than allowed, never more in flight, every request out exactly once."""
    traffic = Traffic()
    added: list[Request] = []
    out: list[Request] = []
    for what, name, number in steps:
        if what == "add":
            added += traffic.add(name, number, per_minute=limits[name], lanes=lanes[name])
        elif what == "take":
            for _ in range(number):
                traffic.take()
        elif what == "finish" and traffic.in_flight:
            traffic.finish(number % len(traffic.in_flight))
        elif what == "close" and traffic.in_flight:
            ended = traffic.in_flight.pop()
            traffic.queue.done(ended, now=traffic.now, closed_for_s=float(number))
        elif what == "wait":
            traffic.now += number
        elif what == "release_paced":
            for opens_in_s, taken in traffic.queue.release_paced(traffic.now, float(number)):
                assert opens_in_s > number
                out += taken
        elif what == "discard" and (queued := list(traffic.queue.peek())):
            gone = queued[number % len(queued)]
            traffic.queue.discard(frozenset(gone.ids))
            out.append(gone)
        in_flight = Counter(item.connection.organization_id for item in traffic.in_flight)
        assert all(in_flight[org] <= lanes[org] for org in in_flight)
        assert len(traffic.queue) == len(list(traffic.queue.peek()))
    # Whatever happened before, what is left goes out within as many minutes as the limits need.
    for _ in range(len(added) * 9 + 20):
        while traffic.in_flight:
            traffic.finish()
        if not traffic.take():
            traffic.now += 10.0
    everything = [item.ids for _, item in traffic.sent] + [item.ids for item in out]
    assert sorted(everything) == sorted(item.ids for item in added)
    sent_at: dict[str, list[float]] = defaultdict(list)
    for at, item in traffic.sent:
        sent_at[item.connection.organization_id].append(at)
    for organization, instants in sent_at.items():
        for start in instants:
            within = [at for at in instants if start <= at < start + WINDOW_S]
            assert len(within) <= limits[organization]
