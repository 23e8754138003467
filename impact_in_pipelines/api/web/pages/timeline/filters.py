"""The timeline's filters: in the address, so that a view can be shared and the back button works."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta

from impact_in_pipelines.api.web.visits import Visit
from impact_in_pipelines.db.deliveries.filtering import DeliveryFilter
from impact_in_pipelines.delivery.states import DeliveryStatus
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.scheduling.clock import to_instant
from impact_in_pipelines.wording.marking import N_

_LONGEST = 200


@dataclass(frozen=True)
class Filters:
    """What is shown, as it stands in the address; days are those of the zone that times are shown in, or, of
    `by` period, the days that are reported. `problems` says of each field what doesn't hold and is left
    out."""

    search: str = ""
    platform: str = ""
    statuses: tuple[str, ...] = ()
    by: str = "due"
    first: str = ""
    last: str = ""
    problems: Mapping[str, str] = field(default_factory=dict)

    @property
    def any(self) -> bool:
        """Whether anything is filtered."""
        return any((self.search, self.platform, self.statuses, self.first, self.last))

    @property
    def query(self) -> dict[str, str | tuple[str, ...]]:
        """The parameters of the address that stand for it."""
        dated = self.first or self.last
        named: dict[str, str | tuple[str, ...]] = {
            "q": self.search,
            "platform": self.platform,
            "status": self.statuses,
            "by": self.by if dated and self.by != "due" else "",
            "from": self.first,
            "to": self.last,
        }
        return {name: value for name, value in named.items() if value}


def filters_of(visit: Visit) -> tuple[Filters, DeliveryFilter]:
    """The filters in the visit's address, and what they mean to the log."""
    problems: dict[str, str] = {}
    search = _search(visit, problems)
    platform = visit.query("platform")
    if platform and platform not in {one.value for one in Platform}:
        platform = ""
        problems["platform"] = visit.text(N_("There is no such platform."))
    statuses = tuple(
        dict.fromkeys(one for one in visit.request.query_params.getlist("status") if one)
    )
    if unknown := set(statuses) - {one.value for one in DeliveryStatus}:
        statuses = tuple(one for one in statuses if one not in unknown)
        problems["status"] = visit.text(N_("There is no such status."))
    by = "period" if visit.query("by") == "period" else "due"
    start, end = _span(visit, problems)
    wanted = DeliveryFilter(
        search=search or None,
        platform=Platform(platform) if platform else None,
        statuses=[DeliveryStatus(one) for one in statuses] or None,
        start=_midnight(visit, start) if start and by == "due" else None,
        end=_midnight(visit, end + timedelta(days=1)) if end and by == "due" else None,
        period_from=start if by == "period" else None,
        period_until=end if by == "period" else None,
    )
    first, last = start.isoformat() if start else "", end.isoformat() if end else ""
    return Filters(search, platform, statuses, by, first, last, problems), wanted


def _search(visit: Visit, problems: dict[str, str]) -> str:
    text = visit.query("q")
    if len(text) > _LONGEST or "\0" in text:
        problems["q"] = visit.text(N_("No id, transaction or error is as long as this."))
        return ""
    return text


def _span(visit: Visit, problems: dict[str, str]) -> tuple[date | None, date | None]:
    """The first and the last day; neither where they are the wrong way round."""
    first, last = visit.query("from"), visit.query("to")
    start, end = _day(first), _day(last)
    for name, given, found in (("from", first, start), ("to", last, end)):
        if given and not found:
            problems[name] = visit.text(N_("A date must be written like 2026-03-09."))
    if start and end and start > end:
        problems["from"] = visit.text(N_("The first day must not lie after the last one."))
        return None, None
    return start, end


def _day(text: str) -> date | None:
    try:
        found = date.fromisoformat(text)
    except ValueError:
        return None
    return found if 2000 <= found.year < 2100 else None


def _midnight(visit: Visit, day: date) -> datetime:
    """The instant at which the day begins in the zone that times are shown in."""
    local = datetime.combine(day, time())  # a wall-clock time: naive on purpose
    return to_instant(local, visit.formats.zone)
