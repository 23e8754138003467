"""Questions that are answered together with those that came in while others were being answered.

Most of what a company's status costs is asking PostgreSQL at all: planning, round trips, finding what has
changed lately in the whole log. Under load several are asked at once, and one reading does for all of them;
a question that comes alone, after one that did, waits for nobody. Whoever waits holds no thread.
"""

import asyncio
from collections.abc import Callable, Hashable, Mapping, Sequence
from contextvars import Context
from typing import Generic, TypeVar

from anyio import CapacityLimiter
from anyio.to_thread import run_sync

GATHERED_S = 0.01
"""So long, at most, the next answer waits for as many questions as there were at once a moment ago: those who
ask without a pause come back just after it was begun, and there would be two halves that wait by turns."""

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Together(Generic[K, V]):
    """Answers questions by `answer`, which takes several at once, in a thread. Used on one event loop. No
    answer is begun before its question was asked."""

    def __init__(self, answer: Callable[[Sequence[K]], Mapping[K, V]]) -> None:
        self._answer = answer
        self._waiting: dict[K, asyncio.Future[V]] = {}
        self._enough: asyncio.Future[None] | None = None
        self._expected = 1
        self._turns: asyncio.Task[None] | None = None
        self._alone: set[asyncio.Task[None]] = set()
        # A turn never waits for the threads that answer other requests.
        self._limiter = CapacityLimiter(1)

    async def ask(self, question: K) -> V:
        """The answer. Raises what answering this question alone raises."""
        mine = self._waiting.get(question)
        if mine is None:
            mine = self._waiting[question] = asyncio.get_running_loop().create_future()
            if self._enough is not None and len(self._waiting) >= self._expected:
                _end(self._enough)
        if self._turns is None or self._turns.done():
            # The turns are everybody's: their log lines name no caller.
            self._turns = asyncio.create_task(self._take_turns(), context=Context())
        # Others may wait for the same answer.
        return await asyncio.shield(mine)

    async def _take_turns(self) -> None:
        while self._waiting:
            await self._gather()
            asked, self._waiting = self._waiting, {}
            try:
                found = await run_sync(self._answer, list(asked), limiter=self._limiter)
                answers = [found[question] for question in asked]
            except Exception as error:
                self._answer_each(asked, error)
            else:
                for future, answer in zip(asked.values(), answers, strict=True):
                    future.set_result(answer)
            self._expected = len(asked) + len(self._waiting)

    async def _gather(self) -> None:
        if len(self._waiting) < self._expected:
            self._enough = asyncio.get_running_loop().create_future()
            await asyncio.wait([self._enough], timeout=GATHERED_S)
            self._enough = None

    def _answer_each(self, asked: Mapping[K, "asyncio.Future[V]"], error: Exception) -> None:
        """Where they could not be answered together: one company's trouble is not another's."""
        if len(asked) == 1:
            (future,) = asked.values()
            future.set_exception(error)
            return
        for question, future in asked.items():
            task = asyncio.create_task(self._answer_one(question, future))
            self._alone.add(task)
            task.add_done_callback(self._alone.discard)

    async def _answer_one(self, question: K, future: "asyncio.Future[V]") -> None:
        try:
            answer = (await run_sync(self._answer, [question]))[question]
        except Exception as error:
            future.set_exception(error)
        else:
            future.set_result(answer)


def _end(future: "asyncio.Future[None]") -> None:
    if not future.done():
        future.set_result(None)
