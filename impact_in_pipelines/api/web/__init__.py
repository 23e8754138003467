"""The cockpit: the deliveries page and what belongs to it, rendered here, without a build step."""

from fastapi import FastAPI
from starlette.responses import Response
from starlette.routing import Route

from impact_in_pipelines.api.context import ApiContext
from impact_in_pipelines.api.http.problems import ApiProblem
from impact_in_pipelines.api.web.pages import (
    analytics,
    audit,
    companies,
    connecting,
    data,
    holding,
    incidents,
    life,
    reports,
    schedules,
    times,
    trends,
)
from impact_in_pipelines.api.web.pages.settings import access, levels, notices
from impact_in_pipelines.api.web.pages.timeline import (
    calendar,
    cancelling,
    correcting,
    deliveries,
    downloads,
    live,
    replays,
)
from impact_in_pipelines.api.web.sign_in import entry, oidc
from impact_in_pipelines.api.web.statics import PREFIX, serve_static
from impact_in_pipelines.api.web.visits import NOBODY, Pages, Visit, home


def mount(app: FastAPI, api: ApiContext) -> None:
    """Add the cockpit's pages to `app`: everything below `/{lang}/cockpit`, and the way there from `/`."""
    pages = Pages(api)
    app.router.routes.extend(
        [
            Route("/", home),
            Route("/cockpit", home),
            Route(f"{PREFIX}/{{version}}/{{name}}", serve_static),
            live.route(api),
            *entry.routes(pages),
            *companies.routes(pages),
            *oidc.routes(pages, api),
            *replays.routes(pages),
            *cancelling.routes(pages),
            *correcting.routes(pages),
            *deliveries.routes(pages),
            *downloads.routes(pages),
            *calendar.routes(pages),
            *schedules.routes(pages),
            *holding.routes(pages),
            *connecting.routes(pages),
            *data.routes(pages),
            *life.routes(pages),
            *reports.routes(pages),
            *incidents.routes(pages),
            *audit.routes(pages),
            *notices.routes(pages),
            *levels.routes(pages),
            *access.routes(pages),
            *times.routes(pages),
            *trends.routes(pages),
            *analytics.routes(pages),
            pages.route("/{rest:path}", _nothing, NOBODY),
        ]
    )


def _nothing(_: Visit) -> Response:
    raise ApiProblem(404, "nothing here")
