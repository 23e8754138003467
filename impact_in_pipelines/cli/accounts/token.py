"""`impact-in token mint`: a bearer token for the API, for development."""

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated
from uuid import UUID

import typer

from impact_in_pipelines.cli.context import AsJson
from impact_in_pipelines.cli.output import print_json
from impact_in_pipelines.cli.session import session
from impact_in_pipelines.errors import InvalidSetting, UsageError
from impact_in_pipelines.settings import Settings, get_settings

app = typer.Typer(help="Tokens for the API.", no_args_is_help=True)

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_LONGEST = timedelta(days=366)
_ALL = "*"


@app.callback()
def _group() -> None:
    """Keeps `mint` a subcommand: typer would make a lone command the app itself."""


@app.command("mint")
def mint(
    role: Annotated[
        list[str],
        typer.Option(metavar="R", help="ADMIN_CONSOLE views, with MANAGE_INTEGRATIONS changes."),
    ],
    company: Annotated[
        list[str], typer.Option(metavar="C", help="A company's slug or id, or '*' for all.")
    ],
    expires_in: Annotated[str, typer.Option(metavar="SPAN", help="Such as 30m, 8h or 7d.")] = "8h",
    subject: Annotated[
        str, typer.Option(help="Who it is for; changes are signed so.")
    ] = "developer",
    as_json: AsJson = False,
) -> None:
    """Print a token signed with IMPACT_IN_JWT_SECRET. Options can be given several times."""
    settings = get_settings()
    lasting = _span(expires_in)
    if settings.jwt_secret is None:
        raise InvalidSetting(
            "IMPACT_IN_JWT_SECRET must be set to mint tokens; make one with: "
            'python -c "import secrets; print(secrets.token_urlsafe(48))"'
        )
    expires_at = datetime.now(UTC) + lasting
    token = minted(settings, subject, role, _ids(company), expires_at)
    if as_json:
        print_json({"token": token, "expires_at": expires_at})
    else:
        typer.echo(token)


def minted(
    settings: Settings, subject: str, roles: list[str], companies: list[str], expires_at: datetime
) -> str:
    """An HS256 token with these claims, and issuer and audience if they are set."""
    import jwt

    assert settings.jwt_secret is not None
    claims = {
        "sub": subject,
        "roles": roles,
        "companies": companies,
        "iat": datetime.now(UTC),
        "exp": expires_at,
    }
    if settings.jwt_issuer:
        claims["iss"] = settings.jwt_issuer
    if settings.jwt_audience:
        claims["aud"] = settings.jwt_audience
    return jwt.encode(claims, settings.jwt_secret.get_secret_value(), algorithm="HS256")


def _span(text: str) -> timedelta:
    match = re.fullmatch(r"(\d{1,7})([smhd])", text.strip())
    span = timedelta(seconds=int(match[1]) * _UNITS[match[2]]) if match else timedelta()
    if not timedelta() < span <= _LONGEST:
        raise UsageError(f"--expires-in {text!r} must be a span such as 30m, 8h or 7d, up to 366d")
    return span


def _ids(companies: list[str]) -> list[str]:
    """The companies' ids; a slug is looked up."""
    if _ALL in companies:
        return [_ALL]
    found = {text: _id(text) for text in companies}
    if unknown := [text for text, id_ in found.items() if id_ is None]:
        with session() as runtime:
            found |= {text: runtime.companies.find(text).id for text in unknown}
    return [str(found[text]) for text in companies]


def _id(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
