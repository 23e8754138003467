"""The delivery log as people and programs read it: lists, one delivery whole, changes, replays that were
asked for. Statements: reading.sql.

Every read is bound to the company ids of whoever asks; None stands for all companies.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Engine, TextClause

from impact_in_pipelines.clock import utc_now
from impact_in_pipelines.db.deliveries.changes import (
    mark_at,
    mark_or_none,
    position_of,
    reading_changes,
)
from impact_in_pipelines.db.deliveries.filtering import DeliveryFilter, named_by
from impact_in_pipelines.db.deliveries.spans import due_span
from impact_in_pipelines.db.engine import rows_as_json, rows_of
from impact_in_pipelines.db.ids import SHORTEST_PREFIX, bounds_of
from impact_in_pipelines.db.queries import load, narrowed
from impact_in_pipelines.db.retention.archived import absent, archived_between
from impact_in_pipelines.delivery.holding.closures import Hold
from impact_in_pipelines.delivery.states import AttemptOutcome, DeliveryStatus, Trigger
from impact_in_pipelines.errors import ImpactInError
from impact_in_pipelines.errors.deliveries import (
    DeliveryIdAmbiguous,
    DeliveryIdMalformed,
    DeliveryUnknown,
)
from impact_in_pipelines.platforms import Platform

_SQL = load("deliveries/reading")

_AMBIGUOUS_SHOWN = 3
_PAGE_WITHIN = timedelta(days=93)
_HIGHEST_ID = UUID(int=2**128 - 1)

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class DeliveryRow:
    """One delivery as every list shows it. `company` is the slug; instants are UTC; `payload_bytes` is None
    before the first attempt; `next_attempt_at` is set while the delivery is on its way. `payload` is as
    stored (sanitise before showing), and None in lists that didn't ask for it."""

    id: UUID
    company_id: UUID
    company: str
    platform: Platform
    schedule_id: UUID | None
    trigger: Trigger
    status: DeliveryStatus
    period_start: date
    period_end: date
    scheduled_for: datetime
    created_at: datetime
    updated_at: datetime
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
    corrects: UUID | None
    note: str | None
    payload: dict[str, Any] | None
    held: Hold | None

    @property
    def recovered(self) -> bool:
        """Whether it failed for good and a replay brought it through (D11)."""
        return self.status is DeliveryStatus.SUCCESS and self.failed_at is not None

    @property
    def latency_ms(self) -> float | None:
        """From `scheduled_for` to `delivered_at`, in milliseconds (D7); None unless it has arrived by itself:
        how long a failure waited for its replay says nothing of the platform or of us."""
        if self.status is not DeliveryStatus.SUCCESS or self.failed_at or not self.delivered_at:
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
    schedule: str | None
    payload_hash: str | None
    revision: int
    idempotency_key: UUID
    batch_id: UUID | None
    force: bool
    dagster_run_id: str | None
    trace_id: str | None
    provider_response: dict[str, Any] | None
    attempts: Sequence[AttemptRow]


@dataclass(frozen=True, slots=True)
class ReplayRequest:
    """What one request has put into the queue, and how each of those deliveries stands (`states`)."""

    id: UUID
    requested_by: str
    created_at: datetime
    states: Sequence[Row]


class DeliveryReader:
    """Reads the log; changes nothing."""

    def __init__(self, engine: Engine, clock: Callable[[], datetime] = utc_now) -> None:
        self._engine = engine
        self._clock = clock

    def listed(
        self,
        company_ids: Sequence[UUID] | None,
        wanted: DeliveryFilter,
        *,
        limit: int,
        before_at: datetime | None = None,
        before_id: UUID | None = None,
        with_payload: bool = False,
    ) -> list[DeliveryRow]:
        """At most `limit` deliveries, the latest due first, from before `(before_at, before_id)` on."""
        values = wanted.parameters | {
            "limit": limit,
            "before_at": before_at,
            "before_id": before_id,
            "company_id": None,
            "ids": None,
            "with_payload": with_payload,
        }
        statement = _SQL["listed"]
        if company_ids is not None and len(company_ids) == 1:
            values["company_id"] = company_ids[0]
        elif company_ids is not None:
            statement = _SQL["listed_of_several"]
            values["company_ids"] = list(company_ids)
        with self._engine.connect() as connection:
            found = self._page(connection, statement, values)
            if named := named_by(connection, wanted, company_ids):
                # Two reads by an index each; one with OR would look at every delivery there is.
                others = _named_page(connection, statement, values, named)
                found = _latest([*found, *others], limit)
        return [DeliveryRow(**_typed(row)) for row in found]

    def _page(
        self, connection: Connection, statement: TextClause, values: dict[str, Any]
    ) -> Sequence[Row]:
        if values["start"] is None:
            # Mostly the last months fill a page: to look into all of them costs more than to ask twice.
            latest = values["before_at"] or self._clock()
            rows = _found(connection, statement, values | {"start": latest - _PAGE_WITHIN})
            if len(rows) == values["limit"]:
                return rows
        return _found(connection, statement, values)

    def of_ids(self, ids: Sequence[UUID], company_id: UUID) -> list[DeliveryRow]:
        """Those of `ids` that are the company's, the latest due first."""
        values = DeliveryFilter().parameters | {
            "limit": len(ids),
            "before_at": None,
            "before_id": None,
            "company_id": company_id,
            "ids": list(ids),
            "with_payload": False,
        }
        with self._engine.connect() as connection:
            within = due_span(connection, ids)
            # Up to and with the last of them, which `end` would exclude.
            values |= {"start": within["due_from"], "before_at": within["due_until"]}
            found = _found(connection, _SQL["listed"], values | {"before_id": _HIGHEST_ID})
        return [DeliveryRow(**_typed(row)) for row in found]

    def whole(self, id_: UUID, company_ids: Sequence[UUID] | None) -> DeliveryDetail:
        """A delivery with all its attempts. Raises `DeliveryArchived` for one that has left the log, and
        `DeliveryUnknown`, also for one that the caller may not see."""
        with self._engine.connect() as connection:
            values = {"id": id_, "company_ids": _ids(company_ids)}
            within = due_span(connection, [id_])
            rows = rows_of(connection.execute(_SQL["whole"], {**values, **within}))
            if not rows:
                raise absent(connection, [id_], company_ids)[id_]
            tried = rows_of(connection.execute(_SQL["attempts"], {"id": id_, **within}))
            attempts = [
                AttemptRow(**{**one, "outcome": AttemptOutcome(one["outcome"])}) for one in tried
            ]
        return DeliveryDetail(**_typed(rows[0]), attempts=attempts)

    def resolve(self, texts: Sequence[str], *, company_id: UUID | None = None) -> list[UUID]:
        """The deliveries that `texts` name, in their order, each once: whole ids or unique beginnings of
        at least four hex digits.

        Raises `DeliveryIdMalformed`, `DeliveryIdAmbiguous`, `DeliveryUnknown`, and `DeliveryArchived` for
        one that only the archive has; with `company_id`, other
        companies' deliveries are as good as none.
        """
        ranges = [_range(place, text) for place, text in enumerate(texts)]
        found: list[list[UUID]] = [[] for _ in texts]
        values = {
            "ranges": rows_as_json(ranges),
            "company_id": company_id,
            "limit": _AMBIGUOUS_SHOWN + 1,
        }
        with self._engine.connect() as connection:
            for row in connection.execute(_SQL["matching"], values):
                found[row.place].append(row.id)
            for within, ids in zip(ranges, found, strict=True):
                if not ids:
                    _require_not_archived(connection, texts[within["place"]], within, company_id)
        ids = [_the_one(text, ids) for text, ids in zip(texts, found, strict=True)]
        return list(dict.fromkeys(ids))

    def absent(
        self, ids: Sequence[UUID], company_ids: Sequence[UUID] | None
    ) -> dict[UUID, ImpactInError]:
        """Why each of `ids`, which aren't in the log or not the caller's, isn't there."""
        if not ids:
            return {}
        with self._engine.connect() as connection:
            return absent(connection, ids, company_ids)

    def owned(
        self, ids: Sequence[UUID], company_ids: Sequence[UUID] | None
    ) -> dict[UUID, tuple[UUID, Platform]]:
        """Company and platform of those of `ids` that the caller may see."""
        values = {"ids": list(ids), "company_ids": _ids(company_ids)}
        with self._engine.connect() as connection:
            rows = connection.execute(_SQL["owned"], {**values, **due_span(connection, ids)})
            return {row.id: (row.company_id, Platform(row.platform)) for row in rows}

    def changed_since(
        self, company_id: UUID, position: int, limit: int
    ) -> tuple[list[Row], int] | None:
        """What of a company has changed after `position`, the oldest change first, and the position that
        has then been reached; None if `position` isn't of this server's past."""
        with reading_changes(self._engine) as (connection, mark):
            if mark_or_none(connection, mark_at(position)) is None:
                return None
            values = {"company_id": company_id, "mark": mark_at(position), "limit": limit}
            rows = rows_of(connection.execute(_SQL["changed_since"], values))
        return rows, position_of(mark)

    def replay_request(self, id_: UUID, company_ids: Sequence[UUID] | None) -> ReplayRequest | None:
        """A replay that was asked for, if the caller may see all of it."""
        with self._engine.connect() as connection:
            row = connection.execute(
                _SQL["replay_request"], {"id": id_, "company_ids": _ids(company_ids)}
            ).one_or_none()
            if row is None:
                return None
            within = due_span(connection, row.delivery_ids)
            values = {"ids": row.delivery_ids, **within}
            states = rows_of(connection.execute(_SQL["replay_states"], values))
        return ReplayRequest(row.id, row.requested_by, row.created_at, states)


def _ids(company_ids: Sequence[UUID] | None) -> list[UUID] | None:
    return None if company_ids is None else list(company_ids)


def _found(
    connection: Connection, statement: TextClause, values: Mapping[str, Any]
) -> Sequence[Row]:
    return rows_of(connection.execute(narrowed(statement, values), values))


def _named_page(
    connection: Connection, statement: TextClause, values: dict[str, Any], named: Sequence[UUID]
) -> Sequence[Row]:
    """Those of `named` that everything but the search's text fits."""
    within = due_span(connection, named)
    start = max(filter(None, (values["start"], within["due_from"])))
    named_values = values | {"ids": list(named), "search": None, "start": start}
    return _found(connection, statement, named_values)


def _latest(rows: Sequence[Row], limit: int) -> list[Row]:
    """The latest due of `rows`, each once."""
    by_id = {row["id"]: row for row in rows}
    order = sorted(by_id.values(), key=lambda row: (row["scheduled_for"], row["id"]), reverse=True)
    return order[:limit]


def _typed(row: Row) -> dict[str, Any]:
    values = dict(row)
    values["platform"] = Platform(values["platform"])
    values["trigger"] = Trigger(values["trigger"])
    values["status"] = DeliveryStatus(values["status"])
    if held := values["held"]:
        values["held"] = Hold.from_json(held)
    return values


def _range(place: int, text: str) -> dict[str, Any]:
    """The lowest and the highest id that begin with `text`."""
    bounds = bounds_of(text)
    if bounds is None:
        raise DeliveryIdMalformed(text, SHORTEST_PREFIX)
    return {"place": place, "lowest": bounds[0], "highest": bounds[1]}


def _require_not_archived(
    connection: Connection, text: str, within: Mapping[str, Any], company_id: UUID | None
) -> None:
    """Raise `DeliveryArchived`, or `DeliveryIdAmbiguous`, for what begins only archived deliveries' ids."""
    lowest, highest = within["lowest"], within["highest"]
    ids = archived_between(connection, lowest, highest, company_id, _AMBIGUOUS_SHOWN + 1)
    if ids:
        id_ = _the_one(text, ids)
        raise absent(connection, [id_], None)[id_]


def _the_one(text: str, ids: Sequence[UUID]) -> UUID:
    if not ids:
        raise DeliveryUnknown(text)
    if len(ids) > 1:
        raise DeliveryIdAmbiguous(text, ids[:_AMBIGUOUS_SHOWN])
    return ids[0]
