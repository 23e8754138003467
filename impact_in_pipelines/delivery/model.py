"""The values that travel between the rooms: a connection, a claimed delivery, a shipment, its result."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any
from uuid import UUID

from impact_in_pipelines.delivery.payload import Payload, Written, canonical_bytes
from impact_in_pipelines.delivery.states import AttemptOutcome, ErrorKind, Trigger
from impact_in_pipelines.platforms import FACTS, Platform

_OAUTH = frozenset({"client_id", "client_secret"})


@dataclass(frozen=True, slots=True)
class Connection:
    """One company's account on one platform. `credentials` never shows in a repr.

    `options` are free settings of the account: `programId`, `programName`, `projectId`, `auth`.
    `source` is `database` or `environment` (the default connection).
    """

    company_id: UUID
    platform: Platform
    organization_id: str
    base_url: str
    credentials: Mapping[str, str] = field(repr=False)
    options: Mapping[str, Any] = field(default_factory=dict)
    rate_limit_per_minute: int | None = None
    max_concurrency: int | None = None
    source: str = "database"

    @property
    def uses_oauth(self) -> bool:
        """Whether the account gets access tokens with its client id and secret; else it has a key."""
        return self.credentials.keys() >= _OAUTH

    @property
    def requests_per_minute(self) -> int:
        """The limit in force: the connection's own or the platform's published one."""
        return self.rate_limit_per_minute or FACTS[self.platform].rate_limit_per_minute

    @property
    def requests_per_day(self) -> int | None:
        """The platform's published limit for one organisation; None: there is none."""
        return FACTS[self.platform].rate_limit_per_day

    @property
    def rate_key(self) -> tuple[str, str]:
        """What a platform counts requests by: its address and the organisation."""
        return (self.base_url, self.organization_id)


@dataclass(frozen=True, slots=True)
class Reported:
    """What a payload says of a company's period, whatever the account is called: `figures` under our own
    names, as far as the platform is sent them, and their `fingerprint` (64 hex digits): two payloads of one
    platform report the same exactly if it is equal."""

    figures: Mapping[str, Any]
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Content:
    """A payload, what it reports, and how it is written down where somebody has done that already."""

    payload: Payload
    reported: Reported | None = None
    written: Written | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Claimed:
    """One row of `impact_deliveries` that this worker holds under a lease.

    `attempt_number` is the attempt that is about to be made (1-based, lost attempts counted);
    `failed_attempts` those that failed since the row was planned or replayed, `workers_lost` how many
    workers in a row died over it, before their attempt was opened or after. `may_have_arrived`: an earlier
    attempt may have reached the platform under this row's key. `payload` is None until the first attempt
    has frozen it; `rebuild` asks to build it anew (a replay, D11). `trial`: a breaker
    let it through, to see whether its platform works again (D12). `correction`: which correction of its
    report it is, from 1 (0: none); `first_due_at`: when that report was due at first.
    """

    id: UUID
    company_id: UUID
    company_slug: str
    company_name: str
    platform: Platform
    trigger: Trigger
    timezone: str
    period_start: date
    period_end: date
    scheduled_for: datetime
    idempotency_key: UUID
    attempt_number: int
    failed_attempts: int
    workers_lost: int = 0
    may_have_arrived: bool = False
    revision: int = 1
    schedule_id: UUID | None = None
    batch_id: UUID | None = None
    payload: Payload | None = None
    payload_hash: str | None = None
    rebuild: bool = False
    force: bool = False
    replay_of: UUID | None = None
    dagster_run_id: str | None = None
    trial: bool = False
    correction: int = 0
    first_due_at: datetime | None = None

    @property
    def tried(self) -> bool:
        """Whether it went out before in any way that counts for the platform: then its key stays."""
        return self.attempt_number > 1 or self.may_have_arrived


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a delivery can't be sent at all: it fails for good, before any attempt."""

    kind: ErrorKind
    message: str


@dataclass(frozen=True, slots=True)
class Shipment:
    """What one HTTP request carries: one delivery, or a frozen batch of one connection.

    `key` is the delivery's idempotency key or the batch's id; `request_id` the attempt's id.
    `may_have_arrived`: an earlier attempt under `key` may have reached the platform, so that a conflict
    may mean that this one is being processed. `traceparent`: where its spans belong (W3C Trace Context).
    `written`: the body, where it has been written down already.
    """

    connection: Connection
    key: UUID
    request_id: UUID
    payloads: tuple[Payload, ...]
    is_batch: bool = False
    may_have_arrived: bool = False
    traceparent: str | None = None
    written: bytes | None = field(default=None, compare=False, repr=False)

    @property
    def body(self) -> bytes:
        """The bytes on the wire: the frozen payload, or `{"records": […]}` of the batch."""
        if self.written is not None:
            return self.written
        content = {"records": list(self.payloads)} if self.is_batch else self.payloads[0]
        return canonical_bytes(content)


@dataclass(frozen=True, slots=True)
class SendResult:
    """How one attempt ended. `error` is redacted; `retry_after_ms` what the platform asked for;
    `latency_ms` the attempt's duration in milliseconds; `response` the answer without secrets."""

    outcome: AttemptOutcome
    latency_ms: float
    http_status: int | None = None
    transaction_id: str | None = None
    response: Mapping[str, Any] | None = None
    error_kind: ErrorKind | None = None
    error: str | None = None
    retry_after_ms: float | None = None

    def taking(self, latency_ms: float) -> "SendResult":
        """The same with the attempt's measured duration."""
        return replace(self, latency_ms=latency_ms)


@dataclass(frozen=True, slots=True)
class Selection:
    """Which deliveries a drain takes: all that are due (default), those of some companies, or just those
    that a run of its own made (`run_id`, for partitions that were selected)."""

    company_ids: tuple[UUID, ...] = ()
    run_id: str | None = None
