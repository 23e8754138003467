"""Platforms and connections that are held: seen, held by a person, resumed."""

from typing import Annotated
from uuid import UUID

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
from impact_in_pipelines.api.access.tokens import Principal
from impact_in_pipelines.api.context import ApiContext
from impact_in_pipelines.api.http.routing import api_router
from impact_in_pipelines.api.http.schemas import PlatformName
from impact_in_pipelines.api.platforms.schemas import (
    NewHold,
    PlatformClosure,
    PlatformList,
    ResumedPlatform,
    Resumption,
    closure_of,
    platform_of,
)
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.services.operating import platforms as service

router = api_router("Platforms")
"""What is held, by what, and until when."""


@router.get(
    "/platforms",
    operation_id="listPlatforms",
    summary="What holds platforms and the connections of the token's companies",
    dependencies=[VIEW],
)
def list_platforms(
    api: Api,
    caller: Caller,
    company_id: Annotated[UUID | None, Query(alias="companyId")] = None,
) -> PlatformList:
    found = service.listed(api.runtime, visible(api, caller, company_id))
    return PlatformList(data=[platform_of(one) for one in found])


@router.post(
    "/platforms/{platform}/hold",
    operation_id="holdPlatform",
    summary="Send nothing to a platform, or on one connection, until it is resumed",
    dependencies=[MANAGE],
)
def hold_platform(
    api: Api, caller: Caller, platform: PlatformName, body: NewHold
) -> PlatformClosure:
    _may_change(api, caller, body.company_id)
    made = service.hold(
        api.runtime,
        Platform(platform),
        company_id=body.company_id,
        reason=body.reason,
        actor=caller.subject,
    )
    return closure_of(made)


@router.post(
    "/platforms/{platform}/resume",
    operation_id="resumePlatform",
    summary="End a hold, or have a breaker try at once",
    dependencies=[MANAGE],
)
def resume_platform(
    api: Api, caller: Caller, platform: PlatformName, body: Resumption
) -> ResumedPlatform:
    _may_change(api, caller, body.company_id)
    done = service.resume(
        api.runtime, Platform(platform), company_id=body.company_id, actor=caller.subject
    )
    return ResumedPlatform(platform=done.platform.value, company_id=done.company_id, held=done.held)


def _may_change(api: ApiContext, caller: Principal, company_id: UUID | None) -> None:
    """A company's own connection, or with a token for all companies a whole platform."""
    if company_id is None:
        only_all(caller, "a platform of all companies")
    else:
        own_company(api, caller, company_id)
