"""Sends in words: when, what they report, and why one isn't on the day that the schedule names."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from impact_in_pipelines.api.web.language.words import BECAUSE, HOLIDAYS
from impact_in_pipelines.scheduling import HolidayCalendar, PreviewFire, ScheduleRule
from impact_in_pipelines.scheduling.holidays.lists import holiday_countries, holiday_in_words
from impact_in_pipelines.scheduling.outlook import Because, why_not
from impact_in_pipelines.wording.language.formats import Formats
from impact_in_pipelines.wording.marking import N_

_NOT_SENT = N_("not sent: %(why)s; the next one reports its days")
_INSTEAD = N_("instead of %(day)s: %(why)s")
_LATER = N_("%(time)s is outside the delivery window")


@dataclass(frozen=True, slots=True)
class SendLine:
    """One send, or one that is dropped: its local time, the days it reports, and why it isn't where the
    schedule has it (None: it is)."""

    local: datetime
    period_start: date | None
    period_end: date | None
    dropped: bool
    why: str | None


def send_lines(
    formats: Formats, rule: ScheduleRule, fires: Sequence[PreviewFire]
) -> list[SendLine]:
    """A preview's fires in words."""
    return [
        SendLine(one.local, one.period_start, one.period_end, one.dropped, _why(formats, rule, one))
        for one in fires
    ]


def _why(formats: Formats, rule: ScheduleRule, fire: PreviewFire) -> str | None:
    text, named = formats.language.text, fire.nominal.astimezone(rule.zone)
    if fire.dropped:
        return text(_NOT_SENT) % {"why": because_words(formats, rule, named.date())}
    if fire.local.date() != named.date():
        why = because_words(formats, rule, named.date())
        return text(_INSTEAD) % {"day": formats.fire(named), "why": why}
    window = rule.window
    if window is not None and not window.contains(named):
        return text(_LATER) % {"time": f"{named:%H:%M}"}
    return None


def because_words(
    formats: Formats, rule: ScheduleRule, day: date | None, because: Because | None = None
) -> str:
    """Why nothing of the local `day` is sent on it: a holiday by its name."""
    if because is None:
        assert day is not None
        because = why_not(rule, day)
    if because is Because.HOLIDAY and day is not None and rule.holiday_calendar is not None:
        name = holiday_in_words(rule.holiday_calendar, day, formats.language.code)
        if name:
            return name
    return formats.language.text(BECAUSE[because])


def calendar_words(formats: Formats, calendar: HolidayCalendar) -> str:
    """A holiday calendar and what happens on its days, in words."""
    place = []
    if calendar.country:
        names = formats.language.locale.territories
        regions = {one.code: one.name for one in holiday_countries().get(calendar.country, ())}
        place.append(names.get(calendar.country, calendar.country))
        if calendar.subdivision:
            place.append(regions.get(calendar.subdivision, calendar.subdivision))
    own = [formats.days(day, day, with_year=True) for day in calendar.extra_dates]
    shown = ", ".join([*([" · ".join(place)] if place else []), *own])
    return formats.language.text(HOLIDAYS[calendar.policy]) % {"calendar": shown}
