"""Calling off what waits, one delivery or all that fit the filters: a confirmation, and what was done."""

from collections import Counter
from typing import Any
from uuid import UUID

from starlette.responses import Response
from starlette.routing import Route

from impact_in_pipelines.api.http.problems import not_found
from impact_in_pipelines.api.web.pages.timeline.filters import filters_of
from impact_in_pipelines.api.web.pages.timeline.rows import CANCELLABLE
from impact_in_pipelines.api.web.visits import MANAGE, Pages, Visit, uuid_of
from impact_in_pipelines.services.deliveries.cancelling import cancel, waiting_like
from impact_in_pipelines.services.deliveries.replaying import MOST


def routes(pages: Pages) -> list[Route]:
    """Confirmation, and the cancelling itself."""
    base = "/{company_id}/cancellations"
    return [
        pages.route(f"{base}/new", confirm, MANAGE),
        pages.route(base, call_off, MANAGE, method="POST"),
    ]


def confirm(visit: Visit) -> Response:
    """Asks whether the delivery named by `id`, or what waits and fits the filters (`all=waiting`), is to be
    called off; or what still waits of a replay (`replay`)."""
    if visit.query("replay"):
        replay_id = uuid_of(visit.query("replay"), "replay")
        ids = _waiting_of(visit, replay_id)
        found = visit.api.deliveries.of_ids(ids, visit.home.id)
        counts = Counter(row.platform for row in found)
        return _rendered(visit, "parts/cancel_many.html", ids=ids, counts=counts, replay=replay_id)
    if visit.query("all") == "waiting":
        _, wanted = filters_of(visit)
        ids = waiting_like(visit.api.runtime, wanted, [visit.home.id])
        found = visit.api.deliveries.of_ids(ids, visit.home.id)
        counts = Counter(row.platform for row in found)
        return _rendered(visit, "parts/cancel_many.html", ids=ids, counts=counts, replay=None)
    row = visit.api.deliveries.whole(uuid_of(visit.query("id"), "delivery"), [visit.home.id])
    period = visit.formats.days(row.period_start, row.period_end)
    return _rendered(visit, "parts/cancel.html", row=row, period=period)


def _waiting_of(visit: Visit, replay_id: UUID) -> list[UUID]:
    """Those of a replay that nobody sends at this moment."""
    found = visit.api.deliveries.replay_request(replay_id, [visit.home.id])
    if found is None:
        raise not_found("replay")
    return [row["id"] for row in found.states if row["status"] in CANCELLABLE][:MOST]


def call_off(visit: Visit) -> Response:
    """Cancel what the confirmation named. A second click finds it cancelled, and says so."""
    assert visit.session is not None
    ids = [uuid_of(text, "delivery") for text in visit.fields("id")[:MOST]]
    done = cancel(visit.api.runtime, ids, actor=visit.session.subject, company_ids=[visit.home.id])
    return _rendered(
        visit,
        "parts/cancelled.html" if len(ids) == 1 else "parts/cancelled_many.html",
        refusal=next((visit.told(one) for one in done.refused.values()), None),
        failed_again=len(done.failed_again),
        cancelled=len(done.cancelled),
        refused=len(done.refused),
        along=len(done.along),
        replay=visit.field("replay"),
    )


def _rendered(visit: Visit, part: str, **values: Any) -> Response:
    """The part alone for a script, else within a page of its own."""
    if visit.is_fragment:
        return visit.render(part, **values)
    return visit.render("replay.html", part=part, **values)
