"""What a preview of a replay reads: rows as a drain would claim them, twins, what was last accepted, what
waits. Statements: replays.sql. Nothing is locked, nothing changes."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Engine

from impact_in_pipelines.db.engine import rows_as_json, rows_of
from impact_in_pipelines.db.queries import load
from impact_in_pipelines.delivery.model import Claimed
from impact_in_pipelines.delivery.states import DeliveryStatus, Trigger
from impact_in_pipelines.platforms import Platform

_SQL = load("deliveries/replays")


@dataclass(frozen=True, slots=True)
class Accepted:
    """A delivery that a platform has accepted; `payload` is as stored."""

    id: UUID
    delivered_at: datetime
    payload: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Period:
    """The days of one company on one platform; `id` is the delivery that reports them."""

    id: UUID
    company_id: UUID
    platform: Platform
    period_start: date
    period_end: date


@dataclass(frozen=True, slots=True)
class Previewed:
    """A delivery as a claim would return it, and its present status."""

    claimed: Claimed
    status: DeliveryStatus


class ReplayPreviews:
    """Reads for previews."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def claimable(self, ids: Sequence[UUID]) -> list[Previewed]:
        """The rows as a drain would hold them, in order of `scheduled_for`, and the status of each."""
        with self._engine.connect() as connection:
            rows = rows_of(connection.execute(_SQL["claimable"], {"ids": list(ids)}))
        return [_previewed(row) for row in rows]

    def arrived_twins(
        self, contents: Mapping[UUID, tuple[UUID, Platform, str]], since: datetime
    ) -> dict[UUID, Accepted]:
        """For each delivery of `contents` (company, platform, hash) another one with the same content that
        has arrived since (aware): inside the 24-hour window it would be skipped (D4)."""
        rows = [
            {"id": id_, "company_id": company, "platform": platform, "payload_hash": digest}
            for id_, (company, platform, digest) in contents.items()
        ]
        with self._engine.connect() as connection:
            found = connection.execute(
                _SQL["arrived_twins"], {"rows": rows_as_json(rows), "since": since}
            )
            return {row.id: Accepted(row.twin, row.delivered_at) for row in found}

    def last_accepted(self, periods: Sequence[Period]) -> dict[UUID, Accepted]:
        """What the platform accepted last for the same company and days, of each that it accepted anything
        for."""
        if not periods:
            return {}
        values = {
            "rows": rows_as_json([asdict(one) for one in periods]),
            "first_end": min(one.period_end for one in periods),
        }
        with self._engine.connect() as connection:
            found = connection.execute(_SQL["last_accepted"], values)
            return {row.of_id: Accepted(row.id, row.delivered_at, row.payload) for row in found}

    def waiting(
        self, company_ids: Sequence[UUID], now: datetime
    ) -> dict[tuple[UUID, Platform], int]:
        """How many deliveries of each company wait to be sent to each platform at `now` (aware)."""
        with self._engine.connect() as connection:
            rows = connection.execute(
                _SQL["waiting"], {"company_ids": list(company_ids), "now": now}
            )
            return {(row.company_id, Platform(row.platform)): row.waiting for row in rows}


def _previewed(row: Mapping[str, Any]) -> Previewed:
    values = dict(row)
    status = DeliveryStatus(values.pop("status"))
    values["platform"] = Platform(values["platform"])
    values["trigger"] = Trigger(values["trigger"])
    return Previewed(Claimed(**values), status)
