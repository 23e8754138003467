"""`impact-in connections`: the companies' accounts on the platforms. Credentials are never shown."""

from dataclasses import asdict
from typing import Annotated, Any

import typer

from impact_in_pipelines.cli.accounts.credentials_input import (
    checked_url,
    merged_options,
    read_credentials,
)
from impact_in_pipelines.cli.context import AsJson, CompanyArgument, PlatformArgument
from impact_in_pipelines.cli.output import console, print_json, print_table, styled
from impact_in_pipelines.cli.people import actor
from impact_in_pipelines.cli.progress import busy, stepwise
from impact_in_pipelines.cli.session import session
from impact_in_pipelines.connectors.check import ConnectionCheck
from impact_in_pipelines.connectors.credentials import Lack, credential_choices
from impact_in_pipelines.errors import Conflict, UsageError
from impact_in_pipelines.errors.accounts import ConnectionMissing
from impact_in_pipelines.platforms import FACTS
from impact_in_pipelines.plurals import count
from impact_in_pipelines.services.accounts import connections
from impact_in_pipelines.services.accounts.connections import ConnectionChange, ShownConnection
from impact_in_pipelines.wording import sentence

app = typer.Typer(help="Set, list and test accounts on the platforms.", no_args_is_help=True)

_WIDE = 110


@app.command("set")
def set_(
    company: CompanyArgument,
    platform: PlatformArgument,
    base_url: Annotated[str | None, typer.Option(metavar="URL", help="The API's address.")] = None,
    organization_id: Annotated[
        str | None,
        typer.Option(metavar="ID", help="The company's id at the platform; its slug if not given."),
    ] = None,
    credentials: Annotated[
        str | None,
        typer.Option(metavar="FILE|-", help="A JSON object, from a file or standard input."),
    ] = None,
    rate_limit: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Requests a minute.")
    ] = None,
    max_concurrency: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Requests at once.")
    ] = None,
    option: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KEY=VALUE",
            help="A setting of its requests, such as programId; KEY= removes it.",
        ),
    ] = None,
    enable: Annotated[
        bool | None,
        typer.Option(
            "--enable/--disable", help="Switch deliveries to it on or off.", show_default=False
        ),
    ] = None,
) -> None:
    """Create or change an account; what isn't given stays as it is.

    Credentials are a JSON object with what the platform asks for; 'impact-in connections list' names what is
    missing. They are stored encrypted and never shown.
    """
    given = (
        base_url, organization_id, credentials, rate_limit, max_concurrency, option or None, enable
    )  # fmt: skip
    if all(value is None for value in given):
        raise UsageError("nothing to set; give --base-url, --credentials or another option")
    if organization_id is not None and not organization_id.strip():
        raise UsageError("--organization-id is empty; leave it out to keep the one that is set")
    url = checked_url(base_url) if base_url is not None else None
    secrets = read_credentials(credentials, platform) if credentials is not None else None
    with session() as runtime:
        found = runtime.companies.find(company)
        before = connections.stored(runtime, found, platform)
        change = ConnectionChange(
            organization_id=organization_id.strip() if organization_id else None,
            base_url=url,
            credentials=secrets,
            options=merged_options(platform, before.options, option) if option else None,
            rate_limit_per_minute=rate_limit,
            max_concurrency=max_concurrency,
            enabled=enable,
        )
        # Whoever may read the database's password and the vault's key runs this machine.
        shown = connections.set_connection(
            runtime, found, platform, change, actor=actor(), by_operator=True
        )
        missing = lacks(shown)
    title, target = FACTS[platform].title, f"{found.slug} {platform.value}"
    if missing:
        console.print(f"Saved the {title} connection of {found.slug}.", markup=False)
        console.print("Nothing is delivered yet: " + "; ".join(missing) + ".", markup=False)
    else:
        console.print(
            f"Saved the {title} connection of {found.slug}; it is complete.\n"
            f"Try it out: impact-in connections test {target}",
            markup=False,
            soft_wrap=True,
        )


@app.command("list")
def list_(
    company: Annotated[
        str | None, typer.Argument(metavar="COMPANY", help="Only those of this slug or id.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List accounts, and what each still lacks. Those of the environment, which serve every company without
    an account of its own, are listed too. Credentials are listed by name only.
    """
    with session() as runtime:
        company_id = runtime.companies.find(company).id if company else None
        stored = connections.listed(runtime, company_id)
        defaults = connections.defaults(runtime.settings)
    own = {one.platform for one in stored} if company else set()
    defaults = [one for one in defaults if one.platform not in own]
    rows = [*stored, *defaults]
    if as_json:
        print_json([_as_json(one) for one in rows])
        return
    missing = [lacks(one) for one in rows]
    wide = console.width >= _WIDE
    columns = ("Company", "Platform", "State", "Base URL")
    print_table(
        "Connections",
        (*columns, *(("Organisation", "Credentials", "Limits") if wide else ())),
        (
            (
                one.company or "(environment)",
                one.platform,
                ", ".join(clause.partition(" (")[0] for clause in clauses) or "ready",
                one.base_url,
                *(_details(one) if wide else ()),
            )
            for one, clauses in zip(rows, missing, strict=True)
        ),
        empty="No connections are stored. Set one: impact-in connections set COMPANY PLATFORM "
        "--base-url URL --credentials FILE",
    )
    if any(missing[: len(stored)]):
        console.print("What is missing is set with: impact-in connections set COMPANY PLATFORM …")
    if defaults:
        whom = company or "every company without its own"
        console.print(f"(environment): from variables, for {whom}.", style="dim", markup=False)


@app.command("test")
def try_out(company: CompanyArgument, platform: PlatformArgument, as_json: AsJson = False) -> None:
    """Test an account without delivering anything. Exit code 1 if it doesn't work."""
    with session() as runtime:
        found = runtime.companies.find(company)
        try:
            with busy("Trying it out", quiet=as_json):
                check = connections.try_out(runtime, found, platform)
        except ConnectionMissing as missing:
            shown = connections.stored(runtime, found, platform)
            raise Conflict(f"{sentence(missing)}: {'; '.join(lacks(shown))}") from None
        url = connections.usable(runtime, found, platform).base_url
    if as_json:
        print_json(check)
    else:
        _print_check(check, f"{FACTS[platform].title}, {found.slug}, {url}")
    if not check.ok:
        raise typer.Exit(1)


@app.command("rotate-keys")
def rotate_keys(as_json: AsJson = False) -> None:
    """Encrypt all stored secrets anew with the first key of IMPACT_IN_SECRET_KEY.

    Afterwards the older keys can be removed from it. It may be run again. Exit code 1 if a row
    can't be decrypted with any of the keys.
    """
    with session() as runtime, stepwise("Encrypting anew", quiet=as_json) as tell:
        rotation = connections.rotate_keys(runtime, actor=actor(), tell=tell)
    if as_json:
        print_json(rotation)
    else:
        console.print(
            f"Encrypted anew: {count(rotation.connections, 'connection', 'connections')}, "
            f"{count(rotation.tokens, 'access token', 'access tokens')}, "
            f"{count(rotation.channels, 'notice channel', 'notice channels')}.",
            markup=False,
        )
        for row in rotation.unreadable:
            console.print(
                f"{row.company} {row.platform.value} can't be decrypted with any of the keys; set it "
                f"again: impact-in connections set {row.company} {row.platform.value} --credentials FILE",
                markup=False,
                soft_wrap=True,
            )
        if rotation.unreadable_channels:
            console.print(
                f"{count(rotation.unreadable_channels, 'notice channel', 'notice channels')} can't be "
                "decrypted with any of the keys: "
                "enter their addresses again: impact-in notices change COMPANY CHANNEL --url-from FILE "
                "(e-mails: --to).",
                markup=False,
                soft_wrap=True,
            )
    if rotation.unreadable or rotation.unreadable_channels:
        raise typer.Exit(1)


def lacks(shown: ShownConnection) -> list[str]:
    """What keeps a connection from being used, as clauses that say how to mend it; empty: nothing."""
    url, credentials = "--base-url", "--credentials FILE"
    if shown.source == "environment":
        name = shown.platform.value.upper()
        url, credentials = f"{name}_API_URL", f"{name}_…"
    said = {
        Lack.CONNECTOR: "its connector isn't installed (impact-in doctor)",
        Lack.ENABLED: "disabled (--enable)",
        Lack.BASE_URL: f"no base URL ({url})",
        Lack.CREDENTIALS: f"no credentials ({credentials} with {credential_choices(shown.platform)})",
        Lack.UNREADABLE: "credentials can't be decrypted (add their key to IMPACT_IN_SECRET_KEY, or "
        "--credentials FILE)",
        Lack.ELSEWHERE: "credentials are for another address (--credentials FILE)",
    }
    return [said[lack] for lack in shown.lacks]


def _as_json(shown: ShownConnection) -> dict[str, Any]:
    return asdict(shown) | {"lacks": lacks(shown)}


def _details(shown: ShownConnection) -> tuple[str | None, str, str]:
    """Organisation id, names of the credentials, limits."""
    parts = []
    if shown.rate_limit_per_minute:
        parts.append(f"{shown.rate_limit_per_minute}/min")
    if shown.max_concurrency:
        parts.append(f"{shown.max_concurrency} at once")
    return shown.organization_id, ", ".join(shown.credential_names), ", ".join(parts)


def _print_check(check: ConnectionCheck, title: str) -> None:
    console.print(title, style="bold", soft_wrap=True)
    for clause in check.verified:
        console.print(styled("  [green]ok[/]           {said}", said=clause), soft_wrap=True)
    for clause in check.not_verified:
        console.print(styled("  [yellow]not checked[/]  {said}", said=clause), soft_wrap=True)
    if check.error:
        failed = styled("  [bold red]failed[/]       {said}", said=check.error)
        console.print(failed, soft_wrap=True)
