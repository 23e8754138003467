"""`delivery_schedules`: the schedule table as Dagster shows it."""

from collections.abc import Sequence

from dagster import AssetMaterialization, AssetSpec, MetadataValue

from impact_in_pipelines.assets.catalog import OPERATIONS
from impact_in_pipelines.db.schedules.reading import ScheduleStats
from impact_in_pipelines.db.schedules.rows import Schedule
from impact_in_pipelines.delivery.holding.closures import HeldPlatform
from impact_in_pipelines.plain_text import markdown
from impact_in_pipelines.platforms import FACTS

MOST_ROWS = 200
MOST_HELD = 20

delivery_schedules = AssetSpec(
    "delivery_schedules",
    description=(
        "Who is delivered to which platform, and when. Shown as a table in the latest materialization; "
        "a sensor refreshes it when a schedule changes. Change schedules with `impact-in schedules` or "
        "the job `pause_or_resume_schedules`."
    ),
    group_name="deliveries",
    kinds={"postgres"},
    owners=OPERATIONS,
)


def as_materialization(
    schedules: Sequence[Schedule], stats: ScheduleStats, held: Sequence[HeldPlatform] = ()
) -> AssetMaterialization:
    """The table as markdown, those that need attention first, the counts, and what is held (D12)."""
    return AssetMaterialization(
        asset_key="delivery_schedules",
        metadata={
            "schedules": MetadataValue.md(as_markdown(schedules)),
            "active": stats.all.active,
            "paused": stats.all.paused,
            "failing": stats.all.failing,
            "overdue": stats.all.overdue,
            "held": MetadataValue.md(held_as_markdown(held)),
            "next_due": MetadataValue.timestamp(stats.all.next_due) if stats.all.next_due else "–",
        },
    )


def held_as_markdown(held: Sequence[HeldPlatform]) -> str:
    """A line for each platform with something that holds it or a connection to it."""
    lines = []
    for one in held:
        for closure in one.closures[:MOST_HELD]:
            whose = "" if closure.company_id is None else f" (connection of {closure.company_id})"
            again = (
                f", next try {closure.next_probe_at:%Y-%m-%d %H:%M}"
                if closure.next_probe_at
                else f", by {closure.held_by}"
            )
            lines.append(
                f"- {FACTS[one.platform].title}{whose}: {one.held} deliveries held since "
                f"{closure.since:%Y-%m-%d %H:%M} UTC{again}: {markdown(closure.reason)}"
            )
    return "\n".join(lines) or "nothing"


def as_markdown(schedules: Sequence[Schedule]) -> str:
    """At most `MOST_ROWS` lines; failing and paused schedules come first."""
    lines = [
        "| company | platform | when | zone | next (UTC) | last | state |",
        "|---|---|---|---|---|---|---|",
    ]
    ordered = sorted(
        schedules, key=lambda s: (-s.consecutive_failures, s.active, s.company, s.platform)
    )
    lines += [_line(schedule) for schedule in ordered[:MOST_ROWS]]
    left = len(schedules) - MOST_ROWS
    if left > 0:
        lines.append(f"\n{left} more: `impact-in schedules list`")
    return "\n".join(lines)


def _line(schedule: Schedule) -> str:
    state = (
        "active" if schedule.active else f"paused: {schedule.paused_reason or 'no reason given'}"
    )
    if schedule.consecutive_failures:
        state += f", {schedule.consecutive_failures} failures in a row"
    next_run = (
        f"{schedule.next_run:%Y-%m-%d %H:%M}" if schedule.next_run and schedule.active else "–"
    )
    cells = (
        schedule.company,
        FACTS[schedule.platform].title,
        f"{schedule.in_words} (`{schedule.schedule}`)",
        schedule.timezone,
        next_run,
        schedule.last_status or "–",
        state,
    )
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"
