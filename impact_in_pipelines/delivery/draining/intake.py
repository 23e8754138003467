"""Taking in: claim a chunk, refuse what can't be sent, freeze the rest (design D4)."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

from impact_in_pipelines.delivery.draining.lanes import Request
from impact_in_pipelines.delivery.draining.preparing import as_requests, prepare, without_worn_out
from impact_in_pipelines.delivery.model import Claimed, Selection
from impact_in_pipelines.delivery.ports import DeliveryLog, PayloadSource
from impact_in_pipelines.delivery.showing.log_lines import say_refused, say_skipped, say_unresolved
from impact_in_pipelines.delivery.showing.tracing import trace_taken
from impact_in_pipelines.platforms import Platform


@dataclass(frozen=True, slots=True)
class Taken:
    """The result of taking in one chunk, counted in deliveries; `alone`: it is a single one over which
    workers keep dying."""

    claimed: int = 0
    refused: int = 0
    skipped: int = 0
    released_twins: int = 0
    alone: bool = False


@dataclass(frozen=True, slots=True)
class Intake:
    """Takes in for one worker. `queue` gets what may be sent, and since when (seconds of the monotonic clock)
    its lease counts."""

    log: DeliveryLog
    payloads: PayloadSource
    platform: Platform
    worker: str
    lease: timedelta
    dedup_window: timedelta
    chunk: int
    clock: Callable[[], datetime]
    queue: Callable[[Sequence[Request], float], None]

    def take(
        self,
        selection: Selection,
        *,
        suspects_too: bool,
        held_back: Sequence[UUID] = (),
        urgent_only: bool = False,
    ) -> Taken:
        """One chunk, without companies `held_back`, with `urgent_only` only of what is scheduled; with
        `suspects_too`, where nothing else is due, one delivery over which workers keep dying. Raises what the
        log and the payloads raise; what was claimed is then given back."""
        since, now = time.monotonic(), self.clock()
        claim = partial(
            self.log.claim,
            self.platform,
            now=now,
            worker=self.worker,
            lease=self.lease,
            selection=selection,
            held_back=held_back,
            urgent_only=urgent_only,
        )
        claimed, alone = claim(limit=self.chunk), False
        if not claimed and suspects_too:
            claimed = claim(limit=1, suspects=True)
            alone = bool(claimed)
        if not claimed:
            return Taken()
        try:
            return self._make_ready(claimed, now, since, alone)
        except BaseException:
            now = self.clock()
            self.log.release_claims(
                [row.id for row in claimed], now=now, next_attempt_at=now, worker=self.worker
            )
            raise

    def _make_ready(
        self, claimed: Sequence[Claimed], now: datetime, since: float, alone: bool
    ) -> Taken:
        claimed_at = self.clock()
        connections = self.log.connections(self.platform, [row.company_id for row in claimed])
        fit, worn_out = without_worn_out(claimed)
        prepared, refusals = prepare(fit, connections, self.payloads, now)
        refusals += worn_out
        # Building takes long enough for the claim's time to be no longer true.
        self.log.refuse(refusals, now=self.clock(), worker=self.worker)
        frozen = self.log.freeze(
            prepared, now=self.clock(), window=self.dedup_window, worker=self.worker
        )
        say_refused(refusals)
        say_unresolved(prepared, frozen.refused)
        say_skipped(prepared, frozen.skipped)
        trace_taken(self.platform, frozen.ready, (now, claimed_at), (claimed_at, self.clock()))
        self.queue(as_requests(frozen.ready), since)
        return Taken(
            claimed=len(claimed),
            refused=len(refusals) + len(frozen.refused),
            skipped=len(frozen.skipped),
            released_twins=len(frozen.waiting),
            alone=alone,
        )
