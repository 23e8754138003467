"""A company's calendar: what became of each local day, and sending one now."""

from datetime import date, timedelta
from typing import Annotated
from uuid import UUID

from fastapi import Query
from pydantic import Field

from impact_in_pipelines.api.access.rights import MANAGE, VIEW, Api, Caller, own_company
from impact_in_pipelines.api.http.problems import ApiProblem, invalid, naming
from impact_in_pipelines.api.http.routing import api_router
from impact_in_pipelines.api.http.schemas import Input, Model, PlatformName, ShownPlatform
from impact_in_pipelines.errors.accounts import ConnectionMissing
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.services.deliveries.calendar import (
    DayState,
    calendar,
    last_day_over,
    send_day,
)
from impact_in_pipelines.services.deliveries.drain_requests import DrainStart
from impact_in_pipelines.wording import sentence

router = api_router("Deliveries")
"""By day instead of by delivery."""

_MONTH = timedelta(days=30)


class CalendarDayView(Model):
    """One local day on one platform."""

    day: date = Field(description="the local day")
    state: DayState = Field(
        description="its state; `hole`: figures without a delivery, `nothing`: no figures either"
    )
    delivery_id: UUID | None = Field(description="the delivery that decides the state")
    deliveries: int = Field(description="how many deliveries cover the day")


class CalendarPlatform(Model):
    """The days of one platform, the first one first."""

    platform: ShownPlatform
    days: list[CalendarDayView] = Field(description="every day of the span that is over there")


class DayCalendar(Model):
    """The platforms that the company has ever reported to."""

    data: list[CalendarPlatform]


class DayToSend(Input):
    """A local day of the company that is over."""

    platform: PlatformName
    day: Annotated[date, Field(description="a local day of the company that is over")]


class SentDay(Model):
    """What was done to have it sent at once."""

    drains: dict[str, DrainStart] = Field(description="what was done to have it sent, by platform")


@router.get(
    "/companies/{companyId}/calendar",
    operation_id="getCalendar",
    summary="The state of each local day of a company, by platform",
    dependencies=[VIEW],
)
def get_calendar(
    api: Api,
    caller: Caller,
    companyId: UUID,  # noqa: N803
    first: Annotated[
        date | None,
        Query(alias="startDate", description="the first local day; absent: a month before endDate"),
    ] = None,
    last: Annotated[
        date | None,
        Query(
            alias="endDate", description="the last local day, inclusive; absent: yesterday there"
        ),
    ] = None,
) -> DayCalendar:
    company = own_company(api, caller, companyId)
    last = last or last_day_over(api.runtime, company)
    first = first or max(last, date.min + _MONTH) - _MONTH
    if last < first:
        raise invalid("query", "endDate", "must not be before startDate")
    with naming("endDate", "query"):
        found = calendar(api.runtime, company, first, last)
    return DayCalendar(
        data=[
            CalendarPlatform(
                platform=platform.value,
                days=[
                    CalendarDayView(
                        day=one.day,
                        state=one.state,
                        delivery_id=one.delivery_id,
                        deliveries=one.deliveries,
                    )
                    for one in days
                ],
            )
            for platform, days in found.items()
        ]
    )


@router.post(
    "/companies/{companyId}/days",
    operation_id="sendDay",
    summary="Send one local day of a company now, whatever its schedules say",
    status_code=202,
    dependencies=[MANAGE],
)
def send_one_day(
    api: Api,
    caller: Caller,
    companyId: UUID,  # noqa: N803
    body: DayToSend,
) -> SentDay:
    company = own_company(api, caller, companyId)
    try:
        with naming("day"):
            done = send_day(
                api.runtime,
                company,
                Platform(body.platform),
                body.day,
                actor=caller.subject,
                drains=api.dagster,
            )
    except ConnectionMissing as missing:
        raise ApiProblem(409, sentence(missing), refusal=missing.code) from None
    return SentDay(drains={platform.value: start for platform, start in done.items()})
