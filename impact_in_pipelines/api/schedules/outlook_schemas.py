"""What schedules will do, on the wire."""

from typing import Literal
from uuid import UUID

from pydantic import Field

from impact_in_pipelines.api.http.schemas import Day, Model
from impact_in_pipelines.scheduling.holidays.lists import holiday_in_words
from impact_in_pipelines.services.schedule_outlook import ScheduleYear


class DeletionView(Model):
    """What deleting a schedule would call off at this moment."""

    id: UUID
    cancelled_deliveries: int
    kept_failures: int = Field(
        description="queued replays that are called off: their deliveries stay failed"
    )
    left_deliveries: int = Field(
        description="being sent, or frozen in a batch with others: they are not cancelled"
    )


class SendDay(Model):
    """How many go out on one local day."""

    day: Day
    sends: int


class ShiftedView(Model):
    """Sends of one local day that go out on another, or not at all; their days are then reported by the next
    one."""

    day: Day
    moved_to: Day | None
    sends: int
    because: Literal["holiday", "own_day", "weekend", "window"]
    holiday: str | None = Field(description="the name of the public holiday, in English")


class ScheduleYearView(Model):
    """A year of a schedule, from today on in the present one."""

    schedule_id: UUID
    year: int
    timezone: str
    complete_until: Day = Field(
        description="the last day that is shown; earlier than the year's last only for schedules that "
        "fire every few minutes"
    )
    days: list[SendDay]
    shifted: list[ShiftedView]


class HolidayRegionView(Model):
    """A part of a country with holidays of its own."""

    code: str
    name: str


class HolidayCountryView(Model):
    """A country whose holidays are known."""

    country: str = Field(examples=["NO"])
    regions: list[HolidayRegionView]


class HolidayCalendarList(Model):
    """Every holiday calendar that a schedule can follow."""

    data: list[HolidayCountryView]


def year_shown(of: ScheduleYear) -> ScheduleYearView:
    """A schedule's year as it goes out."""
    rule = of.schedule.rule
    calendar = rule.holiday_calendar
    return ScheduleYearView(
        schedule_id=of.schedule.id,
        year=of.year,
        timezone=rule.timezone,
        complete_until=of.outlook.until,
        days=[SendDay(day=day, sends=n) for day, n in of.outlook.days.items()],
        shifted=[
            ShiftedView(
                day=one.day,
                moved_to=one.to,
                sends=one.sends,
                because=one.because.value,
                holiday=holiday_in_words(calendar, one.day, "en") if calendar else None,
            )
            for one in of.outlook.shifted
        ],
    )
