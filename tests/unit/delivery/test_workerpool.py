"""The threads that send while the coordinator is busy."""

import threading
import time
from collections.abc import Callable
from uuid import UUID

from impact_in_pipelines.delivery.draining.lanes import Request
from impact_in_pipelines.delivery.draining.sendqueue import SendQueue
from impact_in_pipelines.delivery.draining.workerpool import EndedRequest, WorkerPool
from impact_in_pipelines.delivery.limits.budgets import Grant
from impact_in_pipelines.delivery.model import SendResult, Shipment
from impact_in_pipelines.delivery.states import AttemptOutcome, ErrorKind

from .helpers import NOW, connection, request

DEADLINE_S = 30.0
ARRIVED = SendResult(AttemptOutcome.DELIVERED, latency_ms=1.0)


class Platform:
    """Answers every shipment, and knows what it was sent and how many at once."""

    def __init__(self, answer: SendResult = ARRIVED) -> None:
        self.answer = answer
        self.received: list[UUID] = []
        self.at_once = self.most_at_once = 0
        self._lock = threading.Lock()

    def send(self, shipment: Shipment, *, again: Callable[[], bool]) -> SendResult:
        del again
        with self._lock:
            self.received.append(shipment.request_id)
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
        time.sleep(0.001)
        with self._lock:
            self.at_once -= 1
        return self.answer


def pool_for(platform: Platform, requests: list[Request]) -> WorkerPool:
    """A pool with `requests` queued, whose leases hold for long."""
    pool = WorkerPool(platform.send, lambda: NOW)
    pool.leases_hold_until = time.monotonic() + 1_000
    with pool.locked() as queue:
        for each in requests:
            queue.add(each)
        grant_all(queue)
    return pool


def grant_all(queue: SendQueue) -> None:
    """What the coordinator asks the budgets, and whatever is wanted is granted."""
    asks = queue.asks(time.monotonic())
    grants = [Grant(ask.wanted) for _, ask in asks]
    queue.answer(asks, grants, time.monotonic(), time.monotonic())


def some(count: int) -> list[Request]:
    """Requests of as many connections."""
    return [request(connection(f"acme-{n}")) for n in range(count)]


def collected(pool: WorkerPool, count: int) -> list[EndedRequest]:
    """`count` attempts that have ended."""
    found: list[EndedRequest] = []
    deadline = time.monotonic() + DEADLINE_S
    while len(found) < count:
        assert time.monotonic() < deadline
        found += pool.collect(0.05, count)
    return found


def test_the_crew_goes_on_by_itself() -> None:
    """Whatever the coordinator does meanwhile, everything that is queued goes out, once, so many at once."""
    platform, requests = Platform(), some(40)
    pool = pool_for(platform, requests)
    with pool.running():
        assert pool.start(3) == 3
        deadline = time.monotonic() + DEADLINE_S
        while len(platform.received) < 40:
            assert time.monotonic() < deadline
            time.sleep(0.005)
        ended = collected(pool, 40)
    assert sorted(platform.received) == sorted(p.shipment.request_id for p in requests)
    assert platform.most_at_once <= 3
    assert {each.at for each in ended} == {NOW}
    assert (pool.queued, pool.in_flight) == (0, 0)


def test_nothing_goes_out_once_its_lease_may_have_ended() -> None:
    """Somebody else may send it by then; it goes out when the coordinator has renewed the lease."""
    platform = Platform()
    pool = pool_for(platform, some(5))
    with pool.running():
        pool.leases_hold_until = time.monotonic()
        assert pool.start(5) == 0
        assert platform.received == []
        pool.leases_hold_until = time.monotonic() + 1_000
        assert pool.start(5) == 5
        assert len(collected(pool, 5)) == 5


def test_what_was_sent_is_held_until_it_is_collected() -> None:
    """Until then nobody else may take it: its end is not in the log yet."""
    requests = some(4)
    pool = pool_for(Platform(), requests)
    ids = {id_ for each in requests for id_ in each.ids}
    with pool.running():
        with pool.locked():
            assert pool.delivery_ids() == ids
        pool.start(4)
    with pool.locked():
        assert pool.delivery_ids() == ids
    collected(pool, 4)
    with pool.locked():
        assert pool.delivery_ids() == set()


def test_an_error_of_the_connector_itself_stops_the_crew() -> None:
    """It never should raise: nothing more is sent, and the coordinator hears of it."""

    class Broken(Platform):
        def send(self, shipment: Shipment, *, again: Callable[[], bool]) -> SendResult:
            super().send(shipment, again=again)
            raise LookupError("a bug")

    platform = Broken()
    pool = pool_for(platform, some(10))
    with pool.running():
        pool.start(1)
        (ended,) = collected(pool, 1)
    assert isinstance(ended.result, LookupError)
    assert len(platform.received) == 1
    assert pool.queued == 9


def test_a_connection_that_is_turned_away_gets_nothing_more_at_once() -> None:
    """The thread that hears of the limit keeps to it, before the coordinator has heard."""
    limited = SendResult(
        AttemptOutcome.RETRYABLE,
        latency_ms=1.0,
        http_status=429,
        error_kind=ErrorKind.RATE_LIMITED,
        retry_after_ms=60_000.0,
    )
    platform = Platform(limited)
    via = connection("acme", per_minute=1_000)
    pool = pool_for(platform, [request(via) for _ in range(10)])
    with pool.running():
        pool.start(1)
        collected(pool, 1)
    assert len(platform.received) == 1
    assert pool.queued == 9


class Repeating(Platform):
    """Asks for one more request within the attempt, as a connector does whose token was refused."""

    def __init__(self) -> None:
        super().__init__()
        self.allowed: list[bool] = []

    def send(self, shipment: Shipment, *, again: Callable[[], bool]) -> SendResult:
        self.allowed.append(again())
        return super().send(shipment, again=again)


def test_one_more_request_takes_what_its_lane_was_granted_and_asks_only_then() -> None:
    """Two were granted: one for the attempt, one for its repetition. The next repetition needs an answer."""
    asked: list[UUID] = []

    def refuse(each: Request) -> bool:
        asked.append(each.shipment.request_id)
        return False

    platform, via = Repeating(), connection("acme")
    pool = WorkerPool(platform.send, lambda: NOW)
    pool.one_more = refuse
    pool.leases_hold_until = time.monotonic() + 1_000
    first, second = request(via), request(via)
    with pool.locked() as queue:
        queue.add(first)
        queue.add(second)
        asks = queue.asks(time.monotonic())
        queue.answer(asks, [Grant(2)], time.monotonic(), time.monotonic())
    with pool.running():
        pool.start(1)
        collected(pool, 1)
        assert (platform.allowed, asked) == ([True], [])
        with pool.locked() as queue:
            asks = queue.asks(time.monotonic() + 1)
            queue.answer(asks, [Grant(1)] * len(asks), time.monotonic(), time.monotonic())
        pool.start(1)
        collected(pool, 1)
    assert platform.allowed == [True, False]
    assert asked == [second.shipment.request_id]
