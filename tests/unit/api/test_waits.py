"""Nobody holds the API: waits for others have threads of their own, one at a time, and a short memory."""

import asyncio
import threading

import pytest

from impact_in_pipelines.api.access.outgoing import Remembered
from impact_in_pipelines.api.dagster_link import QUIET_S, DagsterLink
from impact_in_pipelines.connectors.dagster_graphql import DagsterGraphql
from impact_in_pipelines.connectors.identity.oidc import (
    FAILED_FOR_S,
    OidcProvider,
    ProviderUnavailable,
)
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.services.deliveries.drain_requests import DrainStart

NO_DAGSTER = "http://127.0.0.1:9"


class Clock:
    """Stands still until it is moved."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_slow_question_is_asked_once_for_everybody_and_kept() -> None:
    """Fifty who ask at once cost one thread and one question; later the answer is new."""
    clock, asked = Clock(), []

    def ask() -> int:
        asked.append(1)
        return len(asked)

    async def many() -> list[int]:
        memory = Remembered(ask, kept_for_s=3, clock=clock)
        first = await asyncio.gather(*(memory.get() for _ in range(50)))
        clock.now += 2.9
        kept = await memory.get()
        clock.now += 0.2
        return [*set(first), kept, await memory.get()]

    assert asyncio.run(many()) == [1, 1, 2]


def test_what_could_not_be_asked_is_not_kept() -> None:
    """A failed look is no answer."""
    failures = iter([OSError("gone")])

    def ask() -> str:
        for failure in failures:
            raise failure
        return "there"

    async def twice() -> str:
        memory = Remembered(ask, kept_for_s=3)
        with pytest.raises(OSError, match="gone"):
            await memory.get()
        return await memory.get()

    assert asyncio.run(twice()) == "there"


def test_a_provider_that_does_not_answer_is_not_asked_by_everybody_in_turn() -> None:
    """Each waited five seconds under one lock; now the failure is told for ten seconds without asking."""
    clock = Clock()
    provider = OidcProvider("http://127.0.0.1:9", "cockpit", None, "openid", clock=clock)
    asked: list[int] = []
    discover = provider._discover

    def counted() -> object:
        asked.append(1)
        return discover()

    provider._discover = counted  # type: ignore[assignment, method-assign]
    for _ in range(5):
        with pytest.raises(ProviderUnavailable):
            _ = provider.keys_url
    assert len(asked) == 1
    clock.now += FAILED_FOR_S
    with pytest.raises(ProviderUnavailable):
        _ = provider.keys_url
    assert len(asked) == 2


class Asked(DagsterGraphql):
    """Counts the questions that nobody answers."""

    def __init__(self) -> None:
        super().__init__(NO_DAGSTER, timeout_s=0.2)
        self.times = 0

    def waiting_drain(self, platform: Platform) -> str | None:
        self.times += 1
        return super().waiting_drain(platform)


def test_a_dagster_that_does_not_answer_is_left_alone_for_a_while() -> None:
    """Three platforms and every further replay waited for it, each for itself, on the threads that answer."""
    clock, client = Clock(), Asked()
    link = DagsterLink(client, clock=clock)
    for _ in range(3):
        assert set(link.start_drains(Platform, "a replay").values()) == {DrainStart.NEXT_TICK}
    assert client.times == 1
    clock.now += QUIET_S
    link.start_drains(Platform, "a replay")
    assert client.times == 2


def test_two_threads_at_most_wait_for_dagster() -> None:
    """The third replay leaves its deliveries to the next tick at once."""
    entered, leave = threading.Semaphore(0), threading.Event()

    class Slow(DagsterGraphql):
        def waiting_drain(self, platform: Platform) -> str | None:  # noqa: ARG002
            entered.release()
            leave.wait(30)
            return "a run"

    link = DagsterLink(Slow(NO_DAGSTER, timeout_s=0.2))
    slow = [
        threading.Thread(target=link.start_drains, args=([Platform.GOODERA], "a replay"))
        for _ in range(2)
    ]
    for one in slow:
        one.start()
        assert entered.acquire(timeout=30)
    assert link.start_drains([Platform.GOODERA], "a replay") == {
        Platform.GOODERA: DrainStart.NEXT_TICK
    }
    leave.set()
    for one in slow:
        one.join(30)
