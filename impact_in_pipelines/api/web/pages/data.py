"""Files of events: uploaded, shown row by row where they don't hold, imported or dropped; the last ones."""

from functools import partial

from anyio.to_thread import run_sync
from starlette.responses import Response
from starlette.routing import Route

from impact_in_pipelines.api.http.problems import problem_of
from impact_in_pipelines.api.impact.receiving import checked, confirmed, passed_over
from impact_in_pipelines.api.impact.routes import rejects_response
from impact_in_pipelines.api.web.language.words import UPLOADS
from impact_in_pipelines.api.web.visits import MANAGE, VIEW, Pages, Visit, uuid_of
from impact_in_pipelines.errors import ImpactInError
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
        pages.route(f"{one}/rejects.csv", rejects, MANAGE),
        pages.route(f"{one}/import", confirm, MANAGE, method="POST"),
        pages.route(f"{one}/discard", discard, MANAGE, method="POST"),
    ]


def data(visit: Visit, problem: str = "", *, status: int = 200) -> Response:
    """The form, with what was wrong with the last file, and the latest files."""
    found = uploads.listed(visit.api.runtime, visit.home, limit=_SHOWN)
    return visit.render(
        "data.html",
        status=status,
        problem=problem,
        uploads=[(one, UPLOADS[one.state]) for one in found],
        limit=visit.api.runtime.settings.upload_limit_mb,
        columns=", ".join(uploads.COLUMNS),
    )


async def upload(visit: Visit) -> Response:
    """Check the file that is posted, and go where it is shown. What is wrong with it is said at its field."""
    assert visit.sent is not None
    try:
        found = await checked(
            visit.api,
            visit.home,
            visit.sent.pieces,
            declared=visit.request.headers.get("content-length", ""),
            file_name=visit.sent.name,
            actor=visit.caller.subject,
        )
    except ImpactInError as refusal:
        if visit.is_fragment:
            raise
        # A browser that is still sending shows no page.
        await passed_over(visit.api, visit.sent.pieces)
        status = problem_of(refusal).status_code
        return await run_sync(partial(data, visit, visit.told(refusal), status=status))
    return visit.go(visit.path("data", found.id))


def show(visit: Visit) -> Response:
    """What an import would do, or did, and the rows that don't hold; who only looks sees no reference."""
    found = _found(visit)
    return visit.render(
        "upload.html",
        one=found,
        sign=UPLOADS[found.state],
        rows=uploads.first_rejects(visit.api.runtime, found, masked=not visit.may_manage),
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
