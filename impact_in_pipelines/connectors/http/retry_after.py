"""The Retry-After header (RFC 9110, section 10.2.3)."""

import re
from datetime import datetime
from email.utils import parsedate_to_datetime

from impact_in_pipelines.delivery.retry import CLOSED_MOST_MS

RETRY_AFTER_CAP_MS = CLOSED_MOST_MS
_SECONDS = re.compile(r"\d+(\.\d+)?", re.ASCII)


def retry_after_ms(header: str | None, *, now: datetime, date: str | None = None) -> float | None:
    """Milliseconds that a platform asks to wait, from 0 to `RETRY_AFTER_CAP_MS`; None: it doesn't
    say.

    `header` holds seconds or an HTTP date. A date is read against the answer's own `Date` header
    where there is one, since the platform's clock and ours may differ, else against `now` (UTC).
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
    try:
        found = parsedate_to_datetime(text)
    except ValueError:
        return None
    # "-0000" parses to a naive time, which no HTTP date is.
    return found if found.tzinfo is not None else None
