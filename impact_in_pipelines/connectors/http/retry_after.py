"""The Retry-After header (RFC 9110, section 10.2.3)."""

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from impact_in_pipelines.delivery.retry import CLOSED_MOST_MS

RETRY_AFTER_CAP_MS = CLOSED_MOST_MS
_SECONDS = re.compile(r"\d+(\.\d+)?", re.ASCII)
_ISO = re.compile(r"\d{4}-\d\d-\d\dT", re.ASCII)


def retry_after_ms(header: str | None, *, now: datetime, date: str | None = None) -> float | None:
    """Milliseconds that a platform asks to wait, from 0 to `RETRY_AFTER_CAP_MS`; None: it doesn't
    say.

    `header` holds seconds or an HTTP date in any of its three forms; what some platforms write instead, an
    ISO 8601 time with its offset, is read too. A date is read against the answer's own `Date` header where
    there is one, since the platform's clock and ours may differ, else against `now` (UTC).
    """
    if header is None:
        return None
    text = header.strip()
    if _SECONDS.fullmatch(text):
        return min(float(text) * 1000.0, RETRY_AFTER_CAP_MS)
    until = _http_date(text)
    if until is None:
        return None
    since = _http_date(date) or now
    return min(max((until - since).total_seconds() * 1000.0, 0.0), RETRY_AFTER_CAP_MS)


def _http_date(text: str | None) -> datetime | None:
    if text is None:
        return None
    if _ISO.match(text):
        try:
            found = datetime.fromisoformat(text)
        except ValueError:
            return None
        return found if found.tzinfo is not None else None
    try:
        found = parsedate_to_datetime(text)
    except (ValueError, OverflowError):  # an hour or a zone of twenty digits
        return None
    # Python leaves the zone out where an HTTP date doesn't write it (asctime): all of them are GMT.
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)
