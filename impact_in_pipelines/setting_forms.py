"""Forms of settings that pydantic does not know; each raises `ValueError` for another form."""

import re
from ipaddress import ip_network
from typing import Annotated, Any

from pydantic import StringConstraints

_LONGEST_INTERVAL = 30

_ORIGIN = re.compile(r"https?://[a-z0-9.-]+(:\d{1,5})?|https?://\[[0-9a-f:]+\](:\d{1,5})?")
HttpUrl = Annotated[str, StringConstraints(pattern=r"^https?://[^\s@]+$")]


def divides_an_hour(minutes: int) -> int:
    """Ticks come by cron (`*/7` would fire at :56 and again at :00)."""
    if not 1 <= minutes <= _LONGEST_INTERVAL or 60 % minutes:
        raise ValueError("doesn't divide an hour")
    return minutes


def origins(value: Any) -> Any:
    """A list of origins (scheme, host, port; no path), without `*`: a token is worth naming who gets it."""
    if not isinstance(value, str):
        return value
    found = tuple(one.strip() for one in value.split(",") if one.strip())
    if not all(_ORIGIN.fullmatch(one) for one in found):
        raise ValueError("isn't a list of origins")
    return found


_HOST = re.compile(r"\.?[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*\.?")


def hosts(text: object) -> tuple[str, ...]:
    """Host names (`.example.org`: all below it), addresses and networks, separated by commas."""
    parts = text.split(",") if isinstance(text, str) else list(text)  # type: ignore[call-overload]
    found = tuple(part.strip() for part in parts if part.strip())
    for part in found:
        try:
            ip_network(part, strict=False)
        except ValueError:
            if not _HOST.fullmatch(part):
                raise ValueError("holds something else") from None
    return found
