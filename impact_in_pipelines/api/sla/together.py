"""Questions that are answered together with those that came in while others were being answered.

Most of what a company's status costs is asking PostgreSQL at all: planning, round trips, finding what has
changed lately in the whole log. Under load several are asked at once, and one reading does for all of them;
a question that comes alone, after one that did, waits for nobody.
"""

from collections.abc import Callable, Hashable, Mapping, Sequence
from threading import Condition, Lock
from typing import Generic, TypeVar

GATHERED_S = 0.01
"""So long, at most, the next answer waits for as many questions as there were at once a moment ago: those who
ask without a pause come back just after it was begun, and there would be two halves that wait by turns."""

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class _Asked(Generic[V]):
    """A question and, once there is one, its answer."""

    __slots__ = ("answers", "ended")

    def __init__(self) -> None:
        self.ended = False
        self.answers: list[V] = []


class Together(Generic[K, V]):
    """Answers questions by `answer`, which takes several at once; safe to share between threads. No answer is
    begun before its question was asked."""

    def __init__(self, answer: Callable[[Sequence[K]], Mapping[K, V]]) -> None:
        self._answer = answer
        lock = Lock()
        self._ended, self._came = Condition(lock), Condition(lock)
        self._waiting: dict[K, _Asked[V]] = {}
        self._busy = False
        self._expected = 1

    def ask(self, question: K) -> V:
        """The answer. Raises what answering this question alone raises."""
        with self._ended:
            mine = self._waiting.setdefault(question, _Asked())
            self._came.notify()
            self._ended.wait_for(lambda: mine.ended or not self._busy)
            asked: dict[K, _Asked[V]] = {}
            if not mine.ended:
                self._busy = True
                self._came.wait_for(lambda: len(self._waiting) >= self._expected, GATHERED_S)
                asked, self._waiting = self._waiting, {}
        if asked:
            self._answer_all(asked)
        # Where they could not be answered together: one company's trouble is not another's.
        return mine.answers[0] if mine.answers else self._answer([question])[question]

    def _answer_all(self, asked: Mapping[K, _Asked[V]]) -> None:
        found: Mapping[K, V] = {}
        try:
            found = self._answer(list(asked))
        except Exception:
            if len(asked) == 1:
                raise
        finally:
            with self._ended:
                for question, one in asked.items():
                    one.answers = [found[question]] if question in found else []
                    one.ended = True
                self._busy, self._expected = False, len(asked) + len(self._waiting)
                self._ended.notify_all()
