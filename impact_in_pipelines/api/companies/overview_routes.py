"""How companies stand, for whoever sees many of them."""

from typing import Annotated

from fastapi import Query

from impact_in_pipelines.api.access.rights import VIEW, Api, Caller, only_all
from impact_in_pipelines.api.companies.overview_schemas import (
    CompanyHealthPage,
    OverviewView,
    health_of,
    overview_of,
)
from impact_in_pipelines.api.http.pagination import DEFAULT_LIMIT, decode_cursor, encode_cursor
from impact_in_pipelines.api.http.routing import api_router
from impact_in_pipelines.api.http.schemas import Limit
from impact_in_pipelines.services.operating import overview as service

router = api_router("Companies")
"""Many at once."""


@router.get(
    "/companies/health",
    operation_id="listCompanyHealth",
    summary="The state of the token's companies",
    dependencies=[VIEW],
)
def list_company_health(
    api: Api,
    caller: Caller,
    q: Annotated[
        str, Query(max_length=100, pattern=r"^[^\x00]*$", description="a part of name or slug")
    ] = "",
    limit: Limit = DEFAULT_LIMIT,
    cursor: str | None = None,
) -> CompanyHealthPage:
    question = {"of": "company-health", "q": q}
    after = decode_cursor(cursor, question, "slug")[0] if cursor is not None else None
    rows = service.company_health(
        api.runtime, caller.company_ids, limit=limit + 1, sought=q, after_slug=after
    )
    more = encode_cursor({"slug": rows[limit - 1].slug}, question) if len(rows) > limit else None
    return CompanyHealthPage(data=[health_of(row) for row in rows[:limit]], next_cursor=more)


@router.get(
    "/overview",
    operation_id="getOverview",
    summary="All companies and platforms: the worst first, open incidents, queues",
    dependencies=[VIEW],
)
def get_overview(api: Api, caller: Caller) -> OverviewView:
    only_all(caller, "the overview of all companies")
    return overview_of(service.overview(api.runtime))
