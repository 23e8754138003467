"""What a replay would do, without doing it: payloads built from today's data, judged as a drain would."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from impact_in_pipelines.db.deliveries.reading import DeliveryReader
from impact_in_pipelines.db.deliveries.replay_previews import (
    Accepted,
    Period,
    Previewed,
    ReplayPreviews,
)
from impact_in_pipelines.delivery.estimating import ConnectionLoad, seconds_for
from impact_in_pipelines.delivery.model import Claimed, Connection, Refusal
from impact_in_pipelines.delivery.payload import Payload, payload_hash, without_timestamps
from impact_in_pipelines.delivery.showing.differences import Difference, differences
from impact_in_pipelines.delivery.showing.sanitising import sanitised
from impact_in_pipelines.delivery.states import DeliveryStatus
from impact_in_pipelines.errors import ImpactInError
from impact_in_pipelines.errors.accounts import ConnectionMissing
from impact_in_pipelines.errors.deliveries import (
    ReplayArrived,
    ReplayNotBuildable,
    ReplaySameContent,
)
from impact_in_pipelines.platforms import FACTS, Platform
from impact_in_pipelines.runtime import Runtime


class Action(StrEnum):
    """What would become of a delivery."""

    SEND_AGAIN = "send_again"
    NEW_DELIVERY = "new_delivery"
    SKIP = "skip"
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True)
class PreviewItem:
    """One delivery. `refusal` says why it would be skipped or refused; `payload` is what would be sent and
    `changed` whether that differs from what was sent before; `duplicate_of` has arrived with the same
    content inside the window; `status` is how it stands at present."""

    id: UUID
    company_id: UUID
    platform: Platform
    period_start: date
    period_end: date
    status: DeliveryStatus
    action: Action
    refusal: ImpactInError | None = None
    payload: Payload | None = None
    changed: bool | None = None
    duplicate_of: Accepted | None = None

    @property
    def forceable(self) -> bool:
        """Whether force would send it all the same: its content has arrived inside the window."""
        return isinstance(self.refusal, ReplayArrived | ReplaySameContent)


@dataclass(frozen=True, slots=True)
class ReplayPreview:
    """All of them, and how many seconds sending them would take, about, under the rate limits."""

    items: Sequence[PreviewItem]
    estimated_seconds: float


def preview_replay(
    runtime: Runtime,
    ids: Sequence[UUID],
    *,
    force: bool = False,
    company_ids: Sequence[UUID] | None = None,
) -> ReplayPreview:
    """What a replay and the next drain would do with `ids` at present, in a fixed number of reads. Raises
    `DeliveryArchived` for one that has left the log, and `DeliveryUnknown` for one that isn't there, or isn't
    one of `company_ids` (None: all)."""
    engine, now = runtime.database.engine, runtime.clock()
    reader = DeliveryReader(engine)
    owned = reader.owned(ids, company_ids)
    for refusal in reader.absent([id_ for id_ in ids if id_ not in owned], company_ids).values():
        raise refusal
    window = timedelta(hours=runtime.settings.dedup_window_hours)
    plan = runtime.replays.plan(ids, now=now, force=force)
    previews = ReplayPreviews(engine)
    known = set(ids)
    found = previews.claimable([*ids, *(id_ for id_ in plan.in_batch if id_ not in known)])
    claimed = [one.claimed for one in found]
    connections = {
        platform: runtime.connections.looked_up(
            platform, [one.company_id for one in claimed if one.platform is platform]
        )
        for platform in {one.platform for one in claimed}
    }
    wanted = [one for one in claimed if one.id not in plan.refused]
    contents = _contents(runtime, wanted, connections, frozenset(plan.in_batch), now)
    digests = {
        one.id: (one.company_id, one.platform, payload_hash(content))
        for one in wanted
        if isinstance(content := contents[one.id], dict)
    }
    twins = {} if force or not digests else previews.arrived_twins(digests, now - window)
    refusals = plan.refused | {
        id_: content for id_, content in contents.items() if isinstance(content, ImpactInError)
    }
    items = [
        _refused(one, refusals[one.claimed.id])
        if one.claimed.id in refusals
        else _item(
            one,
            contents[one.claimed.id],
            twins.get(one.claimed.id),
            anew=one.claimed.id in plan.anew,
        )
        for one in found
    ]
    return ReplayPreview(items, _seconds(items, connections, previews, now))


@dataclass(frozen=True, slots=True)
class ReplayComparison:
    """What was last accepted for a delivery's days (None: nothing was), and where today's payload differs
    from it, personal data masked."""

    accepted: Accepted | None
    differences: Sequence[Difference]


def compared(runtime: Runtime, items: Sequence[PreviewItem]) -> dict[UUID, ReplayComparison]:
    """Each of `items` beside what had arrived for its days, in one read."""
    periods = [
        Period(one.id, one.company_id, one.platform, one.period_start, one.period_end)
        for one in items
    ]
    accepted = ReplayPreviews(runtime.database.engine).last_accepted(periods)
    return {one.id: _comparison(one, accepted.get(one.id)) for one in items}


def _comparison(item: PreviewItem, accepted: Accepted | None) -> ReplayComparison:
    if accepted is None or accepted.payload is None or item.payload is None:
        return ReplayComparison(accepted, ())
    before, after = (sanitised(without_timestamps(one)) for one in (accepted.payload, item.payload))
    return ReplayComparison(accepted, tuple(differences(before, after)))


def _contents(
    runtime: Runtime,
    claimed: Sequence[Claimed],
    connections: Mapping[Platform, Mapping[UUID, Connection | Refusal]],
    frozen: frozenset[UUID],
    now: datetime,
) -> dict[UUID, Payload | ImpactInError]:
    """What each would be sent with: today's data, or, in a batch that is repeated whole, what was; or why
    there is nothing to send."""
    contents: dict[UUID, Payload | ImpactInError] = {
        one.id: one.payload for one in claimed if one.id in frozen and one.payload is not None
    }
    to_build: list[tuple[Claimed, Connection]] = []
    for one in claimed:
        connection = connections[one.platform].get(one.company_id)
        if connection is None:
            contents[one.id] = ConnectionMissing(one.company_slug, one.platform)
        elif isinstance(connection, Refusal):
            contents[one.id] = ReplayNotBuildable(connection.message)
        elif one.id not in contents:
            to_build.append((one, connection))
    if to_build:
        for id_, content in runtime.payloads.build(to_build, now).items():
            if isinstance(content, Refusal):
                contents[id_] = ReplayNotBuildable(content.message)
            else:
                contents[id_] = content.payload
    return contents


def _refused(one: Previewed, refusal: ImpactInError) -> PreviewItem:
    return _made(one, Action.REFUSE, refusal=refusal)


def _item(
    one: Previewed, content: Payload | ImpactInError, twin: Accepted | None, *, anew: bool
) -> PreviewItem:
    assert isinstance(content, dict)
    claimed = one.claimed
    changed = payload_hash(content) != claimed.payload_hash
    payload = content if changed or claimed.payload is None else claimed.payload
    if twin is not None:
        refusal = ReplaySameContent(twin.id, twin.delivered_at)
        return _made(
            one, Action.SKIP, refusal=refusal, payload=payload, changed=changed, duplicate_of=twin
        )
    action = Action.NEW_DELIVERY if anew else Action.SEND_AGAIN
    return _made(one, action, payload=payload, changed=changed)


def _made(one: Previewed, action: Action, **values: Any) -> PreviewItem:
    claimed = one.claimed
    return PreviewItem(
        claimed.id,
        claimed.company_id,
        claimed.platform,
        claimed.period_start,
        claimed.period_end,
        one.status,
        action,
        **values,
    )


def _seconds(
    items: Sequence[PreviewItem],
    connections: Mapping[Platform, Mapping[UUID, Connection | Refusal]],
    previews: ReplayPreviews,
    now: datetime,
) -> float:
    counts: dict[tuple[UUID, Platform], int] = defaultdict(int)
    for item in items:
        if item.action in (Action.SEND_AGAIN, Action.NEW_DELIVERY):
            counts[item.company_id, item.platform] += 1
    if not counts:
        return 0.0
    waiting = previews.waiting(sorted({company for company, _ in counts}), now)
    return max(
        seconds_for(_lane(connection, count, waiting.get(key, 0)))
        for key, count in counts.items()
        if isinstance(connection := connections[key[1]][key[0]], Connection)
    )


def _lane(connection: Connection, deliveries: int, ahead: int) -> ConnectionLoad:
    batch: int = FACTS[connection.platform].batch_limit
    return ConnectionLoad(
        requests=-(-deliveries // batch),
        ahead=-(-ahead // batch),
        per_minute=connection.requests_per_minute,
        max_concurrency=connection.max_concurrency,
    )
