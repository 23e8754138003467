"""Calling off what waits to be sent; what is being sent at this moment is left to end by itself.

`company_ids` are those of whoever asks (None: all): another company's delivery is refused as one that isn't
there.
"""

from collections.abc import Sequence
from uuid import UUID

from impact_in_pipelines.db.deliveries.cancelling import CalledOff, CancelStore
from impact_in_pipelines.db.deliveries.filtering import DeliveryFilter
from impact_in_pipelines.db.deliveries.reading import DeliveryReader
from impact_in_pipelines.errors.deliveries import DeliveryTooMany
from impact_in_pipelines.runtime import Runtime
from impact_in_pipelines.services.deliveries.replaying import MOST


def cancel(
    runtime: Runtime,
    ids: Sequence[UUID],
    *,
    actor: str,
    company_ids: Sequence[UUID] | None = None,
    reason: str | None = None,
) -> CalledOff:
    """Cancel `ids`; one refused doesn't stop the others. The note on each says who did it, and `reason`."""
    engine = runtime.database.engine
    reader = DeliveryReader(engine)
    owned = reader.owned(ids, company_ids)
    why = f"cancelled by {actor}" + (f": {reason}" if reason else "")
    mine = [id_ for id_ in ids if id_ in owned]
    done = CancelStore(engine).cancel(mine, now=runtime.clock(), actor=actor, why=why)
    refused = done.refused | reader.absent([id_ for id_ in ids if id_ not in owned], company_ids)
    return CalledOff(done.cancelled, done.failed_again, done.along, refused)


def waiting_like(
    runtime: Runtime, wanted: DeliveryFilter, company_ids: Sequence[UUID] | None
) -> list[UUID]:
    """What waits and fits a filter. Raises `DeliveryTooMany` above `MOST`."""
    store = CancelStore(runtime.database.engine)
    ids = store.waiting_like(company_ids, wanted, limit=MOST + 1)
    if len(ids) > MOST:
        raise DeliveryTooMany(MOST)
    return ids


def waiting_count(
    runtime: Runtime, wanted: DeliveryFilter, company_ids: Sequence[UUID] | None
) -> int:
    """How many wait and fit a filter; above `MOST` it counts no further."""
    store = CancelStore(runtime.database.engine)
    return len(store.waiting_like(company_ids, wanted, limit=MOST + 1))
