"""Who gives a command, and instants as people type them."""

import getpass
import re
import socket
from datetime import UTC, datetime, timedelta

from impact_in_pipelines.errors import UsageError

_SPAN = re.compile(r"(\d{1,5})\s*(m|min|h|d)")
_UNITS = {"m": "minutes", "min": "minutes", "h": "hours", "d": "days"}


def whoever(named: str | None) -> str:
    """The name given, or the one this machine knows the user by."""
    if named and named.strip():
        return named.strip()
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        raise UsageError("this machine doesn't say who you are; give your name with --by") from None


def actor(named: str | None = None) -> str:
    """Who the audit log says did it: the name given, or `user@host` of this machine."""
    if named and named.strip():
        return named.strip()
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = "somebody"  # a container's user may have no name
    return f"{user}@{socket.gethostname()}"


def instant(option: str, text: str) -> datetime:
    """An instant with an offset or Z, such as 2026-03-10T22:00Z, as UTC. Raises `UsageError`."""
    try:
        at = datetime.fromisoformat(text.strip())
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise UsageError(
            f"{option} must be an instant with its offset such as 2026-03-10T22:00+01:00 or "
            f"2026-03-10T21:00Z; it was {text!r}"
        )
    return at.astimezone(UTC)


def duration(option: str, text: str) -> timedelta:
    """A span such as 90m, 2h or 1d. Raises `UsageError`."""
    match = _SPAN.fullmatch(text.strip())
    if match is None or not int(match[1]):
        raise UsageError(f"{option} must be a span such as 90m, 2h or 1d; it was {text!r}")
    return timedelta(**{_UNITS[match[2]]: int(match[1])})
