"""`delivery_schedules`: the schedule table as Dagster shows it."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from uuid import UUID

from dagster import AssetMaterialization, AssetSpec, MetadataValue

from impact_in_pipelines.assets.catalog import OPERATIONS
from impact_in_pipelines.db.schedules.reading import ScheduleStats
from impact_in_pipelines.db.schedules.rows import Schedule
from impact_in_pipelines.delivery.holding.closures import HeldPlatform
from impact_in_pipelines.plain_text import markdown
from impact_in_pipelines.platforms import FACTS
from impact_in_pipelines.plurals import count

MOST_ROWS = 200
MOST_HELD = 20

delivery_schedules = AssetSpec(
    "delivery_schedules",
    description=(
        "Which company is delivered to which platform, and when. Shown as a table in the latest "
        "materialization; "
        "a sensor refreshes it when a schedule changes. Change schedules with `impact-in schedules` or "
        "the job `pause_or_resume_schedules`."
    ),
    group_name="deliveries",
    kinds={"postgres"},
    owners=OPERATIONS,
)


def as_materialization(
    schedules: Sequence[Schedule],
    stats: ScheduleStats,
    held: Sequence[HeldPlatform] = (),
    slugs: Mapping[UUID, str] = MappingProxyType({}),
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
            "held": MetadataValue.md(held_as_markdown(held, slugs)),
            "next_due": MetadataValue.timestamp(stats.all.next_due) if stats.all.next_due else "–",
        },
    )


def held_as_markdown(held: Sequence[HeldPlatform], slugs: Mapping[UUID, str]) -> str:
    """What holds a platform or a connection to it: what, by whom, since when and why. `slugs`: companies by
    id."""
    lines = [
        "| what | deliveries | held by | since (UTC) | next try (UTC) | why |",
        "|---|---|---|---|---|---|",
    ]
    for one in held:
        for closure in one.closures[:MOST_HELD]:
            company = closure.company_id and slugs.get(closure.company_id, str(closure.company_id))
            again = closure.next_probe_at
            cells = (
                FACTS[one.platform].title + (f", {company}" if company else ""),
                "" if company else str(one.held),
                closure.held_by or _BY[closure.by],
                f"{closure.since:%Y-%m-%d %H:%M}",
                f"{again:%Y-%m-%d %H:%M}" if again else "when resumed",
                markdown(closure.reason),
            )
            lines.append("| " + " | ".join(cells) + " |")
        left = len(one.closures) - MOST_HELD
        if left > 0:
            lines.append(f"| {FACTS[one.platform].title}, {left} more | | | | | |")
    return "\n".join(lines) if len(lines) > 2 else "nothing"  # the heading


_BY = {
    "platform_breaker": "breaker",
    "connection_breaker": "breaker",
    "platform_request": "the platform asked",
    "person": "a person",
}


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
        state += f", {count(schedule.consecutive_failures, 'failure')} in a row"
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
