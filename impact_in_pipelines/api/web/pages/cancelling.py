"""Calling off a delivery that waits: a confirmation, and what was done."""

from typing import Any

from starlette.responses import Response
from starlette.routing import Route

from impact_in_pipelines.api.web.visits import MANAGE, Pages, Visit, uuid_of
from impact_in_pipelines.services.deliveries.cancelling import cancel


def routes(pages: Pages) -> list[Route]:
    """Confirmation, and the cancelling itself."""
    base = "/{company_id}/cancellations"
    return [
        pages.route(f"{base}/new", confirm, MANAGE),
        pages.route(base, call_off, MANAGE, method="POST"),
    ]


def confirm(visit: Visit) -> Response:
    """Asks whether the delivery named by `id` is to be called off."""
    row = visit.api.deliveries.whole(uuid_of(visit.query("id"), "delivery"), [visit.home.id])
    period = visit.formats.days(row.period_start, row.period_end)
    return _rendered(visit, "parts/cancel.html", row=row, period=period)


def call_off(visit: Visit) -> Response:
    """Cancel it. A second click finds it cancelled, and says so."""
    assert visit.session is not None
    id_ = uuid_of(visit.field("id"), "delivery")
    done = cancel(
        visit.api.runtime, [id_], actor=visit.session.subject, company_ids=[visit.home.id]
    )
    refusal = done.refused.get(id_)
    return _rendered(
        visit,
        "parts/cancelled.html",
        refusal=visit.told(refusal) if refusal else None,
        failed_again=id_ in done.failed_again,
        along=len(done.along),
    )


def _rendered(visit: Visit, part: str, **values: Any) -> Response:
    """The part alone for a script, else within a page of its own."""
    if visit.is_fragment:
        return visit.render(part, **values)
    return visit.render("replay.html", part=part, **values)
