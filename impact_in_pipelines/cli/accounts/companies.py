"""`impact-in companies`: the tenants."""

from typing import Annotated
from uuid import UUID

import typer

from impact_in_pipelines.cli.context import AsJson
from impact_in_pipelines.cli.output import console, print_json, print_table
from impact_in_pipelines.cli.people import actor
from impact_in_pipelines.cli.session import session
from impact_in_pipelines.services.accounts.companies import add_company

app = typer.Typer(
    help="Add, list, rename companies; switch them off and on; export and erase them.",
    no_args_is_help=True,
)

_WIDE = 110


@app.command("add")
def add(
    slug: Annotated[str, typer.Argument(metavar="SLUG", help="Short name: a-z, 0-9 and '-'.")],
    name: Annotated[str, typer.Option(help="The company's full name.")],
    id_: Annotated[
        UUID | None, typer.Option("--id", metavar="UUID", help="Its id; a new one if not given.")
    ] = None,
    country: Annotated[
        str | None, typer.Option(metavar="CC", help="ISO 3166 code, e.g. NO.")
    ] = None,
    timezone: Annotated[
        str, typer.Option(metavar="TZ", help="IANA zone of its local days, e.g. Europe/Oslo.")
    ] = "UTC",
    as_json: AsJson = False,
) -> None:
    """Add a company. Its impact is counted in local days of its time zone."""
    with session() as runtime:
        company = add_company(
            runtime, slug, name=name, id_=id_, country=country, timezone=timezone, actor=actor()
        )
    if as_json:
        print_json(company)
        return
    console.print(
        f"Added {company.name} as {company.slug} ({company.id}), time zone {company.timezone}.\n"
        f"Next: impact-in connections set {company.slug} PLATFORM --base-url URL --credentials FILE",
        markup=False,
        soft_wrap=True,
    )


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """List all companies by slug."""
    with session() as runtime:
        companies = runtime.companies.listed()
    if as_json:
        print_json(companies)
        return
    # A narrow terminal would fold the ids over three lines each.
    wide = console.width >= _WIDE
    columns = ["Slug", "Name", "Country", "Time zone", "Active", *(["Id"] if wide else [])]
    print_table(
        "Companies",
        columns,
        (
            (c.slug, c.name, c.country, c.timezone, c.active, *([c.id] if wide else []))
            for c in companies
        ),
        empty="No companies yet. Add one: impact-in companies add SLUG --name NAME",
    )
    if companies and not wide:
        console.print("Ids: a terminal of 110 columns, or --json.", style="dim")
