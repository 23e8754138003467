"""The choice of a company with how each stands, and for operators all of them on one page."""

from starlette.responses import Response
from starlette.routing import Route

from impact_in_pipelines.api.access.rights import only_all
from impact_in_pipelines.api.web.language.words import HEALTH
from impact_in_pipelines.api.web.visits import VIEW, Pages, Visit
from impact_in_pipelines.services.operating.overview import (
    company_health,
    overview,
    refused_alerts,
    worst_companies,
)

PAGE = 50
_LONGEST = 100


def routes(pages: Pages) -> list[Route]:
    """The chooser and the overview."""
    return [pages.route("", companies, VIEW), pages.route("/overview", everything, VIEW)]


def companies(visit: Visit) -> Response:
    """The companies to choose from, as sought; straight to the only one, where there is one."""
    sought, after = visit.query("q")[:_LONGEST], visit.query("after") or None
    ids, runtime = visit.caller.company_ids, visit.api.runtime
    trouble_only = visit.query("show") == "trouble"
    if trouble_only:
        found, _ = worst_companies(runtime, ids, limit=PAGE)
        more = None
    else:
        rows = company_health(runtime, ids, limit=PAGE + 1, sought=sought, after_slug=after)
        found = rows[:PAGE]
        more = found[-1].slug if len(rows) > PAGE else None
        if len(found) == 1 and not after and not sought and not visit.is_fragment:
            return visit.go(visit.path(found[0].id, "deliveries"))
    return visit.render(
        "parts/company_list.html" if visit.is_fragment else "companies.html",
        companies=[(one, HEALTH[one.state.value]) for one in found],
        sought=sought,
        trouble_only=trouble_only,
        more=more,
        refused_alerts=refused_alerts(runtime) if ids is None and not visit.is_fragment else (),
    )


def everything(visit: Visit) -> Response:
    """All companies and platforms, for whoever may see all of them."""
    only_all(visit.caller, "the overview of all companies")
    found = overview(visit.api.runtime)
    return visit.render(
        "overview.html",
        found=found,
        worst=[(one, HEALTH[one.state.value]) for one in found.worst],
    )
