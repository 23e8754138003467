"""`impact-in schedules preview`: the next fires of a schedule, saved or only thought of."""

import re
from datetime import UTC, datetime
from typing import Annotated

import typer

from impact_in_pipelines.cli.context import AsJson
from impact_in_pipelines.cli.output import console, errors, print_json
from impact_in_pipelines.cli.schedules import options
from impact_in_pipelines.cli.schedules.options import RuleOptions
from impact_in_pipelines.cli.schedules.views import print_fires, rule_json, schedule_json
from impact_in_pipelines.cli.session import session
from impact_in_pipelines.errors import UsageError
from impact_in_pipelines.scheduling import parse_timezone
from impact_in_pipelines.services import schedules
from impact_in_pipelines.wording.notes import note_sentence

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
        str | None, typer.Option("--from", metavar="T", help="Begin at this time, not now.")
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
        at = _instant(start, rule.timezone) if start else None
        shown = schedules.preview_rule(rule, count, now=datetime.now(UTC), start=at)
        described = rule_json(rule)
    else:
        with session() as runtime:
            found = schedules.find(runtime, what)
            changes = typed.changes_of(found)
            zone = changes.get("timezone", found.timezone)
            at = _instant(start, zone) if start else None
            shown = schedules.preview_saved(runtime, found.id, count, start=at, changes=changes)
        described = schedule_json(shown.schedule or found)
    if as_json:
        print_json({"schedule": described, "fires": shown.fires})
        return
    console.print(f"{described['description']}, {shown.rule.timezone}", style="bold", markup=False)
    print_fires(shown.fires, shown.rule.zone)
    for note in shown.notes:
        said = f"note: {note_sentence(note)}"
        errors.print(said, style="yellow", markup=False, soft_wrap=True)


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
