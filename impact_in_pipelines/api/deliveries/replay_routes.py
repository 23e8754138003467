"""Sending again (D11): one, many, all that failed; what it would do; how it goes."""

from collections import Counter
from collections.abc import Sequence
from uuid import UUID

from impact_in_pipelines.api.access.rights import MANAGE, VIEW, Api, Caller, own_company, visible
from impact_in_pipelines.api.access.tokens import Principal
from impact_in_pipelines.api.context import ApiContext
from impact_in_pipelines.api.deliveries.replay_schemas import (
    MOST_IDS,
    BulkReplay,
    Change,
    Duplicate,
    FailedFilter,
    PreviewedItem,
    PreviewedMany,
    PreviewedOne,
    RefusedReplay,
    RenewedReplay,
    ReplayAccepted,
    ReplayOptions,
    ReplayProgress,
    ReplayState,
    RetryAllFailed,
)
from impact_in_pipelines.api.http.problems import ApiProblem, invalid, not_found
from impact_in_pipelines.api.http.routing import PREFIX, api_router
from impact_in_pipelines.db.deliveries.pages import DeliveryFilter
from impact_in_pipelines.db.deliveries.replay_previews import Accepted
from impact_in_pipelines.db.deliveries.replays import FAILED_WITHIN, Replayed
from impact_in_pipelines.delivery.sanitising import sanitised
from impact_in_pipelines.delivery.states import OPEN
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.services.replay_preview import (
    Action,
    PreviewItem,
    compared,
    preview_replay,
)

router = api_router("Replays")
"""Sending again what failed, or what had arrived."""

_NO_SUCH = "there is no such delivery"
_OPEN = frozenset(status.value for status in OPEN)


@router.post(
    "/deliveries/bulk-replay",
    operation_id="replayMany",
    summary="Send up to 1,000 deliveries again",
    status_code=202,
    dependencies=[MANAGE],
)
def replay_many(api: Api, caller: Caller, body: BulkReplay) -> ReplayAccepted:
    ids, unknown = _chosen(api, caller, body)
    done = api.replays.replay(ids, now=api.clock(), force=body.force, actor=caller.subject)
    return _accepted(api, done, caller, unknown=unknown)


@router.post(
    "/deliveries/retry-all-failed",
    operation_id="retryAllFailed",
    summary="Send again all that failed for good in the last 28 days",
    status_code=202,
    dependencies=[MANAGE],
)
def retry_all_failed(api: Api, caller: Caller, body: RetryAllFailed) -> ReplayAccepted:
    company, now = own_company(api, caller, body.company_id), api.clock()
    found = api.replays.failed(
        since=now - FAILED_WITHIN,
        company_id=company.id,
        platform=Platform(body.platform) if body.platform else None,
    )
    ids = [*found.ids, *found.arrived_since] if body.force else list(found.ids)
    done = api.replays.replay(ids, now=now, force=body.force, actor=caller.subject)
    left_out = () if body.force else found.arrived_since
    return _accepted(api, done, caller, arrived_since=left_out)


@router.post(
    "/deliveries/preview-replay",
    operation_id="previewReplayMany",
    summary="What a bulk replay would do: what would be sent, skipped, refused, and how long it takes",
    dependencies=[MANAGE],
)
def preview_many(api: Api, caller: Caller, body: BulkReplay) -> PreviewedMany:
    ids, unknown = _chosen(api, caller, body)
    if unknown:
        raise not_found(f"delivery: {unknown[0]}")
    preview = preview_replay(api.runtime, ids, now=api.clock(), force=body.force)
    counts = Counter(item.action for item in preview.items)
    return PreviewedMany(
        total=len(preview.items),
        to_send=counts[Action.SEND_AGAIN] + counts[Action.NEW_DELIVERY],
        skipped=counts[Action.SKIP],
        refused=counts[Action.REFUSE],
        estimated_seconds=preview.estimated_seconds,
        items=[PreviewedItem(**_item(item)) for item in preview.items],
    )


@router.post(
    "/deliveries/{deliveryId:id}/replay",
    operation_id="replayDelivery",
    summary="Send a delivery again: one that failed from today's data, one that arrived as a new one",
    status_code=202,
    dependencies=[MANAGE],
)
def replay_one(
    api: Api,
    caller: Caller,
    deliveryId: UUID,  # noqa: N803
    body: ReplayOptions | None = None,
) -> ReplayAccepted:
    _owned(api, caller, deliveryId)
    force = body is not None and body.force
    done = api.replays.replay([deliveryId], now=api.clock(), force=force, actor=caller.subject)
    if not done.queued:
        reason = done.refused[deliveryId].replace("--force", "force")
        raise ApiProblem(409, f"the delivery can't be replayed: {reason}")
    return _accepted(api, done, caller)


@router.post(
    "/deliveries/{deliveryId:id}/preview-replay",
    operation_id="previewReplay",
    summary="What a replay would send, and how that differs from what was last accepted",
    dependencies=[MANAGE],
)
def preview_one(
    api: Api,
    caller: Caller,
    deliveryId: UUID,  # noqa: N803
    body: ReplayOptions | None = None,
) -> PreviewedOne:
    _owned(api, caller, deliveryId)
    force = body is not None and body.force
    preview = preview_replay(api.runtime, [deliveryId], now=api.clock(), force=force)
    item = next(one for one in preview.items if one.id == deliveryId)
    accepted, changes = compared(api.runtime, item)
    return PreviewedOne(
        **_item(item),
        payload=sanitised(item.payload),
        last_accepted=_duplicate(accepted),
        differences=[Change(path=one.path, before=one.before, after=one.after) for one in changes],
        estimated_seconds=preview.estimated_seconds,
    )


@router.get(
    "/replays/{replayId:id}",
    operation_id="getReplay",
    summary="How a replay goes",
    dependencies=[VIEW],
)
def get_replay(api: Api, caller: Caller, replayId: UUID) -> ReplayProgress:  # noqa: N803
    found = api.deliveries.replay_request(replayId, caller.company_ids)
    if found is None:
        raise not_found("replay")
    counts = Counter(row["status"] for row in found.states)
    return ReplayProgress(
        id=found.id,
        requested_by=found.requested_by,
        created_at=found.created_at,
        total=len(found.states),
        done=not _OPEN & counts.keys(),
        by_status=dict(counts),
        deliveries=[
            ReplayState(**{**row, "last_error": sanitised(row["last_error"])})
            for row in found.states
        ],
    )


def _owned(api: ApiContext, caller: Principal, id_: UUID) -> None:
    if not api.deliveries.owned([id_], caller.company_ids):
        raise not_found("delivery")


def _chosen(api: ApiContext, caller: Principal, body: BulkReplay) -> tuple[list[UUID], list[UUID]]:
    """The caller's deliveries that are meant, and the ids that are none of the caller's."""
    if body.ids is not None:
        owned = api.deliveries.owned(body.ids, caller.company_ids)
        if not owned:
            raise not_found("delivery")
        asked = list(dict.fromkeys(body.ids))
        return [i for i in asked if i in owned], [i for i in asked if i not in owned]
    assert body.filter is not None
    return _matching(api, caller, body.filter), []


def _matching(api: ApiContext, caller: Principal, wanted: FailedFilter) -> list[UUID]:
    ids = api.deliveries.failed_like(
        visible(api, caller, wanted.company_id),
        DeliveryFilter(
            platform=Platform(wanted.platform) if wanted.platform else None,
            schedule_id=wanted.schedule_id,
            start=wanted.start_date,
            end=wanted.end_date,
            error_contains=wanted.error,
        ),
        limit=MOST_IDS + 1,
    )
    if len(ids) > MOST_IDS:
        raise invalid("body", "filter", f"fits more than {MOST_IDS} deliveries: narrow it")
    return ids


def _accepted(
    api: ApiContext,
    done: Replayed,
    caller: Principal,
    *,
    unknown: Sequence[UUID] = (),
    arrived_since: Sequence[UUID] = (),
) -> ReplayAccepted:
    platforms = {p for _, p in api.deliveries.owned(done.queued, None).values()}
    drains = api.dagster.start_drains(platforms, f"replay by {caller.subject}")
    refused = {id_: why.replace("--force", "force") for id_, why in done.refused.items()}
    refused |= dict.fromkeys(unknown, _NO_SUCH)
    return ReplayAccepted(
        replay_id=done.request_id,
        status_url=f"{PREFIX}/replays/{done.request_id}" if done.request_id else None,
        ids=list(done.queued),
        along_in_batch=list(done.along),
        replay_of=[RenewedReplay(id=new, replay_of=old) for old, new in done.renewed.items()],
        refused=[RefusedReplay(id=id_, reason=why) for id_, why in refused.items()],
        arrived_since=list(arrived_since),
        drains={platform.value: state.value for platform, state in drains.items()},
    )


def _item(item: PreviewItem) -> dict[str, object]:
    return {
        "id": item.id,
        "platform": item.platform.value,
        "action": item.action.value,
        "reason": item.reason.replace("--force", "force") if item.reason else None,
        "changed": item.changed,
        "duplicate_of": _duplicate(item.duplicate_of),
    }


def _duplicate(accepted: Accepted | None) -> Duplicate | None:
    if accepted is None:
        return None
    return Duplicate(delivery_id=accepted.id, delivered_at=accepted.delivered_at)
