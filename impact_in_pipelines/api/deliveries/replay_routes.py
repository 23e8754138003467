"""Sending again (D11): one, many, all that failed; what it would do; how it goes."""

from collections import Counter
from collections.abc import Sequence
from uuid import UUID

from impact_in_pipelines.api.access.rights import MANAGE, VIEW, Api, Caller, own_company, visible
from impact_in_pipelines.api.access.tokens import Principal
from impact_in_pipelines.api.context import ApiContext
from impact_in_pipelines.api.deliveries.replay_schemas import (
    BulkReplay,
    DifferenceView,
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
from impact_in_pipelines.api.http.problems import ApiProblem, naming, not_found
from impact_in_pipelines.api.http.routing import PREFIX, api_router
from impact_in_pipelines.db.deliveries.filtering import DeliveryFilter
from impact_in_pipelines.db.deliveries.replay_previews import Accepted
from impact_in_pipelines.delivery.showing.sanitising import sanitised
from impact_in_pipelines.delivery.states import OPEN
from impact_in_pipelines.errors import Gone, ImpactInError, NotFound
from impact_in_pipelines.errors.deliveries import ReplayArrived, ReplaySkipped
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.services.deliveries.previewing import (
    Action,
    PreviewItem,
    ReplayComparison,
    compared,
    preview_replay,
)
from impact_in_pipelines.services.deliveries.replaying import (
    Replayed,
    failed_like,
    replay,
    replay_all_failed,
)
from impact_in_pipelines.wording import sentence

router = api_router("Replays")
"""Sending again what failed, or what had arrived."""

_OPEN = frozenset(status.value for status in OPEN)


@router.post(
    "/deliveries/bulk-replay",
    operation_id="replayMany",
    summary="Send up to 1,000 deliveries again",
    status_code=202,
    dependencies=[MANAGE],
)
def replay_many(api: Api, caller: Caller, body: BulkReplay) -> ReplayAccepted:
    ids = _chosen(api, caller, body)
    done = _replayed(api, caller, ids, force=body.force)
    if ids and all(isinstance(done.refused.get(id_), NotFound) for id_ in ids):
        raise not_found("delivery")
    return _accepted(done)


@router.post(
    "/deliveries/retry-all-failed",
    operation_id="retryAllFailed",
    summary="Send again all that failed for good in the last 28 days",
    status_code=202,
    dependencies=[MANAGE],
)
def retry_all_failed(api: Api, caller: Caller, body: RetryAllFailed) -> ReplayAccepted:
    done = replay_all_failed(
        api.runtime,
        actor=caller.subject,
        company_id=own_company(api, caller, body.company_id).id,
        platform=Platform(body.platform) if body.platform else None,
        force=body.force,
        drains=api.dagster,
    )
    return _accepted(done)


@router.post(
    "/deliveries/preview-replay",
    operation_id="previewReplayMany",
    summary="What a bulk replay would do: what would be sent, skipped, refused, and how long it takes",
    dependencies=[MANAGE],
)
def preview_many(api: Api, caller: Caller, body: BulkReplay) -> PreviewedMany:
    ids = _chosen(api, caller, body)
    preview = preview_replay(api.runtime, ids, company_ids=caller.company_ids, force=body.force)
    counts = Counter(item.action for item in preview.items)
    known = compared(api.runtime, preview.items)
    return PreviewedMany(
        total=len(preview.items),
        to_send=counts[Action.SEND_AGAIN] + counts[Action.NEW_DELIVERY],
        skipped=counts[Action.SKIP],
        refused=counts[Action.REFUSE],
        estimated_seconds=preview.estimated_seconds,
        items=[PreviewedItem(**_item(item, known[item.id])) for item in preview.items],
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
    done = _replayed(api, caller, [deliveryId], force=body is not None and body.force)
    refusal = done.refused.get(deliveryId)
    if isinstance(refusal, NotFound):
        raise not_found("delivery")
    if isinstance(refusal, Gone):
        raise refusal
    if refusal is not None:
        reason = f"the delivery can't be replayed: {_reason(refusal)}"
        raise ApiProblem(409, reason, refusal=refusal.code)
    return _accepted(done)


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
    force = body is not None and body.force
    preview = preview_replay(api.runtime, [deliveryId], company_ids=caller.company_ids, force=force)
    item = next(one for one in preview.items if one.id == deliveryId)
    return PreviewedOne(
        **_item(item, compared(api.runtime, [item])[item.id]),
        payload=sanitised(item.payload),
        estimated_seconds=preview.estimated_seconds,
    )


@router.get(
    "/replays/{replayId:id}",
    operation_id="getReplay",
    summary="The progress of a replay",
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


def _chosen(api: ApiContext, caller: Principal, body: BulkReplay) -> list[UUID]:
    """The deliveries that are meant, each once; by a filter only the caller's own."""
    if body.ids is not None:
        return list(dict.fromkeys(body.ids))
    assert body.filter is not None
    with naming("filter"):
        return _matching(api, caller, body.filter)


def _matching(api: ApiContext, caller: Principal, wanted: FailedFilter) -> list[UUID]:
    return failed_like(
        api.runtime,
        DeliveryFilter(
            platform=Platform(wanted.platform) if wanted.platform else None,
            schedule_id=wanted.schedule_id,
            start=wanted.start_date,
            end=wanted.end_date,
            error_contains=wanted.error,
        ),
        visible(api, caller, wanted.company_id),
    )


def _replayed(api: ApiContext, caller: Principal, ids: Sequence[UUID], *, force: bool) -> Replayed:
    return replay(
        api.runtime,
        ids,
        actor=caller.subject,
        company_ids=caller.company_ids,
        force=force,
        drains=api.dagster,
    )


def _accepted(done: Replayed) -> ReplayAccepted:
    return ReplayAccepted(
        replay_id=done.request_id,
        status_url=f"{PREFIX}/replays/{done.request_id}" if done.request_id else None,
        ids=list(done.queued),
        along_in_batch=list(done.along),
        replay_of=[RenewedReplay(id=new, replay_of=old) for old, new in done.renewed.items()],
        refused=[
            RefusedReplay(id=id_, code=refusal.code, reason=_reason(refusal))
            for id_, refusal in done.refused.items()
        ],
        arrived_since=list(done.arrived_since),
        drains={platform.value: state.value for platform, state in done.drains.items()},
    )


def _reason(refusal: ImpactInError) -> str:
    """The refusal in a line, and what of this API helps."""
    match refusal:
        case NotFound():
            return "there is no such delivery"
        case ReplayArrived():
            return f"{sentence(refusal)}; force sends it again all the same"
        case ReplaySkipped():
            return f"{sentence(refusal)}; to send that again, replay it with force"
        case _:
            return str(sanitised(sentence(refusal)))


def _item(item: PreviewItem, known: ReplayComparison) -> dict[str, object]:
    return {
        "id": item.id,
        "platform": item.platform.value,
        "action": item.action.value,
        "reason": _reason(item.refusal) if item.refusal else None,
        "code": item.refusal.code if item.refusal else None,
        "changed": item.changed,
        "duplicate_of": _duplicate(item.duplicate_of),
        "period_start": item.period_start,
        "period_end": item.period_end,
        "last_accepted": _duplicate(known.accepted),
        "differences": [
            DifferenceView(path=one.path, before=one.before, after=one.after)
            for one in known.differences
        ],
    }


def _duplicate(accepted: Accepted | None) -> Duplicate | None:
    if accepted is None:
        return None
    return Duplicate(delivery_id=accepted.id, delivered_at=accepted.delivered_at)
