"""`impact-in token list|make`: the tokens of a company's programs, which have names and can be revoked."""

from typing import Annotated

import typer

from impact_in_pipelines.cli.accounts.token import app
from impact_in_pipelines.cli.context import AsJson, CompanyArgument
from impact_in_pipelines.cli.output import print_json, print_table
from impact_in_pipelines.cli.people import actor
from impact_in_pipelines.cli.session import session
from impact_in_pipelines.services.accounts.tokens import (
    CHANGING,
    LONGEST_TOKEN,
    VIEWING,
    api_tokens,
    make_api_token,
)

_MAKE = """\
Examples:

impact-in token make nordlys "Nightly export" --days 90

impact-in token make nordlys "HR system" --can-change > token.txt
"""


@app.command("list")
def list_(company: CompanyArgument, as_json: AsJson = False) -> None:
    """List the tokens of a company's programs; of each only the first and last characters are known."""
    with session() as runtime:
        found = runtime.companies.find(company)
        rows = api_tokens(runtime, found)
    if as_json:
        print_json(rows)
        return
    print_table(
        f"API tokens of {found.slug}",
        ("Id", "Name", "Token", "May", "Made by", "Until (UTC)", "Last used"),
        (
            (
                str(one.id)[:8],
                one.name,
                one.shown,
                "change" if len(one.roles) > 1 else "read",
                one.created_by,
                f"revoked {one.revoked_at:%Y-%m-%d}" if one.revoked_at else one.expires_at,
                one.last_used_at,
            )
            for one in rows
        ),
        empty=f"{found.slug} has no tokens. Make one: impact-in token make {found.slug} NAME",
    )


@app.command("make", epilog=_MAKE)
def make(
    company: CompanyArgument,
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME", help="What it is for; changes are recorded under this name."
        ),
    ],
    can_change: Annotated[
        bool, typer.Option("--can-change", help="It may change things; otherwise it may only read.")
    ] = False,
    days: Annotated[
        int, typer.Option(min=1, max=LONGEST_TOKEN.days, help="For how many days.")
    ] = 90,
    by: Annotated[
        str | None, typer.Option(metavar="WHO", help="Who makes it; for the audit log.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make a token for one company's programs and print it. It is printed only now.

    Only its digest is stored.
    """
    roles = CHANGING if can_change else VIEWING
    with session() as runtime:
        found = runtime.companies.find(company)
        # Whoever runs this machine holds every right that a token may have.
        made = make_api_token(runtime, found, name, roles, days, actor=actor(by), held=CHANGING)
    if as_json:
        print_json({"token": made.token, "listed": made.listed})
        return
    typer.echo(made.token)
    typer.echo(
        f"It holds until {made.listed.expires_at:%Y-%m-%d %H:%M} UTC. To revoke it: impact-in token revoke "
        f"--company {found.slug} {str(made.listed.id)[:8]}",
        err=True,
    )
