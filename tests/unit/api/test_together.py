"""Questions that come in while others are answered are answered together, each as if it were alone."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from impact_in_pipelines.api.sla import together
from impact_in_pipelines.api.sla.together import Together

PATIENCE_S = 30


class Answering:
    """Doubles numbers; the first answer takes until `go`. `hands` are the questions of each answer."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        # However slow the machine is, whoever is waited for comes.
        monkeypatch.setattr(together, "GATHERED_S", PATIENCE_S)
        self.hands: list[list[int]] = []
        self.begun, self.go = threading.Event(), threading.Event()
        self.asked = Together(self._answer)
        self.threads = ThreadPoolExecutor(8)

    def _answer(self, numbers: Sequence[int]) -> dict[int, int]:
        self.hands.append(sorted(numbers))
        self.begun.set()
        assert self.go.wait(PATIENCE_S)
        if 13 in numbers:
            raise ValueError("thirteen")
        return {number: 2 * number for number in numbers}

    def ask(self, *numbers: int) -> list["Future[int]"]:
        """Ask from a thread each, and return once all of them wait."""
        before = len(self.asked._waiting)
        found = [self.threads.submit(self.asked.ask, number) for number in numbers]
        until(lambda: len(self.asked._waiting) == before + len(set(numbers)))
        return found

    def while_one_is_answered(self, *numbers: int) -> list["Future[int]"]:
        """Ask for 1, and for `numbers` once its answer has begun; then let it end."""
        first = self.threads.submit(self.asked.ask, 1)
        assert self.begun.wait(PATIENCE_S)
        rest = self.ask(*numbers)
        self.go.set()
        assert first.result(PATIENCE_S) == 2
        return rest


@pytest.fixture
def answering(monkeypatch: pytest.MonkeyPatch) -> Answering:
    return Answering(monkeypatch)


def until(happened: Callable[[], bool]) -> None:
    """Wait for it."""
    waiting = threading.Event()
    for _ in range(PATIENCE_S * 200):
        if happened():
            return
        waiting.wait(0.005)
    raise AssertionError("it never happened")


def results(futures: Sequence["Future[int]"]) -> list[int]:
    return [one.result(PATIENCE_S) for one in futures]


def test_a_question_that_comes_alone_is_answered_alone(answering: Answering) -> None:
    """And at once: it waits for nobody."""
    answering.go.set()

    assert [answering.asked.ask(n) for n in (1, 2)] == [2, 4]
    assert answering.hands == [[1], [2]]


def test_those_who_wait_are_answered_together(answering: Answering) -> None:
    """The same question of two is one."""
    rest = answering.while_one_is_answered(2, 3, 3, 4)
    # As many as there were at once, 1 and three others, are waited for.
    answering.asked.ask(5)

    assert results(rest) == [4, 6, 6, 8]
    assert answering.hands == [[1], [2, 3, 4, 5]]


def test_what_fails_for_one_is_answered_for_the_others(answering: Answering) -> None:
    """One company's trouble is not another's."""
    two, thirteen = answering.while_one_is_answered(2, 13)
    answering.asked.ask(3)

    assert two.result(PATIENCE_S) == 4
    with pytest.raises(ValueError, match="thirteen"):
        thirteen.result(PATIENCE_S)
    assert answering.hands[1] == [2, 3, 13]
