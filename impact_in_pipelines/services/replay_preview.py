"""What a replay would do, without doing it: payloads built from today's data, judged as a drain would."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from threading import Lock
from uuid import UUID

from impact_in_pipelines.db.deliveries.replay_previews import Accepted, ReplayPreviews
from impact_in_pipelines.db.deliveries.replays import ReplayStore
from impact_in_pipelines.delivery.differences import Difference, differences
from impact_in_pipelines.delivery.estimating import Lane, seconds_for
from impact_in_pipelines.delivery.model import Claimed, Connection, Refusal
from impact_in_pipelines.delivery.payload import Payload, payload_hash, without_timestamps
from impact_in_pipelines.delivery.sanitising import sanitised
from impact_in_pipelines.delivery.states import ErrorKind
from impact_in_pipelines.platforms import FACTS, Platform
from impact_in_pipelines.runtime import Runtime

_ONE_AT_A_TIME = Lock()
"""Great Expectations judges in one thread at a time."""


class Action(StrEnum):
    """What would become of a delivery."""

    SEND_AGAIN = "send_again"
    NEW_DELIVERY = "new_delivery"
    SKIP = "skip"
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True)
class PreviewItem:
    """One delivery. `reason` says why it would be skipped or refused; `payload` is what would be sent and
    `changed` whether that differs from what was sent before; `duplicate_of` has arrived with the same
    content inside the window."""

    id: UUID
    company_id: UUID
    platform: Platform
    action: Action
    reason: str | None = None
    payload: Payload | None = None
    changed: bool | None = None
    duplicate_of: Accepted | None = None


@dataclass(frozen=True, slots=True)
class ReplayPreview:
    """All of them, and how many seconds sending them would take, about, under the rate limits."""

    items: Sequence[PreviewItem]
    estimated_seconds: float


def preview_replay(
    runtime: Runtime, ids: Sequence[UUID], *, now: datetime, force: bool
) -> ReplayPreview:
    """What `ReplayStore.replay` and the next drain would do with `ids` (all must exist) at `now`."""
    engine = runtime.database.engine
    window = timedelta(hours=runtime.settings.dedup_window_hours)
    plan = ReplayStore(engine, dedup_window=window).plan(ids, now=now, force=force)
    previews = ReplayPreviews(engine)
    claimed = previews.claimable([*ids, *(id_ for id_ in plan.in_batch if id_ not in set(ids))])
    connections = {
        platform: runtime.connections.of_companies(
            platform, [one.company_id for one in claimed if one.platform is platform]
        )
        for platform in {one.platform for one in claimed}
    }
    wanted = [one for one in claimed if one.id not in plan.refused]
    contents = _contents(runtime, wanted, connections, frozenset(plan.in_batch), now)
    digests = {
        one.id: (one.company_id, one.platform, payload_hash(content))
        for one in wanted
        if not isinstance(content := contents[one.id], Refusal)
    }
    twins = {} if force or not digests else previews.arrived_twins(digests, now - window)
    anew = frozenset(plan.anew)
    items = [
        _item(
            one, plan.refused.get(one.id), contents.get(one.id), twins.get(one.id), one.id in anew
        )
        for one in claimed
    ]
    return ReplayPreview(items, _seconds(items, connections, previews, now))


def compared(runtime: Runtime, item: PreviewItem) -> tuple[Accepted | None, list[Difference]]:
    """What was last accepted for the item's period, and where today's payload differs from it, personal
    data masked."""
    previews = ReplayPreviews(runtime.database.engine)
    (claimed,) = previews.claimable([item.id])
    accepted = previews.last_accepted(claimed)
    if accepted is None or accepted.payload is None or item.payload is None:
        return accepted, []
    before, after = (sanitised(without_timestamps(one)) for one in (accepted.payload, item.payload))
    return accepted, list(differences(before, after))


def _contents(
    runtime: Runtime,
    claimed: Sequence[Claimed],
    connections: Mapping[Platform, Mapping[UUID, Connection]],
    frozen: frozenset[UUID],
    now: datetime,
) -> dict[UUID, Payload | Refusal]:
    """What each would be sent with: today's data, or, in a batch that is repeated whole, what was."""
    contents: dict[UUID, Payload | Refusal] = {
        one.id: one.payload for one in claimed if one.id in frozen and one.payload is not None
    }
    to_build: list[tuple[Claimed, Connection]] = []
    for one in claimed:
        connection = connections[one.platform].get(one.company_id)
        if connection is None:
            contents[one.id] = _no_connection(one)
        elif one.id not in contents:
            to_build.append((one, connection))
    if to_build:
        with _ONE_AT_A_TIME:
            contents |= runtime.payloads.build(to_build, now)
    return contents


def _no_connection(one: Claimed) -> Refusal:
    title = FACTS[one.platform].title
    return Refusal(
        ErrorKind.CONFIGURATION, f"the company has no complete, enabled {title} connection"
    )


def _item(
    one: Claimed,
    refused: str | None,
    content: Payload | Refusal | None,
    twin: Accepted | None,
    anew: bool,
) -> PreviewItem:
    if refused is not None:
        return PreviewItem(one.id, one.company_id, one.platform, Action.REFUSE, refused)
    if isinstance(content, Refusal):
        return PreviewItem(one.id, one.company_id, one.platform, Action.REFUSE, content.message)
    assert content is not None
    changed = payload_hash(content) != one.payload_hash
    payload = content if changed or one.payload is None else one.payload
    action = Action.NEW_DELIVERY if anew else Action.SEND_AGAIN
    reason = None
    if twin is not None:
        action = Action.SKIP
        reason = f"the same content arrived at {twin.delivered_at:%Y-%m-%d %H:%M} UTC"
    return PreviewItem(one.id, one.company_id, one.platform, action, reason, payload, changed, twin)


def _seconds(
    items: Sequence[PreviewItem],
    connections: Mapping[Platform, Mapping[UUID, Connection]],
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
        seconds_for(_lane(connections[key[1]][key[0]], count, waiting.get(key, 0)))
        for key, count in counts.items()
    )


def _lane(connection: Connection, deliveries: int, ahead: int) -> Lane:
    batch: int = FACTS[connection.platform].batch_limit
    return Lane(
        requests=-(-deliveries // batch),
        ahead=-(-ahead // batch),
        per_minute=connection.requests_per_minute,
        max_concurrency=connection.max_concurrency,
    )
