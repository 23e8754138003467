"""`impact-in schedules preview`: the next fires of a schedule, saved or only thought of."""

import re
from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated

import typer

from impact_in_pipelines.cli.context import AsJson
from impact_in_pipelines.cli.output import console, print_json
from impact_in_pipelines.cli.schedules import options
from impact_in_pipelines.cli.schedules.options import RuleOptions
from impact_in_pipelines.cli.schedules.views import print_fires, rule_json, schedule_json
from impact_in_pipelines.cli.session import session
from impact_in_pipelines.db.schedules.rows import Schedule, resumed
from impact_in_pipelines.errors import UsageError
from impact_in_pipelines.runtime import Runtime
from impact_in_pipelines.scheduling import PreviewFire, parse_timezone
from impact_in_pipelines.scheduling import preview as preview_of

PREVIEWED = 5
_MOST_PREVIEWED = 1_000


def preview(
    what: Annotated[
        str,
        typer.Argument(metavar="ID|CRON_OR_PRESET", help="A saved schedule, or one to try out."),
    ],
    timezone: options.Timezone = None,
    count: Annotated[
        int, typer.Option(min=1, max=_MOST_PREVIEWED, help="How many fires.")
    ] = PREVIEWED,
    start: Annotated[
        str | None, typer.Option("--from", metavar="T", help="From then on, not from now.")
    ] = None,
    holidays: options.Holidays = None,
    holiday_policy: options.Policy = None,
    extra_holiday: options.ExtraHolidays = None,
    window: options.Window = None,
    window_days: options.WindowDays = None,
    spread: options.Spread = None,
    as_json: AsJson = False,
) -> None:
    """Show the next fires, what each reports on, and what a calendar or window does to it."""
    typed = RuleOptions(
        timezone, holidays, holiday_policy, extra_holiday, window, window_days, None, None, spread
    )
    if not _is_id(what):
        rule = typed.rule(what, "UTC")
        after = _instant(start, rule.timezone) if start else datetime.now(UTC)
        fires = preview_of(rule, count, after=after)
        described = rule_json(rule)
    else:
        with session() as runtime:
            schedule, fires = _preview_saved(runtime, what, typed, count, start)
        rule, described = schedule.rule, schedule_json(schedule)
    if as_json:
        print_json({"schedule": described, "fires": fires})
        return
    console.print(f"{described['description']}, {rule.timezone}", style="bold", markup=False)
    print_fires(fires, rule.zone)


def _preview_saved(
    runtime: Runtime, id_: str, typed: RuleOptions, count: int, start: str | None
) -> tuple[Schedule, list[PreviewFire]]:
    """A saved schedule as it is, or as it would be with what was typed."""
    found = runtime.schedules.find(id_)
    changes = typed.changes(found.rule)
    if changes:
        found = found.with_rule(replace(found.rule, **changes))
    if start is None:
        return found, next_fires(found, count, runtime.clock())
    return found, preview_of(found.rule, count, after=_instant(start, found.timezone))


def next_fires(schedule: Schedule, count: int, now: datetime) -> list[PreviewFire]:
    """The next fires from `now` (UTC); a paused schedule's as if it were resumed now."""
    if not schedule.active:
        schedule = resumed(schedule, now)
    return preview_of(schedule.rule, count, after=now, cursor=schedule.cursor)


def _is_id(text: str) -> bool:
    """Whether `text` can only be meant as an id: no preset and no cron is all hexadecimal."""
    return re.fullmatch(r"[0-9a-fA-F-]{4,36}", text.strip()) is not None


def _instant(text: str, timezone: str) -> datetime:
    """`text` (ISO 8601) in UTC; a date or a time without an offset is local to `timezone`."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(
            f"--from {text!r} must be a date or time such as 2026-03-29 or 2026-03-29T01:00+01:00"
        ) from None
    return (at if at.tzinfo else at.replace(tzinfo=parse_timezone(timezone))).astimezone(UTC)
