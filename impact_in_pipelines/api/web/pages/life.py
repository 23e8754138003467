"""The operators' page of a company's life: its name, off and on, export, erasure; and a person's erasure."""

from collections.abc import Callable

from anyio.to_thread import run_sync
from starlette.responses import Response
from starlette.routing import Route

from impact_in_pipelines.api.access.rights import only_all
from impact_in_pipelines.api.companies.life_routes import export_response
from impact_in_pipelines.api.web.visits import MANAGE, AsyncHandler, Handler, Pages, Visit
from impact_in_pipelines.db.accounts.companies import Company
from impact_in_pipelines.errors import ImpactInError
from impact_in_pipelines.services.accounts import lives


def routes(pages: Pages) -> list[Route]:
    """The page and what it does."""
    base = "/{company_id}/company"
    acts: dict[str, Handler | AsyncHandler] = {
        "rename": rename,
        "deactivate": deactivate,
        "reactivate": reactivate,
        # No link that another site could have followed: what it leads to allows erasing.
        "export.zip": export,
        "erase": erase,
        "erase-person": erase_person,
    }
    return [
        pages.route(base, company, MANAGE),
        *(pages.route(f"{base}/{name}", act, MANAGE, method="POST") for name, act in acts.items()),
    ]


def company(visit: Visit) -> Response:
    """How it stands."""
    return _page(visit, _own(visit))


async def export(visit: Visit) -> Response:
    """Everything of it."""
    company = await run_sync(_own, visit)
    return await export_response(visit.api, visit.request, company, visit.caller.subject)


def rename(visit: Visit) -> Response:
    """Another name."""
    name = visit.field("name")[:200]
    return _try(
        visit,
        "name",
        "renamed",
        lambda one: lives.rename(visit.api.runtime, one, name, actor=visit.caller.subject),
    )


def deactivate(visit: Visit) -> Response:
    """Switch it off."""
    reason = visit.field("reason")[:500] or None
    lives.deactivate(visit.api.runtime, _own(visit), actor=visit.caller.subject, reason=reason)
    return _done(visit, "deactivated")


def reactivate(visit: Visit) -> Response:
    """Switch it on."""
    lives.reactivate(visit.api.runtime, _own(visit), actor=visit.caller.subject)
    return _done(visit, "reactivated")


def erase(visit: Visit) -> Response:
    """Erase it; then there is no page of it any more."""
    found = _own(visit)
    try:
        lives.erase(
            visit.api.runtime, found, confirmed=visit.field("slug"), actor=visit.caller.subject
        )
    except ImpactInError as refusal:
        return _page(visit, found, {"slug": visit.told(refusal)})
    visit.api.companies.forget(found.id)
    visit.company = None
    return visit.go(visit.path())


def erase_person(visit: Visit) -> Response:
    """Erase a person's reference."""
    reference = visit.field("reference")[:200]
    return _try(
        visit,
        "reference",
        "person",
        lambda one: lives.erase_participant(
            visit.api.runtime, one, reference, actor=visit.caller.subject
        ),
    )


def _try(visit: Visit, field: str, done: str, act: Callable[[Company], object]) -> Response:
    found = _own(visit)
    try:
        act(found)
    except ImpactInError as refusal:
        return _page(visit, found, {field: visit.told(refusal)})
    return _done(visit, done)


def _own(visit: Visit) -> Company:
    only_all(visit.caller, "a company's life")
    return visit.api.runtime.companies.find(str(visit.home.id))


def _done(visit: Visit, what: str) -> Response:
    visit.api.companies.forget(visit.home.id)
    return visit.go(visit.path("company", done=what))


def _page(visit: Visit, found: Company, problems: dict[str, str] | None = None) -> Response:
    return visit.render(
        "life.html",
        status=422 if problems else 200,
        one=found,
        life=lives.life(visit.api.runtime, found),
        problems=problems or {},
    )
