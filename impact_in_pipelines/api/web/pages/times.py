"""The switch of how times are shown."""

from starlette.responses import Response
from starlette.routing import Route

from impact_in_pipelines.api.web.sign_in.entry import inside
from impact_in_pipelines.api.web.times import Times, keep, zone_or_none
from impact_in_pipelines.api.web.visits import VIEW, Pages, Visit


def routes(pages: Pages) -> list[Route]:
    """The switch, at the foot of every page of a company."""
    return [pages.route("/{company_id}/times", switch, VIEW, method="POST")]


def switch(visit: Visit) -> Response:
    """Keep what was chosen, and go back to where it was."""
    zone = zone_or_none(visit.field("zone"))
    if zone is not None and zone.key == visit.home.timezone:
        zone = None
    response = visit.go(inside(visit.field("next")) or visit.path("deliveries"))
    secure = visit.api.runtime.settings.cockpit_url.startswith("https:")
    keep(response, Times(visit.field("times") == "exact", zone), secure=secure)
    return response
