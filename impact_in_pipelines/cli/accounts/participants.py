"""`impact-in participants`: a person's erasure."""

from typing import Annotated

import typer

from impact_in_pipelines.cli.context import AsJson
from impact_in_pipelines.cli.output import console, print_json
from impact_in_pipelines.cli.people import actor
from impact_in_pipelines.cli.progress import In, stepwise
from impact_in_pipelines.cli.session import session
from impact_in_pipelines.cli.sources import STDIN, read_line
from impact_in_pipelines.plurals import count
from impact_in_pipelines.services.accounts import lives

app = typer.Typer(help="Erase a person's data.", no_args_is_help=True)


@app.callback()
def group() -> None:
    """Erase a person's data."""


@app.command("erase")
def erase(
    company: Annotated[str, typer.Argument(metavar="COMPANY", help="Slug or id.")],
    reference: Annotated[
        str,
        typer.Argument(
            metavar="REFERENCE|-",
            help="The participant's or volunteer's reference; -: standard input.",
        ),
    ],
    as_json: AsJson = False,
) -> None:
    """Erase a person's reference wherever it stands. Figures stay as they are, delivered or not. From now on,
    rows of files that still have the person are rejected."""
    text = read_line(STDIN, "the reference") if reference == STDIN else reference
    with session() as runtime, stepwise("Erasing", In.SHARE, quiet=as_json) as tell:
        done = lives.erase_participant(
            runtime, runtime.companies.find(company), text, actor=actor(), tell=tell
        )
    if as_json:
        print_json(done)
        return
    events = done.rows.get("impact_events", 0)
    others = sum(done.rows.values()) - events
    console.print(
        f"Erased from {count(events, 'event')}, {count(others, 'other row')} and "
        f"{count(len(done.archives), 'archive')}."
    )
    console.print(
        "Backups, and rejects files beside files that were imported here, are yours to erase."
    )
