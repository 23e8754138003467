"""What is wrong and what was: the incidents of a company, the history of each, taken on and noted on."""

from datetime import date, timedelta

from markupsafe import Markup
from starlette.responses import Response
from starlette.routing import Route

from impact_in_pipelines.anomalies.kinds import AnomalyKind, Measure
from impact_in_pipelines.anomalies.saying import amount
from impact_in_pipelines.api.access.rights import only_all
from impact_in_pipelines.api.http.pagination import encode_cursor, instant_and_id
from impact_in_pipelines.api.http.problems import not_found
from impact_in_pipelines.api.web.visits import MANAGE, VIEW, Pages, Visit, uuid_of
from impact_in_pipelines.errors import UsageError
from impact_in_pipelines.errors.alerts import IncidentUnknown
from impact_in_pipelines.services.alerts import Alerts
from impact_in_pipelines.services.incidents import LONGEST_NOTE, IncidentStory, add_note, story
from impact_in_pipelines.sla.incidents import Incident
from impact_in_pipelines.sla.reports import charts
from impact_in_pipelines.wording.marking import N_

PAGE = 30
_UNITS = {AnomalyKind.SUCCESS: (100.0, "%"), AnomalyKind.ANSWERS: (1.0, "ms")}
_TITLES: dict[str, str] = {
    AnomalyKind.SUCCESS: N_("Deliveries that did not arrive"),
    AnomalyKind.VOLUME: N_("Deliveries due a day"),
    AnomalyKind.ANSWERS: N_("How long the platform takes to answer"),
    Measure.EVENTS: N_("Events a day"),
    Measure.HOURS: N_("Volunteer hours a day"),
}


def routes(pages: Pages) -> list[Route]:
    """The list, open or whole, and one of them; whole platforms' ones below no company, for operators."""
    own, every = "/{company_id}/incidents", "/incidents"
    return [
        pages.route(own, incidents, VIEW),
        *(
            route
            for base in (own, every)
            for route in (
                pages.route(f"{base}/{{incident_id}}", incident, VIEW),
                pages.route(f"{base}/{{incident_id}}/notes", note, MANAGE, method="POST"),
                pages.route(f"{base}/{{incident_id}}/acknowledge", take_on, MANAGE, method="POST"),
            )
        ),
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


def incident(visit: Visit) -> Response:
    """One incident, from its opening to its end."""
    return _page(visit, _own(visit))


def note(visit: Visit) -> Response:
    """Write a note on it."""
    found = _own(visit)
    text = visit.field("text")
    try:
        add_note(visit.api.runtime, found.incident.id, text, actor=visit.caller.subject)
    except UsageError as refusal:
        return _page(visit, found, text=text, refusal=refusal)
    return visit.go(visit.path("incidents", found.incident.id, done="noted"))


def take_on(visit: Visit) -> Response:
    """Say that somebody is on it: reminders and escalation stop."""
    found = _own(visit)
    Alerts(visit.api.runtime).acknowledge(str(found.incident.id), visit.caller.subject)
    back = ("incidents",) if visit.field("back") == "list" else ("incidents", found.incident.id)
    return visit.go(visit.path(*back, done="acknowledged"))


def _page(
    visit: Visit, found: IncidentStory, *, text: str = "", refusal: UsageError | None = None
) -> Response:
    return visit.render(
        "incident.html",
        status=422 if refusal else 200,
        one=found.incident,
        events=found.events,
        evidence=_evidence(visit, found.incident),
        text=text,
        longest=LONGEST_NOTE,
        problem=visit.told(refusal) if refusal else None,
    )


def _evidence(visit: Visit, incident: Incident) -> list[tuple[str, str, Markup]]:
    """Of each anomaly its title, what was and what was expected, and its last weeks as a chart."""
    shown = []
    for one in incident.details.get("anomalies", ()):
        kind = AnomalyKind(one["kind"])
        scale, unit = _UNITS.get(kind, (1.0, ""))
        title = visit.text(_TITLES[one["measure"] or kind])
        last = date.fromisoformat(one["day"])
        days = [last - timedelta(days=n) for n in reversed(range(len(one["days"])))]
        svg = charts.compared_chart(
            [visit.formats.short_day(day) for day in days],
            *([None if v is None else v * scale for v in one[name]] for name in ("days", "usual")),
            title=title,
            unit=unit,
            striking=one["span"],
        )
        said = visit.text(N_("%(observed)s since %(day)s, expected: %(expected)s (dashed).")) % {
            "observed": amount(kind, one["observed"]),
            "expected": amount(kind, one["expected"]),
            "day": visit.formats.short_day(last - timedelta(days=one["span"] - 1)),
        }
        # The charts escape what they are given.
        shown.append((title, said, Markup(svg)))  # noqa: S704
    return shown


def _own(visit: Visit) -> IncidentStory:
    """The incident in the address: the company's, or a platform's for an operator. Raises 403 and 404
    problems."""
    if visit.company is None:
        only_all(visit.caller, "a platform of all companies")
    id_ = uuid_of(visit.request.path_params["incident_id"], "incident")
    company_ids = [visit.company.id] if visit.company else None
    try:
        found = story(visit.api.runtime, id_, company_ids)
    except IncidentUnknown:
        raise not_found("incident") from None
    if found.incident.company_id != (visit.company.id if visit.company else None):
        raise not_found("incident")
    return found
