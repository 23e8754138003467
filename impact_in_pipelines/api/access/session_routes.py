"""Who is signed in to the cockpit, which sign-in links are good, and ending either.

Everybody sees and ends one's own; whoever manages all companies, everybody's.
"""

from dataclasses import asdict
from uuid import UUID

from impact_in_pipelines.api.access.rights import MANAGE, VIEW, Api, Caller
from impact_in_pipelines.api.access.session_schemas import (
    Revoked,
    SessionList,
    SessionView,
    SignInLinkList,
    SignInLinkView,
)
from impact_in_pipelines.api.access.tokens import MANAGE_INTEGRATIONS, Principal
from impact_in_pipelines.api.http.routing import api_router
from impact_in_pipelines.services.accounts import sessions as service
from impact_in_pipelines.services.accounts.sessions import EVERYBODY, Whose

router = api_router("Sessions")
"""Sessions of the cockpit and sign-in links."""


@router.get(
    "/sessions",
    operation_id="listSessions",
    summary="One's own open sessions; with MANAGE_INTEGRATIONS for all companies everybody's",
    dependencies=[VIEW],
)
def list_sessions(api: Api, caller: Caller) -> SessionList:
    found = service.sessions(api.runtime, _whose(caller))
    return SessionList(data=[SessionView(**asdict(one)) for one in found])


@router.delete(
    "/sessions/{sessionId:id}",
    operation_id="revokeSession",
    summary="End a session; pages that are open with it end within seconds",
    dependencies=[VIEW],
)
def revoke_session(api: Api, caller: Caller, sessionId: UUID) -> Revoked:  # noqa: N803
    service.revoke(api.runtime, sessionId, _whose(caller), actor=caller.subject)
    return Revoked(id=sessionId)


@router.get(
    "/sign-in-links",
    operation_id="listSignInLinks",
    summary="Links that one has made and nobody has used; with MANAGE_INTEGRATIONS for all companies "
    "everybody's",
    dependencies=[MANAGE],
)
def list_links(api: Api, caller: Caller) -> SignInLinkList:
    found = service.links(api.runtime, _whose(caller))
    return SignInLinkList(data=[SignInLinkView(**asdict(one)) for one in found])


@router.delete(
    "/sign-in-links/{linkId:id}",
    operation_id="revokeSignInLink",
    summary="Revoke a sign-in link that nobody has used",
    dependencies=[MANAGE],
)
def revoke_link(api: Api, caller: Caller, linkId: UUID) -> Revoked:  # noqa: N803
    service.revoke(api.runtime, linkId, _whose(caller), actor=caller.subject)
    return Revoked(id=linkId)


def _whose(caller: Principal) -> Whose:
    if caller.companies is None and MANAGE_INTEGRATIONS in caller.roles:
        return EVERYBODY
    # A name is not proof enough: another tenant's token may carry the same one.
    return Whose(caller.subject, caller.company_ids)
