"""`impact-in schedules`: when each company's figures go out, changed while the system runs."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from impact_in_pipelines.cli.context import (
    AsJson,
    CompanyArgument,
    PlatformArgument,
    PlatformOption,
)
from impact_in_pipelines.cli.next_steps import told
from impact_in_pipelines.cli.output import console, errors, print_json
from impact_in_pipelines.cli.people import actor
from impact_in_pipelines.cli.schedules import options
from impact_in_pipelines.cli.schedules.held_platforms import (
    held_in_words,
    held_platforms,
    unwell_in_words,
)
from impact_in_pipelines.cli.schedules.options import RuleOptions
from impact_in_pipelines.cli.schedules.preview import PREVIEWED, preview
from impact_in_pipelines.cli.schedules.views import (
    print_fires,
    print_schedule,
    print_schedules,
    print_stats,
    schedule_json,
)
from impact_in_pipelines.cli.session import session
from impact_in_pipelines.db.schedules.rows import DaysLeftOut, Note, Schedule, ScheduleTwin
from impact_in_pipelines.delivery.showing.sanitising import sanitised
from impact_in_pipelines.errors import InvalidSchedule, UsageError
from impact_in_pipelines.platforms import FACTS
from impact_in_pipelines.services import schedules
from impact_in_pipelines.services.schedules import Changed
from impact_in_pipelines.wording.notes import note_sentence

app = typer.Typer(
    help="Create, change, pause and preview delivery schedules.", no_args_is_help=True
)

IdArgument = Annotated[
    str, typer.Argument(metavar="ID", help="A schedule's id, or 4 or more of its first characters.")
]
CronArgument = Annotated[
    str,
    typer.Argument(
        metavar="CRON_OR_PRESET",
        help="hourly, every-6-hours, daily, weekly, monthly, or a cron like '30 8 * * 1-5'.",
    ),
]


@app.command("create")
def create(
    company: CompanyArgument,
    platform: PlatformArgument,
    cron: CronArgument,
    timezone: options.Timezone = None,
    holidays: options.Holidays = None,
    holiday_policy: options.Policy = None,
    extra_holiday: options.ExtraHolidays = None,
    window: options.Window = None,
    window_days: options.WindowDays = None,
    catch_up: options.CatchUpOption = None,
    catch_up_limit: options.CatchUpLimit = None,
    spread: options.Spread = None,
    paused: Annotated[bool, typer.Option("--paused", help="Don't fire until resumed.")] = False,
    as_json: AsJson = False,
) -> None:
    """Add a schedule; its time zone is the company's unless given. Shows the next five fires."""
    typed = RuleOptions(
        timezone,
        holidays,
        holiday_policy,
        extra_holiday,
        window,
        window_days,
        catch_up,
        catch_up_limit,
        spread,
    )
    with session() as runtime:
        owner = runtime.companies.find(company)
        rule = typed.rule(cron, owner.timezone)
        now = runtime.clock()
        done = schedules.create(runtime, owner, platform, rule, active=not paused, actor=actor())
    made = done.schedule
    _say_notes(done)
    if as_json:
        print_json(schedule_json(made))
        return
    state = "Created, paused" if paused else "Created"
    console.print(f"{state}: schedule {made.id}", soft_wrap=True)
    _say_next(made, now)


@app.command("list")
def list_(
    company: Annotated[
        str | None, typer.Option(metavar="COMPANY", help="Only this company's (slug or id).")
    ] = None,
    platform: PlatformOption = None,
    as_json: AsJson = False,
) -> None:
    """List the schedules with their next run."""
    with session() as runtime:
        owner = runtime.companies.find(company) if company else None
        found = runtime.schedules.listed(owner, platform)
    if as_json:
        print_json([schedule_json(one) for one in found])
    elif found:
        print_schedules(found)
    else:
        console.print("No schedules. Add one: impact-in schedules create COMPANY PLATFORM daily")


@app.command("show")
def show(id_: IdArgument, as_json: AsJson = False) -> None:
    """Show one schedule, its next fires and its latest deliveries."""
    with session() as runtime:
        found = schedules.find(runtime, id_)
        recent = runtime.schedules.recent(found.id)
        now = runtime.clock()
    if as_json:
        shown = [{**row, "last_error": sanitised(row["last_error"])} for row in recent]
        print_json(schedule_json(found) | {"deliveries": shown})
        return
    print_schedule(found)
    console.print()
    _say_fires(found, now)
    if recent:
        console.print("\n  latest deliveries", style="bold")
    for row in recent:
        period = f"{row['period_start']} to {row['period_end']}"
        line = f"  {str(row['id'])[:8]}  {row['scheduled_for']:%Y-%m-%d %H:%M} UTC  {period}  "
        console.print(line + row["status"], markup=False, soft_wrap=True)


@app.command("update")
def update(
    id_: IdArgument,
    cron: Annotated[
        str | None, typer.Option(metavar="CRON_OR_PRESET", help="The new cron or preset.")
    ] = None,
    timezone: options.Timezone = None,
    holidays: options.Holidays = None,
    holiday_policy: options.Policy = None,
    extra_holiday: options.ExtraHolidays = None,
    window: options.Window = None,
    window_days: options.WindowDays = None,
    catch_up: options.CatchUpOption = None,
    catch_up_limit: options.CatchUpLimit = None,
    spread: options.Spread = None,
    as_json: AsJson = False,
) -> None:
    """Change parts of a schedule. No fire happens twice, and no day is lost."""
    typed = RuleOptions(
        timezone,
        holidays,
        holiday_policy,
        extra_holiday,
        window,
        window_days,
        catch_up,
        catch_up_limit,
        spread,
    )
    with session() as runtime:
        old = schedules.find(runtime, id_)
        changes = typed.changes_of(old)
        if cron is not None:
            changes["cron"] = cron
        if not changes:
            raise UsageError("nothing to change: give --cron, --timezone or another option")
        now = runtime.clock()
        done = schedules.update(runtime, old.id, changes, actor=actor())
    new = done.schedule
    _say_notes(done)
    if as_json:
        print_json(schedule_json(new))
        return
    console.print(f"Changed: schedule {new.id}", soft_wrap=True)
    _say_next(new, now)


@app.command("pause")
def pause(
    id_: IdArgument,
    reason: Annotated[str, typer.Option(metavar="REASON", help="Why, for others to read.")],
) -> None:
    """Stop a schedule from firing. What is planned already still goes out.

    The days of the pause are not lost and not counted as missed: the first delivery after the
    resume covers them.
    """
    with session() as runtime:
        new = schedules.pause(runtime, id_, reason, actor=actor()).schedule
    console.print(f"Paused: {_named(new)}, {new.paused_reason}", markup=False, soft_wrap=True)
    console.print(f"Resume it with: impact-in schedules resume {str(new.id)[:8]}", soft_wrap=True)


@app.command("resume")
def resume(id_: IdArgument) -> None:
    """Let a paused schedule fire again; its next delivery covers the days of the pause.

    With catch-up none those days are left out, and so are days beyond the catch-up limit: the
    command names them and says how to send them.
    """
    with session() as runtime:
        now = runtime.clock()
        done = schedules.resume(runtime, id_, actor=actor())
    new = done.schedule
    already = " already" if done.was and done.was.active else ""
    console.print(f"Active{already}: {_named(new)}", markup=False, soft_wrap=True)
    _say_notes(done)
    _say_fires(new, now)


@app.command("delete")
def delete(id_: IdArgument) -> None:
    """Delete a schedule. Its history stays; planned deliveries never tried are cancelled."""
    with session() as runtime:
        done = schedules.delete(runtime, id_, actor=actor())
    noun = "delivery" if done.cancelled == 1 else "deliveries"
    console.print(
        f"Deleted: {_named(done.schedule)}; {done.cancelled} planned {noun} cancelled",
        markup=False,
        soft_wrap=True,
    )


@app.command("stats")
def stats(as_json: AsJson = False) -> None:
    """Count the schedules: active, paused, failing, overdue, next due, for each platform."""
    with session() as runtime:
        counts = runtime.schedules.stats(runtime.clock())
        health = runtime.incidents.health()
        held = held_platforms(runtime.settings)
    if as_json:
        names = None if held is None else [platform.value for platform in held]
        print_json(
            {
                "all": counts.all,
                "platforms": counts.by_platform,
                "held": names,
                "health": {one.platform.value: one for one in health},
            }
        )
        return
    print_stats(counts)
    for sentence in unwell_in_words(health):
        console.print(sentence, style="yellow", markup=False, soft_wrap=True)
    for sentence in held_in_words(held):
        console.print(sentence, style="yellow", markup=False)


@app.command("run-now")
def run_now(id_: IdArgument, as_json: AsJson = False) -> None:
    """Make one delivery now, of the days that no fire has reported yet.

    The regular fires go on where it ends, so no day is sent twice. If every whole day is reported
    already, it reports today so far, as an hourly schedule does.
    """
    with session() as runtime:
        made = schedules.run_now(runtime, id_, actor=actor()).run
    found = made.schedule
    if as_json:
        print_json(
            {
                "delivery_id": made.delivery_id,
                "period_start": made.period_start,
                "period_end": made.period_end,
                "schedule": schedule_json(made.schedule),
            }
        )
        return
    days = f"{made.period_start} to {made.period_end}"
    if made.period_start == made.period_end:
        days = str(made.period_start)
    console.print(f"Planned: {_named(found)}, delivery {made.delivery_id} for {days}")
    console.print(
        f"The next drain sends it; to send it from here: impact-in deliver --platform "
        f"{found.platform.value} --company {found.company}",
        soft_wrap=True,
    )


@app.command("plan")
def plan(
    hours: Annotated[int, typer.Option(min=1, max=24 * 14, help="How far to look ahead.")] = 24,
    max_offset: Annotated[
        int, typer.Option(metavar="N", min=0, max=1439, help="Largest offset to propose, minutes.")
    ] = 15,
    apply: Annotated[bool, typer.Option("--apply", help="Set the proposed offsets.")] = False,
    chart: Annotated[
        Path | None, typer.Option(metavar="FILE.png|svg", help="Write the chart to this file.")
    ] = None,
    throughput: Annotated[
        float | None,
        typer.Option(
            metavar="N",
            min=1,
            help="Deliveries a minute of one platform; estimated from latencies otherwise.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show how many deliveries fall due when, and spread them so that all can arrive within five minutes."""
    from impact_in_pipelines.cli.schedules.plan import plan_load  # numpy, 0.1 s

    with session() as runtime:
        plan_load(
            runtime,
            hours=hours,
            max_offset=max_offset,
            apply=apply,
            chart=chart,
            throughput=throughput,
            as_json=as_json,
        )


app.command("preview")(preview)


def _say_next(schedule: Schedule, now: datetime) -> None:
    console.print(
        f"{_named(schedule)}: {schedule.in_words}, {schedule.timezone}",
        markup=False,
        soft_wrap=True,
    )
    _say_fires(schedule, now)


def _say_notes(done: Changed) -> None:
    """What a person should know of the change, with the command that answers it."""
    for note in done.notes:
        step = _next_step(note, done.schedule)
        said = f"note: {note_sentence(note)}{step}"
        errors.print(said, style="yellow", markup=False, soft_wrap=True)


def _next_step(note: Note, schedule: Schedule) -> str:
    match note:
        case ScheduleTwin():
            return f". Unless both are meant: impact-in schedules delete {str(schedule.id)[:8]}"
        case DaysLeftOut():
            return (
                f"; to send them: impact-in deliver --platform {schedule.platform} "
                f"--company {schedule.company} --from {note.start} --to {note.end}"
            )
        case _:
            return ""


def _say_fires(schedule: Schedule, now: datetime) -> None:
    if not schedule.active:
        console.print("Paused; if it were resumed now:", style="yellow")
    try:
        print_fires(schedules.next_fires(schedule, PREVIEWED, now), schedule.rule.zone)
    except InvalidSchedule as error:
        errors.print(f"note: {told(error)}", style="yellow", markup=False, soft_wrap=True)


def _named(schedule: Schedule) -> str:
    return f"{schedule.company} → {FACTS[schedule.platform].title}"
