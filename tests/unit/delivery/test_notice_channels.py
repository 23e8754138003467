"""When a channel's digest goes out, and what a channel never shows."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from impact_in_pipelines.delivery.notifying.digests import next_digest
from impact_in_pipelines.delivery.notifying.model import Address, Digest

OSLO = ZoneInfo("Europe/Oslo")


@pytest.mark.parametrize(
    ("now", "digest", "at"),
    [
        ("2026-03-27T06:59:59", Digest.DAILY, "2026-03-27T07:00"),
        ("2026-03-27T07:00:00", Digest.DAILY, "2026-03-28T07:00"),
        # Clocks go forward on the 29th: eight o'clock is an hour earlier by UTC from then on.
        ("2026-03-28T07:00:00", Digest.DAILY, "2026-03-29T06:00"),
        ("2026-10-24T06:00:00", Digest.DAILY, "2026-10-25T07:00"),
        ("2026-03-27T06:59:59", Digest.HOURLY, "2026-03-27T07:00"),
        ("2026-03-27T07:00:00", Digest.HOURLY, "2026-03-27T08:00"),
    ],
)
def test_a_digest_goes_out_at_eight_or_at_the_full_hour(now: str, digest: Digest, at: str) -> None:
    """By the clock of the channel's zone, and never at the very moment it is asked."""
    instant = datetime.fromisoformat(now).replace(tzinfo=UTC)
    assert next_digest(digest, instant, OSLO) == datetime.fromisoformat(at).replace(tzinfo=UTC)


def test_nothing_waits_where_notices_go_out_at_once() -> None:
    """No digest is due."""
    assert next_digest(Digest.AT_ONCE, datetime(2026, 3, 27, tzinfo=UTC), OSLO) is None


def test_an_address_shows_neither_where_to_nor_its_secrets() -> None:
    """A traceback or a line of the log may print it."""
    address = Address("https://hooks.example/T1", ("kari@example.org",), ("whsec_1",))
    assert repr(address) == "Address()"
