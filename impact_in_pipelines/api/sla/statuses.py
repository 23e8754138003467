"""SLA statuses that have been measured a moment ago, kept until something of the company changes.

A status is a few queries over weeks of the log, and a cockpit asks for it from every window that is open.
What changes it is heard at once (`events`). What only time changes, an overdue fire, shows after
`FRESH_S`.
"""

import logging
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from uuid import UUID

from impact_in_pipelines.sla.budget import ErrorBudget

FRESH_S = 60.0
"""Until then an answer is given as it is. A fire counts as overdue after minutes."""
USABLE_S = 120.0
"""Until then it is given once more while a new one is measured; after that nobody is given it."""
BUDGET_KEPT_FOR_S = 300.0
"""The budget of all is over 28 days of everybody, and reads all of them; five minutes are nothing to it."""
_MOST_COMPANIES = 10_000
_MOST_QUESTIONS = 10
_log = logging.getLogger(__name__)

Question = tuple[UUID | None, Hashable]
_Began = tuple[float, int, int]
"""When an answer was begun, how many changes of its company there had been, and how many were missed."""


class StatusCache:
    """Answers by company and question. Safe to share between threads.

    `listening` tells whether changes are heard at present: if not, nothing is kept.
    """

    def __init__(
        self, listening: Callable[[], bool], *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._listening = listening
        self._clock = clock
        self._lock = Lock()
        self._answers: OrderedDict[UUID | None, dict[Hashable, tuple[float, bytes]]] = OrderedDict()
        self._changes: dict[UUID | None, int] = {}
        self._missed = 0
        self._budget: tuple[float, ErrorBudget | None] | None = None
        self._renewing: set[Question] = set()
        self._renewer = ThreadPoolExecutor(1, thread_name_prefix="sla-status")

    def answer(
        self, company_id: UUID | None, question: Hashable, make: Callable[[], bytes]
    ) -> bytes:
        """The kept answer, or a new one that `make` gives. None stands for all companies: what concerns
        all of them changes all the time, and is kept for its time."""
        kept = self.kept(company_id, question, make)
        return self._made(company_id, question, make) if kept is None else kept

    def kept(
        self, company_id: UUID | None, question: Hashable, make: Callable[[], bytes]
    ) -> bytes | None:
        """The kept answer, which `make` renews meanwhile if it isn't fresh; None: it has to be made."""
        now = self._clock()
        with self._lock:
            kept = self._answers.get(company_id, {}).get(question)
            age = now - kept[0] if kept is not None else USABLE_S
            renews = FRESH_S <= age < USABLE_S and (company_id, question) not in self._renewing
            if renews:
                self._renewing.add((company_id, question))
        if kept is None or age >= USABLE_S or not self._listening():
            return None
        if renews:
            self._renewer.submit(self._renew, company_id, question, make)
        return kept[1]

    def close(self) -> None:
        """Renew nothing more."""
        self._renewer.shutdown(wait=True, cancel_futures=True)

    def _renew(
        self, company_id: UUID | None, question: Hashable, make: Callable[[], bytes]
    ) -> None:
        try:
            self._made(company_id, question, make)
        except Exception:
            # Whoever asks when the old one is no longer usable is told.
            _log.exception("an SLA status could not be measured anew")
        finally:
            with self._lock:
                self._renewing.discard((company_id, question))

    def _made(
        self, company_id: UUID | None, question: Hashable, make: Callable[[], bytes]
    ) -> bytes:
        began = self._began(company_id)
        made = make()
        self._keep_unless_changed(company_id, question, began, made)
        return made

    async def made_soon(
        self, company_id: UUID, question: Hashable, make: Callable[[], Awaitable[bytes]]
    ) -> bytes:
        """A new answer that `make` gives, kept as `answer` does."""
        began = self._began(company_id)
        made = await make()
        self._keep_unless_changed(company_id, question, began, made)
        return made

    def _began(self, company_id: UUID | None) -> _Began:
        now = self._clock()
        with self._lock:
            return now, self._changes.get(company_id, 0), self._missed

    def _keep_unless_changed(
        self, company_id: UUID | None, question: Hashable, began: _Began, made: bytes
    ) -> None:
        now, *before = began
        with self._lock:
            # What changed while it was being made may be missing in it.
            if [self._changes.get(company_id, 0), self._missed] == before:
                self._keep(company_id, question, now, made)

    def budget_of_all(self, make: Callable[[], ErrorBudget | None]) -> ErrorBudget | None:
        """The error budget of all companies together, at most five minutes old."""
        now, kept = self._clock(), self._budget
        if kept is None or now - kept[0] >= BUDGET_KEPT_FOR_S:
            self._budget = kept = (now, make())
        return kept[1]

    def changed(self, company_id: UUID) -> None:
        """A delivery of the company has changed: measure anew."""
        with self._lock:
            self._changes[company_id] = self._changes.get(company_id, 0) + 1
            self._answers.pop(company_id, None)

    def clear(self) -> None:
        """Changes were missed: measure everything anew."""
        with self._lock:
            self._answers.clear()
            self._missed += 1

    def _keep(self, company_id: UUID | None, question: Hashable, now: float, made: bytes) -> None:
        answers = self._answers.setdefault(company_id, {})
        if len(answers) >= _MOST_QUESTIONS:
            answers.clear()
        answers[question] = (now, made)
        self._answers.move_to_end(company_id)
        if len(self._answers) > _MOST_COMPANIES:
            self._answers.popitem(last=False)
