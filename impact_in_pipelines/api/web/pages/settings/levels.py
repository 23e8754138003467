"""The company's own service levels, within what the operator allows."""

from starlette.responses import Response
from starlette.routing import Route

from impact_in_pipelines.api.web.language.words import LEVELS
from impact_in_pipelines.api.web.visits import MANAGE, VIEW, Pages, Visit
from impact_in_pipelines.services import sla as service
from impact_in_pipelines.services.sla import OwnLevel
from impact_in_pipelines.sla.wording import as_set
from impact_in_pipelines.wording.marking import N_

_MINUTE_MS = 60_000
_DIGITS = 10
"""No limit is rounded to one that is refused."""


def routes(pages: Pages) -> list[Route]:
    """The form, and saving it."""
    base = "/{company_id}/settings/levels"
    return [pages.route(base, form, VIEW), pages.route(base, save, MANAGE, method="POST")]


def form(visit: Visit) -> Response:
    """What holds now, what is usual, and between which numbers each may lie."""
    return _form(visit, {})


def save(visit: Visit) -> Response:
    """Set what was typed; what is left empty goes by the usual number."""
    values: dict[str, float | None] = {}
    problems: dict[str, str] = {}
    for one in service.own_levels(visit.api.runtime, visit.home):
        text = visit.field(one.name).replace(",", ".")
        value = _stored(one.name, text)
        if text and (value is None or not one.lowest <= value <= one.highest):
            problems[one.name] = visit.text(N_("A number from %(lowest)s to %(highest)s.")) % {
                "lowest": visit.formats.number(_shown(one.name, one.lowest), _DIGITS),
                "highest": visit.formats.number(_shown(one.name, one.highest), _DIGITS),
            }
        else:
            values[one.name] = value
    if problems:
        return _form(visit, problems)
    service.set_own_levels(visit.api.runtime, visit.home, values, actor=visit.caller.subject)
    return visit.go(visit.path("settings", "levels", done="saved"))


def _form(visit: Visit, problems: dict[str, str]) -> Response:
    levels = service.own_levels(visit.api.runtime, visit.home)
    return visit.render(
        "settings/levels.html",
        status=422 if problems else 200,
        lines=[(one, *_numbers(visit, one)) for one in levels],
        words=LEVELS,
        problems=problems,
        values={
            one.name: visit.field(one.name)
            if problems
            else as_set(_shown(one.name, one.value))
            if one.own
            else ""
            for one in levels
        },
    )


def _numbers(visit: Visit, one: OwnLevel) -> tuple[str, str, str]:
    """The usual, the lowest and the highest number as people read them."""
    usual, lowest, highest = (
        visit.formats.number(_shown(one.name, value), _DIGITS)
        for value in (one.usual, one.lowest, one.highest)
    )
    return usual, lowest, highest


def _shown(name: str, value: float) -> float:
    return value / _MINUTE_MS if name.endswith("_ms") else value


def _stored(name: str, text: str) -> float | None:
    """The number that was typed, in the unit in which it is kept; None: none."""
    try:
        value = float(text)
    except ValueError:
        return None
    if not 0 <= value < 1e9:
        return None
    # Whole thousandths of a millisecond: what was shown in minutes and is saved as it was stays what it is.
    return round(value * _MINUTE_MS, 3) if name.endswith("_ms") else value
