"""Retry-After as RFC 9110 writes it."""

from datetime import UTC, datetime

import pytest

from impact_in_pipelines.connectors.http.retry_after import RETRY_AFTER_CAP_MS, retry_after_ms

NOW = datetime(2026, 3, 2, 6, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, None),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("nan", None),
        (f"Mon, 01 Jan 2024 00:00:00 +{'9' * 20}", None),
        (f"Mon, 01 Jan 2024 {'9' * 20}:00:00 GMT", None),
        ("0", 0.0),
        (" 2 ", 2_000.0),
        ("1.5", 1_500.0),
        ("99999999", RETRY_AFTER_CAP_MS),
        ("9" * 400, RETRY_AFTER_CAP_MS),
        ("Mon, 02 Mar 2026 06:00:30 GMT", 30_000.0),
        ("Monday, 02-Mar-26 06:00:30 GMT", 30_000.0),
        ("Mon Mar  2 06:00:30 2026", 30_000.0),
        ("Mon, 02 Mar 2026 06:00:30 -0000", 30_000.0),
        ("Mon, 02 Mar 2026 07:00:30 +0100", 30_000.0),
        ("2026-03-02T06:00:30Z", 30_000.0),
        ("2026-03-02T07:00:30.5+01:00", 30_500.0),
        ("2026-03-02T06:00:30", None),
        ("2026-13-02T06:00:30Z", None),
        ("Mon, 02 Mar 2026 05:00:00 GMT", 0.0),
        ("Tue, 03 Mar 2026 06:00:00 GMT", 86_400_000.0),
        ("Tue, 10 Mar 2026 06:00:00 GMT", RETRY_AFTER_CAP_MS),
        ("Mon, 99 Mar 2026 06:00:30 GMT", None),
    ],
)
def test_seconds_and_dates_are_read_and_clamped(header: str | None, expected: float | None) -> None:
    """Seconds or a date, never below zero, never above the cap; anything else says nothing. RFC 9110 has
    three forms of a date: the one of C's asctime was taken for none, and the wait for not asked for."""
    assert retry_after_ms(header, now=NOW) == expected


def test_a_date_is_read_against_the_platforms_own_clock() -> None:
    """A platform whose clock is an hour ahead doesn't make us wait an hour longer."""
    asked = retry_after_ms(
        "Mon, 02 Mar 2026 07:00:10 GMT", now=NOW, date="Mon, 02 Mar 2026 07:00:00 GMT"
    )
    assert asked == 10_000.0
