"""The drain: plan, claim, freeze, send and settle until nothing is due (design D2 to D5).

One coordinator (the caller's thread) talks to the log, in batches; worker threads only send. Nothing is
held that the log doesn't know: a killed drain leaves rows under a lease that another one takes up.
"""

import queue
import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from uuid import UUID, uuid4

from impact_in_pipelines.delivery.capacity import concurrency_for
from impact_in_pipelines.delivery.model import Claimed, Selection, SendResult
from impact_in_pipelines.delivery.ports import Connector, DeliveryLog, PayloadSource, Settlement
from impact_in_pipelines.delivery.preparing import parcels, prepare, without_worn_out
from impact_in_pipelines.delivery.retry import RetryPlan
from impact_in_pipelines.delivery.sendqueue import Parcel, SendQueue
from impact_in_pipelines.delivery.states import AttemptOutcome, ErrorKind

CHUNK = 500
"""Deliveries claimed, frozen and settled in one statement each; bounds what is in memory to twice this."""

_IDLE_S = 0.25
_PLAN_EVERY_S = 10.0
_PATIENCE_S = 5.0
_SETTLE_AT_ONCE = 100
_SETTLE_AFTER_S = 0.25


def utc_now() -> datetime:
    """The wall clock, aware."""
    return datetime.now(UTC)


@dataclass(slots=True)
class DrainSummary:
    """What a drain did, counted in deliveries (`attempts` by outcome)."""

    planned: int = 0
    claimed: int = 0
    refused: int = 0
    skipped: int = 0
    held_back: int = 0
    attempts: Counter[AttemptOutcome] = field(default_factory=Counter)
    retrying: int = 0
    failed: int = 0

    @property
    def delivered(self) -> int:
        return self.attempts[AttemptOutcome.DELIVERED]


@dataclass(frozen=True)
class DrainOptions:
    """`lease`: how long a claim holds without renewal; `dedup_window`: D4's 24 hours."""

    lease: timedelta = timedelta(seconds=180)
    dedup_window: timedelta = timedelta(hours=24)
    chunk: int = CHUNK


class Drain:
    """One drain of one platform. `run()` returns when nothing more is due, in flight or held.

    `on_settled` is called in the coordinator's thread after each batch of final rows is in the log;
    `should_stop` is asked between batches: the drain then gives back what it has not sent and ends.
    """

    def __init__(
        self,
        *,
        log: DeliveryLog,
        connector: Connector,
        payloads: PayloadSource,
        plan: RetryPlan,
        options: DrainOptions | None = None,
        clock: Callable[[], datetime] = utc_now,
        rng: random.Random | None = None,
        worker: str | None = None,
        on_settled: Callable[[], None] = lambda: None,
        should_stop: Callable[[], bool] = lambda: False,
    ) -> None:
        self._log = log
        self._connector = connector
        self._payloads = payloads
        self._plan = plan
        self._options = options or DrainOptions()
        self._clock = clock
        self._rng = rng or random.Random()  # noqa: S311 - spreads retries, guards nothing
        self._worker = worker or f"drain-{uuid4()}"
        self._on_settled = on_settled
        self._should_stop = should_stop
        self._queue = SendQueue()
        self._in_flight: dict[UUID, Parcel] = {}
        self._done: queue.SimpleQueue[tuple[Parcel, SendResult | BaseException]] = (
            queue.SimpleQueue()
        )
        self._ended: list[tuple[Parcel, SendResult, datetime]] = []
        self._alone = False
        self._renewed_at = self._settled_at = time.monotonic()
        self.summary = DrainSummary()

    def run(self, selection: Selection | None = None) -> DrainSummary:
        """Drain until nothing is due. Raises what the log raises; rows in hand are then given back."""
        chosen = selection or Selection()
        platform = self._connector.platform
        concurrency, plan_again_at = 0, 0.0
        with ThreadPoolExecutor(max_workers=100, thread_name_prefix="send") as pool:
            try:
                while not self._should_stop():
                    # First of all: after a stall the leases may have ended, and what is still ours must not
                    # be claimed a second time.
                    self._renew()
                    if time.monotonic() >= plan_again_at:
                        planned = self._plan_due(chosen)
                        # A full plan leaves more to be planned at once.
                        plan_again_at = 0.0 if planned else time.monotonic() + _PLAN_EVERY_S
                        due = self._log.due_an_hour(platform, self._clock())
                        concurrency = max(concurrency, concurrency_for(due))
                    fresh = self._take_in(chosen) if self._has_room() else 0
                    sent = self._send(pool, concurrency)
                    if self._in_flight or self._ended:
                        self._collect(wait=not (fresh or sent))
                    elif self._queue:
                        time.sleep(self._pause())
                    elif not fresh and not self._plan_due(chosen):
                        break
                    if chosen.run_id is None:
                        self._put_off()
            finally:
                self._finish()
        return self.summary

    def _plan_due(self, selection: Selection) -> int:
        written = self._log.plan_due(self._connector.platform, self._clock(), selection)
        self.summary.planned += written
        return written

    def _has_something_in_hand(self) -> bool:
        return bool(self._queue or self._in_flight or self._ended)

    def _has_room(self) -> bool:
        self._alone = self._alone and self._has_something_in_hand()
        if self._alone:
            return False
        return len(self._queue) + len(self._in_flight) < self._options.chunk // 2

    def _take_in(self, selection: Selection) -> int:
        """Claim a chunk, refuse what can't be sent, freeze the rest; returns how many were claimed."""
        now = self._clock()
        claimed = self._claim(selection, now)
        if not claimed:
            return 0
        self.summary.claimed += len(claimed)
        try:
            self._make_ready(claimed, now)
        except BaseException:
            self._log.release(
                [row.id for row in claimed], now=now, next_attempt_at=now, worker=self._worker
            )
            raise
        return len(claimed)

    def _claim(self, selection: Selection, now: datetime) -> Sequence[Claimed]:
        """A chunk; or, where nothing else is due or in hand, one delivery over which workers keep dying."""
        claim = partial(
            self._log.claim,
            self._connector.platform,
            now=now,
            worker=self._worker,
            lease=self._options.lease,
            selection=selection,
        )
        claimed = claim(limit=self._options.chunk)
        if claimed or self._has_something_in_hand():
            return claimed
        claimed = claim(limit=1, suspects=True)
        self._alone = bool(claimed)
        return claimed

    def _make_ready(self, claimed: Sequence[Claimed], now: datetime) -> None:
        connections = self._log.connections(
            self._connector.platform, [row.company_id for row in claimed]
        )
        fit, worn_out = without_worn_out(claimed)
        prepared, refusals = prepare(fit, connections, self._payloads, now)
        refusals += worn_out
        self._log.refuse(refusals, now=now, worker=self._worker)
        frozen = self._log.freeze(
            prepared, now=now, window=self._options.dedup_window, worker=self._worker
        )
        refused = len(refusals) + len(frozen.refused)
        self.summary.refused += refused
        self.summary.failed += refused
        self.summary.skipped += len(frozen.skipped)
        self.summary.held_back += len(frozen.waiting)
        for parcel in parcels(frozen.ready):
            self._queue.add(parcel)
        if refused or frozen.skipped:
            self._on_settled()

    def _send(self, pool: ThreadPoolExecutor, concurrency: int) -> int:
        sent = 0
        while len(self._in_flight) < concurrency:
            parcel = self._queue.take(time.monotonic())
            if parcel is None:
                break
            self._in_flight[parcel.shipment.request_id] = parcel
            pool.submit(self._work, parcel)
            sent += 1
        return sent

    def _work(self, parcel: Parcel) -> None:
        """In a worker thread: one attempt; whatever happens, the coordinator hears of it."""
        try:
            self._done.put((parcel, self._connector.send(parcel.shipment)))
        except BaseException as error:
            self._done.put((parcel, error))

    def _collect(self, *, wait: bool) -> None:
        """Take in the attempts that have ended, and settle them once there are enough to be worth a
        transaction, or the first of them has waited long enough."""
        broken: BaseException | None = None
        timeout = self._pause() if wait and self._in_flight else 0.0
        while len(self._ended) < self._options.chunk:
            try:
                parcel, result = (
                    self._done.get(timeout=timeout) if timeout else self._done.get_nowait()
                )
            except queue.Empty:
                break
            timeout = 0.0
            del self._in_flight[parcel.shipment.request_id]
            if isinstance(result, BaseException):
                self._queue.done(parcel, now=time.monotonic())
                broken = result
                continue
            closed_for_s = (
                (result.retry_after_ms or 0.0) / 1000
                if result.error_kind is ErrorKind.RATE_LIMITED
                else 0.0
            )
            self._queue.done(parcel, now=time.monotonic(), closed_for_s=closed_for_s)
            self._ended.append((parcel, result, self._clock()))
        if self._worth_settling() or broken is not None:
            self._settle()
        if broken is not None:
            raise broken

    def _worth_settling(self) -> bool:
        if not self._ended:
            return False
        return (
            not self._in_flight
            or len(self._ended) >= _SETTLE_AT_ONCE
            or time.monotonic() - self._settled_at >= _SETTLE_AFTER_S
        )

    def _settle(self) -> None:
        settlements = [
            settlement
            for parcel, result, at in self._ended
            for settlement in self._outcome(parcel, result, at)
        ]
        self._ended.clear()
        self._settled_at = time.monotonic()
        self._log.settle(settlements, worker=self._worker)
        for settlement in settlements:
            outcome = settlement.result.outcome
            self.summary.attempts[outcome] += 1
            if outcome in (AttemptOutcome.RETRYABLE, AttemptOutcome.PERMANENT):
                if settlement.next_attempt_at is None:
                    self.summary.failed += 1
                else:
                    self.summary.retrying += 1
        self._on_settled()

    def _outcome(self, parcel: Parcel, result: SendResult, now: datetime) -> list[Settlement]:
        """A settlement for each member; one random factor for all, so that a batch stays together."""
        next_attempt_at = None
        if result.outcome is AttemptOutcome.RETRYABLE:
            failed = max(member.claimed.failed_attempts for member in parcel.members) + 1
            next_attempt_at = self._plan.next_attempt_at(
                failed_attempts=failed,
                now=now,
                rng=self._rng,
                retry_after_ms=result.retry_after_ms,
            )
        return [Settlement(member, result, now, next_attempt_at) for member in parcel.members]

    def _pause(self) -> float:
        opening = self._queue.next_opening(time.monotonic())
        return _IDLE_S if opening is None else min(max(opening, 0.001), _IDLE_S)

    def _renew(self) -> None:
        """Extend the leases well before they end; what is no longer ours is not sent."""
        now = time.monotonic()
        if now - self._renewed_at < self._options.lease.total_seconds() / 3:
            return
        self._renewed_at = now
        held = {id_ for parcel in self._in_flight.values() for id_ in parcel.ids}
        held.update(id_ for parcel, _, _ in self._ended for id_ in parcel.ids)
        held.update(id_ for parcel in self._queue.peek() for id_ in parcel.ids)
        if held:
            kept = self._log.renew(
                sorted(held, key=str),
                now=self._clock(),
                lease=self._options.lease,
                worker=self._worker,
            )
            self._queue.discard(held - kept)

    def _put_off(self) -> None:
        """What its connection's rate limit holds back for long goes back to the log until the limit opens:
        it would otherwise take the room of others. A run's own selection waits here instead."""
        for opens_in_s, parcels_ in self._queue.withdraw(time.monotonic(), _PATIENCE_S):
            ids = [id_ for parcel in parcels_ for id_ in parcel.ids]
            now = self._clock()
            self._log.release(
                ids,
                now=now,
                next_attempt_at=now + timedelta(seconds=opens_in_s),
                worker=self._worker,
            )

    def _finish(self) -> None:
        """Give back what was not sent, and record what is on the wire: it will arrive whether we look or
        not."""
        left = [id_ for parcel in self._queue.drain() for id_ in parcel.ids]
        now = self._clock()
        self._log.release(left, now=now, next_attempt_at=now, worker=self._worker)
        deadline = time.monotonic() + self._options.lease.total_seconds() / 2
        while (self._in_flight or self._ended) and time.monotonic() < deadline:
            self._collect(wait=True)
