"""What the delivery core needs from outside; `db` and `connectors` provide it (design, section 4)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from impact_in_pipelines.delivery.limits.budgets import Ask, Grant
from impact_in_pipelines.delivery.model import (
    Claimed,
    Connection,
    Content,
    Refusal,
    Reported,
    Selection,
    SendResult,
    Shipment,
)
from impact_in_pipelines.delivery.payload import Payload, Written
from impact_in_pipelines.platforms import Platform


class Send(Protocol):
    """One attempt (`Connector.send`)."""

    def __call__(self, shipment: Shipment, *, again: Callable[[], bool]) -> SendResult: ...


class Connector(Protocol):
    """Speaks one platform's contract."""

    platform: Platform

    @property
    def batch_limit(self) -> int:
        """Records that fit in one request; 1: no batches."""
        ...

    def send(self, shipment: Shipment, *, again: Callable[[], bool] = lambda: True) -> SendResult:
        """One attempt. Never raises for what the wire or the platform does. `again` is asked before each
        further request to the account within the attempt, which its limits may not leave."""
        ...


class RequestBudgets(Protocol):
    """How many requests each account may make, shared by all drains (D10)."""

    def exchange(self, asks: Sequence[Ask], *, holder: str) -> Sequence[Grant]:
        """Report what has ended and grant what may be made; one answer for each, in their order."""
        ...


class PayloadSource(Protocol):
    """Builds what is sent from today's data."""

    def build(
        self, claimed: Sequence[tuple[Claimed, Connection]], now: datetime
    ) -> Mapping[UUID, Content | Refusal]:
        """A payload for every delivery whose data passes the gate, else a refusal; by delivery id."""
        ...


class OAuthTokens(Protocol):
    """OAuth access tokens shared between workers; kept encrypted."""

    def get(self, key: str, now: datetime) -> str | None:
        """The token under `key` that is still good at `now`, or None."""
        ...

    def put(self, key: str, token: str, expires_at: datetime) -> None:
        """Keep `token` until `expires_at` (UTC)."""
        ...

    def forget(self, key: str, token: str) -> None:
        """Drop `token` if it is still the one that is kept: a platform has refused it."""
        ...


@dataclass(frozen=True, slots=True)
class Prepared:
    """A claimed delivery with its payload, ready to be frozen; `reported` is what was built now (None: it was
    frozen before); `trace_id` is its trace's, 32 hex digits, where deliveries are traced; `written`: the
    payload as it was written down, or the one in whose place a twin's has come."""

    claimed: Claimed
    connection: Connection
    payload: Payload
    payload_hash: str
    payload_bytes: int
    attempt_id: UUID
    batch_id: UUID | None = None
    reported: Reported | None = None
    trace_id: str | None = None
    written: Written | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Frozen:
    """What the log made of prepared deliveries: which may be sent now, under which key and body; `refused`
    have failed, since a batch that failed may have brought their content already."""

    ready: tuple[Prepared, ...]
    skipped: tuple[UUID, ...]
    waiting: tuple[UUID, ...]
    refused: tuple[UUID, ...] = ()


@dataclass(frozen=True, slots=True)
class Settlement:
    """The end of one attempt as the log records it. `next_attempt_at` is None when it was final;
    until `closed_until`, if set, nothing more is to be sent on its connection."""

    prepared: Prepared
    result: SendResult
    finished_at: datetime
    next_attempt_at: datetime | None = None
    closed_until: datetime | None = None

    @property
    def started_at(self) -> datetime:
        """When the attempt was begun."""
        return self.finished_at - timedelta(milliseconds=self.result.latency_ms)


@dataclass(frozen=True, slots=True)
class Held:
    """What may not be sent now: a whole platform, or the connections of `companies`. Those in `trials_too`
    (None: the platform) hold also what was let through to try them."""

    platform: bool = False
    companies: frozenset[UUID] = frozenset()
    trials_too: frozenset[UUID | None] = frozenset()

    def holds(self, claimed: Claimed) -> bool:
        """Whether `claimed` is to go back unsent."""
        if not self.platform and claimed.company_id not in self.companies:
            return False
        scopes: set[UUID | None] = {None, claimed.company_id}
        return not claimed.trial or not scopes.isdisjoint(self.trials_too)


@dataclass(frozen=True, slots=True)
class Settled:
    """Settlements as they were recorded, and what may not be sent any more after them."""

    settlements: Sequence[Settlement]
    held: Held = Held()


@dataclass(frozen=True, slots=True)
class Waits:
    """As a delivery that was claimed and not attempted was given back: when, and until when it waits."""

    since: datetime
    until: datetime


class DeliveryLog(Protocol):
    """The delivery log as the queue (D3). Every method is one transaction."""

    def plan_due(self, platform: Platform, now: datetime, selection: Selection) -> int:
        """Turn fires that are due into rows; returns how many rows were written."""
        ...

    def due_an_hour(self, platform: Platform, now: datetime) -> int:
        """How many deliveries of `platform` are open and due within the hour around `now`."""
        ...

    def claim(
        self,
        platform: Platform,
        *,
        now: datetime,
        limit: int,
        worker: str,
        lease: timedelta,
        selection: Selection,
        suspects: bool = False,
        held_back: Sequence[UUID] = (),
        urgent_only: bool = False,
    ) -> Sequence[Claimed]:
        """Up to `limit` due deliveries, now held by `worker`; batches whole. Those over which workers keep
        dying (`retry.SUSPECT_FROM`) are left out, or with `suspects` they alone are meant. By priority
        (D13), none of the companies `held_back`, not many of one company, and with `urgent_only` nothing but
        what is scheduled."""
        ...

    def connections(
        self, platform: Platform, company_ids: Sequence[UUID]
    ) -> Mapping[UUID, Connection | Refusal]:
        """The connection of each company, or why the stored one can't be used; one without any is left
        out."""
        ...

    def refuse(
        self, refusals: Sequence[tuple[Claimed, Refusal]], *, now: datetime, worker: str
    ) -> None:
        """These fail for good without an attempt."""
        ...

    def freeze(
        self, prepared: Sequence[Prepared], *, now: datetime, window: timedelta, worker: str
    ) -> Frozen:
        """Store payloads, keys and batches before their first attempt, skip what had arrived inside the
        window, hold back twins of what is in flight, and open an attempt for each that is ready."""
        ...

    def settle(self, settlements: Sequence[Settlement], *, now: datetime, worker: str) -> Settled:
        """Record how attempts of one platform ended. A row whose lease another worker has taken keeps its
        state, and one that is settled already too: whoever isn't sure that it was recorded records it again.
        What failed under an open breaker is recorded as held (D12)."""
        ...

    def renew(
        self, ids: Sequence[UUID], *, now: datetime, lease: timedelta, worker: str
    ) -> frozenset[UUID]:
        """Extend leases; returns the ids that are still `worker`'s."""
        ...

    def release_claims(
        self, ids: Sequence[UUID], *, now: datetime, next_attempt_at: datetime, worker: str
    ) -> None:
        """Give back claimed rows that were not attempted, to be claimed again at `next_attempt_at`."""
        ...

    def call_forward(self, waiting: Mapping[UUID, Waits], *, now: datetime) -> int:
        """Those of them that still wait as they were given back are due now; returns how many."""
        ...

    def due_now(self, platform: Platform, now: datetime, selection: Selection) -> int:
        """How many deliveries `claim` would find, whoever has locked them; counted up to a chunk."""
        ...
