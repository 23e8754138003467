"""Sending again what failed, or what had arrived (D11): choose, queue and note who wanted it, start drains.

A replay only queues; a drain sends. `company_ids` are those of whoever asks (None: all): another company's
delivery is refused as one that isn't there.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from impact_in_pipelines.db.deliveries.filtering import DeliveryFilter
from impact_in_pipelines.db.deliveries.reading import DeliveryReader
from impact_in_pipelines.db.deliveries.replays import FAILED_WITHIN, FailedDeliveries, QueuedAgain
from impact_in_pipelines.errors import ImpactInError
from impact_in_pipelines.errors.accounts import CompanyInactive
from impact_in_pipelines.errors.deliveries import DeliveryTooMany, DeliveryUnknown
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.runtime import Runtime
from impact_in_pipelines.services.deliveries.drain_requests import (
    DrainStart,
    DrainStarter,
    NextTick,
)

MOST = 1_000
"""So many deliveries may be replayed at once by an id each, or by a filter."""


@dataclass(frozen=True, slots=True)
class Replayed:
    """What a replay did: see `QueuedAgain`; `refused` has a reason for each delivery that isn't sent again,
    `arrived_since` are failures that were left out because another delivery has brought their days, and
    `drains` says who sends what was queued."""

    queued: tuple[UUID, ...]
    along: tuple[UUID, ...]
    renewed: Mapping[UUID, UUID]
    refused: Mapping[UUID, ImpactInError]
    request_id: UUID | None
    arrived_since: tuple[UUID, ...]
    drains: Mapping[Platform, DrainStart]


def replay(
    runtime: Runtime,
    ids: Sequence[UUID],
    *,
    actor: str,
    company_ids: Sequence[UUID] | None = None,
    force: bool = False,
    renew: bool = True,
    drains: DrainStarter | None = None,
) -> Replayed:
    """Queue `ids` again; one refused doesn't stop the others.

    `force` sends also what arrived inside the duplicate window; without `renew` nothing that arrived is sent
    a second time.
    """
    unknown = _unknown(runtime, ids, company_ids)
    mine = [id_ for id_ in ids if id_ not in unknown]
    done = runtime.replays.queue(mine, now=runtime.clock(), force=force, renew=renew, actor=actor)
    refused = {**done.refused, **unknown}
    missing = [id_ for id_, why in refused.items() if isinstance(why, DeliveryUnknown)]
    why_not = DeliveryReader(runtime.database.engine).absent(missing, company_ids)
    return _done(done, (), unknown | why_not, actor, drains)


def would_renew(
    runtime: Runtime,
    ids: Sequence[UUID],
    company_ids: Sequence[UUID] | None = None,
    *,
    force: bool = False,
) -> bool:
    """Whether a replay of `ids` would send anything a second time that has arrived."""
    unknown = _unknown(runtime, ids, company_ids)
    mine = [id_ for id_ in ids if id_ not in unknown]
    return bool(runtime.replays.plan(mine, now=runtime.clock(), force=force).anew)


def failed_lately(
    runtime: Runtime,
    *,
    company_id: UUID | None = None,
    platform: Platform | None = None,
    since: datetime | None = None,
) -> FailedDeliveries:
    """What failed for good since then (aware), by default in the last four weeks."""
    since = since or runtime.clock() - FAILED_WITHIN
    return runtime.replays.failed(since=since, company_id=company_id, platform=platform)


def replay_all_failed(
    runtime: Runtime,
    *,
    actor: str,
    company_id: UUID | None = None,
    platform: Platform | None = None,
    since: datetime | None = None,
    force: bool = False,
    drains: DrainStarter | None = None,
) -> Replayed:
    """Queue what `failed_lately` finds, without what has arrived since by another delivery unless `force`."""
    found = failed_lately(runtime, company_id=company_id, platform=platform, since=since)
    ids = [*found.ids, *found.arrived_since] if force else found.ids
    off = _unknown(runtime, ids, None)
    ids = [id_ for id_ in ids if id_ not in off]
    done = runtime.replays.queue(ids, now=runtime.clock(), force=force, actor=actor)
    return _done(done, () if force else found.arrived_since, off, actor, drains)


def failed_like(
    runtime: Runtime, wanted: DeliveryFilter, company_ids: Sequence[UUID] | None
) -> list[UUID]:
    """What failed for good and fits a filter. Raises `DeliveryTooMany` above `MOST`."""
    ids = runtime.replays.failed_like(company_ids, wanted, limit=MOST + 1)
    if len(ids) > MOST:
        raise DeliveryTooMany(MOST)
    return ids


def _unknown(
    runtime: Runtime, ids: Sequence[UUID], company_ids: Sequence[UUID] | None
) -> dict[UUID, ImpactInError]:
    off = {
        id_: CompanyInactive(slug)
        for id_, slug in runtime.companies.inactive_of_deliveries(ids).items()
    }
    if company_ids is None or not ids:
        return {**off}
    owned = DeliveryReader(runtime.database.engine).owned(ids, company_ids)
    return {**off, **{id_: DeliveryUnknown(str(id_)) for id_ in ids if id_ not in owned}}


def _done(
    done: QueuedAgain,
    arrived_since: tuple[UUID, ...],
    unknown: Mapping[UUID, ImpactInError],
    actor: str,
    drains: DrainStarter | None,
) -> Replayed:
    starter = drains or NextTick()
    return Replayed(
        queued=done.queued,
        along=done.along,
        renewed=done.renewed,
        refused={**done.refused, **unknown},
        request_id=done.request_id,
        arrived_since=arrived_since,
        drains=starter.start_drains(done.platforms, f"replay by {actor}"),
    )
