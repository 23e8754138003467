"""The drain: plan, claim, freeze, send and settle until nothing is due (design D2 to D5).

One coordinator (the caller's thread) plans, settles and renews; one thread takes in the next chunk while a
pool of workers sends the last one. The first two talk to the log, in batches; the workers do not. Nothing is
held that the log doesn't know: a killed drain leaves rows under a lease that another one takes up.
"""

import contextvars
import random
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import wait as wait_for
from contextlib import ExitStack
from datetime import datetime
from functools import partial
from uuid import uuid4

from impact_in_pipelines.clock import utc_now
from impact_in_pipelines.delivery.draining.granting import Granting
from impact_in_pipelines.delivery.draining.intake import Intake, Taken
from impact_in_pipelines.delivery.draining.lanes import Request
from impact_in_pipelines.delivery.draining.options import DrainOptions, concurrency_for
from impact_in_pipelines.delivery.draining.results import Results
from impact_in_pipelines.delivery.draining.returning import Returning
from impact_in_pipelines.delivery.draining.summary import DrainSummary
from impact_in_pipelines.delivery.draining.waiting import DrainWait, Lingering, Others, Silence
from impact_in_pipelines.delivery.draining.workerpool import WorkerPool
from impact_in_pipelines.delivery.model import Selection
from impact_in_pipelines.delivery.ports import Connector, DeliveryLog, PayloadSource, RequestBudgets
from impact_in_pipelines.delivery.retry import RetryPlan
from impact_in_pipelines.delivery.showing.tracing import trace_plan
from impact_in_pipelines.logs.context import about

_IDLE_S = 0.25
_PLAN_EVERY_S = 1.0
"""A drain that is kept by one slow request must not let what falls due meanwhile wait for it."""

_SIZE_EVERY_S = 10.0
"""How often a drain whose plan is empty asks how much is due: to count a long queue takes a while."""

_CLAIM_EVERY_S = 1.0
_PATIENCE_S = 5.0
_OWN_PATIENCE_S = 60.0
"""A rate limit counts a minute: what a run of its own must wait for longer, it must not hold a slot for."""
_SETTLE_AT_ONCE = 250
_SETTLE_AFTER_S = 0.5
_LONG_AGO = float("-inf")  # of the monotonic clock: do it at once
_SETTLE_AGAIN_S = 1.0
"""How long after the log could not take results it is asked again."""


class Drain:
    """One drain of one platform. `run()` returns when nothing more is due, in flight or held.

    `check_in` is called at the start and with each renewal of leases; `on_settled` is called in the
    coordinator's thread after each batch of final rows is in the log, `on_waiting` when nothing has ended for
    a while; `should_stop` is asked between batches: the drain then gives back what it has not sent and ends.
    """

    def __init__(
        self,
        *,
        log: DeliveryLog,
        connector: Connector,
        payloads: PayloadSource,
        budgets: RequestBudgets,
        plan: RetryPlan,
        options: DrainOptions | None = None,
        clock: Callable[[], datetime] = utc_now,
        check_in: Callable[[], None] = lambda: None,
        rng: random.Random | None = None,
        worker: str | None = None,
        next_due: Callable[[], datetime | None] = lambda: None,
        on_settled: Callable[[], None] = lambda: None,
        on_waiting: Callable[[DrainWait], None] = lambda _: None,
        should_stop: Callable[[], bool] = lambda: False,
    ) -> None:
        self._log = log
        self._connector = connector
        self._payloads = payloads
        self._plan = plan
        self._options = options or DrainOptions()
        self._clock = clock
        self._check_in = check_in
        self._rng = rng or random.Random()  # noqa: S311 - spreads retries, guards nothing
        self._worker = worker or f"drain-{uuid4()}"
        self._on_settled = on_settled
        self._should_stop = should_stop
        self._pool = WorkerPool(connector.send, clock, should_stop)
        patience_s = self._options.lease.total_seconds()
        self._granting = Granting(budgets, self._pool, self._worker, patience_s)
        self._results = Results(log, plan, clock, self._rng, self._worker)
        self.summary = DrainSummary()
        self._returning = Returning(log, self._pool, clock, self._worker, self.summary)
        self._alone = False
        self._found_nothing = False
        self._taking: Future[Taken] | None = None
        self._claim_again_at = _LONG_AGO
        self._settled_at = time.monotonic()
        self._lingering = Lingering(
            self._options.linger,
            self._options.tick_every,
            next_due,
            clock,
            should_stop,
            started_at=self._settled_at,
        )
        self._others = Others(log, connector.platform, clock, self.summary)
        self._silence = Silence(self._pool, on_waiting)
        self._settle_again_at = _LONG_AGO
        self._trouble_since: float | None = None

    def run(self, selection: Selection | None = None) -> DrainSummary:
        """Drain until nothing is due. Raises what the log raises; rows in hand are then given back."""
        chosen = selection or Selection()
        platform = self._connector.platform
        concurrency, plan_again_at, size_again_at = 0, _LONG_AGO, _LONG_AGO
        self._check_in()
        self._count_leases_from(time.monotonic())
        intake = self._intake()
        with (
            about(platform=platform.value),
            self._pool.running(),
            ThreadPoolExecutor(1, thread_name_prefix="intake") as aside,
        ):
            try:
                while not self._should_stop():
                    # First of all: after a stall the leases may have ended, and what is still ours must not
                    # be claimed a second time.
                    self._renew()
                    if time.monotonic() >= plan_again_at:
                        planned = self._plan_due(chosen)
                        # A full plan leaves more to be planned at once.
                        plan_again_at = _LONG_AGO if planned else time.monotonic() + _PLAN_EVERY_S
                        if planned:
                            self._claim_again_at = _LONG_AGO
                        if planned or time.monotonic() >= size_again_at:
                            size_again_at = time.monotonic() + _SIZE_EVERY_S
                            due = self._log.due_an_hour(platform, self._clock())
                            concurrency = max(concurrency, concurrency_for(due))
                    # Beside the sending: a chunk takes a second to prepare, and the workers would be idle.
                    fresh = self._take_in(intake, chosen, aside)
                    self._granting.ask_now_and_then()
                    # Nothing is sent while the log can't take results: it would arrive unrecorded, and again.
                    woken = self._pool.start(0 if self._in_trouble else concurrency)
                    if self._pool.in_flight or self._results:
                        self._collect(wait=not (fresh or woken))
                        if self._in_trouble and not self._pool.in_flight:
                            time.sleep(_IDLE_S)
                    elif self._pool.queued:
                        time.sleep(self._pause())
                    elif self._taking is not None:
                        wait_for([self._taking], _IDLE_S)
                    elif self._found_nothing and not self._goes_on(chosen):
                        break
                    self._silence.tell_now_and_then(log_is_away=self._in_trouble)
                    self._returning.paced(_PATIENCE_S if chosen.run_id is None else _OWN_PATIENCE_S)
                    if self._returning.call_forward():
                        self._claim_again_at = _LONG_AGO
            finally:
                self._finish()
        return self.summary

    def _goes_on(self, selection: Selection) -> bool:
        """Whether a drain with nothing in hand, which found nothing to claim, has something to stay for."""
        return bool(
            self._plan_due(selection)
            or self._lingers(selection)
            or self._others.waits_for(selection)
        )

    def _lingers(self, selection: Selection) -> bool:
        """Wait a moment if something is due soon; whether to go on. What has arrived is shown meanwhile;
        failures are shown at a run's end, so a drain with any of them doesn't wait."""
        if selection != Selection() or self.summary.failed:
            return False
        waited = self._lingering.waits(self._on_settled)
        if waited:
            self._others.count_anew()
        return waited

    def _plan_due(self, selection: Selection) -> int:
        began = self._clock()
        written = self._log.plan_due(self._connector.platform, began, selection)
        if written:
            self._others.count_anew()
            trace_plan(self._connector.platform, (began, self._clock()))
        self.summary.planned += written
        return written

    @property
    def _in_trouble(self) -> bool:
        """Whether the log could not take the last results."""
        return self._trouble_since is not None

    def _has_something_in_hand(self) -> bool:
        return bool(self._pool.queued or self._pool.in_flight or self._results)

    def _has_room(self) -> bool:
        in_hand = self._has_something_in_hand()
        self._alone = self._alone and in_hand
        if self._alone or self._in_trouble:
            return False
        if in_hand and time.monotonic() < self._claim_again_at:
            return False
        # Beyond a chunk there is room for what is scheduled: whatever came before it, it goes first (D13).
        return self._pool.queued + self._pool.in_flight < self._options.chunk * 2

    def _intake(self) -> Intake:
        return Intake(
            log=self._log,
            payloads=self._payloads,
            platform=self._connector.platform,
            worker=self._worker,
            lease=self._options.lease,
            dedup_window=self._options.dedup_window,
            chunk=self._options.chunk,
            clock=self._clock,
            queue=self._enqueue,
        )

    def _take_in(self, intake: Intake, selection: Selection, aside: ThreadPoolExecutor) -> int:
        """See to it that there is enough to send: here, or `aside` while there is something in hand. Returns
        how many deliveries have been taken in since it was last asked."""
        if self._taking is not None:
            return self._end_taking() if self._taking.done() else 0
        if not self._has_room():
            return 0
        self._found_nothing = False
        if self._has_something_in_hand():
            with self._pool.locked() as queue:
                held_back = queue.held_back(time.monotonic())
            full = self._pool.queued + self._pool.in_flight >= self._options.chunk
            back = [] if full else held_back
            take = partial(intake.take, suspects_too=False, held_back=back, urgent_only=full)
            self._taking = aside.submit(contextvars.copy_context().run, take, selection)
            return 0
        fresh = self._count(intake.take(selection, suspects_too=True))
        # Only here was everything asked for: beside the sending, some are left out.
        self._found_nothing = not fresh
        return fresh

    def _end_taking(self) -> int:
        """Wait for the chunk that is being taken in; raises what it raised."""
        taking, self._taking = self._taking, None
        return self._count(taking.result()) if taking is not None else 0

    def _enqueue(self, ready: Sequence[Request], since: float) -> None:
        self._returning.taken_again(ready)
        with self._pool.locked() as queue:
            for request in ready:
                queue.add(request)
            # A renewal while they were being prepared has passed them over.
            self._count_leases_from(min(self._renewed_at, since))
        self._granting.ask()

    def _count(self, taken: Taken) -> int:
        self._alone = taken.alone
        if taken.claimed < self._options.chunk:
            # The queue is empty behind it: asking again at once would cost a statement for each answer.
            self._claim_again_at = time.monotonic() + _CLAIM_EVERY_S
        if taken.claimed:
            self._others.count_anew()
        self.summary.claimed += taken.claimed
        self.summary.refused += taken.refused
        self.summary.failed += taken.refused
        self.summary.skipped += taken.skipped
        self.summary.released_twins += taken.released_twins
        if taken.refused or taken.skipped:
            self._on_settled()
        return taken.claimed

    def _collect(self, *, wait: bool) -> None:
        """Take in the results of attempts, and settle them once there are enough to be worth a transaction,
        or the first of them has waited long enough."""
        broken: BaseException | None = None
        timeout = self._pause() if wait and self._pool.in_flight else 0.0
        room = self._options.chunk - len(self._results)
        for ended in self._pool.collect(timeout, max(room, 1)):
            if isinstance(ended.result, BaseException):
                broken = ended.result
            else:
                self._results.add(ended.request, ended.result, ended.at)
                self._silence.broken()
        if broken is not None or self._worth_settling():
            self._settle()
        if broken is not None:
            raise broken

    def _worth_settling(self) -> bool:
        if not self._results or time.monotonic() < self._settle_again_at:
            return False
        return (
            self._pool.braked
            or not self._pool.in_flight
            or len(self._results) >= _SETTLE_AT_ONCE
            or time.monotonic() - self._settled_at >= _SETTLE_AFTER_S
        )

    def _settle(self) -> None:
        """Record results. While the log can't take them they are kept and tried again, and nothing more is
        sent: what has arrived would otherwise go out again as lost. Raises what the log does once a lease
        has passed since it took the last one."""
        now = time.monotonic()
        try:
            self._results.settle(self.summary)
        except Exception:
            if self._trouble_since is None:
                self._trouble_since = now
            self._settle_again_at = now + _SETTLE_AGAIN_S
            if now - self._trouble_since >= self._options.lease.total_seconds():
                raise
            return
        self._trouble_since, self._settled_at = None, now
        if self._returning.held(self._results.held):
            # What a breaker lets through next depends on what has just ended: no second's wait for it.
            self._claim_again_at = _LONG_AGO
        self._pool.release_brake()
        self._on_settled()

    def _pause(self) -> float:
        with self._pool.locked() as queue:
            now = time.monotonic()
            waits = [queue.next_opening(now), queue.next_sender(now)]
        first = min((wait for wait in waits if wait is not None), default=_IDLE_S)
        return min(max(first, 0.001), _IDLE_S)

    def _renew(self) -> None:
        """Extend the leases well before they end; what is no longer ours is not sent."""
        now = time.monotonic()
        # A third of the lease: one renewal may fail and the next still comes in time.
        if now - self._renewed_at < self._options.lease.total_seconds() / 3:
            return
        self._check_in()
        # Under the queue's lock: a request taken meanwhile would be sent under a lease that may be gone.
        with self._pool.locked() as queue:
            held = self._pool.delivery_ids()
            # Results that the log has not taken yet are still ours: others would claim their rows as lost.
            held.update(self._results.delivery_ids())
            if held:
                kept = self._log.renew(
                    # In one order, or two statements that lock the same rows wait for each other.
                    sorted(held, key=str),
                    now=self._clock(),
                    lease=self._options.lease,
                    worker=self._worker,
                )
                queue.discard(held - kept)
            self._count_leases_from(now)

    def _count_leases_from(self, renewed_at: float) -> None:
        """Leases hold from `renewed_at` on; well before they end nothing more is sent under them."""
        self._renewed_at = renewed_at
        # Two thirds: what is sent last must still be answered and recorded before the lease ends.
        self._pool.leases_hold_until = renewed_at + self._options.lease.total_seconds() * 2 / 3

    def _finish(self) -> None:
        """Release what was not sent, and record what is on the wire: it arrives whether we look or not.
        Nothing more is taken up while a chunk is still being taken in."""
        self._pool.close()
        with ExitStack() as last:
            # In this order from the bottom up, each whatever the ones before it raise.
            last.callback(self._granting.close)
            last.callback(self._record_sent)
            last.callback(self._returning.unsent)
            last.callback(self._end_taking)

    def _record_sent(self) -> None:
        deadline = time.monotonic() + self._options.lease.total_seconds() / 2
        broken: BaseException | None = None
        while (self._pool.in_flight or self._results) and time.monotonic() < deadline:
            try:
                self._collect(wait=True)
            except BaseException as error:
                broken = broken or error
            if self._results and not self._pool.in_flight:
                time.sleep(_IDLE_S)
        if self._results:
            # Once more: the log fences what is no longer ours, and one that it refuses stops no other.
            self._results.settle_singly(self.summary)
        if broken is not None:
            raise broken
