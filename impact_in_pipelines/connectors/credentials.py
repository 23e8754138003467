"""Which credentials an account must have, and how it authenticates (design, section 6)."""

from collections.abc import Collection, Mapping
from enum import Enum
from functools import lru_cache
from typing import Any

from impact_in_pipelines.delivery.model import Connection
from impact_in_pipelines.delivery.origins import is_plain_address
from impact_in_pipelines.errors import UsageError
from impact_in_pipelines.errors.accounts import (
    AddressMalformed,
    ClientMissing,
    CredentialEmpty,
    CredentialNotPrintable,
    CredentialNotText,
    CredentialsMissing,
    CredentialsMixed,
    CredentialsUnknown,
    InvalidCredentials,
    OrganizationMissing,
)
from impact_in_pipelines.platforms import FACTS, Platform
from impact_in_pipelines.redaction.redactor import Redactor
from impact_in_pipelines.settings import Settings


def validate_credentials(platform: Platform, credentials: Mapping[str, Any]) -> None:
    """Raise an `InvalidCredentials` that names missing, unknown or unusable keys, never a value."""
    sets = FACTS[platform].credential_sets
    given = frozenset(credentials)
    if given not in sets:
        raise _mismatch(platform, given, sets)
    for name in sorted(given):
        _check_value(platform, name, credentials[name])


class Lack(Enum):
    """What may keep a connection from being used."""

    CONNECTOR = "connector"
    ENABLED = "enabled"
    BASE_URL = "base_url"
    CREDENTIALS = "credentials"
    UNREADABLE = "unreadable"
    ELSEWHERE = "elsewhere"


def lacking(row: Mapping[str, Any], settings: Settings) -> list[Lack]:
    """What a stored connection (platform, enabled, base_url, credential_names) lacks; empty: nothing.

    `connector`: no connector of its platform works here; `unreadable`: no key fits its credentials;
    `elsewhere`: they were entered for another origin.

    The environment's credentials serve at the environment's own URL only, as in `ConnectionStore`.
    """
    platform = Platform(row["platform"])
    if platform not in Platform:
        return [Lack.CONNECTOR]
    if not row["enabled"]:
        return [Lack.ENABLED]
    ours = settings.platform_url(platform)
    url = row["base_url"] or ours
    names = set(row["credential_names"])
    if not names and url == ours:
        names = set(settings.platform_credentials(platform))
    complete = any(wanted <= names for wanted in FACTS[platform].credential_sets)
    if row.get("unreadable"):
        return [*([] if url else [Lack.BASE_URL]), Lack.UNREADABLE]
    if row.get("elsewhere"):
        return [Lack.ELSEWHERE]
    return [
        *([] if url else [Lack.BASE_URL]),
        *([] if complete else [Lack.CREDENTIALS]),
    ]


def credential_choices(platform: Platform) -> str:
    """The names of the credentials that the platform takes: `api_key or client_id, client_secret`."""
    return " or ".join(", ".join(sorted(names)) for names in FACTS[platform].credential_sets)


def check_account(connection: Connection) -> None:
    """Raise a refusal if nothing can be sent with the connection as it is set."""
    platform = connection.platform
    validate_credentials(platform, connection.credentials)
    if connection.options.get("auth") == "oauth" and not connection.uses_oauth:
        raise ClientMissing(platform)
    if not connection.organization_id:
        raise OrganizationMissing(platform)
    if not is_plain_address(connection.base_url):
        raise AddressMalformed(platform)


def evidence(error: UsageError) -> str:
    """What the log keeps of an account that `check_account` refuses: an English sentence, without values."""
    title = FACTS[error.parameters["platform"]].title
    match error:
        case CredentialsMissing() | CredentialsUnknown() | CredentialsMixed():
            parts = [f"{title} credentials must be exactly {error.wanted}"]
            parts += [
                f"{what}: {', '.join(error.parameters[name])}"
                for name, what in (("missing", "missing"), ("unknown", "too much"))
                if name in error.parameters
            ]
            return "; ".join(parts)
        case CredentialNotText() | CredentialEmpty() | CredentialNotPrintable():
            return f"{title} credentials: {error.name} can't be used"
        case ClientMissing():
            return f"{title} account is set to OAuth, but has no client id and secret"
        case OrganizationMissing():
            return f"{title} account has no organisation id"
        case _:
            return f"{title} base URL must be http(s)://host/path without user, query or spaces"


def redactor_for(connection: Connection, *tokens: str) -> Redactor:
    """Masks the account's secrets and these live tokens. What the connector doesn't call secret, such as a
    tenant's id, is none: errors name it."""
    known = FACTS[connection.platform].credentials_by_name
    secrets = [
        value
        for name, value in connection.credentials.items()
        if isinstance(value, str) and (name not in known or known[name].secret)
    ]
    return _redactor((*secrets, *tokens))


@lru_cache(maxsize=4_096)
def _redactor(secrets: tuple[str, ...]) -> Redactor:
    # One for each account, not for each request: what it holds, the account's connection holds too.
    return Redactor(secrets)


def _mismatch(
    platform: Platform, given: frozenset[str], sets: Collection[frozenset[str]]
) -> InvalidCredentials:
    nearest = max(sets, key=lambda names: len(names & given))
    wanted = " / ".join(", ".join(sorted(names)) for names in sets)
    missing, unknown = sorted(nearest - given), sorted(given - nearest)
    if missing and unknown:
        return CredentialsMixed(platform, wanted, missing, unknown)
    if missing:
        return CredentialsMissing(platform, wanted, missing)
    return CredentialsUnknown(platform, wanted, unknown)


def _check_value(platform: Platform, name: str, value: object) -> None:
    if not isinstance(value, str):
        raise CredentialNotText(platform, name)
    if not value:
        raise CredentialEmpty(platform, name)
    # They go into header lines.
    if not (value.isascii() and value.isprintable()) or value != value.strip():
        raise CredentialNotPrintable(platform, name)
