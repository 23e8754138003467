"""When the next digest of a channel goes out."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from impact_in_pipelines.delivery.notifying.model import Digest

MORNING = 8
"""Daily digests go out at eight, by the clock of the channel's zone."""


def next_digest(digest: Digest, now: datetime, zone: ZoneInfo) -> datetime | None:
    """The first instant (UTC) after `now` at which a digest goes out; None: nothing waits for one.

    On the day on which clocks change it is eight o'clock as well, an hour more or less after the day before.
    """
    match digest:
        case Digest.AT_ONCE:
            return None
        case Digest.HOURLY:
            whole = now.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
            return whole + timedelta(hours=1)
        case Digest.DAILY:
            local = now.astimezone(zone)
            at = local.replace(hour=MORNING, minute=0, second=0, microsecond=0, fold=0)
            if at.astimezone(UTC) <= now.astimezone(UTC):
                at = (at.replace(tzinfo=None) + timedelta(days=1)).replace(tzinfo=zone)
            return at.astimezone(UTC)
