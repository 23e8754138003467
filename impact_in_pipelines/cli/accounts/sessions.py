"""`impact-in sessions`: who is signed in to the cockpit, sign-in links, and ending either."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

import typer

from impact_in_pipelines.cli.accounts.token import (
    CompanyOption,
    RoleOption,
    check_roles,
    claims_of,
    company_ids,
    minted,
    span,
)
from impact_in_pipelines.cli.context import AsJson
from impact_in_pipelines.cli.output import console, print_json, print_table
from impact_in_pipelines.cli.people import actor
from impact_in_pipelines.cli.session import session
from impact_in_pipelines.errors import UsageError
from impact_in_pipelines.plurals import count
from impact_in_pipelines.services.accounts import sessions as service
from impact_in_pipelines.services.accounts import tokens as access
from impact_in_pipelines.services.accounts.sessions import EVERYBODY, Whose
from impact_in_pipelines.settings import get_settings

app = typer.Typer(
    help="List and end the cockpit's sessions; make sign-in links.", no_args_is_help=True
)

By = Annotated[str | None, typer.Option(help="Who does it; for the audit log.")]


@app.command("list")
def list_sessions(
    subject: Annotated[str | None, typer.Option(help="Only this person's.")] = None,
    as_json: AsJson = False,
) -> None:
    """List open sessions, and sign-in links that nobody has used."""
    whose = Whose(subject, None) if subject else EVERYBODY
    with session() as runtime:
        open_ones, links = service.sessions(runtime, whose), service.links(runtime, whose)
    if as_json:
        found = [{"kind": "session", **asdict(one)} for one in open_ones]
        print_json(found + [{"kind": "link", **asdict(one)} for one in links])
        return
    rows = [
        ("session", one.id, one.subject, _may(one.roles), _sees(one.companies), one.expires_at)
        for one in open_ones
    ] + [
        ("link", one.id, one.subject, _may(one.roles), _sees(one.companies), one.expires_at)
        for one in links
    ]
    print_table(
        "Sessions and sign-in links",
        ("what", "id", "who", "may", "companies", "until (UTC)"),
        rows,
        empty="Nobody is signed in, and no link is good.",
    )


@app.command("revoke")
def revoke(
    ids: Annotated[
        list[UUID] | None, typer.Argument(metavar="ID", help="Sessions or links.")
    ] = None,
    subject: Annotated[
        str | None,
        typer.Option(help="Instead of ids: all sessions and all tokens of this person."),
    ] = None,
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """End sessions and revoke links; with --subject all that a person holds, tokens included.

    Pages and streams that are open with them end within seconds.
    """
    if (subject is None) == (not ids):
        raise UsageError("give the ids of sessions or links, or --subject")
    ended: list[UUID] = []
    with session() as runtime:
        if subject is not None:
            ended = access.revoke_subject(runtime, subject, actor=actor(by))
        for id_ in ids or ():
            service.revoke(runtime, id_, EVERYBODY, actor=actor(by))
            ended.append(id_)
    if as_json:
        print_json({"revoked": ended, "subject": subject})
    elif subject is not None:
        console.print(
            f"{count(len(ended), 'session')} ended; the tokens that {subject} holds are refused."
        )
    else:
        console.print(f"{len(ended)} ended.")


@app.command("link")
def link(
    role: RoleOption,
    company: CompanyOption,
    expires_in: Annotated[str, typer.Option(metavar="SPAN", help="Such as 30m, 8h or 7d.")] = "8h",
    subject: Annotated[
        str, typer.Option(help="Who it is for; changes are recorded under this name.")
    ] = "developer",
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Print a link that signs in to the cockpit once (for development; needs IMPACT_IN_JWT_SECRET)."""
    settings = get_settings()
    expires_at = datetime.now(UTC) + span(expires_in)
    check_roles(role)
    token = minted(settings, subject, role, company_ids(company), expires_at)
    with session() as runtime:
        id_ = service.make_link(runtime, claims_of(token), actor=actor(by))
    url = f"{settings.cockpit_url.rstrip('/')}/en/cockpit/sign-in?token={token}"
    if as_json:
        print_json({"id": id_, "url": url, "expires_at": expires_at})
    else:
        typer.echo(url)


def _may(roles: Sequence[str]) -> str:
    return "change" if "MANAGE_INTEGRATIONS" in roles else "read"


def _sees(companies: Sequence[UUID] | None) -> str:
    return "all" if companies is None else str(len(companies))
