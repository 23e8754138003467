"""Schedules: created, changed, paused and tried out while the system runs."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Annotated
from uuid import UUID

from fastapi import Query

from impact_in_pipelines.api.access.rights import MANAGE, VIEW, Api, Caller, own_company, visible
from impact_in_pipelines.api.access.tokens import Principal
from impact_in_pipelines.api.context import ApiContext
from impact_in_pipelines.api.deliveries.replay_schemas import RunNowView
from impact_in_pipelines.api.http.pagination import (
    DEFAULT_LIMIT,
    cursor_id,
    decode_cursor,
    encode_cursor,
)
from impact_in_pipelines.api.http.problems import invalid, naming, not_found
from impact_in_pipelines.api.http.routing import PREFIX, api_router
from impact_in_pipelines.api.http.schemas import Count, Instant, Limit, PlatformName
from impact_in_pipelines.api.schedules.schemas import (
    CountsView,
    DeletedView,
    FireView,
    NewSchedule,
    Pause,
    PlatformCounts,
    PreviewRequest,
    PreviewView,
    ScheduleBody,
    SchedulePage,
    ScheduleStatsView,
    ScheduleView,
    calendar_value,
    check_cron_and_zone,
    naming_part,
    shown,
    window_value,
)
from impact_in_pipelines.db.schedules.rows import RuleChanges, ScheduleTwin
from impact_in_pipelines.db.schedules.rows import Schedule as Stored
from impact_in_pipelines.errors import NotFound
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.scheduling import CatchUp, describe_cron
from impact_in_pipelines.services import schedules
from impact_in_pipelines.services.accounts.connections import usable
from impact_in_pipelines.wording.notes import note_sentence

router = api_router("Schedules")
"""When which company's deliveries are due."""

_COMBINED = ("window", "holiday_calendar", "schedule")
_NOT_NULL = ("schedule", "timezone", "catch_up", "catch_up_limit_days", "spread_minutes")


@router.post(
    "/schedules",
    operation_id="createSchedule",
    summary="Create a schedule",
    status_code=201,
    dependencies=[MANAGE],
)
def create_schedule(api: Api, caller: Caller, body: NewSchedule) -> ScheduleView:
    company = own_company(api, caller, body.company_id)
    platform, rule = Platform(body.platform), body.rule(company.timezone)
    with naming("platform"):
        usable(api.runtime, company, platform)
    with naming_part():
        done = schedules.create(
            api.runtime, company, platform, rule, active=body.active, actor=caller.subject
        )
    return shown(done.schedule, done.notes)


@router.get(
    "/schedules", operation_id="listSchedules", summary="Schedules by company", dependencies=[VIEW]
)
def list_schedules(
    api: Api,
    caller: Caller,
    company_id: Annotated[UUID | None, Query(alias="companyId")] = None,
    platform: PlatformName | None = None,
    active: bool | None = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: str | None = None,
) -> SchedulePage:
    ids = visible(api, caller, company_id)
    question = {"of": "schedules", "company": company_id, "platform": platform, "active": active}
    rows = api.runtime.schedules.page(
        ids,
        limit=limit + 1,
        platform=Platform(platform) if platform else None,
        active=active,
        after=_position(cursor, question) if cursor is not None else None,
    )
    more = None
    if len(rows) > limit:
        last = rows[limit - 1]
        position = {"company": last.company, "platform": last.platform, "id": last.id}
        more = encode_cursor(position, question)
    return SchedulePage(data=[shown(row) for row in rows[:limit]], next_cursor=more)


@router.get(
    "/schedules/stats",
    operation_id="getScheduleStats",
    summary="How many schedules there are, and in which state",
    dependencies=[VIEW],
)
def schedule_stats(
    api: Api, caller: Caller, company_id: Annotated[UUID | None, Query(alias="companyId")] = None
) -> ScheduleStatsView:
    stats = api.runtime.schedules.stats(api.clock(), visible(api, caller, company_id))
    return ScheduleStatsView(
        overall=CountsView(**asdict(stats.all)),
        by_platform=[
            PlatformCounts(platform=platform.value, **asdict(counts))
            for platform, counts in stats.by_platform.items()
        ],
    )


@router.post(
    "/schedules/preview",
    operation_id="previewRule",
    summary="The next fires of a rule that isn't saved",
    dependencies=[VIEW],
)
def preview_rule(api: Api, body: PreviewRequest) -> PreviewView:
    rule = body.rule("UTC")
    with naming_part(otherwise="from"):
        return _preview(schedules.preview_rule(rule, body.count, now=api.clock(), start=body.start))


@router.get(
    "/schedules/{scheduleId:id}",
    operation_id="getSchedule",
    summary="One schedule",
    dependencies=[VIEW],
)
def get_schedule(api: Api, caller: Caller, scheduleId: UUID) -> ScheduleView:  # noqa: N803
    found = own_schedule(api, caller, scheduleId)
    other = schedules.twin_of(api.runtime, found)
    return shown(found, [ScheduleTwin(other)] if other else [])


@router.patch(
    "/schedules/{scheduleId:id}",
    operation_id="updateSchedule",
    summary="Change a schedule from now on; no fire happens twice",
    dependencies=[MANAGE],
)
def update_schedule(
    api: Api,
    caller: Caller,
    scheduleId: UUID,  # noqa: N803
    body: ScheduleBody,
) -> ScheduleView:
    found = own_schedule(api, caller, scheduleId)
    changes = _changes(body)
    # What is left to refuse is the combination: of the fields that were given, the last to bear on it.
    combined = next((name for name in _COMBINED if name in body.model_fields_set), None)
    with naming_part(only=ScheduleBody.model_fields[combined].alias if combined else None):
        done = schedules.update(api.runtime, found.id, changes, actor=caller.subject)
    return shown(done.schedule, done.notes)


@router.post(
    "/schedules/{scheduleId:id}/pause",
    operation_id="pauseSchedule",
    summary="Stop a schedule from firing, with a reason; what is planned already still goes out",
    dependencies=[MANAGE],
)
def pause_schedule(
    api: Api,
    caller: Caller,
    scheduleId: UUID,  # noqa: N803
    body: Pause,
) -> ScheduleView:
    found = own_schedule(api, caller, scheduleId)
    return shown(schedules.pause(api.runtime, found.id, body.reason, actor=caller.subject).schedule)


@router.post(
    "/schedules/{scheduleId:id}/resume",
    operation_id="resumeSchedule",
    summary="Let a paused schedule fire again",
    dependencies=[MANAGE],
)
def resume_schedule(api: Api, caller: Caller, scheduleId: UUID) -> ScheduleView:  # noqa: N803
    found = own_schedule(api, caller, scheduleId)
    done = schedules.resume(api.runtime, found.id, actor=caller.subject)
    return shown(done.schedule, done.notes)


@router.delete(
    "/schedules/{scheduleId:id}",
    operation_id="deleteSchedule",
    summary="Take a schedule out of use; its history stays",
    dependencies=[MANAGE],
)
def delete_schedule(api: Api, caller: Caller, scheduleId: UUID) -> DeletedView:  # noqa: N803
    found = own_schedule(api, caller, scheduleId)
    done = schedules.delete(api.runtime, found.id, actor=caller.subject)
    return DeletedView(id=found.id, cancelled_deliveries=done.cancelled)


@router.post(
    "/schedules/{scheduleId:id}/run-now",
    operation_id="runScheduleNow",
    summary="One delivery now, of the days that no fire has reported yet",
    status_code=202,
    dependencies=[MANAGE],
)
def run_schedule_now(api: Api, caller: Caller, scheduleId: UUID) -> RunNowView:  # noqa: N803
    found = own_schedule(api, caller, scheduleId)
    done = schedules.run_now(api.runtime, found.id, actor=caller.subject, drains=api.dagster)
    made = done.run
    return RunNowView(
        delivery_id=made.delivery_id,
        period_start=made.period_start,
        period_end=made.period_end,
        status_url=f"{PREFIX}/deliveries/{made.delivery_id}",
        drains={platform.value: start.value for platform, start in done.drains.items()},
    )


@router.get(
    "/schedules/{scheduleId:id}/preview",
    operation_id="previewSchedule",
    summary="The next fires of a schedule; of a paused one as if it were resumed now",
    dependencies=[VIEW],
)
def preview_schedule(
    api: Api,
    caller: Caller,
    scheduleId: UUID,  # noqa: N803
    count: Annotated[Count, Query(ge=1, le=100)] = 5,
    start: Annotated[
        Instant | None, Query(alias="from", description="from then on, not from now")
    ] = None,
) -> PreviewView:
    found = own_schedule(api, caller, scheduleId)
    with naming_part(otherwise="from", location="query"):
        return _preview(schedules.preview_saved(api.runtime, found.id, count, start=start))


def own_schedule(api: ApiContext, caller: Principal, id_: UUID) -> Stored:
    """The schedule, if the caller may see it. Raises a 404 problem."""
    try:
        return schedules.find(api.runtime, id_, caller.company_ids)
    except NotFound:
        raise not_found("schedule") from None


def _changes(body: ScheduleBody) -> RuleChanges:
    """What was given, as the store takes it."""
    given = body.model_fields_set
    for name in _NOT_NULL:
        if name in given and getattr(body, name) is None:
            shown_name = ScheduleBody.model_fields[name].alias or name
            raise invalid("body", shown_name, "can't be null; leave it out to keep it")
    check_cron_and_zone(body.schedule, body.timezone)
    changes = RuleChanges()
    if body.schedule is not None:
        changes["cron"] = body.schedule
    if body.timezone is not None:
        changes["timezone"] = body.timezone
    if "holiday_calendar" in given:
        changes["holiday_calendar"] = calendar_value(body.holiday_calendar)
    if "window" in given:
        changes["window"] = window_value(body.window)
    if body.catch_up is not None:
        changes["catch_up"] = CatchUp(body.catch_up)
    if body.catch_up_limit_days is not None:
        changes["catch_up_limit_days"] = body.catch_up_limit_days
    if body.spread_minutes is not None:
        changes["spread_minutes"] = body.spread_minutes
    return changes


def _position(cursor: str, question: Mapping[str, object]) -> tuple[str, str, UUID]:
    company, platform, id_ = decode_cursor(cursor, question, "company", "platform", "id")
    return company, platform, cursor_id(id_)


def _preview(made: schedules.Preview) -> PreviewView:
    return PreviewView(
        schedule=made.rule.cron,
        description=describe_cron(made.rule.cron),
        timezone=made.rule.timezone,
        fires=[FireView(**asdict(fire)) for fire in made.fires],
        notices=[note_sentence(note) for note in made.notes],
    )
