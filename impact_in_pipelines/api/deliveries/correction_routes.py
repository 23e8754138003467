"""Delivered days that have changed since: listed, corrected, and the policy that says what is done about
them."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Query
from pydantic import Field

from impact_in_pipelines.api.access.rights import MANAGE, VIEW, Api, Caller, own_company, visible
from impact_in_pipelines.api.deliveries.replay_schemas import Ids, RefusedReplay
from impact_in_pipelines.api.http.problems import not_found
from impact_in_pipelines.api.http.routing import api_router
from impact_in_pipelines.api.http.schemas import (
    Day,
    Input,
    Model,
    Moment,
    PlatformName,
    ShownPlatform,
)
from impact_in_pipelines.db.corrections.staleness import StaleDay, StaleFilter
from impact_in_pipelines.delivery.resending.correcting import (
    DEFAULT_AT_MOST_EVERY_MINUTES,
    DEFAULT_QUIET_MINUTES,
    CorrectionPolicy,
    Policy,
)
from impact_in_pipelines.platforms import FACTS, Platform, SecondReport
from impact_in_pipelines.services.deliveries import corrections
from impact_in_pipelines.services.deliveries.drain_requests import DrainStart
from impact_in_pipelines.wording import sentence

router = api_router("Deliveries")
"""What was delivered and is no longer what the events say."""

Minutes = Annotated[int, Field(ge=1, le=60 * 24 * 365)]


class StaleDayView(Model):
    """A local day whose events have changed since it was delivered. The figures are those of the whole
    period of its delivery, as they were sent and as they would be sent now."""

    company_id: UUID
    company: str = Field(description="the company's slug", examples=["acme"])
    platform: ShownPlatform
    day: Day = Field(description="the local day whose events have changed")
    delivery_id: UUID = Field(description="the delivery that reported it last")
    period_start: Day
    period_end: Day
    delivered_at: Moment
    changed_at: Moment = Field(description="when its events changed last")
    found_at: Moment = Field(description="when that was found first")
    delivered: dict[str, Any] | None = Field(description="the figures that were sent")
    current: dict[str, Any] = Field(description="the figures that would be sent now")
    correction_id: UUID | None = Field(description="the correction that was asked for")


class StaleDayList(Model):
    """The newest changes first."""

    data: list[StaleDayView]
    total: int = Field(description="how many there are, those left out included")


class CorrectMany(Input):
    """Deliveries whose days have changed since."""

    ids: Ids


class QueuedCorrection(Model):
    """A new delivery that corrects another one."""

    id: UUID = Field(description="the correction")
    corrects: UUID = Field(description="the delivery that it supersedes")


class CorrectionsQueued(Model):
    """What is corrected, and what is not."""

    queued: list[QueuedCorrection] = Field(description="the corrections that will be sent")
    refused: list[RefusedReplay] = Field(description="the others, with the reason")
    drains: dict[str, DrainStart] = Field(
        description="what was done to have them sent, by platform"
    )


class CorrectionPolicyBody(Input):
    """What is done about delivered days that have changed."""

    policy: Policy = Field(description="`never`, `ask` a person, or `automatic`")
    quiet_minutes: Minutes = Field(
        default=DEFAULT_QUIET_MINUTES,
        description="minutes for which nothing must have changed before an automatic correction",
    )
    at_most_every_minutes: Minutes = Field(
        default=DEFAULT_AT_MOST_EVERY_MINUTES,
        description="minutes that must lie between automatic corrections",
    )
    counts_twice_accepted: Annotated[str | None, Field(min_length=1, max_length=200)] = Field(
        default=None,
        description="who accepts that the platform counts a correction beside the first report; null: "
        "nobody, and it is refused there",
    )


class CorrectionPolicyView(Model):
    """The policy of a company on a platform, and what the platform does with a second report of a period."""

    platform: ShownPlatform
    policy: Policy = Field(description="`never`, `ask` a person, or `automatic`")
    quiet_minutes: int = Field(description="minutes for which nothing must have changed")
    at_most_every_minutes: int = Field(
        description="minutes that must lie between automatic corrections"
    )
    counts_twice_accepted: str | None = Field(description="who accepts that both are counted")
    second_report: SecondReport = Field(
        description="whether the platform `replaces` the first report or `adds` the second to it"
    )


@router.get(
    "/deliveries/stale",
    operation_id="listStaleDays",
    summary="Delivered days whose events have changed since",
    dependencies=[VIEW],
)
def list_stale_days(
    api: Api,
    caller: Caller,
    companyId: UUID | None = None,  # noqa: N803
    platform: PlatformName | None = None,
    limit: Annotated[int, Query(ge=1, le=1_000)] = 100,
) -> StaleDayList:
    wanted = StaleFilter(visible(api, caller, companyId), Platform(platform) if platform else None)
    found = corrections.stale_days(api.runtime, wanted, limit=limit)
    return StaleDayList(data=[_view(one) for one in found.days], total=found.total)


@router.post(
    "/deliveries/correct",
    operation_id="correctMany",
    summary="Send corrections of deliveries whose days have changed since",
    status_code=202,
    dependencies=[MANAGE],
)
def correct_many(api: Api, caller: Caller, body: CorrectMany) -> CorrectionsQueued:
    ids = list(dict.fromkeys(body.ids))
    owned = api.deliveries.owned(ids, caller.company_ids)
    if not owned:
        raise not_found("delivery")
    done = corrections.correct(
        api.runtime,
        ids,
        actor=caller.subject,
        company_ids=caller.company_ids,
        drains=api.dagster,
    )
    return CorrectionsQueued(
        queued=[QueuedCorrection(id=new, corrects=old) for old, new in done.queued.items()],
        refused=[
            RefusedReplay(
                id=id_,
                code=refusal.code,
                reason=sentence(refusal) if id_ in owned else "there is no such delivery",
            )
            for id_, refusal in done.refused.items()
        ],
        drains={platform.value: start for platform, start in done.drains.items()},
    )


@router.get(
    "/companies/{companyId}/corrections/{platform}",
    operation_id="getCorrectionPolicy",
    summary="What is done about a company's delivered days that have changed",
    dependencies=[VIEW],
)
def get_policy(
    api: Api,
    caller: Caller,
    companyId: UUID,  # noqa: N803
    platform: PlatformName,
) -> CorrectionPolicyView:
    company = own_company(api, caller, companyId)
    return _policy(corrections.policy_of(api.runtime, company, Platform(platform)))


@router.put(
    "/companies/{companyId}/corrections/{platform}",
    operation_id="setCorrectionPolicy",
    summary="Say what is done about a company's delivered days that have changed",
    dependencies=[MANAGE],
)
def set_policy(
    api: Api,
    caller: Caller,
    companyId: UUID,  # noqa: N803
    platform: PlatformName,
    body: CorrectionPolicyBody,
) -> CorrectionPolicyView:
    company = own_company(api, caller, companyId)
    policy = CorrectionPolicy(
        company.id,
        Platform(platform),
        body.policy,
        body.quiet_minutes,
        body.at_most_every_minutes,
        body.counts_twice_accepted,
    )
    corrections.set_policy(api.runtime, policy, actor=caller.subject)
    return _policy(policy)


def _view(one: StaleDay) -> StaleDayView:
    return StaleDayView(
        company_id=one.company_id,
        company=one.company,
        platform=one.platform.value,
        day=one.day,
        delivery_id=one.delivery_id,
        period_start=one.period_start,
        period_end=one.period_end,
        delivered_at=one.delivered_at,
        changed_at=one.changed_at,
        found_at=one.found_at,
        delivered=None if one.delivered is None else dict(one.delivered),
        current=dict(one.current),
        correction_id=one.correction_id,
    )


def _policy(policy: CorrectionPolicy) -> CorrectionPolicyView:
    return CorrectionPolicyView(
        platform=policy.platform.value,
        policy=policy.policy,
        quiet_minutes=policy.quiet_minutes,
        at_most_every_minutes=policy.at_most_every_minutes,
        counts_twice_accepted=policy.counts_twice_accepted,
        second_report=FACTS[policy.platform].second_report,
    )
