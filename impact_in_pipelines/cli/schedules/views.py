"""How schedules and their fires look: in the terminal, local time beside UTC, and as JSON."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import UTC, date, datetime
from itertools import groupby
from typing import Any
from zoneinfo import ZoneInfo

from rich import box
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from impact_in_pipelines.cli.next_steps import told
from impact_in_pipelines.cli.output import console
from impact_in_pipelines.db.schedules.reading import FAILING_FROM, ScheduleCounts, ScheduleStats
from impact_in_pipelines.db.schedules.rows import Schedule
from impact_in_pipelines.delivery.showing.sanitising import sanitised
from impact_in_pipelines.errors import InvalidSchedule
from impact_in_pipelines.platforms import FACTS
from impact_in_pipelines.plurals import count
from impact_in_pipelines.scheduling import PreviewFire, ScheduleRule, describe_cron

_SHORT_ID = 8
_FIRE_WIDTH = 26
_CURSOR = ("fired_until", "covered_until", "notice", "deleted_at")


def schedule_json(schedule: Schedule) -> dict[str, Any]:
    """The columns of `schedule` with `description` and the next run in its zone."""
    kept = {name: value for name, value in asdict(schedule).items() if name not in _CURSOR}
    zone = _zone(schedule)
    return kept | {
        "last_error": sanitised(schedule.last_error),
        "description": schedule.in_words,
        "next_run_local": schedule.next_run.astimezone(zone) if schedule.next_run else None,
        "reported_until": schedule.covered_until,
    }


def rule_json(rule: ScheduleRule) -> dict[str, Any]:
    """A rule that isn't saved, in the words of `schedule_json`."""
    calendar, window = rule.holiday_calendar, rule.window
    return {
        "schedule": rule.cron,
        "description": describe_cron(rule.cron),
        "timezone": rule.timezone,
        "holiday_calendar": calendar.to_text() if calendar else None,
        "window": str(window) if window else None,
    }


def short_ids(schedules: Sequence[Schedule]) -> dict[Schedule, str]:
    """As much of each id as tells them apart, 8 characters at least."""
    texts = [str(one.id) for one in schedules]
    length = _SHORT_ID
    while length < 36 and len({text[:length] for text in texts}) < len(set(texts)):
        length += 5
    return {one: text[:length] for one, text in zip(schedules, texts, strict=True)}


def print_schedules(schedules: Sequence[Schedule]) -> None:
    """One schedule a paragraph: whose it is and how it stands, when, and the next run in local time and
    UTC. A table would have to cut the status off in a terminal of 80 columns."""
    ids = short_ids(schedules)
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for one in schedules:
        whose = Text(f"{one.company} → {one.platform.value}  ", style="bold")
        when = Text(f"{one.in_words}, {one.timezone}")
        parts = [whose.append(status_text(one)), when]
        if one.next_run is not None:
            parts.append(Text(f"next {_one_line(one.next_run, _zone(one))}", style="dim"))
        table.add_row(ids[one], Text("\n").join(parts))
    console.print(table)


def _one_line(at: datetime, zone: ZoneInfo) -> str:
    utc = f"{at:%Y-%m-%d %H:%M} UTC"
    return utc if zone.key == "UTC" else f"{at.astimezone(zone):%Y-%m-%d %H:%M %Z}  ({utc})"


def status_text(schedule: Schedule) -> Text:
    """Active, failing or paused with its reason, and how the last delivery ended."""
    if not schedule.active:
        reason = f": {schedule.paused_reason}" if schedule.paused_reason else ""
        return Text("paused", style="yellow").append(reason, style="default")
    if schedule.consecutive_failures >= FAILING_FROM:
        return Text(f"failing, {schedule.consecutive_failures} in a row", style="bold red")
    state = Text("active", style="green")
    if schedule.last_status and schedule.last_status != "success":
        state.append(f", last {schedule.last_status}", style="yellow")
    return state


def print_schedule(schedule: Schedule) -> None:
    """Everything a person may want to know of one schedule, a line each."""
    title = FACTS[schedule.platform].title
    console.print(Text(f"{schedule.company} → {title}", style="bold"))
    lines: list[tuple[str, Any]] = [
        ("id", str(schedule.id)),
        ("when", f"{schedule.in_words}, {schedule.timezone}  ({schedule.schedule})"),
        ("status", status_text(schedule)),
        ("next run", _both_times(schedule.next_run, _zone(schedule))),
        ("last run", _last(schedule)),
        ("reported", f"all days until {schedule.covered_until}"),
        ("holidays", _calendar_text(schedule)),
        ("window", _window_text(schedule)),
        (
            "catch-up",
            f"{schedule.catch_up}, asks after {count(schedule.catch_up_limit_days, 'day')}",
        ),
        ("spread", f"{schedule.spread_minutes} min later" if schedule.spread_minutes else None),
        ("last error", sanitised(schedule.last_error)),
        ("problem", told(schedule.problem) if schedule.problem else None),
    ]
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in lines:
        if value is not None:
            table.add_row(name, value if isinstance(value, Text) else Text(str(value)))
    console.print(table)


def _last(schedule: Schedule) -> str | None:
    if schedule.last_run is None:
        return None
    return f"{_both_times(schedule.last_run, _zone(schedule))}: {schedule.last_status}"


def _calendar_text(schedule: Schedule) -> str | None:
    if schedule.holiday_calendar is None:
        return None
    region, *options = schedule.holiday_calendar.split(";")
    words = [part.replace("policy=", "").replace("extra=", "also closed ") for part in options]
    return ", ".join(["no country" if region == "none" else region, *words])


def _window_text(schedule: Schedule) -> str | None:
    try:
        window = schedule.rule.window
    except InvalidSchedule:
        return None
    return f"{window} ({schedule.timezone})" if window else None


def _both_times(at: datetime | None, zone: ZoneInfo) -> str | None:
    if at is None:
        return None
    utc = f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    return utc if zone.key == "UTC" else f"{at.astimezone(zone):%a %Y-%m-%d %H:%M %Z}  ({utc})"


def print_fires(fires: Iterable[PreviewFire], zone: ZoneInfo) -> None:
    """A fire a line, local and UTC, with the days it reports on; below it why it isn't where the
    cron puts it."""
    local_only = zone.key == "UTC"
    wide = max(_FIRE_WIDTH, len(zone.key) + 2)
    heads = (zone.key.ljust(wide), "" if local_only else f"{'UTC':<18}", "reports on")
    console.print(Text("  " + "".join(heads), style="bold"))
    shown = list(fires)
    for why, run in groupby(shown, key=_moved_because):
        alike = list(run)
        for place, fire in enumerate(alike):
            _print_fire(fire, wide, local_only=local_only)
            if why and place == 0:
                note = Text(why + _so_many_more(len(alike) - 1, len(shown) - 1), style="yellow")
                console.print(Padding(note, (0, 0, 0, 6), expand=False))


def _moved_because(fire: PreviewFire) -> str | None:
    """Why a fire isn't where the cron puts it. Where to is what its line says, so that one reason is one for
    all that it holds for; two reasons in one keep their days."""
    if fire.why and fire.why.count("moved to ") == 1 and fire.why.startswith("moved to "):
        return f"moved: {fire.why.partition(': ')[2]}"
    return fire.why


def _print_fire(fire: PreviewFire, wide: int, *, local_only: bool) -> None:
    utc = "" if local_only else f"{fire.scheduled_for:%Y-%m-%d %H:%M}  "
    period = "dropped" if fire.dropped else _period(fire.period_start, fire.period_end)
    line = "  " + f"{fire.local:%a %Y-%m-%d %H:%M %Z}".ljust(wide) + utc + period
    console.print(Text(line, style="dim" if fire.dropped else "default"), soft_wrap=True)


def _so_many_more(more: int, others: int) -> str:
    """That the reason below one fire holds for those under it as well."""
    if not more:
        return ""
    if more == others:
        return "; so for every fire"
    return "; so for the next one too" if more == 1 else f"; so for the next {more} too"


def _period(start: date | None, end: date | None) -> str:
    return str(start) if start == end else f"{start} to {end}"


def print_stats(stats: ScheduleStats) -> None:
    """A row for each platform and one for all."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    table.add_column("Platform")
    for name in ("Total", "Active", "Paused", "Failing", "Overdue"):
        table.add_column(name, justify="right")
    table.add_column("Next due (UTC)")
    for platform, counts in stats.by_platform.items():
        table.add_row(FACTS[platform].title, *_cells(counts))
    table.add_section()
    table.add_row("all", *_cells(stats.all), style="bold")
    console.print(table)


def _cells(counts: ScheduleCounts) -> list[Text]:
    def number(value: int, style: str = "default") -> Text:
        return Text(str(value), style=style if value else "dim")

    due = Text(f"{counts.next_due:%Y-%m-%d %H:%M}" if counts.next_due else "–")
    return [
        number(counts.total),
        number(counts.active, "green"),
        number(counts.paused, "yellow"),
        number(counts.failing, "bold red"),
        number(counts.overdue, "bold red"),
        due,
    ]


def _zone(schedule: Schedule) -> ZoneInfo:
    try:
        return schedule.rule.zone
    except InvalidSchedule:
        return ZoneInfo("UTC")
