"""What people see of the delivery log: lists and one delivery whole. Statements: views.sql."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Engine

from impact_in_pipelines.db.engine import rows_as_json
from impact_in_pipelines.db.queries import load
from impact_in_pipelines.delivery.states import AttemptOutcome, DeliveryStatus, Trigger
from impact_in_pipelines.errors import NotFound, UsageError
from impact_in_pipelines.platforms import Platform

_SQL = load("deliveries/views")

SHORTEST_PREFIX = 4
_HEX = re.compile(rf"[0-9a-f]{{{SHORTEST_PREFIX},32}}")
_AMBIGUOUS_SHOWN = 3


@dataclass(frozen=True, slots=True)
class DeliveryRow:
    """One line of a list. `company` is the slug; instants are UTC; `payload_bytes` is None before the
    first attempt; `next_attempt_at` is set while the delivery is on its way."""

    id: UUID
    company: str
    platform: Platform
    trigger: Trigger
    status: DeliveryStatus
    period_start: date
    period_end: date
    scheduled_for: datetime
    attempt_count: int
    next_attempt_at: datetime | None
    delivered_at: datetime | None
    failed_at: datetime | None
    error_kind: str | None
    last_error: str | None
    http_status: int | None
    transaction_id: str | None
    payload_bytes: int | None
    duplicate_of: UUID | None
    replay_of: UUID | None
    note: str | None

    @property
    def recovered(self) -> bool:
        """Whether it failed for good and a replay brought it through (D11)."""
        return self.status is DeliveryStatus.SUCCESS and self.failed_at is not None

    @property
    def latency_ms(self) -> float | None:
        """From `scheduled_for` to `delivered_at`, in milliseconds (D7)."""
        if self.delivered_at is None:
            return None
        return (self.delivered_at - self.scheduled_for).total_seconds() * 1000


@dataclass(frozen=True, slots=True)
class AttemptRow:
    """One try; `latency_ms` is its duration in milliseconds, None while it is open."""

    number: int
    started_at: datetime
    finished_at: datetime | None
    outcome: AttemptOutcome
    http_status: int | None
    error_kind: str | None
    error: str | None
    latency_ms: float | None


@dataclass(frozen=True, slots=True)
class DeliveryDetail(DeliveryRow):
    """One delivery whole. `payload` and `provider_response` are as stored: sanitise before showing."""

    timezone: str
    schedule_id: UUID | None
    schedule: str | None
    payload_hash: str | None
    revision: int
    idempotency_key: UUID
    batch_id: UUID | None
    force: bool
    dagster_run_id: str | None
    created_at: datetime
    updated_at: datetime
    payload: dict[str, Any] | None
    provider_response: dict[str, Any] | None
    attempts: Sequence[AttemptRow]


class DeliveryViews:
    """Reads the log for people; changes nothing."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def listed(
        self,
        *,
        company_id: UUID | None = None,
        platform: Platform | None = None,
        statuses: Collection[DeliveryStatus] | None = None,
        limit: int = 20,
    ) -> list[DeliveryRow]:
        """At most `limit` deliveries, the latest due first; None means all."""
        with self._engine.connect() as connection:
            rows = connection.execute(
                _SQL["listed"],
                {
                    "company_id": company_id,
                    "platform": platform.value if platform else None,
                    "statuses": [status.value for status in statuses] if statuses else None,
                    "limit": limit,
                },
            ).mappings()
            return [DeliveryRow(**_typed(row)) for row in rows]

    def resolve(self, texts: Sequence[str], *, company_id: UUID | None = None) -> list[UUID]:
        """The deliveries that `texts` name, in their order, each once: whole ids or unique beginnings of
        at least four hex digits.

        Raises `UsageError` for what can't be an id or fits several, `NotFound` for what fits none; with
        `company_id`, other companies' deliveries are as good as none.
        """
        ranges = [_range(place, text) for place, text in enumerate(texts)]
        found: list[list[UUID]] = [[] for _ in texts]
        with self._engine.connect() as connection:
            for row in connection.execute(
                _SQL["matching"],
                {
                    "ranges": rows_as_json(ranges),
                    "company_id": company_id,
                    "limit": _AMBIGUOUS_SHOWN + 1,
                },
            ):
                found[row.place].append(row.id)
        ids = [_the_one(text, ids) for text, ids in zip(texts, found, strict=True)]
        return list(dict.fromkeys(ids))

    def detail(self, delivery_id: UUID) -> DeliveryDetail:
        """The delivery with all its attempts. Raises `NotFound`."""
        with self._engine.connect() as connection:
            row = connection.execute(_SQL["shown"], {"id": delivery_id}).mappings().one_or_none()
            if row is None:
                raise _none(str(delivery_id))
            attempts = [
                AttemptRow(**{**attempt, "outcome": AttemptOutcome(attempt["outcome"])})
                for attempt in connection.execute(_SQL["attempts"], {"id": delivery_id}).mappings()
            ]
        return DeliveryDetail(**_typed(row), attempts=attempts)


def _typed(row: Mapping[Any, Any]) -> dict[str, Any]:
    values = dict(row)
    values["platform"] = Platform(values["platform"])
    values["trigger"] = Trigger(values["trigger"])
    values["status"] = DeliveryStatus(values["status"])
    return values


def _range(place: int, text: str) -> dict[str, Any]:
    """The lowest and the highest id that begin with `text`."""
    digits = text.strip().lower().replace("-", "")
    if not _HEX.fullmatch(digits):
        raise UsageError(
            f"{text!r} can't be a delivery's id: give the whole UUID or at least its first "
            f"{SHORTEST_PREFIX} characters, 0-9 and a-f"
        )
    return {
        "place": place,
        "lowest": UUID(digits.ljust(32, "0")),
        "highest": UUID(digits.ljust(32, "f")),
    }


def _the_one(text: str, ids: Sequence[UUID]) -> UUID:
    if not ids:
        raise _none(text)
    if len(ids) > 1:
        shown = ", ".join(str(id_) for id_ in ids[:_AMBIGUOUS_SHOWN])
        more = ", …" if len(ids) > _AMBIGUOUS_SHOWN else ""
        raise UsageError(f"{text!r} begins several deliveries' ids; give more of: {shown}{more}")
    return ids[0]


def _none(text: str) -> NotFound:
    return NotFound(f"no delivery {text!r}; see: impact-in deliveries list")
