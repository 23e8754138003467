"""Calling off deliveries that wait to be sent: one, many by their ids, or those that fit a filter."""

from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import Field, ValidationInfo, field_validator, model_validator

from impact_in_pipelines.api.access.rights import MANAGE, Api, Caller, visible
from impact_in_pipelines.api.access.tokens import Principal
from impact_in_pipelines.api.context import ApiContext
from impact_in_pipelines.api.deliveries.replay_schemas import Ids, RefusedReplay
from impact_in_pipelines.api.deliveries.schemas import TriggerName
from impact_in_pipelines.api.http.problems import ApiProblem, naming, not_found
from impact_in_pipelines.api.http.routing import api_router
from impact_in_pipelines.api.http.schemas import NO_NUL, Input, Instant, Model, PlatformName
from impact_in_pipelines.db.deliveries.cancelling import CalledOff
from impact_in_pipelines.db.deliveries.filtering import DeliveryFilter
from impact_in_pipelines.delivery.states import DeliveryStatus, Trigger
from impact_in_pipelines.errors import Gone, NotFound
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.services.deliveries.cancelling import cancel, waiting_like
from impact_in_pipelines.wording import sentence

router = api_router("Deliveries")
"""Calling off."""

Reason = Annotated[
    str | None,
    Field(max_length=200, pattern=NO_NUL, description="noted on each delivery, and audited"),
]


class CancelOptions(Input):
    """Why it is called off."""

    reason: Reason = None


class WaitingFilter(Input):
    """Which deliveries that wait; `startDate` and `endDate` bound when they are due."""

    company_id: UUID | None = None
    platform: PlatformName | None = None
    schedule_id: UUID | None = None
    trigger: TriggerName | None = None
    status: Annotated[
        list[Literal["pending", "retrying"]] | None, Field(min_length=1, max_length=2)
    ] = None
    start_date: Instant | None = None
    end_date: Instant | None = None

    @field_validator("end_date")
    @classmethod
    def end_after_start(cls, end: Instant | None, others: ValidationInfo) -> Instant | None:
        start = others.data.get("start_date")
        if start is not None and end is not None and end <= start:
            raise ValueError("must be after startDate")
        return end


class CancelMany(Input):
    """Either `ids` or a `filter`, which may fit 1,000 deliveries at most."""

    ids: Ids | None = None
    filter: WaitingFilter | None = None
    reason: Reason = None

    @model_validator(mode="after")
    def one_of_both(self) -> Self:
        if (self.ids is None) == (self.filter is None):
            raise ValueError("must have either ids or filter")
        return self


class Cancellation(Model):
    """What was called off."""

    cancelled: list[UUID] = Field(description="deliveries that are cancelled now")
    failed_again: list[UUID] = Field(
        description="queued replays that were called off: their deliveries stay failed"
    )
    along_in_batch: list[UUID] = Field(
        description="those of both that were cancelled because they are frozen in one batch with another"
    )
    refused: list[RefusedReplay] = Field(description="the others, with the reason")


@router.post(
    "/deliveries/cancel",
    operation_id="cancelMany",
    summary="Call off deliveries that wait to be sent",
    dependencies=[MANAGE],
)
def cancel_many(api: Api, caller: Caller, body: CancelMany) -> Cancellation:
    if body.ids is not None:
        ids = list(dict.fromkeys(body.ids))
    else:
        assert body.filter is not None
        with naming("filter"):
            ids = _matching(api, caller, body.filter)
    done = _cancelled(api, caller, ids, body.reason)
    if ids and all(isinstance(done.refused.get(id_), NotFound) for id_ in ids):
        raise not_found("delivery")
    return _answer(done)


@router.post(
    "/deliveries/{deliveryId:id}/cancel",
    operation_id="cancelDelivery",
    summary="Call off a delivery that waits to be sent",
    dependencies=[MANAGE],
)
def cancel_one(
    api: Api,
    caller: Caller,
    deliveryId: UUID,  # noqa: N803
    body: CancelOptions | None = None,
) -> Cancellation:
    done = _cancelled(api, caller, [deliveryId], body.reason if body else None)
    refusal = done.refused.get(deliveryId)
    if isinstance(refusal, NotFound):
        raise not_found("delivery")
    if isinstance(refusal, Gone):
        raise refusal
    if refusal is not None:
        said = f"the delivery can't be cancelled: {sentence(refusal)}"
        raise ApiProblem(409, said, refusal=refusal.code)
    return _answer(done)


def _cancelled(
    api: ApiContext, caller: Principal, ids: list[UUID], reason: str | None
) -> CalledOff:
    return cancel(
        api.runtime, ids, actor=caller.subject, company_ids=caller.company_ids, reason=reason
    )


def _matching(api: ApiContext, caller: Principal, wanted: WaitingFilter) -> list[UUID]:
    return waiting_like(
        api.runtime,
        DeliveryFilter(
            platform=Platform(wanted.platform) if wanted.platform else None,
            statuses=[DeliveryStatus(one) for one in wanted.status] if wanted.status else None,
            trigger=Trigger(wanted.trigger) if wanted.trigger else None,
            schedule_id=wanted.schedule_id,
            start=wanted.start_date,
            end=wanted.end_date,
        ),
        visible(api, caller, wanted.company_id),
    )


def _answer(done: CalledOff) -> Cancellation:
    return Cancellation(
        cancelled=list(done.cancelled),
        failed_again=list(done.failed_again),
        along_in_batch=list(done.along),
        refused=[
            RefusedReplay(
                id=id_,
                code=refusal.code,
                reason="there is no such delivery"
                if isinstance(refusal, NotFound)
                else sentence(refusal),
            )
            for id_, refusal in done.refused.items()
        ],
    )
