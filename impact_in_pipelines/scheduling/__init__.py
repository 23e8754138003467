"""When a schedule is due and which days it reports on: pure rules, no database, no Dagster, no
HTTP. `load`, which plans with numpy, is imported by who plans."""

from impact_in_pipelines.errors import InvalidSchedule
from impact_in_pipelines.scheduling.alike import CalendarNote, calendar_note, fires_alike
from impact_in_pipelines.scheduling.calendars import HolidayCalendar, HolidayPolicy
from impact_in_pipelines.scheduling.crons.describing import describe_cron
from impact_in_pipelines.scheduling.crons.expressions import (
    ScheduleFrequency,
    parse_cron,
)
from impact_in_pipelines.scheduling.due import DuePlan, PlannedFire, plan_due
from impact_in_pipelines.scheduling.fires import (
    Fire,
    cursor_after_change,
    initial_cursor,
    iter_fires,
    next_fire,
)
from impact_in_pipelines.scheduling.preview import PreviewFire, preview
from impact_in_pipelines.scheduling.rule import CatchUp, Cursor, ScheduleRule
from impact_in_pipelines.scheduling.windows import DeliveryWindow
from impact_in_pipelines.scheduling.zones import parse_timezone

__all__ = [
    "CalendarNote",
    "CatchUp",
    "Cursor",
    "DeliveryWindow",
    "DuePlan",
    "Fire",
    "HolidayCalendar",
    "HolidayPolicy",
    "InvalidSchedule",
    "PlannedFire",
    "PreviewFire",
    "ScheduleFrequency",
    "ScheduleRule",
    "calendar_note",
    "cursor_after_change",
    "describe_cron",
    "fires_alike",
    "initial_cursor",
    "iter_fires",
    "next_fire",
    "parse_cron",
    "parse_timezone",
    "plan_due",
    "preview",
]
