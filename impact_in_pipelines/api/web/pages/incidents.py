"""What is wrong and what was: the incidents of a company, taken on by somebody with one click."""

from starlette.responses import Response
from starlette.routing import Route

from impact_in_pipelines.api.http.pagination import encode_cursor, instant_and_id
from impact_in_pipelines.api.http.problems import not_found
from impact_in_pipelines.api.web.visits import MANAGE, VIEW, Pages, Visit, uuid_of
from impact_in_pipelines.services.alerts import Alerts

PAGE = 30


def routes(pages: Pages) -> list[Route]:
    """The list, open or whole, and taking one on."""
    base = "/{company_id}/incidents"
    return [
        pages.route(base, incidents, VIEW),
        pages.route(f"{base}/{{incident_id}}/acknowledge", acknowledge, MANAGE, method="POST"),
    ]


def incidents(visit: Visit) -> Response:
    """The open ones, or with `all=1` the closed ones too, the latest first."""
    everything = visit.query("all") == "1"
    question = {"of": "cockpit-incidents", "company": visit.home.id, "all": everything}
    found = visit.api.runtime.incidents.page(
        [visit.home.id],
        platforms_too=False,
        closed_too=everything,
        limit=PAGE + 1,
        **instant_and_id(visit.query("cursor") or None, question),
    )
    more = None
    if len(found) > PAGE:
        last = found[PAGE - 1]
        cursor = encode_cursor({"at": last.opened_at.isoformat(), "id": last.id}, question)
        more = visit.path("incidents", all="1" if everything else None, cursor=cursor)
    return visit.render("incidents.html", found=found[:PAGE], everything=everything, more=more)


def acknowledge(visit: Visit) -> Response:
    """Say that somebody is on it: reminders and escalation stop."""
    id_ = uuid_of(visit.request.path_params["incident_id"], "incident")
    found = visit.api.runtime.incidents.find(id_)
    if found is None or found.company_id != visit.home.id:
        raise not_found("incident")
    Alerts(visit.api.runtime).acknowledge(str(id_), visit.caller.subject)
    return visit.go(visit.path("incidents", done="acknowledged"))
