"""Sparse crons over the clock changes of every zone. `make zones` tries all of them."""

import random
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from impact_in_pipelines.scheduling import ScheduleRule, preview

from .strategies import utc
from .zone_changes import all_zones, changes, check, sparse_crons

SECONDS_IN_THEIR_OFFSET = {"Africa/Monrovia"}
"""Until 1972 0:44:30 west: minutes there began in the middle of ours."""


def _sample(zones: int, changes_of_each: int) -> list[tuple[str, datetime]]:
    chance = random.Random(18)
    found = []
    for name in chance.sample(all_zones(), zones):
        of_zone = changes(ZoneInfo(name))
        found += [(name, one) for one in chance.sample(of_zone, min(changes_of_each, len(of_zone)))]
    return [one for one in found if one[0] not in SECONDS_IN_THEIR_OFFSET]


def test_sparse_crons_agree_with_a_walk_over_changes_of_any_zone() -> None:
    """A search that goes from change to change once turned round in Apia for ever, and passed over a day's
    first hour where the clock goes back at midnight."""
    chance = random.Random(7)
    for name, change in _sample(zones=40, changes_of_each=1):
        zone = ZoneInfo(name)
        for cron in chance.sample(sparse_crons(chance, change.astimezone(zone).date()), 2):
            check(cron, zone, change)


@pytest.mark.parametrize(
    ("cron", "zone", "after", "first"),
    [
        ("* * 31 12 *", "Pacific/Apia", "2011-12-22", "2011-12-31T00:00:00+14:00"),
        ("* * 30 12 *", "Pacific/Apia", "2011-12-22", "2012-12-30T00:00:00+14:00"),
        ("0 9 30 12 *", "Pacific/Apia", "2011-12-22", "2011-12-31T00:00:00+14:00"),
        ("* 1-23 30 12 *", "Pacific/Apia", "2011-12-22", "2011-12-31T00:00:00+14:00"),
        ("* * 21 8 *", "Pacific/Kwajalein", "1993-08-01", "1994-08-21T00:00:00+12:00"),
        ("* * 1 1 *", "Pacific/Kiritimati", "1994-12-01", "1995-01-01T00:00:00+14:00"),
        ("* * 2 11 *", "America/Havana", "2025-01-05", "2025-11-02T00:00:00-04:00"),
        ("* * 29 2 */7", "Africa/Casablanca", "2025-01-05", "2032-02-29T00:00:00+01:00"),
    ],
)
def test_a_preview_over_a_missing_or_doubled_day_ends(
    cron: str, zone: str, after: str, first: str
) -> None:
    """A day that a zone skipped has no fires of an every-hour cron; one that names hours fires at its end."""
    shown = preview(ScheduleRule(cron, zone), 3, after=utc(after))
    assert shown[0].local.isoformat() == first
    assert len({line.scheduled_for for line in shown}) == 3


def test_a_preview_at_the_end_of_the_calendar_ends() -> None:
    """`datetime` has no year 10000; what would fire then never fires."""
    shown = preview(ScheduleRule("0 0 1 1 *", "Europe/Oslo"), 5, after=utc("9997-06-01"))
    assert len(shown) <= 2
