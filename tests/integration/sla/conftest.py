"""The log that reports are made of."""

from datetime import timedelta

import pytest

from impact_in_pipelines.db.engine import Database

from .logs import Log, Row
from .weeks import WEEK


@pytest.fixture
def log(database: Database) -> Log:
    """Two companies: acme with trouble of several kinds in the week before, good without any."""
    made = Log(database.engine)
    acme, good = made.company("acme"), made.company("good")
    hour = timedelta(hours=1)
    at = WEEK.start + 9 * hour
    minute = timedelta(minutes=1)
    made.write(Row(good, at + n * minute, late=timedelta(seconds=2)) for n in range(50))
    made.write(Row(acme, at + n * minute) for n in range(90))
    made.write(
        Row(
            acme,
            at + n * minute,
            "failed",
            "goodera",
            attempts=1,
            failed_after=minute,
            error_kind="authentication",
            http_status=401,
            last_error="the platform answered 401",
        )
        for n in range(4)
    )
    made.write(
        Row(acme, at + n * hour, "failed", attempts=4, error_kind="server_error") for n in range(3)
    )
    made.write(
        # Failed and brought through by a replay: it stays a failure, and its error has gone from the row.
        [Row(acme, at + 30 * hour, failed_after=hour, took=5 * hour, attempts=2, late=minute)]
    )
    made.write(Row(acme, at - n * timedelta(days=7)) for n in (1, 2, 3))
    return made
