"""How the reader wants times shown: how long ago or exactly, in the company's zone or in their own.

It is a matter of the screen, not of the account, so the browser keeps it: one cookie, which names nobody.
"""

from dataclasses import dataclass
from urllib.parse import quote, unquote
from zoneinfo import ZoneInfo

from starlette.requests import Request
from starlette.responses import Response

from impact_in_pipelines.errors.schedules import TimezoneUnknown
from impact_in_pipelines.scheduling import parse_timezone

_NAME = "impact_in_times"
_KEPT_S = 365 * 86_400
_EXACT = "exact"


@dataclass(frozen=True)
class Times:
    """`exact`: instants instead of how long ago; `zone` None: the company's."""

    exact: bool = False
    zone: ZoneInfo | None = None


def times_of(request: Request) -> Times:
    """What the browser has kept; what can't be read is as good as nothing."""
    shown, _, zone = unquote(request.cookies.get(_NAME, "")).partition(" ")
    return Times(shown == _EXACT, zone_or_none(zone))


def zone_or_none(name: str) -> ZoneInfo | None:
    """The zone of this name; None: there is none."""
    try:
        return parse_timezone(name) if name else None
    except TimezoneUnknown:
        return None


def keep(response: Response, times: Times, *, secure: bool) -> None:
    """Have the browser keep it for a year."""
    text = f"{_EXACT if times.exact else 'ago'} {times.zone.key if times.zone else ''}"
    response.set_cookie(
        _NAME,
        quote(text, safe=""),
        max_age=_KEPT_S,
        path="/",
        secure=secure,
        httponly=True,
        samesite="lax",
    )
