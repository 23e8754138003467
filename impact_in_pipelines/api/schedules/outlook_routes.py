"""What schedules will do, said beforehand."""

from typing import Annotated
from uuid import UUID

from fastapi import Query

from impact_in_pipelines.api.access.rights import VIEW, Api, Caller
from impact_in_pipelines.api.http.routing import api_router
from impact_in_pipelines.api.schedules.outlook_schemas import (
    DeletionView,
    HolidayCalendarList,
    HolidayCountryView,
    HolidayRegionView,
    ScheduleYearView,
    year_shown,
)
from impact_in_pipelines.api.schedules.routes import own_schedule
from impact_in_pipelines.api.schedules.schemas import naming_part
from impact_in_pipelines.scheduling.holidays.lists import holiday_countries
from impact_in_pipelines.services import schedule_outlook

router = api_router("Schedules")
"""Looking ahead."""


@router.get(
    "/schedules/{scheduleId:id}/year",
    operation_id="getScheduleYear",
    summary="On which days of a year it sends, what moves and what is dropped",
    dependencies=[VIEW],
)
def schedule_year(
    api: Api,
    caller: Caller,
    scheduleId: UUID,  # noqa: N803
    year: Annotated[
        int | None,
        Query(ge=1971, le=2099, description="the present one or one of the next two"),
    ] = None,
) -> ScheduleYearView:
    found = own_schedule(api, caller, scheduleId)
    with naming_part(location="query"):
        return year_shown(schedule_outlook.year_of(api.runtime, found.id, year))


@router.get(
    "/schedules/{scheduleId:id}/deletion",
    operation_id="previewScheduleDeletion",
    summary="What deleting the schedule would cancel",
    dependencies=[VIEW],
)
def preview_deletion(api: Api, caller: Caller, scheduleId: UUID) -> DeletionView:  # noqa: N803
    found = own_schedule(api, caller, scheduleId)
    _, ahead = schedule_outlook.deletion_ahead(api.runtime, found.id)
    return DeletionView(
        id=found.id,
        cancelled_deliveries=ahead.cancelled,
        kept_failures=ahead.failed_again,
        left_deliveries=ahead.left,
    )


@router.get(
    "/holiday-calendars",
    operation_id="listHolidayCalendars",
    summary="The countries and regions whose holidays are known",
    dependencies=[VIEW],
)
def list_holiday_calendars() -> HolidayCalendarList:
    return HolidayCalendarList(
        data=[
            HolidayCountryView(
                country=country,
                regions=[HolidayRegionView(code=one.code, name=one.name) for one in regions],
            )
            for country, regions in holiday_countries().items()
        ]
    )
