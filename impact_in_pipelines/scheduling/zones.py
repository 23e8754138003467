"""Time zones as people write them: IANA names, or a refusal with one that they may have meant."""

import re
from functools import lru_cache
from unicodedata import combining, normalize
from zoneinfo import ZoneInfo, available_timezones

from impact_in_pipelines.close_names import meant_by
from impact_in_pipelines.errors.schedules import TimezoneUnknown

_EXAMPLE = "Europe/Oslo"
# With a hyphen, or as books and Wikipedia print it: a minus sign or a dash.
_OFFSET = re.compile(
    r"(?:UTC|GMT|Z)?\s*([+\-\u2212\u2013])\s*(\d{1,2})(?::?(\d\d))?", re.IGNORECASE
)
# Places for the abbreviations that people know: IANA has no such names, since a few mean several zones.
_ABBREVIATIONS = {
    "CEST": "Europe/Oslo",
    "BST": "Europe/London",
    "WEST": "Europe/Lisbon",
    "EEST": "Europe/Kyiv",
    "MSK": "Europe/Moscow",
    "EDT": "America/New_York",
    "CST": "America/Chicago",
    "CDT": "America/Chicago",
    "MDT": "America/Denver",
    "PST": "America/Los_Angeles",
    "PDT": "America/Los_Angeles",
    "IST": "Asia/Kolkata",
    "JST": "Asia/Tokyo",
    "SGT": "Asia/Singapore",
    "AEST": "Australia/Sydney",
    "AEDT": "Australia/Sydney",
    "NZST": "Pacific/Auckland",
    "NZDT": "Pacific/Auckland",
    "Z": "UTC",
    "AST": "America/Halifax",
    "ADT": "America/Halifax",
    "NST": "America/St_Johns",
    "NDT": "America/St_Johns",
    "AKST": "America/Anchorage",
    "AKDT": "America/Anchorage",
    "BRT": "America/Sao_Paulo",
    "ART": "America/Argentina/Buenos_Aires",
    "TRT": "Europe/Istanbul",
    "WAT": "Africa/Lagos",
    "CAT": "Africa/Maputo",
    "EAT": "Africa/Nairobi",
    "SAST": "Africa/Johannesburg",
    "PKT": "Asia/Karachi",
    "WIB": "Asia/Jakarta",
    "HKT": "Asia/Hong_Kong",
    "KST": "Asia/Seoul",
    "AWST": "Australia/Perth",
    "ACST": "Australia/Adelaide",
    "ACDT": "Australia/Adelaide",
}
# Zones that are off by a part of an hour; those of the last three change their clocks.
_BETWEEN_HOURS = {
    (5, 30): "Asia/Kolkata",
    (5, 45): "Asia/Kathmandu",
    (6, 30): "Asia/Yangon",
    (4, 30): "Asia/Kabul",
    (3, 30): "Asia/Tehran",
    (9, 30): "Australia/Darwin",
    (8, 45): "Australia/Eucla",
    (-9, 30): "Pacific/Marquesas",
    (-3, 30): "America/St_Johns",
    (10, 30): "Australia/Lord_Howe",
    (12, 45): "Pacific/Chatham",
}


@lru_cache(maxsize=1024)
def parse_timezone(name: str) -> ZoneInfo:
    """The IANA time zone `name`.

    Raises:
        TimezoneUnknown: with a zone that there is: the likeliest one, if one is like it.
    """
    try:
        zone = ZoneInfo(name)
    except (ValueError, OSError, KeyError):
        zone = None
    if zone is None or name not in _known_zones():
        shown = name if len(name) <= 60 else f"{name[:57]}..."
        raise TimezoneUnknown(shown, _meant(name.strip()))
    return zone


def _meant(name: str) -> str:
    """A zone that whoever wrote `name` may have meant."""
    if found := _OFFSET.fullmatch(name):
        return _with_offset(found[1], int(found[2]), int(found[3] or 0))
    if name.upper() in _ABBREVIATIONS:
        return _ABBREVIATIONS[name.upper()]
    known = sorted(_known_zones(), key=lambda one: ("/" not in one, one.startswith("Etc/"), one))
    folded = {one.casefold(): one for one in reversed(known)}
    city = _without_accents(name).casefold().replace(" ", "_")
    places = {one.casefold().rpartition("/")[2]: one for one in reversed(known)}
    for names in (folded, places):
        if city in names:
            return names[city]
    # An offset is like `Etc/GMT+3` as text, but the signs of those names are the other way round.
    like = [one for one in known if not one.startswith("Etc/")]
    return next(iter(meant_by(name, like)), _EXAMPLE)


def _without_accents(text: str) -> str:
    return "".join(one for one in normalize("NFD", text) if not combining(one))


def _with_offset(sign: str, hours: int, minutes: int) -> str:
    ahead = sign == "+"
    if minutes:
        return _BETWEEN_HOURS.get((hours if ahead else -hours, minutes), _EXAMPLE)
    if hours == 0:
        return "UTC"
    # POSIX counts to the west: Etc/GMT-3 is three hours ahead of UTC.
    zone = f"Etc/GMT{'-' if ahead else '+'}{hours}"
    return zone if zone in _known_zones() else _EXAMPLE


@lru_cache(maxsize=1)
def _known_zones() -> frozenset[str]:
    # These name whatever the machine is set to, which is something else on the next machine.
    return frozenset(available_timezones() - {"localtime", "posixrules", "Factory"})
