"""Forms of settings that pydantic does not know; each raises `ValueError` for another form."""

import re
from ipaddress import ip_network
from typing import Annotated, Any

from pydantic import StringConstraints

from impact_in_pipelines.platforms import RETRIED_KINDS, Platform

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


_PLAN = re.compile(rf"([a-z][a-z0-9_]{{0,29}})(?:\.({'|'.join(RETRIED_KINDS)}))?=(\d+(?:,\d+)*)")
_LONGEST_DELAY_MS = 86_400_000
_LONGEST_WAIT_MINUTES = 2 * 24 * 60

RetryDelays = tuple[tuple[Platform, str | None, tuple[int, ...]], ...]
"""Platform, kind of error (None: all others), delays in milliseconds."""


def retry_delays(value: Any) -> Any:
    """`workday=60000,300000; goodera.rate_limited=60000`: at most ten delays, each from 1 ms to a day."""
    if not isinstance(value, str):
        return value
    plans = []
    for one in filter(None, (part.strip() for part in value.split(";"))):
        found = _PLAN.fullmatch(one)
        if found is None or found[1] not in Platform:
            raise ValueError("holds something else")
        delays = tuple(int(delay) for delay in found[3].split(","))
        if len(delays) > 10 or not all(1 <= delay <= _LONGEST_DELAY_MS for delay in delays):
            raise ValueError("holds a delay that is too long, or too many")
        plans.append((Platform(found[1]), found[2], delays))
    if len({plan[:2] for plan in plans}) < len(plans):
        raise ValueError("says something twice")
    return tuple(plans)


def minutes(value: Any) -> Any:
    """`5,30,120`: at most twenty waits, each from a minute to two days."""
    if not isinstance(value, str):
        return value
    parts = [part.strip() for part in value.split(",") if part.strip()]
    if len(parts) > 20 or not all(re.fullmatch(r"[0-9]{1,4}", part) for part in parts):
        raise ValueError("isn't a list of minutes")
    found = tuple(int(part) for part in parts)
    if not all(1 <= one <= _LONGEST_WAIT_MINUTES for one in found):
        raise ValueError("holds a wait that is too short or too long")
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
