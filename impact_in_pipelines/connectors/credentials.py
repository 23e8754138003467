"""Which credentials an account must have, and how it authenticates (design, section 6)."""

from collections.abc import Collection, Mapping
from enum import Enum
from typing import Any

from impact_in_pipelines.connectors.http.redaction import Redactor
from impact_in_pipelines.delivery.model import Connection
from impact_in_pipelines.errors import UsageError
from impact_in_pipelines.platforms import FACTS, Platform
from impact_in_pipelines.settings import Settings

_PUBLIC = frozenset({"tenant_id"})
_OAUTH = frozenset({"client_id", "client_secret"})


def validate_credentials(platform: Platform, credentials: Mapping[str, Any]) -> None:
    """Raise `UsageError`, one line that names missing, unknown or unusable keys, never a value."""
    sets = FACTS[platform].credential_sets
    given = frozenset(credentials)
    if given not in sets:
        raise UsageError(_mismatch(platform, given, sets))
    for name in sorted(given):
        problem = _problem(credentials[name])
        if problem:
            raise UsageError(f"{FACTS[platform].title} credentials: {name} {problem}")


class Lack(Enum):
    """What may keep a connection from being used."""

    ENABLED = "enabled"
    BASE_URL = "base_url"
    CREDENTIALS = "credentials"
    UNREADABLE = "unreadable"
    ELSEWHERE = "elsewhere"


def lacking(row: Mapping[str, Any], settings: Settings) -> list[Lack]:
    """What a stored connection (platform, enabled, base_url, credential_names) lacks; empty: nothing.

    `unreadable`: no key fits its credentials; `elsewhere`: they were entered for another origin.

    The environment's credentials serve at the environment's own URL only, as in `ConnectionStore`.
    """
    platform = Platform(row["platform"])
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


def uses_oauth(connection: Connection) -> bool:
    """Whether the account gets access tokens with its client id and secret; else it has a key."""
    return frozenset(connection.credentials) >= _OAUTH


def check_account(connection: Connection) -> None:
    """Raise `UsageError` if nothing can be sent with the connection as it is set."""
    validate_credentials(connection.platform, connection.credentials)
    title = FACTS[connection.platform].title
    if connection.options.get("auth") == "oauth" and not uses_oauth(connection):
        raise UsageError(
            f"{title} option auth is oauth, but the credentials have no client_id and "
            "client_secret; set them or remove the option"
        )
    if not connection.organization_id:
        raise UsageError(f"{title} connection has no organisation id")
    url = connection.base_url
    if not url.startswith(("http://", "https://")) or any(mark in url for mark in "@?# "):
        raise UsageError(
            f"{title} base URL must be http(s)://host/path without user, query or spaces"
        )


def redactor_for(connection: Connection, *tokens: str) -> Redactor:
    """Masks the account's secrets and these live tokens. A tenant's id is none: errors name it."""
    secrets = [
        value
        for name, value in connection.credentials.items()
        if name not in _PUBLIC and isinstance(value, str)
    ]
    return Redactor((*secrets, *tokens))


def _mismatch(platform: Platform, given: frozenset[str], sets: Collection[frozenset[str]]) -> str:
    nearest = max(sets, key=lambda names: len(names & given))
    parts = [
        f"{FACTS[platform].title} credentials must be exactly " + " or ".join(map(_list, sets))
    ]
    if missing := nearest - given:
        parts.append(f"missing {_list(missing)}")
    if unknown := given - nearest:
        parts.append(f"too much {_list(unknown)}")
    return "; ".join(parts)


def _list(names: Collection[str]) -> str:
    return ", ".join(sorted(names))


def _problem(value: object) -> str | None:
    if not isinstance(value, str):
        return "must be a string"
    if not value:
        return "is empty"
    # They go into header lines.
    if not (value.isascii() and value.isprintable()) or value != value.strip():
        return "must be printable ASCII without spaces around it"
    return None
