"""Asks the shared budgets for what a drain's connections may send, and reports what has ended (D10)."""

import time
from collections.abc import Hashable, Sequence

from impact_in_pipelines.delivery.draining.lanes import Request, account_of, limit_of
from impact_in_pipelines.delivery.draining.workerpool import WorkerPool
from impact_in_pipelines.delivery.limits.budgets import Ask, Grant
from impact_in_pipelines.delivery.ports import RequestBudgets

_ASK_EVERY_S = 0.1


class Granting:
    """Safe to call from the coordinator and the intake: what one of them asks, the other doesn't."""

    def __init__(
        self, budgets: RequestBudgets, pool: WorkerPool, worker: str, patience_s: float
    ) -> None:
        self._budgets = budgets
        self._pool = pool
        self._worker = worker
        self._patience_s = patience_s
        self._asked_at = float("-inf")
        self._trouble_since: float | None = None
        pool.one_more = self.one_more

    def ask_now_and_then(self) -> None:
        """Ask, unless somebody did a moment ago."""
        if time.monotonic() - self._asked_at >= _ASK_EVERY_S:
            self.ask()

    def ask(self) -> None:
        """One exchange with the budgets, if there is anything to ask or to report. While they can't be
        reached nothing is granted; raises what they raise once that has lasted for `patience_s`."""
        now = self._asked_at = time.monotonic()
        with self._pool.locked() as queue:
            asks = queue.asks(now)
        if not asks:
            return
        grants: Sequence[Grant] | None = None
        try:
            grants = self._exchange(asks)
            self._trouble_since = None
        except Exception:
            if self._trouble_since is None:
                self._trouble_since = now
            if now - self._trouble_since >= self._patience_s:
                raise
        finally:
            with self._pool.locked() as queue:
                queue.answer(asks, grants, now, time.monotonic())

    def one_more(self, request: Request) -> bool:
        """Ask for one repetition of `request` within its attempt. It is rare, so it has a statement of its
        own; while the budgets can't be reached nothing is repeated."""
        connection = request.connection
        ask = Ask(account_of(connection), limit_of(connection), wanted=1, urgent=1)
        try:
            (grant,) = self._budgets.exchange([ask], holder=self._worker)
        except Exception:
            return False
        if grant.requests:
            with self._pool.locked() as queue:
                queue.repeated(request)
        return grant.requests > 0

    def close(self) -> None:
        """Return what was not used. What can't be reported rests until it must have ended."""
        with self._pool.locked() as queue:
            asks = queue.last_asks(time.monotonic())
        if asks:
            self._exchange(asks)

    def _exchange(self, asks: Sequence[tuple[Hashable, Ask]]) -> Sequence[Grant]:
        return self._budgets.exchange([ask for _, ask in asks], holder=self._worker)
