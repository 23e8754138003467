"""A year of a schedule: on which days it sends, what moves, what is dropped, and why."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from starlette.responses import Response

from impact_in_pipelines.api.web.language.cron_words import in_words
from impact_in_pipelines.api.web.language.send_words import because_words, calendar_words
from impact_in_pipelines.api.web.pages.schedules.own import own_schedule
from impact_in_pipelines.api.web.visits import Visit
from impact_in_pipelines.scheduling.outlook import Because, Shifted
from impact_in_pipelines.services.schedule_outlook import ScheduleYear, year_of

_DAY = timedelta(days=1)
_ONE_BY_ONE = (Because.HOLIDAY, Because.OWN_DAY)
"""What is told day by day; weekends and windows are counted."""


@dataclass(frozen=True)
class YearDay:
    """One day: how many are `sent` on it; `state` as the style sheet has it."""

    day: date
    sent: int
    state: str


@dataclass(frozen=True)
class DayShift:
    """What differs, with the reason in words: the sends of one day that go out on the day `to` or (None)
    not at all, or, without a `day`, those of several, `moved` or dropped."""

    day: date | None
    to: date | None
    moved: bool
    sends: int
    why: str


@dataclass(frozen=True)
class YearMonth:
    """One month: its days, how many are sent, moved and dropped, and what differs."""

    first: date
    days: Sequence[YearDay]
    sent: int
    moved: int
    dropped: int
    told: Sequence[DayShift]


def year(visit: Visit) -> Response:
    """The year in the address, by default the present one."""
    one, asked = own_schedule(visit), visit.query("year")
    found = year_of(visit.api.runtime, one.id, int(asked[:4]) if asked.isdecimal() else None)
    calendar = one.rule.holiday_calendar
    return visit.render(
        "schedule_year.html",
        one=one,
        found=found,
        words_of=in_words(visit.language, one.schedule),
        holidays=calendar_words(visit.formats, calendar) if calendar else None,
        months=[_month(visit, found, number) for number in range(found.first.month, 13)],
    )


def _month(visit: Visit, found: ScheduleYear, number: int) -> YearMonth:
    first = date(found.year, number, 1)
    after = (first + 31 * _DAY).replace(day=1)
    days = [first + n * _DAY for n in range((after - first).days)]
    sent = found.outlook.days
    here = [one for one in found.outlook.shifted if first <= one.day < after]
    shifted = {one.day: one for one in here}
    return YearMonth(
        first,
        [YearDay(day, sent.get(day, 0), _state(found, day, shifted.get(day))) for day in days],
        sum(sent.get(day, 0) for day in days),
        sum(one.sends for one in here if one.to),
        sum(one.sends for one in here if one.to is None),
        _told(visit, found, here),
    )


def _state(found: ScheduleYear, day: date, shifted: Shifted | None) -> str:
    if day < found.first or day > found.outlook.until:
        return "untold"
    if found.outlook.days.get(day):
        return "send"
    if shifted is None:
        return "none"
    return "moved" if shifted.to else "dropped"


def _told(visit: Visit, found: ScheduleYear, here: Sequence[Shifted]) -> list[DayShift]:
    rule = found.schedule.rule
    one_by_one = [
        DayShift(
            one.day,
            one.to,
            one.to is not None,
            one.sends,
            because_words(visit.formats, rule, one.day),
        )
        for one in here
        if one.because in _ONE_BY_ONE
    ]
    counted: Counter[tuple[Because, bool]] = Counter()
    for one in here:
        if one.because not in _ONE_BY_ONE:
            counted[one.because, one.to is not None] += one.sends
    together = [
        DayShift(None, None, moved, n, because_words(visit.formats, rule, None, why))
        for (why, moved), n in sorted(counted.items())
    ]
    return one_by_one + together
