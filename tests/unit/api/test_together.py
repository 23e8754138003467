"""Questions that come in while others are answered are answered together, each as if it were alone."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Sequence

import pytest

from impact_in_pipelines.api.sla import together
from impact_in_pipelines.api.sla.together import Together

PATIENCE_S = 30


class Answering:
    """Doubles numbers; the first answer takes until `go`. `hands` are the questions of each answer."""

    def __init__(self) -> None:
        self.hands: list[list[int]] = []
        self.begun, self.go = threading.Event(), threading.Event()
        self.asked = Together(self._answer)

    def _answer(self, numbers: Sequence[int]) -> dict[int, int]:
        self.hands.append(sorted(numbers))
        self.begun.set()
        assert self.go.wait(PATIENCE_S)
        if 13 in numbers:
            raise ValueError("thirteen")
        return {number: 2 * number for number in numbers if number != 404}

    async def while_one_is_answered(self, *numbers: int) -> "list[asyncio.Task[int]]":
        """Ask for 1, and for `numbers` once its answer has begun; then let it end."""
        (first,) = await self.waiting(1)
        assert await asyncio.to_thread(self.begun.wait, PATIENCE_S)
        rest = await self.waiting(*numbers)
        self.go.set()
        assert await first == 2
        return rest

    async def waiting(self, *numbers: int) -> "list[asyncio.Task[int]]":
        """Ask for `numbers`, and return once all of them wait."""
        tasks = [asyncio.create_task(self.asked.ask(number)) for number in numbers]
        await asyncio.sleep(0)
        return tasks


@pytest.fixture(autouse=True)
def whoever_is_waited_for_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    """However slow the machine is."""
    monkeypatch.setattr(together, "GATHERED_S", PATIENCE_S)


def run(scene: Callable[[Answering], Awaitable[None]]) -> list[list[int]]:
    """Play `scene` on an event loop; returns the hands."""
    answering = Answering()

    async def played() -> None:
        await asyncio.wait_for(scene(answering), PATIENCE_S)

    asyncio.run(played())
    return answering.hands


def test_a_question_that_comes_alone_is_answered_alone() -> None:
    """And at once: it waits for nobody."""

    async def scene(answering: Answering) -> None:
        answering.go.set()
        assert [await answering.asked.ask(n) for n in (1, 2)] == [2, 4]

    assert run(scene) == [[1], [2]]


def test_those_who_wait_are_answered_together() -> None:
    """The same question of two is one."""

    async def scene(answering: Answering) -> None:
        rest = await answering.while_one_is_answered(2, 3, 3, 4)
        # As many as there were at once, 1 and three others, are waited for.
        assert await answering.asked.ask(5) == 10
        assert await asyncio.gather(*rest) == [4, 6, 6, 8]

    assert run(scene) == [[1], [2, 3, 4, 5]]


def test_what_fails_for_one_is_answered_for_the_others() -> None:
    """One company's trouble is not another's."""

    async def scene(answering: Answering) -> None:
        two, thirteen = await answering.while_one_is_answered(2, 13)
        assert await answering.asked.ask(3) == 6
        assert await two == 4
        with pytest.raises(ValueError, match="thirteen"):
            await thirteen

    assert run(scene)[1] == [2, 3, 13]


def test_a_question_that_is_left_out_fails_and_the_others_are_answered() -> None:
    """Nobody waits for ever."""

    async def scene(answering: Answering) -> None:
        two, missing = await answering.while_one_is_answered(2, 404)
        assert await answering.asked.ask(3) == 6
        assert await two == 4
        with pytest.raises(KeyError, match="404"):
            await missing

    assert run(scene)[1] == [2, 3, 404]


def test_whoever_goes_away_takes_no_answer_from_others() -> None:
    """A client that hangs up while it waits: the same question of another is answered, and so is the next."""

    async def scene(answering: Answering) -> None:
        gone, stays = await answering.waiting(1, 1)
        gone.cancel()
        answering.go.set()
        assert await stays == 2
        assert await answering.asked.ask(2) == 4

    assert run(scene) == [[1], [2]]
