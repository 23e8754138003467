"""Which days have a cell: those that have begun somewhere."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest

from impact_in_pipelines.assets.partitions import (
    FURTHEST_EAST,
    days_between,
    inside_window,
    latest_day,
    local_days,
)
from impact_in_pipelines.errors.deliveries import DayNotBegun


@pytest.mark.parametrize("hour", range(24))
def test_every_companys_running_day_has_a_cell(hour: int) -> None:
    """Auckland's Tuesday begins at 11:00 UTC on Monday; its hourly deliveries had no cell for 13 hours."""
    now = datetime.now(UTC).replace(hour=hour, minute=30)
    keys = set(local_days.get_partition_keys(current_time=now)[-3:])
    for zone in ("Pacific/Auckland", "Pacific/Chatham", "Pacific/Pago_Pago", "UTC"):
        today = now.astimezone(ZoneInfo(zone)).date()
        assert today.isoformat() in keys
        assert today <= latest_day(now)


def test_no_zone_is_further_east() -> None:
    """Else its running day would be without a cell."""
    now = datetime.now(UTC)
    offsets = {
        name: now.astimezone(ZoneInfo(name)).utcoffset() or timedelta(0)
        for name in available_timezones() - {"localtime", "Factory"}
    }
    assert max(offsets.values()) == offsets[FURTHEST_EAST]


def test_days_are_chosen_up_to_the_running_day_of_the_zone() -> None:
    """Not up to UTC's today: a company further east may send its own, one further west not tomorrow."""
    for zone in (FURTHEST_EAST, "Pacific/Auckland", "Pacific/Pago_Pago"):
        today = latest_day(timezone=zone)
        assert days_between(today.isoformat(), today.isoformat(), zone) == [today]
        assert inside_window([today]) == [today]
        tomorrow = (today + timedelta(days=1)).isoformat()
        with pytest.raises(DayNotBegun):
            days_between(tomorrow, tomorrow, zone)
    assert inside_window([date(2001, 1, 1)]) == []
