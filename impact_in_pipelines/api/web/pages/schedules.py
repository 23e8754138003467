"""A company's schedules: what they do next, pause and resume, create and change with a live preview."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import time
from functools import cache
from typing import Any
from zoneinfo import available_timezones

from starlette.responses import Response
from starlette.routing import Route

from impact_in_pipelines.api.http.problems import not_found
from impact_in_pipelines.api.web.language.cron_words import in_words, preset_of
from impact_in_pipelines.api.web.language.words import PRESETS, Sign
from impact_in_pipelines.api.web.visits import MANAGE, VIEW, Pages, Visit, uuid_of
from impact_in_pipelines.db.schedules.rows import RuleChanges, Schedule, resumed
from impact_in_pipelines.db.schedules.store import FAILING_FROM
from impact_in_pipelines.errors import InvalidSchedule, NotFound, UsageError
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.scheduling import (
    DeliveryWindow,
    HolidayCalendar,
    PreviewFire,
    ScheduleFrequency,
    ScheduleRule,
    preview,
)
from impact_in_pipelines.wording.marking import N_

_FIRES = 5
_CUSTOM = "custom"
_LONGEST_REASON = 200


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
    """One schedule and what it does next; `problem` says why nothing can be told."""

    schedule: Schedule
    words: str
    sign: Sign
    fires: Sequence[PreviewFire]
    problem: str | None


def schedules(visit: Visit) -> Response:
    """All of the company's schedules."""
    found = visit.api.runtime.schedules.listed(visit.home)
    return visit.render("schedules.html", cards=[_card(visit, one) for one in found])


def _card(visit: Visit, one: Schedule) -> Card:
    words = in_words(visit.language, one.schedule)
    try:
        living = one if one.active else resumed(one, visit.now)
        fires = preview(living.rule, _FIRES, after=visit.now, cursor=living.cursor)
        return Card(one, words, _sign(one), fires, None)
    except InvalidSchedule as problem:
        return Card(one, words, _sign(one), [], str(problem))


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
    problem: str | None = None,
) -> Response:
    empty = dict.fromkeys(
        ("platform", "preset", "cron", "timezone", "holidays", "window_start", "window_end"), ""
    )
    shown = empty | values
    return visit.render(
        "schedule.html",
        status=422 if problem else 200,
        one=one,
        values=shown,
        days=list(days) if days else [str(day) for day in range(1, 8)],
        crons={preset.value: preset.cron for preset in ScheduleFrequency},
        presets=PRESETS,
        zones=_zones(),
        weekdays=visit.language.locale.days["stand-alone"]["abbreviated"],
        problem=problem,
        **_preview(visit, shown, days or ()),
    )


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
        return {
            "fires": preview(rule, _FIRES, after=visit.now),
            "in_words": in_words(visit.language, rule.cron),
            "zone": rule.timezone,
            "preview_problem": None,
        }
    except UsageError as refusal:
        return {"fires": [], "in_words": "", "zone": "", "preview_problem": str(refusal)}


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
        weekdays = frozenset(int(day) for day in days)
    except ValueError:
        raise InvalidSchedule(
            "delivery window: give both the start and the end, such as 08:00 and 18:00"
        ) from None
    return DeliveryWindow(*hours, weekdays) if weekdays else DeliveryWindow(*hours)


def _posted(visit: Visit) -> tuple[dict[str, str], list[str]]:
    return {name: value.strip() for name, value in visit.form}, visit.fields("day")


def create(visit: Visit) -> Response:
    """Create a schedule."""
    values, days = _posted(visit)
    try:
        if values.get("platform") not in {one.value for one in Platform}:
            raise UsageError(visit.text(N_("There is no such platform.")))
        platform = Platform(values["platform"])
        rule = rule_of(visit, values, days)
        visit.api.runtime.schedules.create(
            visit.home, platform, rule, now=visit.now, actor=visit.caller.subject
        )
    except UsageError as refusal:
        return _form(visit, None, values, days=days, problem=str(refusal))
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
        visit.api.runtime.schedules.update(
            one.id, now=visit.now, actor=visit.caller.subject, **changes
        )
    except UsageError as refusal:
        return _form(visit, one, values, days=days, problem=str(refusal))
    return visit.go(visit.path("schedules", done="changed"))


def pause_form(visit: Visit) -> Response:
    """Asks for the reason."""
    template = "parts/pause.html" if visit.is_fragment else "pause.html"
    return visit.render(template, one=_own(visit))


def pause(visit: Visit) -> Response:
    """Pause a schedule for a reason."""
    one = _own(visit)
    reason = visit.field("reason")[:_LONGEST_REASON]
    if not reason:
        raise UsageError(visit.text(N_("Say why the schedule is paused.")))
    visit.api.runtime.schedules.pause(one.id, reason, now=visit.now, actor=visit.caller.subject)
    return visit.go(visit.path("schedules", done="paused"))


def resume(visit: Visit) -> Response:
    """Have a schedule fire again."""
    one = _own(visit)
    visit.api.runtime.schedules.resume(one.id, now=visit.now, actor=visit.caller.subject)
    return visit.go(visit.path("schedules", done="resumed"))


def _own(visit: Visit) -> Schedule:
    """The schedule in the address, if it is the company's. Raises a 404 problem."""
    id_ = uuid_of(visit.request.path_params["schedule_id"], "schedule")
    try:
        return visit.api.runtime.schedules.find(id_, [visit.home.id])
    except NotFound:
        raise not_found("schedule") from None
