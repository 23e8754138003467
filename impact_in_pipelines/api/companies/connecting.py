"""Connections in the API's names: what one still lacks, and what trying it out has shown."""

from dataclasses import asdict

from impact_in_pipelines.api.companies.schemas import ConnectionTest, ConnectionView
from impact_in_pipelines.connectors.check import ConnectionCheck
from impact_in_pipelines.connectors.credentials import Lack, credential_choices
from impact_in_pipelines.delivery.states import ErrorKind
from impact_in_pipelines.platforms import FACTS
from impact_in_pipelines.services.accounts.connections import ShownConnection

_UNREACHABLE = "the platform can't be reached at the base URL"
_KINDS = {
    ErrorKind.AUTHENTICATION: "the platform refuses the credentials",
    ErrorKind.CONFIGURATION: "the base URL or the account's settings can't be used",
    ErrorKind.NETWORK: _UNREACHABLE,
    ErrorKind.TIMEOUT: _UNREACHABLE,
    ErrorKind.RATE_LIMITED: "the platform takes no more requests for now",
}
"""All that a tenant is told of a failure: anything more would make the test a probe of networks."""
_OTHER = "the platform doesn't answer as promised"


def shown(connection: ShownConnection) -> ConnectionView:
    """A stored connection on the wire."""
    choices = credential_choices(connection.platform)
    said = {
        Lack.CONNECTOR: "the platform's connector isn't installed: nothing is sent",
        Lack.ENABLED: "it is disabled: set enabled",
        Lack.BASE_URL: "no base URL: set baseUrl",
        Lack.CREDENTIALS: f"no credentials: set credentials with {choices}",
        Lack.UNREADABLE: "the credentials can't be decrypted: set credentials anew",
        Lack.ELSEWHERE: "the credentials were entered for another baseUrl: set credentials anew",
    }
    values = asdict(connection)
    del values["source"]
    return ConnectionView(**values | {"lacks": [said[lack] for lack in connection.lacks]})


def told(check: ConnectionCheck, connection: ShownConnection) -> ConnectionTest:
    """Success, or the kind of failure."""
    if check.ok:
        return ConnectionTest(
            ok=True,
            verified=list(check.verified),
            not_verified=list(check.not_verified),
            error_kind=None,
            error=None,
        )
    title = FACTS[connection.platform].title
    reason = _KINDS.get(check.kind, _OTHER) if check.kind else _OTHER
    return ConnectionTest(
        ok=False,
        verified=list(check.verified),
        not_verified=list(check.not_verified),
        error_kind=check.kind,
        error=f"{title}: {reason}",
    )
