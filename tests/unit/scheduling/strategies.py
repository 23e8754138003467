"""Random schedules for the property tests, and short ways to write instants."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from impact_in_pipelines.scheduling import (
    CatchUp,
    DeliveryWindow,
    HolidayCalendar,
    HolidayPolicy,
    ScheduleRule,
)

ZONES = (
    "UTC",
    "Europe/Oslo",
    "America/New_York",
    "America/Santiago",
    "Africa/Cairo",
    "America/Havana",
    "Asia/Beirut",
    "Asia/Kolkata",
    "Australia/Lord_Howe",
    "Pacific/Chatham",
    "Pacific/Kiritimati",
)

minutes = st.sampled_from(["0", "30", "59", "*/20", "5,35", "15-45/15"])
hours = st.sampled_from(["*", "0", "2", "23", "*/6", "*/2", "1,2,3", "8-17", "0-23"])
days = st.sampled_from(["*", "*", "*", "1", "15", "L", "*/7", "31", "28-31"])
months = st.sampled_from(["*", "*", "*", "1", "2-11", "*/3"])
weekdays = st.sampled_from(["*", "*", "*", "0", "1-5", "6,7", "MON#1", "5L"])
crons = st.builds(lambda *fields: " ".join(fields), minutes, hours, days, months, weekdays).filter(
    lambda cron: cron.split()[2:4] != ["31", "2"]
)

zones = st.sampled_from(ZONES)
instants = st.integers(0, 5 * 366 * 24 * 60 * 60).map(
    lambda seconds: datetime(2023, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
)

calendars = st.one_of(
    st.none(),
    st.builds(
        HolidayCalendar,
        st.sampled_from(["NO", "US", "SA"]),
        policy=st.sampled_from(HolidayPolicy),
    ),
)
windows = st.one_of(
    st.none(),
    st.tuples(
        st.sampled_from([(0, 0, 0, 0), (2, 15, 2, 45), (8, 0, 18, 0), (22, 0, 0, 0)]),
        st.sampled_from([frozenset(range(1, 8)), frozenset({1, 2, 3, 4}), frozenset({2})]),
    ).map(
        lambda drawn: DeliveryWindow(
            time(drawn[0][0], drawn[0][1]), time(drawn[0][2], drawn[0][3]), drawn[1]
        )
    ),
)

plain_rules = st.builds(ScheduleRule, crons, zones)
rules = st.builds(
    ScheduleRule,
    crons,
    zones,
    calendars,
    windows,
    st.sampled_from(CatchUp),
    spread_minutes=st.sampled_from([0, 0, 7, 45, 200]),
)


def utc(text: str) -> datetime:
    """The instant that ISO text without an offset names in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def local(text: str, zone: str, fold: int = 0) -> datetime:
    """The instant (UTC) of the wall-clock time `text` in `zone`."""
    wall = datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold)
    return wall.astimezone(UTC)
