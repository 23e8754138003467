"""Results of attempts, kept until the log has taken them: a result is never forgotten.

What has arrived and isn't recorded goes out again when its lease ends. So nothing is dropped before the log
has it, and because the log fences every result by worker and attempt, recording one twice is safe.
"""

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from impact_in_pipelines.delivery.draining.lanes import Request
from impact_in_pipelines.delivery.draining.summary import DrainSummary
from impact_in_pipelines.delivery.model import SendResult
from impact_in_pipelines.delivery.ports import DeliveryLog, Held, Settlement
from impact_in_pipelines.delivery.retry import RetryPlan
from impact_in_pipelines.delivery.showing.log_lines import say_attempts
from impact_in_pipelines.delivery.showing.tracing import trace_settled
from impact_in_pipelines.delivery.states import AttemptOutcome

_TOLD_TO_WAIT = (429, 503)


class Results:
    """The results that the log has not taken yet, one group of settlements for each request. Used by the
    coordinator's thread alone."""

    def __init__(
        self,
        log: DeliveryLog,
        plan: RetryPlan,
        clock: Callable[[], datetime],
        rng: random.Random,
        worker: str,
    ) -> None:
        self._log = log
        self._plan = plan
        self._clock = clock
        self._rng = rng
        self._worker = worker
        self._kept: list[Sequence[Settlement]] = []
        self.held = Held()
        """What may not be sent any more, as the log said last."""

    def __len__(self) -> int:
        """Requests whose results are kept."""
        return len(self._kept)

    def delivery_ids(self) -> Iterator[UUID]:
        """The deliveries whose results are kept: their leases still count."""
        return (s.prepared.claimed.id for group in self._kept for s in group)

    def add(self, request: Request, result: SendResult, at: datetime) -> None:
        """Keep how `request` ended at `at` (UTC), and decide now when it is tried again: recording it once
        more must not roll the dice anew."""
        self._kept.append(self._settlements(request, result, at))

    def settle(self, summary: DrainSummary) -> None:
        """Give all of them to the log in one transaction and count them in `summary`. If that raises, they
        are kept as they are."""
        groups = list(self._kept)
        settlements = [settlement for group in groups for settlement in group]
        began = self._clock()
        settled = self._log.settle(settlements, now=began, worker=self._worker)
        # Only now: an error above must leave them where they are.
        self._kept = self._kept[len(groups) :]
        self.held = settled.held
        _count(settled.settlements, summary)
        say_attempts(settled.settlements)
        trace_settled(settled.settlements, (began, self._clock()))

    def settle_singly(self, summary: DrainSummary) -> None:
        """Give them to the log one request at a time, so that one which it refuses takes no other along.
        Raises what the last of those that failed raised."""
        refused: Exception | None = None
        left, kept = list(self._kept), []
        try:
            while left:
                try:
                    began = self._clock()
                    settled = self._log.settle(left[0], now=began, worker=self._worker)
                except Exception as error:
                    refused = error
                    kept.append(left.pop(0))
                    continue
                del left[0]
                _count(settled.settlements, summary)
                say_attempts(settled.settlements)
                trace_settled(settled.settlements, (began, self._clock()))
        finally:
            # Also where this is interrupted: those whose turn had not come are not recorded.
            self._kept = kept + left
        if refused is not None:
            raise refused

    def _settlements(
        self, request: Request, result: SendResult, now: datetime
    ) -> Sequence[Settlement]:
        """One for each member; one random factor for all, so that a batch stays together."""
        next_attempt_at = None
        if result.outcome is AttemptOutcome.RETRYABLE:
            closed_ms = self._plan.closes_for_ms(result.retry_after_ms)
            if result.http_status in _TOLD_TO_WAIT and closed_ms is not None:
                return _held(request, result, now, now + timedelta(milliseconds=closed_ms))
            failed = max(member.claimed.failed_attempts for member in request.members) + 1
            next_attempt_at = self._plan.next_attempt_at(
                failed_attempts=failed,
                now=now,
                rng=self._rng,
                retry_after_ms=result.retry_after_ms,
                kind=result.error_kind,
            )
        return [Settlement(member, result, now, next_attempt_at) for member in request.members]


def _held(
    request: Request, result: SendResult, now: datetime, until: datetime
) -> Sequence[Settlement]:
    """Nothing has failed: the connection is closed until the time that the platform gave."""
    held = replace(
        result,
        outcome=AttemptOutcome.HELD,
        error=f"{result.error}; the platform asked to wait until {until:%Y-%m-%d %H:%M} UTC",
    )
    return [Settlement(member, held, now, until, until) for member in request.members]


def _count(settlements: Sequence[Settlement], summary: DrainSummary) -> None:
    for settlement in settlements:
        outcome = settlement.result.outcome
        summary.attempts[outcome] += 1
        if outcome is AttemptOutcome.HELD:
            summary.held += 1
        if outcome in (AttemptOutcome.RETRYABLE, AttemptOutcome.PERMANENT):
            if settlement.next_attempt_at is None:
                summary.failed += 1
            else:
                summary.retrying += 1
