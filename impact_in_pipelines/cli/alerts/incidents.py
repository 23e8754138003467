"""`impact-in incidents`: what is wrong, who was notified, and who is on it."""

from collections.abc import Sequence
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from impact_in_pipelines.alerting import wording
from impact_in_pipelines.cli.context import AsJson, PlatformOption
from impact_in_pipelines.cli.output import console, print_json
from impact_in_pipelines.cli.people import whoever
from impact_in_pipelines.cli.session import session
from impact_in_pipelines.delivery.showing.sanitising import sanitised
from impact_in_pipelines.plurals import count
from impact_in_pipelines.services import incidents
from impact_in_pipelines.services.alerts import Alerts, listed_incidents
from impact_in_pipelines.sla.incidents import Incident
from impact_in_pipelines.sla.model import Severity
from impact_in_pipelines.sla.wire import incident_document

app = typer.Typer(help="List incidents and acknowledge them.", no_args_is_help=True)


@app.command("list")
def list_(
    company: Annotated[
        str | None, typer.Option(metavar="COMPANY", help="Only this company's; slug or id.")
    ] = None,
    platform: PlatformOption = None,
    all_: Annotated[bool, typer.Option("--all", help="Closed ones too.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="At most so many.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List the open incidents, the newest first, and what waits to be sent."""
    with session() as runtime:
        found, backlog = listed_incidents(
            runtime,
            company_id=runtime.companies.find(company).id if company else None,
            platform=platform,
            closed_too=all_,
            limit=limit,
        )
    if as_json:
        print_json({"incidents": [as_document(one) for one in found], "waiting": backlog})
        return
    if found:
        _print_list(found)
    else:
        console.print("No incidents." if all_ else "No open incidents. Closed ones too: --all")
    for line in backlog:
        why = f": {line.error}" if line.error else ""
        console.print(
            f"{count(line.waiting, 'alert waits', 'alerts wait')} to be sent on {line.channel} since "
            f"{wording.moment(line.oldest)}{why}",
            markup=False,
            soft_wrap=True,
        )


@app.command("ack")
def ack(
    incident: Annotated[
        str, typer.Argument(metavar="ID", help="The incident's id or its first characters.")
    ],
    by: Annotated[
        str | None, typer.Option(metavar="WHO", help="Who works on it; you, if not given.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Say that somebody works on an incident. PagerDuty stops escalating it."""
    with session() as runtime:
        done = Alerts(runtime).acknowledge(incident, whoever(by))
    if as_json:
        print_json(as_document(done))
        return
    console.print(
        f"{done.acknowledged_by} is on it: {wording.whom(done)}, {wording.fact(done)}",
        markup=False,
        soft_wrap=True,
    )


@app.command("show")
def show(
    incident: Annotated[
        str, typer.Argument(metavar="ID", help="The incident's id or its first characters.")
    ],
    as_json: AsJson = False,
) -> None:
    """Show one incident with its history: alerts, notes, who works on it."""
    with session() as runtime:
        told = incidents.story(runtime, incident)
    if as_json:
        print_json(as_document(told.incident) | {"history": told.events})
        return
    _print_list([told.incident])
    for event in told.events:
        said = " ".join(
            part
            for part in (
                event.kind.value,
                f"{event.notice} on {event.channel}" if event.notice else "",
                f"by {event.by}" if event.by else "",
                f": {event.text}" if event.text else "",
            )
            if part
        )
        line = f"{wording.moment(event.at)}  {said.replace(' : ', ': ')}"
        console.print(line, markup=False, soft_wrap=True)


@app.command("note")
def note(
    incident: Annotated[
        str, typer.Argument(metavar="ID", help="The incident's id or its first characters.")
    ],
    text: Annotated[str, typer.Argument(metavar="TEXT", help="The text of the note.")],
    by: Annotated[
        str | None, typer.Option(metavar="WHO", help="Whose note it is; yours, if not given.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Write a note on an incident, open or closed."""
    with session() as runtime:
        made = incidents.add_note(runtime, incident, text, actor=whoever(by))
    if as_json:
        print_json(made)
        return
    console.print(f"Noted on incident {made.incident_id} by {made.author}.", markup=False)


def _print_list(found: Sequence[Incident]) -> None:
    """An incident a paragraph: whom it concerns, what is wrong, where to begin. A table of 80 columns would
    give the facts a column of 16."""
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for one in found:
        what = f"{one.type.value.replace('_', ' ')}: {wording.fact(one)}"
        if one.severity is Severity.CRITICAL and one.level == 1:
            what += ", which is critical but pages nobody"
        style = "bold red" if one.level > 1 else "yellow"
        table.add_row(
            str(one.id)[:8],
            Text.assemble(
                (f"{wording.whom(one)}  ", "bold"),
                (f"level {one.level}, {wording.LEVELS[one.level]}", style),
                f"\n{what}\n",
                (f"since {one.since or one.opened_at:%m-%d %H:%M} UTC, {state(one)}", "dim"),
            ),
        )
    console.print(table)
    open_ones = [one for one in found if one.closed_at is None]
    if open_ones:
        console.print(
            f"What to do: docs/runbook.md; to begin with: {wording.first_step(open_ones[0])}",
            markup=False,
            soft_wrap=True,
        )


def as_document(incident: Incident) -> dict[str, Any]:
    """An incident as JSON shows it."""
    found = incident_document(incident)
    if "lastError" in found["details"]:  # what a platform said
        found["details"]["lastError"] = sanitised(found["details"]["lastError"])
    return found | {"state": state(incident)}


def state(incident: Incident) -> str:
    """Where it stands, in words."""
    if incident.closed_at is not None:
        return f"closed {incident.closed_at:%Y-%m-%d %H:%M}"
    if incident.cleared_at is not None:
        return "recovering"
    if incident.notified_severity is None and incident.muted_by:
        return f"muted: {incident.muted_by}"
    if incident.acknowledged_by:
        return f"acknowledged by {incident.acknowledged_by}"
    return "open"
