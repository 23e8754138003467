"""Days that were delivered, and events that come after."""

from collections.abc import Iterable
from datetime import date, timedelta
from pathlib import Path
from uuid import UUID

from factories import YESTERDAY, World

from impact_in_pipelines.db.impact.importing import import_events
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.services.deliveries import corrections
from impact_in_pipelines.services.refreshing import company_impact

BENEVITY, GOODERA, WORKDAY = Platform.BENEVITY, Platform.GOODERA, Platform.WORKDAY
QUARTER = [YESTERDAY - timedelta(days=n) for n in reversed(range(90))]
HEADER = (
    "event_id,company,occurred_at,activity,participant_ref,volunteer_ref,hours,outcome_category,"
    "outcome_score\n"
)
Event = tuple[str, date, str, float]


def imported(world: World, folder: Path, events: Iterable[Event], slug: str = "c-1") -> None:
    """Sessions of a volunteer each: id, day, participant and hours."""
    lines = [
        f"{e},{slug},{day}T12:00:00Z,session,{who},v1,{hours},,\n" for e, day, who, hours in events
    ]
    path = folder / "events.csv"
    path.write_text(HEADER + "".join(lines))
    import_events(world.database.engine, path, now=world.clock())


def found(world: World) -> list[tuple[str, date]]:
    """What a refresh and a comparison find: platform and day of what is stale."""
    company_impact(world.runtime)
    corrections.compare(world.runtime)
    days = corrections.stale_days(world.runtime).days
    return sorted((one.platform.value, one.day) for one in days)


def delivered_quarter(world: World, folder: Path) -> World:
    """A quarter of days, delivered to two platforms as they were then."""
    (company,) = world.companies()
    imported(world, folder, [(f"e{day}", day, "p1", 2.0) for day in QUARTER])
    for platform in (BENEVITY, GOODERA):
        world.deliveries(platform, company, days=QUARTER)
        world.drain(platform)
    assert world.statuses() == {"success": 2 * len(QUARTER)}
    assert found(world) == []
    return world


def company_of(world: World) -> UUID:
    return world.runtime.companies.find("c-1").id
