"""All of the company's schedules, and what each does next."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from starlette.responses import Response

from impact_in_pipelines.api.web.language.cron_words import in_words
from impact_in_pipelines.api.web.language.send_words import SendLine, calendar_words, send_lines
from impact_in_pipelines.api.web.language.words import Sign
from impact_in_pipelines.api.web.visits import Visit
from impact_in_pipelines.db.schedules.reading import FAILING_FROM
from impact_in_pipelines.db.schedules.rows import DaysLeftOut, Schedule, ScheduleTwin
from impact_in_pipelines.errors import InvalidSchedule
from impact_in_pipelines.scheduling import HolidayCalendar
from impact_in_pipelines.services.schedules import next_fires, twins_among
from impact_in_pipelines.wording import sentence
from impact_in_pipelines.wording.marking import N_
from impact_in_pipelines.wording.notes import note_sentence

SENDS = 5


@dataclass(frozen=True)
class Card:
    """One schedule and what it does next; `problem` says why nothing can be told, `twin` is another one that
    fires alike, `holidays` what happens on them."""

    schedule: Schedule
    words: str
    sign: Sign
    lines: Sequence[SendLine]
    problem: str | None
    twin: str | None
    holidays: str | None


def schedules(visit: Visit) -> Response:
    """All of the company's schedules."""
    found = visit.api.runtime.schedules.listed(visit.home)
    twins = twins_among(found)
    cancelled = visit.query("cancelled")
    return visit.render(
        "schedules.html",
        cards=[_card(visit, one, twins.get(one.id)) for one in found],
        unsent=_unsent(visit),
        cancelled=int(cancelled[:6]) if cancelled.isdecimal() else 0,
    )


def _unsent(visit: Visit) -> str | None:
    """The days that a resume has just left out, as the address of the page says."""
    try:
        start, end = (date.fromisoformat(visit.query(name)) for name in ("from", "to"))
    except ValueError:
        return None
    limit = visit.query("limit")
    left = DaysLeftOut(start, end, int(limit[:5]) if limit.isdecimal() else None)
    return note_sentence(left, visit.text)


def _card(visit: Visit, one: Schedule, twin: Schedule | None) -> Card:
    words = in_words(visit.language, one.schedule)
    like = note_sentence(ScheduleTwin(twin), visit.text) if twin else None
    try:
        fires = next_fires(one, SENDS, visit.now)
        lines, problem = send_lines(visit.formats, one.rule, fires), None
    except InvalidSchedule as refusal:
        lines, problem = [], sentence(refusal, visit.text)
    return Card(one, words, _sign(one), lines, problem, like, _holidays(visit, one))


def _holidays(visit: Visit, one: Schedule) -> str | None:
    if one.holiday_calendar is None:
        return None
    try:
        return calendar_words(visit.formats, HolidayCalendar.parse(one.holiday_calendar))
    except InvalidSchedule:  # `problem` says why
        return one.holiday_calendar


def _sign(one: Schedule) -> Sign:
    if not one.active:
        return Sign("warn", "pause", N_("Paused"))
    if one.consecutive_failures >= FAILING_FROM:
        return Sign("bad", "cross", N_("Failing"))
    return Sign("good", "check", N_("Active"))
