"""Which roles a route needs. Every route says so with one of these; the OpenAPI document repeats it."""

from collections.abc import Iterable
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Request, params

from impact_in_pipelines.api.access.tokens import ADMIN_CONSOLE, MANAGE_INTEGRATIONS, Principal
from impact_in_pipelines.api.context import ApiContext
from impact_in_pipelines.api.http.problems import ApiProblem, invalid, not_found
from impact_in_pipelines.db.accounts.companies import Company


class Requires:
    """The roles that a caller must hold, all of them; none: anybody may call."""

    def __init__(self, *roles: str) -> None:
        self.roles = frozenset(roles)

    async def __call__(self) -> None:
        # The route checks before it reads the body; as a dependency this only marks it.
        return None


PUBLIC = Depends(Requires())
VIEW = Depends(Requires(ADMIN_CONSOLE))
MANAGE = Depends(Requires(ADMIN_CONSOLE, MANAGE_INTEGRATIONS))


def required_roles(dependencies: Iterable[params.Depends]) -> frozenset[str]:
    """The roles that a route's dependencies name. Raises `TypeError` where none says anything: a new
    route must not be open by accident."""
    for dependency in dependencies:
        if isinstance(dependency.dependency, Requires):
            return dependency.dependency.roles
    raise TypeError("a route needs one of PUBLIC, VIEW and MANAGE")


def check_roles(principal: Principal, roles: frozenset[str]) -> None:
    """Raises a 403 problem that names what is missing."""
    missing = sorted(roles - principal.roles)
    if missing:
        raise ApiProblem(403, f"this needs the role {' and '.join(missing)}")


async def _principal(request: Request) -> Principal:
    found: Principal = request.state.principal
    return found


async def _context(request: Request) -> ApiContext:
    found: ApiContext = request.app.state.api
    return found


Caller = Annotated[Principal, Depends(_principal)]
Api = Annotated[ApiContext, Depends(_context)]


def check_sees(caller: Principal, company_id: UUID) -> None:
    """Raises a 404 problem unless the company is one of the caller's, if it is there at all."""
    if not caller.may_see(company_id):
        raise not_found("company")


def own_company(api: ApiContext, caller: Principal, company_id: UUID) -> Company:
    """The company, if it is one of the caller's. Raises a 404 problem."""
    check_sees(caller, company_id)
    found = api.companies.get(company_id)
    if found is None:
        raise not_found("company")
    return found


def visible(api: ApiContext, caller: Principal, company_id: UUID | None) -> list[UUID] | None:
    """The company ids that a query is bound to: the one that was asked for, or all of the token's (None:
    all there are). Raises a 404 problem for another's."""
    if company_id is None:
        return caller.company_ids
    return [own_company(api, caller, company_id).id]


def only_all(caller: Principal, what: Any) -> None:
    """Raises a 403 problem unless the token is for all companies."""
    if caller.companies is not None:
        raise ApiProblem(403, f"{what} needs a token for all companies")


def company_or_all(api: ApiContext, caller: Principal, company_id: UUID | None) -> Company | None:
    """The company that was asked for, or None for all of them, which only a token for all may see. Raises
    problems: 404 for another's company, 422 where one has to be named."""
    if company_id is not None:
        return own_company(api, caller, company_id)
    if caller.companies is not None and not caller.companies:
        raise not_found("company")
    if caller.companies is not None:
        raise invalid("query", "companyId", "is required")
    return None
