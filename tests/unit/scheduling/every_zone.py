"""`make zones`: every zone over every change of its clock since 1970; half an hour."""

import random
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from .test_every_zone import SECONDS_IN_THEIR_OFFSET
from .zone_changes import all_zones, changes, check, sparse_crons


def _distinct() -> list[str]:
    """One name of each set of names with the same changes."""
    seen: dict[tuple[tuple[datetime, str], ...], str] = {}
    for name in all_zones():
        zone = ZoneInfo(name)
        of_zone = tuple((one, str(one.astimezone(zone))) for one in changes(zone))
        seen.setdefault(of_zone, name)
    return sorted(set(seen.values()) - SECONDS_IN_THEIR_OFFSET)


@pytest.mark.parametrize("name", _distinct())
def test_every_change_of_a_zone_agrees_with_a_walk(name: str) -> None:
    """As `test_sparse_crons_agree_with_a_walk_over_changes_of_any_zone`, all of them."""
    chance = random.Random(name)
    zone = ZoneInfo(name)
    for change in changes(zone):
        for cron in sparse_crons(chance, change.astimezone(zone).date()):
            check(cron, zone, change)
