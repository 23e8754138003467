"""A company's schedules: what they do next, pause and resume, create and change with a live preview."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, time
from functools import cache
from typing import Any
from zoneinfo import available_timezones

from starlette.responses import Response
from starlette.routing import Route

from impact_in_pipelines.api.http.problems import not_found
from impact_in_pipelines.api.web.language.cron_words import in_words, preset_of
from impact_in_pipelines.api.web.language.words import HOLIDAYS, PRESETS, Sign
from impact_in_pipelines.api.web.visits import MANAGE, VIEW, Pages, Visit, uuid_of
from impact_in_pipelines.db.schedules.reading import FAILING_FROM
from impact_in_pipelines.db.schedules.rows import DaysLeftOut, RuleChanges, Schedule, ScheduleTwin
from impact_in_pipelines.errors import InvalidSchedule, NotFound, UsageError
from impact_in_pipelines.errors.accounts import ConnectionMissing
from impact_in_pipelines.errors.schedules import PlatformUnknown, RulePart, WindowHalf, part_of
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.scheduling import (
    DeliveryWindow,
    HolidayCalendar,
    PreviewFire,
    ScheduleFrequency,
    ScheduleRule,
)
from impact_in_pipelines.services import schedules as services
from impact_in_pipelines.services.schedules import (
    next_fires,
    parse_platform,
    preview_rule,
    twins_among,
)
from impact_in_pipelines.wording import sentence
from impact_in_pipelines.wording.marking import N_
from impact_in_pipelines.wording.notes import note_sentence

_FIRES = 5
_CUSTOM = "custom"
_LONGEST_REASON = 200
_FIELDS = {
    RulePart.CRON: "cron",
    RulePart.TIMEZONE: "timezone",
    RulePart.CALENDAR: "holidays",
    RulePart.WINDOW: "window_start",
}
"""The field of the form for each part of a rule."""


def routes(pages: Pages) -> list[Route]:
    """The list, the forms and what they do."""
    base = "/{company_id}/schedules"
    one = f"{base}/{{schedule_id}}"
    return [
        pages.route(base, schedules, VIEW),
        pages.route(base, create, MANAGE, method="POST"),
        pages.route(f"{base}/new", new, MANAGE),
        pages.route(f"{base}/preview", preview_part, VIEW),
        pages.route(f"{one}/edit", edit, MANAGE),
        pages.route(f"{one}/edit", change, MANAGE, method="POST"),
        pages.route(f"{one}/pause", pause_form, MANAGE),
        pages.route(f"{one}/pause", pause, MANAGE, method="POST"),
        pages.route(f"{one}/resume", resume, MANAGE, method="POST"),
    ]


@dataclass(frozen=True)
class Card:
    """One schedule and what it does next; `problem` says why nothing can be told, `twin` is another one that
    fires alike, `holidays` what happens on them."""

    schedule: Schedule
    words: str
    sign: Sign
    fires: Sequence[PreviewFire]
    problem: str | None
    twin: str | None
    holidays: str | None


def schedules(visit: Visit) -> Response:
    """All of the company's schedules."""
    found = visit.api.runtime.schedules.listed(visit.home)
    twins = twins_among(found)
    return visit.render(
        "schedules.html",
        cards=[_card(visit, one, twins.get(one.id)) for one in found],
        unsent=_unsent(visit),
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
        fires, problem = next_fires(one, _FIRES, visit.now), None
    except InvalidSchedule as refusal:
        fires, problem = [], sentence(refusal, visit.text)
    return Card(one, words, _sign(one), fires, problem, like, _holidays(visit, one))


def _holidays(visit: Visit, one: Schedule) -> str | None:
    if one.holiday_calendar is None:
        return None
    try:
        found = HolidayCalendar.parse(one.holiday_calendar)
    except InvalidSchedule:  # `problem` says why
        return one.holiday_calendar
    region = "-".join(part for part in (found.country, found.subdivision) if part)
    own = [visit.formats.days(day, day, with_year=True) for day in found.extra_dates]
    days = ", ".join([*([region] if region else []), *own])
    return visit.text(HOLIDAYS[found.policy]) % {"calendar": days}


def _sign(one: Schedule) -> Sign:
    if not one.active:
        return Sign("warn", "pause", N_("Paused"))
    if one.consecutive_failures >= FAILING_FROM:
        return Sign("bad", "cross", N_("Failing"))
    return Sign("good", "check", N_("Active"))


def new(visit: Visit) -> Response:
    """The form of a new schedule."""
    values = {
        "platform": Platform.BENEVITY.value,
        "preset": ScheduleFrequency.DAILY.value,
        "cron": ScheduleFrequency.DAILY.cron,
        "timezone": visit.home.timezone,
    }
    return _form(visit, None, values)


def edit(visit: Visit) -> Response:
    """The form of one that is there."""
    one = _own(visit)
    values = {
        "platform": one.platform.value,
        "preset": preset_of(one.schedule) or _CUSTOM,
        "cron": one.schedule,
        "timezone": one.timezone,
        "holidays": one.holiday_calendar or "",
        "window_start": f"{one.window_start:%H:%M}" if one.window_start else "",
        "window_end": f"{one.window_end:%H:%M}" if one.window_end else "",
    }
    return _form(visit, one, values, days=[str(day) for day in one.window_days or ()])


def _form(
    visit: Visit,
    one: Schedule | None,
    values: dict[str, str],
    *,
    days: Sequence[str] | None = None,
    refusal: UsageError | None = None,
) -> Response:
    empty = dict.fromkeys(
        ("platform", "preset", "cron", "timezone", "holidays", "window_start", "window_end"), ""
    )
    shown = empty | values
    return visit.render(
        "schedule.html",
        status=422 if refusal else 200,
        one=one,
        values=shown,
        days=list(days) if days else [str(day) for day in range(1, 8)],
        crons={preset.value: preset.cron for preset in ScheduleFrequency},
        presets=PRESETS,
        zones=_zones(),
        weekdays=visit.language.locale.days["stand-alone"]["abbreviated"],
        problem=sentence(refusal, visit.text) if refusal else None,
        at_field=_field_of(refusal),
        **_preview(visit, shown, days or ()),
    )


def _field_of(refusal: UsageError | None) -> str | None:
    """The field of the form that `refusal` is about; None where it is about no single one."""
    match refusal:
        case None:
            return None
        case ConnectionMissing() | PlatformUnknown():
            return "platform"
        case _:
            part = part_of(refusal)
            return _FIELDS.get(part) if part else None


@cache
def _zones() -> list[str]:
    return sorted(zone for zone in available_timezones() if "/" in zone or zone == "UTC")


def preview_part(visit: Visit) -> Response:
    """The next fires of what is in the form."""
    values = {name: visit.query(name) for name in visit.request.query_params}
    days = visit.request.query_params.getlist("day")
    return visit.render("parts/preview.html", **_preview(visit, values, days))


def _preview(visit: Visit, values: dict[str, str], days: Sequence[str]) -> dict[str, Any]:
    try:
        rule = rule_of(visit, values, days)
        found = preview_rule(rule, _FIRES, now=visit.now)
        return {
            "fires": found.fires,
            "in_words": in_words(visit.language, rule.cron),
            "zone": rule.timezone,
            "notes": [note_sentence(note, visit.text) for note in found.notes],
            "preview_problem": None,
        }
    except UsageError as refusal:
        said = sentence(refusal, visit.text)
        return {"fires": [], "in_words": "", "zone": "", "notes": [], "preview_problem": said}


def rule_of(visit: Visit, values: dict[str, str], days: Sequence[str]) -> ScheduleRule:
    """The rule in a form's fields. Raises `InvalidSchedule`."""
    preset = values.get("preset", _CUSTOM)
    cron = values.get("cron", "") if preset == _CUSTOM else preset
    holidays = values.get("holidays", "")
    return ScheduleRule(
        cron,
        timezone=values.get("timezone") or visit.home.timezone,
        holiday_calendar=HolidayCalendar.parse(holidays) if holidays else None,
        window=_window(values, days),
    )


def _window(values: dict[str, str], days: Sequence[str]) -> DeliveryWindow | None:
    start, end = values.get("window_start", ""), values.get("window_end", "")
    if not start and not end:
        return None
    try:
        hours = time.fromisoformat(start), time.fromisoformat(end)
    except ValueError:
        raise WindowHalf() from None
    weekdays = frozenset(int(day) for day in days if day.isdecimal())
    return DeliveryWindow(*hours, weekdays) if weekdays else DeliveryWindow(*hours)


def _posted(visit: Visit) -> tuple[dict[str, str], list[str]]:
    return {name: value.strip() for name, value in visit.form}, visit.fields("day")


def create(visit: Visit) -> Response:
    """Create a schedule."""
    values, days = _posted(visit)
    try:
        platform = parse_platform(values.get("platform", ""))
        rule = rule_of(visit, values, days)
        services.create(visit.api.runtime, visit.home, platform, rule, actor=visit.caller.subject)
    except UsageError as refusal:
        return _form(visit, None, values, days=days, refusal=refusal)
    return visit.go(visit.path("schedules", done="created"))


def change(visit: Visit) -> Response:
    """Change a schedule; what isn't on the form stays as it was."""
    one = _own(visit)
    values, days = _posted(visit)
    try:
        rule = rule_of(visit, values, days)
        changes = RuleChanges(
            cron=rule.cron,
            timezone=rule.timezone,
            holiday_calendar=rule.holiday_calendar,
            window=rule.window,
        )
        services.update(visit.api.runtime, one.id, changes, actor=visit.caller.subject)
    except UsageError as refusal:
        return _form(visit, one, values, days=days, refusal=refusal)
    return visit.go(visit.path("schedules", done="changed"))


def pause_form(visit: Visit) -> Response:
    """Asks for the reason."""
    template = "parts/pause.html" if visit.is_fragment else "pause.html"
    return visit.render(template, one=_own(visit))


def pause(visit: Visit) -> Response:
    """Pause a schedule for a reason."""
    one = _own(visit)
    reason = visit.field("reason")[:_LONGEST_REASON]
    services.pause(visit.api.runtime, one.id, reason, actor=visit.caller.subject)
    return visit.go(visit.path("schedules", done="paused"))


def resume(visit: Visit) -> Response:
    """Have a schedule fire again."""
    one = _own(visit)
    done = services.resume(visit.api.runtime, one.id, actor=visit.caller.subject)
    left = next((note for note in done.notes if isinstance(note, DaysLeftOut)), None)
    unsent = {"from": left.start, "to": left.end, "limit": left.beyond_limit_days} if left else {}
    return visit.go(visit.path("schedules", done="resumed", **unsent))


def _own(visit: Visit) -> Schedule:
    """The schedule in the address, if it is the company's. Raises a 404 problem."""
    id_ = uuid_of(visit.request.path_params["schedule_id"], "schedule")
    try:
        return services.find(visit.api.runtime, id_, [visit.home.id])
    except NotFound:
        raise not_found("schedule") from None
