"""Who may come in to one company: the tokens of its programs, and the sessions of its people.

A session that sees other companies as well isn't the company's to end; its own people see and end theirs by
`/sessions`.
"""

from dataclasses import asdict
from uuid import UUID

from impact_in_pipelines.api.access.company_schemas import (
    ApiTokenList,
    ApiTokenView,
    MadeApiToken,
    NewApiToken,
)
from impact_in_pipelines.api.access.rights import MANAGE, Api, Caller, own_company
from impact_in_pipelines.api.access.session_schemas import Revoked, SessionList, SessionView
from impact_in_pipelines.api.access.tokens import Principal
from impact_in_pipelines.api.http.routing import api_router
from impact_in_pipelines.services.accounts import sessions, tokens
from impact_in_pipelines.services.accounts.sessions import Whose

router = api_router("Access")
"""Tokens and sessions of a company."""

_TOKENS = "/companies/{companyId}/api-tokens"
_SESSIONS = "/companies/{companyId}/sessions"


@router.get(
    _TOKENS, operation_id="listApiTokens", summary="A company's tokens", dependencies=[MANAGE]
)
def list_tokens(api: Api, caller: Caller, companyId: UUID) -> ApiTokenList:  # noqa: N803
    company = own_company(api, caller, companyId)
    found = tokens.api_tokens(api.runtime, company)
    return ApiTokenList(data=[ApiTokenView(**asdict(one)) for one in found])


@router.post(
    _TOKENS,
    operation_id="makeApiToken",
    summary="Make a token for a program; it is shown only now",
    status_code=201,
    dependencies=[MANAGE],
)
def make_token(
    api: Api,
    caller: Caller,
    companyId: UUID,  # noqa: N803
    body: NewApiToken,
) -> MadeApiToken:
    made = tokens.make_api_token(
        api.runtime,
        own_company(api, caller, companyId),
        body.name,
        body.roles,
        body.days,
        actor=caller.subject,
        held=rights_to_give(caller),
    )
    return MadeApiToken(listed=ApiTokenView(**asdict(made.listed)), token=made.token)


@router.delete(
    f"{_TOKENS}/{{tokenId}}",
    operation_id="revokeApiToken",
    summary="Refuse a token from now on",
    dependencies=[MANAGE],
)
def revoke_token(
    api: Api,
    caller: Caller,
    companyId: UUID,  # noqa: N803
    tokenId: UUID,  # noqa: N803
) -> Revoked:
    company = own_company(api, caller, companyId)
    tokens.revoke_api_token(api.runtime, company, tokenId, actor=caller.subject)
    return Revoked(id=tokenId)


@router.get(
    _SESSIONS,
    operation_id="listCompanySessions",
    summary="Who is signed in to this company and to no other",
    dependencies=[MANAGE],
)
def list_sessions(api: Api, caller: Caller, companyId: UUID) -> SessionList:  # noqa: N803
    company = own_company(api, caller, companyId)
    found = sessions.sessions(api.runtime, Whose(None, [company.id]))
    return SessionList(data=[SessionView(**asdict(one)) for one in found])


@router.delete(
    f"{_SESSIONS}/{{sessionId}}",
    operation_id="revokeCompanySession",
    summary="End a session of this company",
    dependencies=[MANAGE],
)
def revoke_session(
    api: Api,
    caller: Caller,
    companyId: UUID,  # noqa: N803
    sessionId: UUID,  # noqa: N803
) -> Revoked:
    company = own_company(api, caller, companyId)
    sessions.revoke(api.runtime, sessionId, Whose(None, [company.id]), actor=caller.subject)
    return Revoked(id=sessionId)


def rights_to_give(caller: Principal) -> frozenset[str]:
    """What a caller may put into a token: its own rights; a token's holder none, or it would never end."""
    return frozenset() if caller.named else caller.roles
