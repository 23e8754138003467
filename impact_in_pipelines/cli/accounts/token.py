"""`impact-in token`: bearer tokens for the API: making them (development), revoking them."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated
from uuid import UUID, uuid4

import typer

from impact_in_pipelines.cli.context import AsJson
from impact_in_pipelines.cli.output import print_json
from impact_in_pipelines.cli.people import actor
from impact_in_pipelines.cli.session import session
from impact_in_pipelines.cli.sources import read_line
from impact_in_pipelines.db.access.api_tokens import PREFIX, ApiToken
from impact_in_pipelines.db.access.tokens import TokenClaims
from impact_in_pipelines.errors import InvalidSetting, UsageError
from impact_in_pipelines.errors.access import ApiTokenUnknown, TokenUnreadable
from impact_in_pipelines.plain_text import plain
from impact_in_pipelines.services.accounts.tokens import (
    LONGEST_TOKEN,
    api_tokens,
    revoke_api_token,
    revoke_token,
)
from impact_in_pipelines.settings import Settings, get_settings

app = typer.Typer(help="Make, list and revoke tokens for the API.", no_args_is_help=True)

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_ALL = "*"
_TOKEN = re.compile(rf"\beyJ[\w-]{{8,}}\.[\w-]+|\b{PREFIX}[\w-]{{16,}}")
"""What looks like a token itself, a JWT's or one of ours, and not like what one is called."""


RoleOption = Annotated[
    list[str],
    typer.Option(
        metavar="R", help="ADMIN_CONSOLE may view; with MANAGE_INTEGRATIONS it may also change."
    ),
]
CompanyOption = Annotated[
    list[str], typer.Option(metavar="C", help="A company's slug or id, or '*' for all.")
]


@app.command("mint")
def mint(
    role: RoleOption,
    company: CompanyOption,
    expires_in: Annotated[str, typer.Option(metavar="SPAN", help="Such as 30m, 8h or 7d.")] = "8h",
    subject: Annotated[
        str, typer.Option(help="Who it is for; changes are recorded under this name.")
    ] = "developer",
    as_json: AsJson = False,
) -> None:
    """Print a token signed with IMPACT_IN_JWT_SECRET. Options can be given several times."""
    check_roles(role)
    settings = get_settings()
    expires_at = datetime.now(UTC) + span(expires_in)
    token = minted(settings, subject, role, company_ids(company), expires_at)
    if as_json:
        print_json({"token": token, "expires_at": expires_at})
    else:
        typer.echo(token)


def check_roles(roles: Sequence[str]) -> None:
    """Raises `UsageError` for a role that nothing asks for, and for roles that open nothing."""
    from impact_in_pipelines.api.access.tokens import ADMIN_CONSOLE, MANAGE_INTEGRATIONS  # FastAPI

    known = (ADMIN_CONSOLE, MANAGE_INTEGRATIONS)
    if unknown := [role for role in roles if role not in known]:
        raise UsageError(f"--role {unknown[0]!r} must be {' or '.join(known)}")
    if ADMIN_CONSOLE not in roles:
        raise UsageError(
            f"--role {MANAGE_INTEGRATIONS} opens nothing alone: add --role {ADMIN_CONSOLE}"
        )


def minted(
    settings: Settings, subject: str, roles: list[str], companies: list[str], expires_at: datetime
) -> str:
    """An HS256 token with these claims, and issuer and audience if they are set. Raises `InvalidSetting`
    without a secret. Roles are taken as they are: who asks for some checks them."""
    import jwt

    if settings.jwt_secret is None:
        raise InvalidSetting(
            "IMPACT_IN_JWT_SECRET must be set to mint tokens; make one with: "
            'python -c "import secrets; print(secrets.token_urlsafe(48))"'
        )
    claims = {
        "sub": subject,
        "roles": roles,
        "companies": companies,
        "iat": datetime.now(UTC),
        "jti": str(uuid4()),  # each token is one of its own: it signs in once
        "exp": expires_at,
    }
    if settings.jwt_issuer:
        claims["iss"] = settings.jwt_issuer
    if settings.jwt_audience:
        claims["aud"] = settings.jwt_audience
    return jwt.encode(claims, settings.jwt_secret.get_secret_value(), algorithm="HS256")


@app.command("revoke")
def revoke(
    which: Annotated[
        str,
        typer.Argument(
            metavar="FILE|NAME",
            help="A file that holds the token; - reads it here. With --company: a token's name, its id or "
            "its first characters, as the list has them.",
        ),
    ],
    company: Annotated[
        str | None,
        typer.Option(metavar="COMPANY", help="The company whose token it is; slug or id."),
    ] = None,
    by: Annotated[str | None, typer.Option(help="Who does it; for the audit log.")] = None,
    as_json: AsJson = False,
) -> None:
    """Refuse a token from now on, before it expires. Open streams of it end too.

    A token itself is read from a file or standard input, so that no list of processes shows it.
    """
    if _TOKEN.search(which):
        raise UsageError(
            "a token on the command line is seen in lists of processes and histories: name a file that holds "
            "it, or give - and type it here"
        )
    if company is not None:
        _revoke_named(company, which, by, as_json)
        return
    claims = claims_of(read_line(which, "the token"))
    with session() as runtime:
        revoke_token(runtime, claims, actor=actor(by))
    if as_json:
        print_json({"subject": claims.subject, "expires_at": claims.expires_at})
    else:
        typer.echo(f"The token of {plain(claims.subject)} is refused from now on.")


def _revoke_named(company: str, text: str, by: str | None, as_json: bool) -> None:
    with session() as runtime:
        owner = runtime.companies.find(company)
        named = _named(api_tokens(runtime, owner), text)
        revoke_api_token(runtime, owner, named.id, actor=actor(by))
    if as_json:
        print_json({"id": named.id, "name": named.name})
    else:
        typer.echo(f"The token {plain(named.name)} of {owner.slug} is refused from now on.")


def _named(listed: Sequence[ApiToken], text: str) -> ApiToken:
    """The one that can still be used and is called so, or whose id begins so. Raises `ApiTokenUnknown`, and
    `UsageError` where several are meant."""
    usable = [one for one in listed if one.revoked_at is None]
    found = [one for one in usable if one.name == text]
    if not found and len(text) >= 4:
        found = [one for one in usable if str(one.id).startswith(text.lower())]
    if not found:
        raise ApiTokenUnknown(text)
    if len(found) > 1:
        raise UsageError(f"{text!r} means several tokens; give more of the id of one")
    return found[0]


def claims_of(token: str) -> TokenClaims:
    """A token as the tables know it, whoever signed it. Raises `TokenUnreadable`."""
    import jwt

    from impact_in_pipelines.api.access.tokens import principal_of, token_claims  # FastAPI

    try:
        claims = jwt.decode(token, options={"verify_signature": False, "verify_exp": False})
        return token_claims(principal_of(claims, token))
    except (jwt.PyJWTError, KeyError, TypeError, ValueError, OverflowError, OSError):
        raise TokenUnreadable from None


def span(text: str) -> timedelta:
    """A span such as 30m, 8h or 7d. Raises `UsageError`."""
    match = re.fullmatch(r"(\d{1,7})([smhd])", text.strip())
    found = timedelta(seconds=int(match[1]) * _UNITS[match[2]]) if match else timedelta()
    if not timedelta() < found <= LONGEST_TOKEN:
        raise UsageError(f"--expires-in {text!r} must be a span such as 30m, 8h or 7d, up to 366d")
    return found


def company_ids(companies: list[str]) -> list[str]:
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
