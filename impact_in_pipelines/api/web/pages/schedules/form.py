"""The form of a schedule: times and days are picked and written as a cron, the next sends beside them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, time
from functools import cache
from typing import Any
from zoneinfo import available_timezones

from starlette.responses import Response

from impact_in_pipelines.api.web.language.cron_words import in_words
from impact_in_pipelines.api.web.language.send_words import send_lines
from impact_in_pipelines.api.web.language.words import HOLIDAY_POLICIES, OFTEN
from impact_in_pipelines.api.web.pages.schedules.cards import SENDS
from impact_in_pipelines.api.web.pages.schedules.own import own_schedule
from impact_in_pipelines.api.web.visits import Visit
from impact_in_pipelines.db.schedules.rows import RuleChanges, Schedule
from impact_in_pipelines.errors import InvalidSchedule, UsageError
from impact_in_pipelines.errors.accounts import ConnectionMissing
from impact_in_pipelines.errors.schedules import (
    CalendarDateMalformed,
    PickedMonthDayMissing,
    PickedTimeMalformed,
    PickedWeekDayMissing,
    PlatformUnknown,
    RulePart,
    WindowHalf,
    part_of,
)
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.scheduling import DeliveryWindow, HolidayCalendar, ScheduleRule
from impact_in_pipelines.scheduling.calendars import HolidayPolicy
from impact_in_pipelines.scheduling.crons.picking import (
    HOUR_STEPS,
    LAST_DAY,
    Often,
    Picked,
    picked_from,
)
from impact_in_pipelines.scheduling.holidays.lists import holiday_countries
from impact_in_pipelines.services import schedules as services
from impact_in_pipelines.services.schedules import parse_platform, preview_rule
from impact_in_pipelines.wording import sentence
from impact_in_pipelines.wording.notes import note_sentence

CUSTOM = "custom"
_OWN_DAYS_ONLY = "own"
_TEXTS = (
    *("platform", "timezone", "often", "at", "minute", "every_hours", "cron", "country", "region"),
    *("policy", "closed_days", "window_start", "window_end"),
)
_FIELDS = {
    RulePart.CRON: "cron",
    RulePart.TIMEZONE: "timezone",
    RulePart.CALENDAR: "country",
    RulePart.WINDOW: "window_start",
}
"""The field of the form for each part of a rule."""
_WHOLE_WEEK = tuple(str(day) for day in range(1, 8))


@dataclass(frozen=True)
class Filled:
    """What is in the form: its texts by name, and what is ticked: weekdays and days of the month (`LAST_DAY`
    the last one) on which to send, weekdays of the window."""

    texts: dict[str, str]
    weekdays: Sequence[str] = ()
    month_days: Sequence[str] = ()
    days: Sequence[str] = ()

    @classmethod
    def of(cls, pairs: Sequence[tuple[str, str]]) -> "Filled":
        """What was sent."""

        def ticked(name: str) -> list[str]:
            return [value for key, value in pairs if key == name]

        texts = dict.fromkeys(_TEXTS, "") | {
            key: value.strip() for key, value in pairs if key in _TEXTS
        }
        return cls(texts, ticked("weekday"), ticked("month_day"), ticked("day"))

    @classmethod
    def from_schedule(cls, one: Schedule) -> "Filled":
        """What shows a schedule that is there; what the pickers can't say stands as its cron."""
        texts = dict.fromkeys(_TEXTS, "") | {
            "platform": one.platform.value,
            "cron": one.schedule,
            "timezone": one.timezone,
            "window_start": f"{one.window_start:%H:%M}" if one.window_start else "",
            "window_end": f"{one.window_end:%H:%M}" if one.window_end else "",
        }
        picked = _picked_from(one.schedule)
        return cls(
            texts | _picked_texts(picked) | _calendar_texts(one.holiday_calendar),
            [str(day) for day in picked.weekdays] if picked else ["1"],
            [str(day) for day in picked.month_days] if picked else ["1"],
            [str(day) for day in one.window_days or ()],
        )

    def rule(self, zone: str, kept: str | None = None) -> ScheduleRule:
        """The rule in the form; `kept` is the cron that was there. Raises `InvalidSchedule`."""
        return ScheduleRule(
            self._cron(kept),
            timezone=self.texts["timezone"] or zone,
            holiday_calendar=self._calendar(),
            window=self._window(),
        )

    def _cron(self, kept: str | None) -> str:
        often = self.texts["often"]
        if often not in tuple(Often):
            return self.texts["cron"]
        hourly = often in (Often.HOURLY, Often.HOURS)
        picked = Picked(
            Often(often),
            _time(f"00:{self.texts['minute'].zfill(2)}" if hourly else self.texts["at"]),
            int(self.texts["every_hours"]) if self.texts["every_hours"].isdecimal() else 0,
            _numbers(self.weekdays),
            _numbers(self.month_days),
        )
        # What was written otherwise and means the same is kept: a change that changes nothing is none.
        before = _picked_from(kept) if kept else None
        return kept if kept and before and before.cron == picked.cron else picked.cron

    def _calendar(self) -> HolidayCalendar | None:
        country, policy = self.texts["country"], self.texts["policy"]
        if not country:
            return None
        return HolidayCalendar(
            None if country == _OWN_DAYS_ONLY else country,
            self.texts["region"] or None if country != _OWN_DAYS_ONLY else None,
            _dates(self.texts["closed_days"]),
            HolidayPolicy(policy) if policy in tuple(HolidayPolicy) else HolidayPolicy.SKIP,
        )

    def _window(self) -> DeliveryWindow | None:
        start, end = self.texts["window_start"], self.texts["window_end"]
        if not start and not end:
            return None
        try:
            hours = time.fromisoformat(start), time.fromisoformat(end)
        except ValueError:
            raise WindowHalf() from None
        weekdays = frozenset(_numbers(self.days))
        return DeliveryWindow(*hours, weekdays) if weekdays else DeliveryWindow(*hours)


def _picked_from(cron: str) -> Picked | None:
    try:
        return picked_from(cron)
    except InvalidSchedule:  # one that no longer holds is mended as it is written
        return None


def _picked_texts(picked: Picked | None) -> dict[str, str]:
    if picked is None:
        return {"often": CUSTOM, "at": "00:00", "minute": "0", "every_hours": "6"}
    return {
        "often": picked.often.value,
        "at": f"{picked.at:%H:%M}",
        "minute": str(picked.at.minute),
        "every_hours": str(picked.every_hours),
        "cron": picked.cron,
    }


def _calendar_texts(stored: str | None) -> dict[str, str]:
    try:
        calendar = HolidayCalendar.parse(stored) if stored else None
    except InvalidSchedule:  # the card says why; a calendar is chosen anew
        calendar = None
    if calendar is None:
        return {"policy": HolidayPolicy.NEXT.value}
    return {
        "country": calendar.country or _OWN_DAYS_ONLY,
        "region": calendar.subdivision or "",
        "policy": calendar.policy.value,
        "closed_days": ", ".join(day.isoformat() for day in calendar.extra_dates),
    }


def _time(text: str) -> time:
    try:
        return time.fromisoformat(text).replace(second=0, microsecond=0, tzinfo=None)
    except ValueError:
        raise PickedTimeMalformed(text) from None


def _numbers(texts: Sequence[str]) -> tuple[int, ...]:
    return tuple(int(text) for text in texts if text.isdecimal() and len(text) < 3)


def _dates(text: str) -> tuple[date, ...]:
    days = []
    for item in text.replace(",", " ").replace(";", " ").split():
        try:
            days.append(date.fromisoformat(item))
        except ValueError:
            raise CalendarDateMalformed(item) from None
    return tuple(days)


def new(visit: Visit) -> Response:
    """The form of a new schedule, empty or with what another one has (`like`)."""
    if like := visit.query("like"):
        return _form(visit, None, Filled.from_schedule(own_schedule(visit, like)))
    texts = dict.fromkeys(_TEXTS, "") | {
        "platform": next(iter(Platform), ""),
        "timezone": visit.home.timezone,
        "policy": HolidayPolicy.NEXT.value,
        **_picked_texts(Picked(Often.DAILY)),
    }
    return _form(visit, None, Filled(texts, ["1"], ["1"], _WHOLE_WEEK))


def edit(visit: Visit) -> Response:
    """The form of one that is there."""
    one = own_schedule(visit)
    return _form(visit, one, Filled.from_schedule(one))


def _form(
    visit: Visit, one: Schedule | None, filled: Filled, *, refusal: UsageError | None = None
) -> Response:
    return visit.render(
        "schedule.html",
        status=422 if refusal else 200,
        one=one,
        values=filled.texts,
        weekdays_sent=filled.weekdays,
        month_days_sent=filled.month_days,
        days=filled.days or _WHOLE_WEEK,
        often=OFTEN,
        hour_steps=HOUR_STEPS,
        last_day=LAST_DAY,
        policies=HOLIDAY_POLICIES,
        countries=_countries(visit),
        regions=_regions(filled.texts["country"]),
        zones=_zones(),
        weekdays=visit.language.locale.days["stand-alone"]["abbreviated"],
        problem=sentence(refusal, visit.text) if refusal else None,
        at_field=_field_of(refusal),
        **_preview(visit, filled),
    )


def _field_of(refusal: UsageError | None) -> str | None:
    """The field of the form that `refusal` is about; None where it is about no single one."""
    match refusal:
        case None:
            return None
        case ConnectionMissing() | PlatformUnknown():
            return "platform"
        case PickedWeekDayMissing():
            return "weekday"
        case PickedMonthDayMissing():
            return "month_day"
        case PickedTimeMalformed():
            return "at"
        case CalendarDateMalformed():
            return "closed_days"
        case _:
            part = part_of(refusal)
            return _FIELDS.get(part) if part else None


@cache
def _zones() -> list[str]:
    return sorted(zone for zone in available_timezones() if "/" in zone or zone == "UTC")


def _countries(visit: Visit) -> list[tuple[str, str]]:
    names = visit.language.locale.territories
    found = [(code, names.get(code, code)) for code in holiday_countries()]
    return sorted(found, key=lambda one: one[1])


def _regions(country: str) -> list[tuple[str, str]]:
    return [(one.code, one.name) for one in holiday_countries().get(country, ())]


def regions_part(visit: Visit) -> Response:
    """The regions of a country, to choose from."""
    return visit.render("parts/regions.html", regions=_regions(visit.query("country")), chosen="")


def preview_part(visit: Visit) -> Response:
    """The next sends of what is in the form."""
    filled = Filled.of(visit.request.query_params.multi_items())
    return visit.render("parts/preview.html", **_preview(visit, filled))


def _preview(visit: Visit, filled: Filled) -> dict[str, Any]:
    try:
        rule = filled.rule(visit.home.timezone)
        found = preview_rule(rule, SENDS, now=visit.now)
        return {
            "lines": send_lines(visit.formats, rule, found.fires),
            "in_words": in_words(visit.language, rule.cron),
            "zone": rule.timezone,
            "cron": rule.cron,
            "notes": [note_sentence(note, visit.text) for note in found.notes],
            "preview_problem": None,
        }
    except UsageError as refusal:
        said = sentence(refusal, visit.text)
        nothing = {"lines": [], "in_words": "", "zone": "", "cron": "", "notes": []}
        return {**nothing, "preview_problem": said}


def create(visit: Visit) -> Response:
    """Create a schedule; `show` only shows its next sends, for browsers without scripts."""
    filled = Filled.of(visit.form)
    if visit.field("show"):
        return _form(visit, None, filled)
    try:
        platform = parse_platform(filled.texts["platform"])
        rule = filled.rule(visit.home.timezone)
        services.create(visit.api.runtime, visit.home, platform, rule, actor=visit.caller.subject)
    except UsageError as refusal:
        return _form(visit, None, filled, refusal=refusal)
    return visit.go(visit.path("schedules", done="created"))


def change(visit: Visit) -> Response:
    """Change a schedule; what isn't on the form stays as it was."""
    one, filled = own_schedule(visit), Filled.of(visit.form)
    if visit.field("show"):
        return _form(visit, one, filled)
    try:
        rule = filled.rule(visit.home.timezone, kept=one.schedule)
        changes = RuleChanges(
            cron=rule.cron,
            timezone=rule.timezone,
            holiday_calendar=rule.holiday_calendar,
            window=rule.window,
        )
        services.update(visit.api.runtime, one.id, changes, actor=visit.caller.subject)
    except UsageError as refusal:
        return _form(visit, one, filled, refusal=refusal)
    return visit.go(visit.path("schedules", done="changed"))
