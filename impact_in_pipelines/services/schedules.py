"""Schedules: created, changed, paused, run and previewed, each in one place for every door.

`company_ids` are those of whoever asks (None: all): another company's schedule is as good as none. `now`
(aware) is the instant from which a change counts, by default the present.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from impact_in_pipelines.db.accounts.companies import Company
from impact_in_pipelines.db.schedules.rows import (
    Note,
    RuleChanges,
    Schedule,
    ScheduleTwin,
    changed_rule,
    resumed,
)
from impact_in_pipelines.db.schedules.store import RunNow
from impact_in_pipelines.errors.schedules import PlatformUnknown, PreviewOutOfRange
from impact_in_pipelines.platforms import Platform, installed_platform
from impact_in_pipelines.runtime import Runtime
from impact_in_pipelines.scheduling import (
    PreviewFire,
    ScheduleRule,
    calendar_note,
    fires_alike,
)
from impact_in_pipelines.scheduling import preview as fires_of
from impact_in_pipelines.services.accounts.companies import require_active
from impact_in_pipelines.services.deliveries.drain_requests import (
    DrainStart,
    DrainStarter,
    NextTick,
)

FIRST_PREVIEWED, LAST_PREVIEWED = date(1970, 1, 2), date(2100, 1, 1)
"""Since 1970 the changes of time zones are known; nobody knows them far ahead."""


@dataclass(frozen=True, slots=True)
class Changed:
    """A schedule after a change; `was` before it, None for a new one."""

    schedule: Schedule
    was: Schedule | None
    notes: Sequence[Note] = ()


@dataclass(frozen=True, slots=True)
class Deleted:
    """A schedule taken out of use, and how many planned deliveries were cancelled with it."""

    schedule: Schedule
    cancelled: int


@dataclass(frozen=True, slots=True)
class RunPlanned:
    """The delivery that a run made, and who sends it."""

    run: RunNow
    drains: Mapping[Platform, DrainStart]


@dataclass(frozen=True, slots=True)
class Preview:
    """The next fires of a rule; `schedule` is the saved one that has it, if one has."""

    rule: ScheduleRule
    fires: Sequence[PreviewFire]
    notes: Sequence[Note] = ()
    schedule: Schedule | None = None


def parse_platform(text: str) -> Platform:
    """The platform of this name. Raises `PlatformUnknown`."""
    try:
        return installed_platform(text)
    except ValueError:
        raise PlatformUnknown(text, [one.value for one in Platform]) from None


def create(
    runtime: Runtime,
    company: Company,
    platform: Platform,
    rule: ScheduleRule,
    *,
    actor: str,
    active: bool = True,
    now: datetime | None = None,
) -> Changed:
    """Add a schedule that fires from `now` (aware; the present by default) on. Raises `ConnectionMissing`,
    `CompanyInactive`, `NeverFiresAgain`."""
    require_active(company)
    made = runtime.schedules.create(
        company, platform, rule, now=now or runtime.clock(), active=active, actor=actor
    )
    return Changed(made, None, _notes(runtime, made))


def find(runtime: Runtime, id_: UUID | str, company_ids: Sequence[UUID] | None = None) -> Schedule:
    """The schedule with this id or the only one whose id begins so. Raises `ScheduleUnknown` and others."""
    return runtime.schedules.find(id_, company_ids)


def update(
    runtime: Runtime,
    id_: UUID | str,
    changes: RuleChanges,
    *,
    actor: str,
    company_ids: Sequence[UUID] | None = None,
    now: datetime | None = None,
) -> Changed:
    """Change parts of the rule from now on. Raises `InvalidSchedule` for a rule that doesn't hold."""
    was = find(runtime, id_, company_ids)
    new = runtime.schedules.update(was.id, now=now or runtime.clock(), actor=actor, **changes)
    return Changed(new, was, _notes(runtime, new))


def pause(
    runtime: Runtime,
    id_: UUID | str,
    reason: str,
    *,
    actor: str,
    company_ids: Sequence[UUID] | None = None,
    now: datetime | None = None,
) -> Changed:
    """No more fires, for `reason`. Raises `PauseReasonMissing`."""
    was = find(runtime, id_, company_ids)
    return Changed(
        runtime.schedules.pause(was.id, reason, now=now or runtime.clock(), actor=actor), was
    )


def resume(
    runtime: Runtime,
    id_: UUID | str,
    *,
    actor: str,
    company_ids: Sequence[UUID] | None = None,
) -> Changed:
    """Fire again; a note names the days that stay unsent. Raises `CompanyInactive`, `NeverFiresAgain`,
    `InvalidSchedule`."""
    was = find(runtime, id_, company_ids)
    require_active(runtime.companies.find(str(was.company_id)))
    new = runtime.schedules.resume(was.id, now=runtime.clock(), actor=actor)
    return Changed(new, was, _notes(runtime, new))


def pause_all(
    runtime: Runtime,
    reason: str,
    *,
    actor: str,
    company: str | None = None,
    platform: Platform | None = None,
    now: datetime | None = None,
) -> list[Schedule]:
    """Pause what is active of a company (slug or id), of a platform, or of both or all, since `now` (aware;
    the present by default): what was to fire from then on is neither sent nor missed."""
    return runtime.schedules.pause_all(
        reason,
        now=now or runtime.clock(),
        company=runtime.companies.find(company) if company else None,
        platform=platform,
        actor=actor,
    )


def resume_all(
    runtime: Runtime,
    *,
    actor: str,
    company: str | None = None,
    platform: Platform | None = None,
    reason: str | None = None,
    now: datetime | None = None,
) -> list[Schedule]:
    """Resume what is paused, with `reason` only what was paused for it; `notice` says what stayed paused."""
    return runtime.schedules.resume_all(
        now=now or runtime.clock(),
        company=runtime.companies.find(company) if company else None,
        platform=platform,
        reason=reason,
        actor=actor,
    )


def delete(
    runtime: Runtime,
    id_: UUID | str,
    *,
    actor: str,
    company_ids: Sequence[UUID] | None = None,
) -> Deleted:
    """Take a schedule out of use; its history stays."""
    found = find(runtime, id_, company_ids)
    return Deleted(found, runtime.schedules.delete(found.id, now=runtime.clock(), actor=actor))


def run_now(
    runtime: Runtime,
    id_: UUID | str,
    *,
    actor: str,
    company_ids: Sequence[UUID] | None = None,
    drains: DrainStarter | None = None,
) -> RunPlanned:
    """One delivery now, of the days that no fire has reported yet. Raises `CompanyInactive`,
    `RunAlreadyPlanned`."""
    found = find(runtime, id_, company_ids)
    require_active(runtime.companies.find(str(found.company_id)))
    run = runtime.schedules.run_now(found.id, now=runtime.clock(), actor=actor)
    starter = drains or NextTick()
    return RunPlanned(run, starter.start_drains([found.platform], f"run now by {actor}"))


def preview_rule(
    rule: ScheduleRule, count: int, *, now: datetime, start: datetime | None = None
) -> Preview:
    """The next fires of a rule that isn't saved, from `start` (by default `now`) on. Needs no database.

    Raises `PreviewOutOfRange`, `NeverFiresAgain`.
    """
    after = now if start is None else _previewable(start)
    return Preview(rule, fires_of(rule, count, after=after), _about(rule, after))


def preview_saved(
    runtime: Runtime,
    id_: UUID | str,
    count: int,
    *,
    start: datetime | None = None,
    changes: RuleChanges | None = None,
    company_ids: Sequence[UUID] | None = None,
) -> Preview:
    """As `preview_rule`, of a saved schedule as it is or as it would be with `changes`."""
    found = find(runtime, id_, company_ids)
    if changes:
        found = found.with_rule(changed_rule(found, changes))
    now = runtime.clock()
    if start is None:
        fires = next_fires(found, count, now)
    else:
        fires = fires_of(found.rule, count, after=_previewable(start))
    return Preview(found.rule, fires, _about(found.rule, now), found)


def next_fires(schedule: Schedule, count: int, now: datetime) -> list[PreviewFire]:
    """The next fires from `now` (UTC); a paused schedule's as if it were resumed now."""
    if not schedule.active:
        schedule = resumed(schedule, now)
    return fires_of(schedule.rule, count, after=now, cursor=schedule.cursor)


def twins_among(schedules: Sequence[Schedule]) -> Mapping[UUID, Schedule]:
    """For each of `schedules` that has one: another that fires alike, the oldest."""
    found: dict[UUID, Schedule] = {}
    for one in schedules:
        alike = [other for other in schedules if _alike(one, other)]
        if alike:
            found[one.id] = min(alike, key=lambda other: (other.created_at, other.id))
    return found


def twin_of(runtime: Runtime, schedule: Schedule) -> Schedule | None:
    """The oldest other schedule of its company and platform that fires alike."""
    of_company = runtime.schedules.page(
        [schedule.company_id], limit=1_000, platform=schedule.platform
    )
    return twins_among(of_company).get(schedule.id)


def _alike(one: Schedule, other: Schedule) -> bool:
    if one.id == other.id or (one.company_id, one.platform) != (other.company_id, other.platform):
        return False
    if one.problem or other.problem:
        return False
    return fires_alike(one.rule, other.rule)


def _notes(runtime: Runtime, schedule: Schedule) -> list[Note]:
    notes: list[Note] = []
    if schedule.notice is not None:
        notes.append(schedule.notice)
    other = twin_of(runtime, schedule)
    if other is not None:
        notes.append(ScheduleTwin(other))
    if schedule.problem is None:
        notes += _about(schedule.rule, runtime.clock())
    return notes


def _about(rule: ScheduleRule, at: datetime) -> list[Note]:
    note = calendar_note(rule.holiday_calendar, at.astimezone(rule.zone).date())
    return [note] if note else []


def _previewable(start: datetime) -> datetime:
    if not FIRST_PREVIEWED <= start.astimezone(UTC).date() <= LAST_PREVIEWED - timedelta(days=1):
        raise PreviewOutOfRange(FIRST_PREVIEWED, LAST_PREVIEWED)
    return start
