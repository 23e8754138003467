"""`impact-in connections`: the companies' accounts on the platforms. Credentials are never shown."""

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from impact_in_pipelines.cli.accounts.credentials_input import (
    OPTION_NAMES,
    checked_url,
    merged_options,
    read_credentials,
)
from impact_in_pipelines.cli.context import AsJson, CompanyArgument, PlatformArgument
from impact_in_pipelines.cli.output import console, print_json, print_table
from impact_in_pipelines.cli.people import actor
from impact_in_pipelines.cli.session import session
from impact_in_pipelines.connectors.check import ConnectionCheck, check_connection
from impact_in_pipelines.connectors.credentials import Lack, credential_choices, lacking
from impact_in_pipelines.db.accounts.companies import Company
from impact_in_pipelines.errors import Conflict, UsageError
from impact_in_pipelines.platforms import FACTS, Platform
from impact_in_pipelines.runtime import Runtime
from impact_in_pipelines.settings import Settings

app = typer.Typer(help="Set, list and try out accounts on the platforms.", no_args_is_help=True)

_WIDE = 110


@app.command("set")
def set_(
    company: CompanyArgument,
    platform: PlatformArgument,
    base_url: Annotated[str | None, typer.Option(metavar="URL", help="The API's address.")] = None,
    organization_id: Annotated[
        str | None,
        typer.Option(metavar="ID", help="The company's id there; its slug if never given."),
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
        typer.Option(metavar="KEY=VALUE", help=f"{', '.join(OPTION_NAMES)}; KEY= removes one."),
    ] = None,
    enable: Annotated[
        bool | None, typer.Option("--enable/--disable", help="Deliver, or not.", show_default=False)
    ] = None,
) -> None:
    """Create or change an account; what isn't given stays as it is.

    Credentials are a JSON object with api_key (Benevity, Goodera), client_id and
    client_secret (Benevity with OAuth), or client_id, client_secret and tenant_id
    (Workday). They are kept encrypted and never shown.
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
        row = _stored(runtime, found, platform)
        runtime.connections.save(
            found.id,
            platform,
            organization_id=organization_id.strip() if organization_id else None,
            base_url=url,
            credentials=secrets,
            options=merged_options(row.get("options") or {}, option) if option else None,
            rate_limit_per_minute=rate_limit,
            max_concurrency=max_concurrency,
            enabled=enable,
            actor=actor(),
        )
        missing = lacks(_stored(runtime, found, platform), runtime.settings)
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
        str | None, typer.Argument(metavar="[COMPANY]", help="Only those of this slug or id.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List accounts, and what each still lacks; also those of the environment, which serve every
    company without its own. Credentials are listed by name only.
    """
    with session() as runtime:
        company_id = runtime.companies.find(company).id if company else None
        stored = runtime.connections.listed(company_id)
        settings = runtime.settings
    own = {row["platform"] for row in stored} if company else set()
    defaults = [row for row in from_environment(settings) if row["platform"] not in own]
    rows = [*({**row, "source": "database"} for row in stored), *defaults]
    if as_json:
        print_json([{**row, "lacks": lacks(row, settings)} for row in rows])
        return
    missing = [lacks(row, settings) for row in rows]
    wide = console.width >= _WIDE
    columns = ("Company", "Platform", "State", "Base URL")
    print_table(
        "Connections",
        (*columns, *(("Organisation", "Credentials", "Limits") if wide else ())),
        (
            (
                row["company"] or "(environment)",
                row["platform"],
                ", ".join(clause.partition(" (")[0] for clause in clauses) or "ready",
                row["base_url"],
                *(_details(row) if wide else ()),
            )
            for row, clauses in zip(rows, missing, strict=True)
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
    """Try an account out without delivering anything. Exit code 1 if it doesn't work."""
    with session() as runtime:
        found = runtime.companies.find(company)
        connection = runtime.connections.of_companies(platform, [found.id]).get(found.id)
        if connection is None:
            missing = lacks(_stored(runtime, found, platform), runtime.settings)
            raise Conflict(
                f"the {FACTS[platform].title} connection of {found.slug} can't be tried: "
                + "; ".join(missing)
            )
        check = check_connection(connection, runtime.transport, runtime.tokens)
    if as_json:
        print_json(check)
    else:
        _print_check(check, f"{FACTS[platform].title}, {found.slug}, {connection.base_url}")
    if not check.ok:
        raise typer.Exit(1)


def lacks(row: Mapping[str, Any], settings: Settings) -> list[str]:
    """What keeps a connection from being used, as clauses that say how to mend it; empty: nothing."""
    platform = Platform(row["platform"])
    url, credentials = "--base-url", "--credentials FILE"
    if row.get("source") == "environment":
        name = platform.value.upper()
        url, credentials = f"{name}_API_URL", f"{name}_…"
    said = {
        Lack.ENABLED: "disabled (--enable)",
        Lack.BASE_URL: f"no base URL ({url})",
        Lack.CREDENTIALS: f"no credentials ({credentials} with {credential_choices(platform)})",
    }
    return [said[lack] for lack in lacking(row, settings)]


def from_environment(settings: Settings) -> list[dict[str, Any]]:
    """The default connections, as `ConnectionStore.listed` shows stored ones; `company` is None. A platform
    of which no variable is set is left out."""
    return [
        _nothing(platform)
        | {
            "company_id": None,
            "company": None,
            "organization_id": settings.platform_organization(platform),
            "base_url": settings.platform_url(platform),
            "credential_names": sorted(settings.platform_credentials(platform)),
            "options": {},
            "rate_limit_per_minute": None,
            "max_concurrency": None,
            "updated_at": None,
            "webhook_secret_set": False,
            "source": "environment",
        }
        for platform in Platform
        if settings.platform_url(platform) or settings.platform_credentials(platform)
    ]


def _nothing(platform: Platform) -> dict[str, Any]:
    """What a company without a row of its own has."""
    return {"platform": platform, "enabled": True, "base_url": None, "credential_names": []}


def _stored(runtime: Runtime, company: Company, platform: Platform) -> Mapping[str, Any]:
    rows = runtime.connections.listed(company.id)
    return next((row for row in rows if row["platform"] == platform), _nothing(platform))


def _details(row: Mapping[str, Any]) -> tuple[str | None, str, str]:
    """Organisation id, names of the credentials, limits."""
    parts = []
    if row["rate_limit_per_minute"]:
        parts.append(f"{row['rate_limit_per_minute']}/min")
    if row["max_concurrency"]:
        parts.append(f"{row['max_concurrency']} at once")
    return row["organization_id"], ", ".join(row["credential_names"]), ", ".join(parts)


def _print_check(check: ConnectionCheck, title: str) -> None:
    console.print(title, markup=False, style="bold", soft_wrap=True)
    for clause in check.verified:
        console.print(f"  [green]ok[/]           {_shown(clause)}", soft_wrap=True)
    for clause in check.not_verified:
        console.print(f"  [yellow]not checked[/]  {_shown(clause)}", soft_wrap=True)
    if check.error:
        console.print(f"  [bold red]failed[/]       {_shown(check.error)}", soft_wrap=True)


def _shown(text: str) -> str:
    return text.replace("[", r"\[")
