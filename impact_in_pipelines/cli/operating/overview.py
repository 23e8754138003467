"""`impact-in overview`: all companies and platforms at once, the worst first."""

from collections.abc import Iterable
from datetime import datetime

from impact_in_pipelines.alerting import wording
from impact_in_pipelines.cli.context import AsJson
from impact_in_pipelines.cli.operating.platforms import how
from impact_in_pipelines.cli.output import console, print_json, print_plain_table, print_warning
from impact_in_pipelines.cli.session import session
from impact_in_pipelines.db.accounts.health import CompanyHealth
from impact_in_pipelines.platforms import FACTS
from impact_in_pipelines.plurals import count
from impact_in_pipelines.services.operating import overview as service


def overview(as_json: AsJson = False) -> None:
    """Show all companies and platforms: queues, the companies in trouble, open incidents."""
    with session() as runtime:
        found = service.overview(runtime)
    if as_json:
        from impact_in_pipelines.api.companies.overview_schemas import overview_of  # FastAPI

        # By the API's own schema: whoever reads the one reads the other.
        print_json(overview_of(found).model_dump(mode="json", by_alias=True))
        return
    print_plain_table(
        ("Platform", "State", "Open", "Due", "Since (UTC)", "Held", "Sending"),
        (
            (
                FACTS[line.platform].title,
                _held(line),
                line.open,
                line.due,
                _short(line.oldest_due),
                line.held,
                line.sending,
            )
            for line in found.platforms
        ),
    )
    console.print()
    if found.worst:
        print_plain_table(
            ("Company", "State", "What is wrong"),
            ((one.slug, one.state, ", ".join(_wrong(one))) for one in found.worst),
        )
        if found.troubled > len(found.worst):
            console.print(f"The worst {len(found.worst)} of {found.troubled} companies.")
        console.print(f"Look closer: impact-in sla status {found.worst[0].slug}", soft_wrap=True)
    else:
        console.print("No company has anything wrong.")
    for refused in found.refused_alerts:
        print_warning(
            f"{count(refused.waiting, 'alert waits', 'alerts wait')} on {refused.channel.value} since "
            f"{_short(refused.oldest)} UTC, it takes none: {refused.error}"
        )
    counts = found.open_incidents
    if counts.critical or counts.warning:
        console.print(
            f"Open incidents: {counts.critical} critical, {counts.warning} warning. "
            "See: impact-in incidents list",
            soft_wrap=True,
        )
    else:
        console.print("No open incidents.")


def _held(line: service.PlatformQueue) -> str:
    if line.closures:
        return ", ".join(dict.fromkeys(how(one) for one in line.closures))
    if line.held_connections:
        return f"{count(line.held_connections, 'connection')} held"
    return "sending" if line.sending else "open"


def _wrong(one: CompanyHealth) -> Iterable[str]:
    if one.critical:
        yield f"{one.critical} critical"
    if one.warning:
        yield f"{one.warning} warning"
    if one.late:
        since = f" since {wording.moment(one.oldest_late)}" if one.oldest_late else ""
        yield f"{one.late} late{since}"
    if one.failing:
        yield count(one.failing, "schedule fails", "schedules fail")
    if one.held:
        yield f"held on {count(one.held, 'platform')}"


def _short(at: datetime | None) -> str | None:
    return f"{at:%m-%d %H:%M}" if at else None
