"""What is done with a schedule: paused, resumed, run now, deleted; what that means is said beforehand."""

from typing import Any

from starlette.responses import Response

from impact_in_pipelines.api.web.pages.schedules.own import own_schedule
from impact_in_pipelines.api.web.visits import Visit
from impact_in_pipelines.db.schedules.rows import DaysLeftOut
from impact_in_pipelines.errors import ImpactInError
from impact_in_pipelines.services import schedule_outlook, schedules

_LONGEST_REASON = 200


def _ask(visit: Visit, part: str, **values: Any) -> Response:
    """A question: a part of a page for the dialog, a page of its own without a script."""
    template = f"parts/{part}.html" if visit.is_fragment else "schedule_ask.html"
    return visit.render(template, one=own_schedule(visit), part=f"parts/{part}.html", **values)


def pause_form(visit: Visit) -> Response:
    """Asks for the reason."""
    return _ask(visit, "pause")


def pause(visit: Visit) -> Response:
    """Pause a schedule for a reason."""
    one = own_schedule(visit)
    reason = visit.field("reason")[:_LONGEST_REASON]
    schedules.pause(visit.api.runtime, one.id, reason, actor=visit.caller.subject)
    return visit.go(visit.path("schedules", done="paused"))


def resume(visit: Visit) -> Response:
    """Have a schedule send again."""
    one = own_schedule(visit)
    done = schedules.resume(visit.api.runtime, one.id, actor=visit.caller.subject)
    left = next((note for note in done.notes if isinstance(note, DaysLeftOut)), None)
    unsent = {"from": left.start, "to": left.end, "limit": left.beyond_limit_days} if left else {}
    return visit.go(visit.path("schedules", done="resumed", **unsent))


def run_form(visit: Visit) -> Response:
    """Says which days would be reported."""
    one = own_schedule(visit)
    try:
        ahead, problem = schedule_outlook.run_ahead(visit.api.runtime, one.id), None
    except ImpactInError as refusal:
        ahead, problem = None, visit.told(refusal)
    return _ask(visit, "run_now", ahead=ahead, problem=problem)


def run(visit: Visit) -> Response:
    """Make one delivery now."""
    one = own_schedule(visit)
    done = schedules.run_now(
        visit.api.runtime, one.id, actor=visit.caller.subject, drains=visit.api.dagster
    )
    return visit.go(visit.path("schedules", done="run", delivery=done.run.delivery_id))


def delete_form(visit: Visit) -> Response:
    """Says what would be cancelled."""
    _, ahead = schedule_outlook.deletion_ahead(visit.api.runtime, own_schedule(visit).id)
    return _ask(visit, "delete_schedule", ahead=ahead)


def delete(visit: Visit) -> Response:
    """Take a schedule out of use."""
    one = own_schedule(visit)
    done = schedules.delete(visit.api.runtime, one.id, actor=visit.caller.subject)
    return visit.go(visit.path("schedules", done="deleted", cancelled=done.cancelled or None))
