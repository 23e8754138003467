"""The timeline's filters: in the address, so that a view can be shared and the back button works."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta

from impact_in_pipelines.api.web.visits import Visit
from impact_in_pipelines.db.deliveries.reading import DeliveryFilter
from impact_in_pipelines.delivery.states import DeliveryStatus
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.scheduling.clock import to_instant
from impact_in_pipelines.wording.marking import N_


@dataclass(frozen=True)
class Filters:
    """What is shown, as it stands in the address; days are the company's own. `problems` says of each field
    what doesn't hold and is left out."""

    platform: str = ""
    status: str = ""
    first: str = ""
    last: str = ""
    problems: Mapping[str, str] = field(default_factory=dict)

    @property
    def any(self) -> bool:
        """Whether anything is filtered."""
        return any((self.platform, self.status, self.first, self.last))

    @property
    def query(self) -> dict[str, str]:
        """The parameters of the address that stand for it."""
        named = {
            "platform": self.platform,
            "status": self.status,
            "from": self.first,
            "to": self.last,
        }
        return {name: value for name, value in named.items() if value}


def filters_of(visit: Visit) -> tuple[Filters, DeliveryFilter]:
    """The filters in the visit's address, and what they mean to the log."""
    platform, status = visit.query("platform"), visit.query("status")
    first, last = visit.query("from"), visit.query("to")
    problems: dict[str, str] = {}
    if platform and platform not in {one.value for one in Platform}:
        platform = ""
        problems["platform"] = visit.text(N_("There is no such platform."))
    if status and status not in {one.value for one in DeliveryStatus}:
        status = ""
        problems["status"] = visit.text(N_("There is no such status."))
    start, end = _day(first), _day(last)
    for name, given, found in (("from", first, start), ("to", last, end)):
        if given and not found:
            problems[name] = visit.text(N_("A date must be written like 2026-03-09."))
    first, last = first if start else "", last if end else ""
    if start and end and start > end:
        problems["from"] = visit.text(N_("The first day must not lie after the last one."))
        first = last = ""
        start = end = None
    wanted = DeliveryFilter(
        platform=Platform(platform) if platform else None,
        statuses=[DeliveryStatus(status)] if status else None,
        start=_midnight(visit, start) if start else None,
        end=_midnight(visit, end + timedelta(days=1)) if end else None,
    )
    return Filters(platform, status, first, last, problems), wanted


def _day(text: str) -> date | None:
    try:
        found = date.fromisoformat(text)
    except ValueError:
        return None
    return found if 2000 <= found.year < 2100 else None


def _midnight(visit: Visit, day: date) -> datetime:
    """The instant at which the company's day begins."""
    local = datetime.combine(day, time())  # a wall-clock time: naive on purpose
    return to_instant(local, visit.formats.zone)
