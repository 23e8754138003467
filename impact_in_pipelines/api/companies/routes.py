"""Companies, their connections, and who changed what."""

from dataclasses import asdict
from functools import partial
from typing import Annotated
from uuid import UUID

from anyio.to_thread import run_sync
from fastapi import Query

from impact_in_pipelines.api.access.rights import (
    MANAGE,
    VIEW,
    Api,
    Caller,
    only_all,
    own_company,
    visible,
)
from impact_in_pipelines.api.companies.connecting import shown, told
from impact_in_pipelines.api.companies.schemas import (
    AuditEntry,
    AuditPage,
    CompanyPage,
    CompanyView,
    ConnectionBody,
    ConnectionPage,
    ConnectionTest,
    ConnectionView,
    NewCompany,
)
from impact_in_pipelines.api.context import ApiContext
from impact_in_pipelines.api.http.pagination import (
    DEFAULT_LIMIT,
    decode_cursor,
    encode_cursor,
    instant_and_id,
)
from impact_in_pipelines.api.http.problems import ApiProblem, naming
from impact_in_pipelines.api.http.routing import api_router
from impact_in_pipelines.api.http.schemas import Limit, PlatformName
from impact_in_pipelines.connectors.credentials import validate_credentials
from impact_in_pipelines.db.access.audit import AuditFilter
from impact_in_pipelines.db.accounts.companies import Company as StoredCompany
from impact_in_pipelines.errors.accounts import ConnectionMissing
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.scheduling import parse_timezone
from impact_in_pipelines.services.accounts import connections as service
from impact_in_pipelines.services.accounts.companies import add_company
from impact_in_pipelines.wording import sentence

companies = api_router("Companies")
"""The tenants."""
connections = api_router("Connections")
"""Their accounts on the platforms."""
audit = api_router("Audit log")
"""Who changed what."""


AuditPart = Annotated[
    str,
    Query(
        max_length=200, pattern=r"^[^\x00]*$", description="a part of the actor's name; absent: any"
    ),
]


@companies.get(
    "/companies", operation_id="listCompanies", summary="The token's companies", dependencies=[VIEW]
)
def list_companies(
    api: Api, caller: Caller, limit: Limit = DEFAULT_LIMIT, cursor: str | None = None
) -> CompanyPage:
    question = {"of": "companies"}
    after = decode_cursor(cursor, question, "slug")[0] if cursor is not None else None
    rows = api.runtime.companies.page(caller.company_ids, limit=limit + 1, after_slug=after)
    more = encode_cursor({"slug": rows[limit - 1].slug}, question) if len(rows) > limit else None
    return CompanyPage(data=[CompanyView(**asdict(row)) for row in rows[:limit]], next_cursor=more)


@companies.post(
    "/companies",
    operation_id="createCompany",
    summary="Add a company; needs a token for all companies",
    status_code=201,
    dependencies=[MANAGE],
)
def create_company(api: Api, caller: Caller, body: NewCompany) -> CompanyView:
    only_all(caller, "adding a company")
    with naming("timezone"):
        parse_timezone(body.timezone)
    with naming("country"):  # the schema has judged the other fields
        made = add_company(
            api.runtime,
            body.slug,
            name=body.name,
            country=body.country,
            timezone=body.timezone,
            actor=caller.subject,
        )
    return CompanyView(**asdict(made))


@connections.get(
    "/connections",
    operation_id="listConnections",
    summary="Stored accounts, without credentials",
    dependencies=[VIEW],
)
def list_connections(
    api: Api,
    caller: Caller,
    company_id: Annotated[UUID | None, Query(alias="companyId")] = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: str | None = None,
) -> ConnectionPage:
    ids = visible(api, caller, company_id)
    question = {"of": "connections", "company": company_id}
    after = None
    if cursor is not None:
        company, platform = decode_cursor(cursor, question, "company", "platform")
        after = (company, platform)
    rows = service.page(api.runtime, ids, limit=limit + 1, after=after)
    more = None
    if len(rows) > limit:
        last = rows[limit - 1]
        more = encode_cursor({"company": last.company, "platform": last.platform.value}, question)
    return ConnectionPage(data=[shown(row) for row in rows[:limit]], next_cursor=more)


@connections.put(
    "/connections/{companyId}/{platform}",
    operation_id="setConnection",
    summary="Create or change an account; what is absent stays as it is",
    dependencies=[MANAGE],
)
def set_connection(
    api: Api,
    caller: Caller,
    companyId: UUID,  # noqa: N803
    platform: PlatformName,
    body: ConnectionBody,
) -> ConnectionView:
    company, target = own_company(api, caller, companyId), Platform(platform)
    if body.credentials is not None:
        with naming("credentials"):
            validate_credentials(target, body.credentials)
    if body.options is not None:
        with naming("options"):
            service.check_options(target, body.options.model_extra or {})
    change = service.ConnectionChange(
        organization_id=body.organization_id,
        base_url=body.base_url,
        credentials=body.credentials,
        options=body.options.model_dump(by_alias=True, exclude_none=True) if body.options else None,
        rate_limit_per_minute=body.rate_limit_per_minute,
        max_concurrency=body.max_concurrency,
        enabled=body.enabled,
        webhook_secret=body.webhook_secret,
    )
    with naming("baseUrl"):  # what is left to refuse: where it leads
        made = service.set_connection(
            api.runtime,
            company,
            target,
            change,
            actor=caller.subject,
            # A token for all companies is the operator's; a tenant's never is.
            by_operator=caller.company_ids is None,
        )
    return shown(made)


@connections.post(
    "/connections/{companyId}/{platform}/test",
    operation_id="testConnection",
    summary="Test an account without delivering anything",
    dependencies=[MANAGE],
)
async def test_connection(
    api: Api,
    caller: Caller,
    companyId: UUID,  # noqa: N803
    platform: PlatformName,
) -> ConnectionTest:
    company = await run_sync(own_company, api, caller, companyId)
    test = partial(_tried_out, api, company, Platform(platform))
    return await api.connection_tests.run(company.id, test)


def _tried_out(api: ApiContext, company: StoredCompany, target: Platform) -> ConnectionTest:
    try:
        check = service.try_out(api.runtime, company, target)
    except ConnectionMissing as missing:
        raise ApiProblem(409, sentence(missing), refusal=missing.code) from None
    return told(check, service.stored(api.runtime, company, target))


@audit.get(
    "/audit-log",
    operation_id="listAuditLog",
    summary="Who changed what, the latest first",
    dependencies=[VIEW],
)
def list_audit_log(
    api: Api,
    caller: Caller,
    company_id: Annotated[UUID | None, Query(alias="companyId")] = None,
    actor: AuditPart = "",
    action: AuditPart = "",
    limit: Limit = DEFAULT_LIMIT,
    cursor: str | None = None,
) -> AuditPage:
    ids = visible(api, caller, company_id)
    wanted = AuditFilter(actor, action)
    question = {"of": "audit", "company": company_id, **wanted.parameters}
    rows = api.audit.listed(ids, wanted, limit=limit + 1, **instant_and_id(cursor, question))
    more = None
    if len(rows) > limit:
        last = rows[limit - 1]
        more = encode_cursor({"at": last.at.isoformat(), "id": last.id}, question)
    return AuditPage(data=[AuditEntry(**asdict(row)) for row in rows[:limit]], next_cursor=more)
