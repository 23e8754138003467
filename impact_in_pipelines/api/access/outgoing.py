"""Where an answer waits for somebody else: each kind of wait has threads of its own.

The six threads that answer requests (`db.engine.READERS`) never wait for a platform, an identity provider or
Dagster: a company whose platform hangs would otherwise hold the API for everybody.
"""

import time
from collections.abc import Callable
from typing import Generic, TypeVar
from uuid import UUID

import anyio
from anyio import CapacityLimiter
from anyio.to_thread import run_sync

from impact_in_pipelines.api.http.problems import ApiProblem
from impact_in_pipelines.db.access.turns import CompanyTurns

T = TypeVar("T")
_TESTS = 4
"""Connection tests of one process at once; further companies wait for their turn, without a thread."""


class ConnectionTests:
    """Tries accounts out: one test at a time for each company, over all processes."""

    def __init__(self, turns: CompanyTurns) -> None:
        self._turns = turns
        self._limiter = CapacityLimiter(_TESTS)
        self._waiting: set[UUID] = set()

    async def run(self, company_id: UUID, test: Callable[[], T]) -> T:
        """What `test` returns. Raises a 409 problem while another test of this company runs."""
        if (
            company_id in self._waiting
        ):  # also those that wait for a thread: no company takes two places
            raise _busy()
        self._waiting.add(company_id)
        try:
            return await run_sync(self._in_turn, company_id, test, limiter=self._limiter)
        finally:
            self._waiting.discard(company_id)

    def _in_turn(self, company_id: UUID, test: Callable[[], T]) -> T:
        with self._turns.taken(company_id) as ours:
            if not ours:
                raise _busy()
            return test()


def _busy() -> ApiProblem:
    return ApiProblem(
        409, "a connection of this company is being tried out already", headers={"Retry-After": "5"}
    )


class Remembered(Generic[T]):
    """The answer to a slow question, asked by one at a time on a thread of its own and kept for a while:
    whoever asks meanwhile gets the same. Used on one event loop."""

    def __init__(
        self,
        ask: Callable[[], T],
        *,
        kept_for_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ask = ask
        self._kept_for_s = kept_for_s
        self._clock = clock
        self._kept: tuple[float, T] | None = None
        self._turn = anyio.Lock()
        self._limiter = CapacityLimiter(1)

    async def get(self) -> T:
        """The answer, at most `kept_for_s` seconds old. Raises what asking does; that isn't kept."""
        kept = self._fresh()
        if kept is None:
            async with self._turn:
                kept = self._fresh()  # somebody else has asked meanwhile
                if kept is None:
                    answer = await run_sync(self._ask, limiter=self._limiter)
                    kept = self._kept = (self._clock(), answer)
        return kept[1]

    def _fresh(self) -> tuple[float, T] | None:
        kept = self._kept
        return kept if kept is not None and self._clock() - kept[0] < self._kept_for_s else None
