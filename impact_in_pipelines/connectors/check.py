"""Tries out a connection without sending impact data."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from impact_in_pipelines.connectors.classify import classify_failure
from impact_in_pipelines.connectors.credentials import (
    check_account,
    evidence,
    redactor_for,
)
from impact_in_pipelines.connectors.http.failures import WIRE_ERRORS
from impact_in_pipelines.connectors.http.transport import Transport
from impact_in_pipelines.connectors.identity.oauth import TokenRefusedError, TokenSource
from impact_in_pipelines.delivery.model import Connection
from impact_in_pipelines.delivery.ports import OAuthTokens
from impact_in_pipelines.delivery.states import ErrorKind
from impact_in_pipelines.errors import UsageError
from impact_in_pipelines.platforms import FACTS

_THIS_MACHINE = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True)
class ConnectionCheck:
    """What a try showed. `verified` and `not_verified` are clauses for a person; `error` is one
    line, redacted, where `ok` is False, for the operator; a tenant sees `kind` alone."""

    ok: bool
    verified: tuple[str, ...]
    not_verified: tuple[str, ...]
    error: str | None = None
    kind: ErrorKind | None = None


def check_connection(
    connection: Connection, transport: Transport, tokens: OAuthTokens
) -> ConnectionCheck:
    """Whether the account can be used, as far as that can be told without delivering anything.

    An OAuth account gets a new access token, which proves its client id and secret. The contracts
    offer an API key no call that delivers nothing: there, only the address is tried. Never raises
    for what the wire or the platform does.
    """
    try:
        check_account(connection)
    except UsageError as error:
        nothing = ("anything: nothing was sent",)
        return ConnectionCheck(False, (), nothing, evidence(error), ErrorKind.CONFIGURATION)
    settings = "the settings are complete"
    if connection.uses_oauth:
        return _check_client(connection, TokenSource(transport, tokens), settings)
    return _check_address(connection, transport, settings)


def _check_client(connection: Connection, tokens: TokenSource, settings: str) -> ConnectionCheck:
    title = FACTS[connection.platform].title
    left = _left(connection)
    try:
        tokens.fetch(connection)
    except TokenRefusedError as refused:
        why = refused.result
        return ConnectionCheck(
            False, (settings,), ("the client id and secret", *left), why.error, why.error_kind
        )
    verified = (settings, f"{title} gave an access token for the client id and secret")
    return ConnectionCheck(True, verified, left)


def _check_address(connection: Connection, transport: Transport, settings: str) -> ConnectionCheck:
    title = FACTS[connection.platform].title
    left = (_untried(connection), *_left(connection))
    try:
        transport.probe(connection.base_url)
    except WIRE_ERRORS as error:
        result = classify_failure(error, title, redactor_for(connection))
        return ConnectionCheck(False, (settings,), left, result.error, result.error_kind)
    return ConnectionCheck(True, (settings, "something answers HTTP at the base URL"), left)


def _untried(connection: Connection) -> str:
    """That what the account proves itself by can't be tried: its key, or several credentials."""
    facts = FACTS[connection.platform]
    labels = [
        one.label
        for name, one in facts.credentials_by_name.items()
        if name in connection.credentials
    ]
    what, them = f"the {labels[0]}", "one"
    if len(labels) > 1:
        what, them = f"the credentials ({', '.join(labels)})", "them"
    return f"{what}: {facts.title} has no call that takes {them} and delivers nothing"


def _left(connection: Connection) -> tuple[str, ...]:
    names = [f"the organisation id {connection.organization_id}"]
    if tenant := connection.credentials.get("tenant_id"):
        names.append(f"the tenant id {tenant}")
    address = urlsplit(connection.base_url)
    if address.scheme == "http" and address.hostname not in _THIS_MACHINE:
        names.append("who listens: http is not encrypted; use https if the platform offers it")
    return tuple(names)
