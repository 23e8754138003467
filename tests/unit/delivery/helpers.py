"""Values of the delivery core that tests vary."""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from uuid import UUID, uuid4

from impact_in_pipelines.delivery.draining.lanes import Request
from impact_in_pipelines.delivery.limits.budgets import Ask, Budget, BudgetAccount, Grant, exchange
from impact_in_pipelines.delivery.model import Claimed, Connection, Shipment
from impact_in_pipelines.delivery.payload import Payload, payload_hash
from impact_in_pipelines.delivery.ports import Prepared
from impact_in_pipelines.delivery.states import Trigger
from impact_in_pipelines.platforms import Platform

NOW = datetime(2026, 3, 10, 0, 0, 30, tzinfo=UTC)


def connection(
    organization: str = "org-1",
    *,
    per_minute: int | None = None,
    concurrency: int | None = None,
) -> Connection:
    """A Benevity account of `organization`."""
    return Connection(
        company_id=UUID(int=1),
        platform=Platform.BENEVITY,
        organization_id=organization,
        base_url="http://127.0.0.1:1",
        credentials={"api_key": "key-of-nobody"},
        rate_limit_per_minute=per_minute,
        max_concurrency=concurrency,
    )


def claimed(payload: Payload | None = None, *, rebuild: bool = False) -> Claimed:
    """A delivery that this worker holds; with `payload` it was frozen before."""
    id_ = uuid4()
    return Claimed(
        id=id_,
        company_id=UUID(int=1),
        company_slug="acme",
        company_name="Acme",
        platform=Platform.BENEVITY,
        trigger=Trigger.SCHEDULE,
        timezone="UTC",
        period_start=date(2026, 3, 9),
        period_end=date(2026, 3, 9),
        scheduled_for=NOW,
        idempotency_key=id_,
        attempt_number=1 if payload is None else 2,
        failed_attempts=0 if payload is None else 1,
        payload=payload,
        payload_hash=None if payload is None else payload_hash(payload),
        rebuild=rebuild,
    )


def prepared(
    row: Claimed | None = None, *, via: Connection | None = None, batch_id: UUID | None = None
) -> Prepared:
    """A delivery that may be frozen."""
    row = row or claimed()
    content = row.payload or {"delivery": str(row.id)}
    return Prepared(
        claimed=replace(row, batch_id=batch_id),
        connection=via or connection(),
        payload=content,
        payload_hash=payload_hash(content),
        payload_bytes=1,
        attempt_id=uuid4(),
        batch_id=batch_id,
    )


def request(via: Connection, trigger: Trigger = Trigger.SCHEDULE) -> Request:
    """A request to be made on `via`."""
    item = prepared(replace(claimed(), trigger=trigger), via=via)
    shipment = Shipment(
        connection=via,
        key=item.claimed.idempotency_key,
        request_id=item.attempt_id,
        payloads=(item.payload,),
    )
    return Request(shipment=shipment, members=(item,))


class LocalBudgets:
    """The shared budgets, in memory."""

    def __init__(self) -> None:
        self._budgets: dict[BudgetAccount, Budget] = {}

    def exchange(self, asks: Sequence[Ask], *, holder: str, now: float) -> list[Grant]:
        """What `PgRequestBudgets` does, at `now`."""
        grants = []
        for ask in asks:
            before = self._budgets.get(ask.account, Budget())
            after, grant = exchange(before, ask, holder=holder, now=now, lend_s=60.0)
            # As the database keeps it.
            kept = json.loads(json.dumps(after.as_json()))
            self._budgets[ask.account] = Budget.from_json(kept["blocks"], kept["hours"])
            grants.append(grant)
        return grants
