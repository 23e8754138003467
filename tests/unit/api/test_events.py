"""A reader's queue: bounded, and honest about what it has missed."""

import asyncio
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from impact_in_pipelines.api.deliveries.hub import (
    QUEUE_LENGTH,
    DeliveryChange,
    EventHub,
    Lagging,
    Subscription,
)
from impact_in_pipelines.errors import DatabaseUnavailable

COMPANY = UUID("00000000-0000-4000-8000-000000000001")
CHANGE = DeliveryChange(
    COMPANY, COMPANY, "benevity", "success", 1, datetime(2026, 3, 10, tzinfo=UTC), 48_213
)


def test_changes_come_in_order_and_silence_is_none() -> None:
    """None after the time is up, nothing is lost."""

    async def read() -> list[DeliveryChange | None]:
        subscription = Subscription(COMPANY)
        assert subscription.put(CHANGE)
        return [await subscription.next(0.01), await subscription.next(0.01)]

    assert asyncio.run(read()) == [CHANGE, None]


def test_whoever_reads_too_slowly_is_cut_off_and_told() -> None:
    """After what fits comes the notice that more was missed; the queue never grows beyond its length."""

    async def read() -> int:
        subscription = Subscription(COMPANY)
        taken = sum(subscription.put(CHANGE) for _ in range(QUEUE_LENGTH + 50))
        for _ in range(taken):
            assert await subscription.next(0.01) == CHANGE
        with pytest.raises(Lagging):
            await subscription.next(0.01)
        return taken

    assert asyncio.run(read()) == QUEUE_LENGTH


def test_a_notice_of_postgresql_is_read_as_a_change() -> None:
    """As the trigger writes it; instants in UTC."""
    notice = {
        "id": str(COMPANY),
        "company_id": str(COMPANY),
        "platform": "goodera",
        "status": "failed",
        "attempt_count": 4,
        "updated_at": "2026-03-10T01:00:30.5+01:00",
        "position": "48213",
    }

    found = DeliveryChange.of(notice)

    assert found.updated_at == datetime(2026, 3, 10, 0, 0, 30, 500_000, tzinfo=UTC)
    assert found.updated_at.utcoffset() == UTC.utcoffset(None)
    assert (found.platform, found.status, found.attempt_count) == ("goodera", "failed", 4)
    assert found.position == 48_213


@pytest.mark.parametrize("fails", [False, True])
def test_the_listening_thread_asks_for_the_time_now_and_then(fails: bool) -> None:
    """A process that serves for weeks drifts; a question that fails is asked again, and listening goes on."""
    asked: list[int] = []
    over = threading.Event()

    def correct() -> None:
        asked.append(now[0])
        if fails:
            raise DatabaseUnavailable("away")

    now = [0]

    class Silence:
        def notices(self) -> Iterator[list[Any]]:
            for now[0] in (1, 61, 62, 200):
                yield []
            over.set()
            while True:
                yield []

        def close(self) -> None: ...

    async def listen() -> None:
        hub = EventHub(Silence, check_in=correct, stopwatch=lambda: now[0])  # type: ignore[arg-type]
        hub.open()
        assert await asyncio.to_thread(over.wait, 10)
        hub.close()

    asyncio.run(listen())
    assert asked == [0, 61, 200]
