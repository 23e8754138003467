"""`impact-in maintenance`: windows in which alerts keep quiet and are recorded all the same."""

from typing import Annotated

import typer

from impact_in_pipelines.cli.context import AsJson, PlatformOption
from impact_in_pipelines.cli.output import console, print_json, print_table
from impact_in_pipelines.cli.people import duration, instant, whoever
from impact_in_pipelines.cli.session import session
from impact_in_pipelines.errors import UsageError
from impact_in_pipelines.platforms import FACTS
from impact_in_pipelines.services.maintenance import (
    add_maintenance,
    end_maintenance,
    listed_maintenance,
)
from impact_in_pipelines.sla.incidents import MaintenanceWindow

app = typer.Typer(
    help="Add, list and end windows in which alerts keep quiet. What happens in them is recorded and shown.",
    no_args_is_help=True,
)


@app.command("add")
def add(
    reason: Annotated[str, typer.Option(help="Why, for others to read.")],
    platform: PlatformOption = None,
    company: Annotated[
        str | None, typer.Option(metavar="COMPANY", help="Of this company only; slug or id.")
    ] = None,
    from_: Annotated[
        str | None, typer.Option("--from", metavar="T", help="When it begins; now, if not given.")
    ] = None,
    to: Annotated[str | None, typer.Option(metavar="T", help="When it ends.")] = None,
    for_: Annotated[
        str | None,
        typer.Option("--for", metavar="SPAN", help="How long, instead of --to: 90m, 2h, 1d."),
    ] = None,
    by: Annotated[
        str | None, typer.Option(metavar="WHO", help="Who does it; you, if not given.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Withhold alerts for a while: about a platform, a company, or a company on a platform."""
    if (to is None) == (for_ is None):
        raise UsageError("say when it ends: either --to INSTANT or --for SPAN")
    with session() as runtime:
        starts_at = instant("--from", from_) if from_ else runtime.clock()
        window = add_maintenance(
            runtime,
            company_id=runtime.companies.find(company).id if company else None,
            platform=platform,
            starts_at=starts_at,
            ends_at=instant("--to", to) if to else starts_at + duration("--for", for_ or ""),
            reason=reason,
            actor=whoever(by),
        )
    if as_json:
        print_json(window)
        return
    console.print(
        f"Alerts about {_whose(window)} keep quiet from {window.starts_at:%Y-%m-%d %H:%M} to "
        f"{window.ends_at:%Y-%m-%d %H:%M} UTC. End it early: "
        f"impact-in maintenance end {str(window.id)[:8]}",
        markup=False,
        soft_wrap=True,
    )


@app.command("list")
def list_(
    all_: Annotated[
        bool, typer.Option("--all", help="Also those of the last 365 days that are over.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """List the windows that are open or still to come."""
    with session() as runtime:
        windows = listed_maintenance(runtime, past=all_)
    if as_json:
        print_json(windows)
        return
    print_table(
        "Maintenance (UTC)",
        ["Id", "Of", "From", "To", "Reason", "By"],
        (
            (str(w.id)[:8], _whose(w), w.starts_at, w.ends_at, w.reason, w.created_by)
            for w in windows
        ),
        empty="No maintenance windows."
        if all_
        else "No maintenance window is open or to come. Past ones too: --all",
    )


@app.command("end")
def end(
    window: Annotated[
        str, typer.Argument(metavar="ID", help="The window's id or its first characters.")
    ],
    by: Annotated[
        str | None, typer.Option(metavar="WHO", help="Who does it; you, if not given.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """End a window now. Within a minute, people are notified of what is still wrong."""
    with session() as runtime:
        ended = end_maintenance(runtime, window, actor=whoever(by))
    if as_json:
        print_json(ended)
        return
    console.print(f"Ended: {_whose(ended)}, {ended.reason}", markup=False, soft_wrap=True)


def _whose(window: MaintenanceWindow) -> str:
    platform = FACTS[window.platform].title if window.platform else "all platforms"
    return f"{window.company} on {platform}" if window.company else platform
