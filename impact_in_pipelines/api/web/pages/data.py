"""Files of events: uploaded, shown row by row where they don't hold, imported or dropped; the last ones."""

from functools import partial

from anyio.to_thread import run_sync
from starlette.responses import Response
from starlette.routing import Route

from impact_in_pipelines.api.impact.receiving import checked, confirmed
from impact_in_pipelines.api.impact.routes import rejects_response
from impact_in_pipelines.api.web.language.words import UPLOADS
from impact_in_pipelines.api.web.visits import MANAGE, VIEW, Pages, Visit, uuid_of
from impact_in_pipelines.services.impact import uploads

_SHOWN = 30


def routes(pages: Pages) -> list[Route]:
    """The list with the form, one upload, and what is decided about it."""
    base = "/{company_id}/data"
    one = f"{base}/{{upload_id}}"
    return [
        pages.route(base, data, VIEW),
        pages.route(base, upload, MANAGE, method="POST", file=True),
        pages.route(one, show, VIEW),
        pages.route(f"{one}/rejects.csv", rejects, VIEW),
        pages.route(f"{one}/import", confirm, MANAGE, method="POST"),
        pages.route(f"{one}/discard", discard, MANAGE, method="POST"),
    ]


def data(visit: Visit) -> Response:
    """The form, and the latest files."""
    found = uploads.listed(visit.api.runtime, visit.home, limit=_SHOWN)
    return visit.render(
        "data.html",
        uploads=[(one, UPLOADS[one.state]) for one in found],
        limit=visit.api.runtime.settings.upload_limit_mb,
        columns=", ".join(uploads.COLUMNS),
    )


async def upload(visit: Visit) -> Response:
    """Check the file that is posted, and go where it is shown."""
    found = await checked(
        visit.api.runtime,
        visit.home,
        visit.request,
        file_name=visit.query("name"),
        actor=visit.caller.subject,
    )
    return visit.go(visit.path("data", found.id))


def show(visit: Visit) -> Response:
    """What an import would do, or did, and the rows that don't hold."""
    found = _found(visit)
    return visit.render(
        "upload.html",
        one=found,
        sign=UPLOADS[found.state],
        rows=uploads.first_rejects(visit.api.runtime, found),
    )


def rejects(visit: Visit) -> Response:
    """All rows that don't hold, as a file."""
    return rejects_response(visit.api.runtime, _found(visit))


async def confirm(visit: Visit) -> Response:
    """Import it."""
    found = await run_sync(partial(_found, visit))
    await confirmed(visit.api.runtime, visit.home, found, actor=visit.caller.subject)
    return visit.go(visit.path("data", found.id))


def discard(visit: Visit) -> Response:
    """Drop it."""
    found = _found(visit)
    uploads.discard(visit.api.runtime, visit.home, found.id, actor=visit.caller.subject)
    return visit.go(visit.path("data"))


def _found(visit: Visit) -> uploads.Upload:
    id_ = uuid_of(visit.request.path_params["upload_id"], "upload")
    return uploads.find(visit.api.runtime, visit.home, id_)
