"""The days on which zones change their clocks, sparse crons for them, and their fires by brute force."""

import random
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from itertools import takewhile
from zoneinfo import ZoneInfo, available_timezones

from cronsim import CronSim

from impact_in_pipelines.scheduling.clock import EPOCH, iter_instants

FIRST_YEAR, LAST_YEAR = 1970, 2040
_DAY, _MINUTE, _SECOND = timedelta(days=1), timedelta(minutes=1), timedelta(seconds=1)


def all_zones() -> list[str]:
    """Every IANA name that means the same on every machine."""
    return sorted(available_timezones() - {"localtime", "posixrules", "Factory"})


def changes(zone: ZoneInfo) -> list[datetime]:
    """The hours (UTC) at the end of which the offset of `zone` is another one than before, since 1970."""
    found = []
    at, end = datetime(FIRST_YEAR, 1, 1, tzinfo=UTC), datetime(LAST_YEAR, 1, 1, tzinfo=UTC)
    while at < end:
        if _offset(zone, at) != _offset(zone, at + _DAY):
            hour = next(
                at + timedelta(hours=n)
                for n in range(25)
                if _offset(zone, at + timedelta(hours=n)) != _offset(zone, at)
            )
            found.append(hour - timedelta(hours=1))
        at += _DAY
    return found


def _offset(zone: ZoneInfo, at: datetime) -> timedelta:
    offset = at.astimezone(zone).utcoffset()
    assert offset is not None
    return offset


def sparse_crons(chance: random.Random, day: date) -> list[str]:
    """Crons that fire on the local `day` and around it, and at no other time of the year."""
    minute, hour = chance.randrange(60), chance.choice([0, 0, 1, 2, 3, 23, chance.randrange(24)])
    near = ",".join(str(one.day) for n in (-1, 0, 1) if (one := day + _DAY * n).month == day.month)
    some = ",".join(str(one) for one in sorted(chance.sample(range(24), 3)))
    return [
        f"* * {day.day} {day.month} *",
        f"{minute} * {near} {day.month} *",
        f"*/17 0-23 {day.day} {day.month} *",
        f"{minute} {hour} {day.day} {day.month} *",
        f"0,59 {some} {near} {day.month} *",
        f"* 1-23 {day.day} {day.month} */1",
    ]


def check(cron: str, zone: ZoneInfo, change: datetime) -> None:
    """From many months before, the fires around `change` are those of a walk minute by minute, and there
    are none before."""
    start, end = change - 2 * _DAY, change + 2 * _DAY
    found = list(takewhile(lambda at: at < end, iter_instants(cron, zone, change - 250 * _DAY)))
    expected = list(walked(cron, zone, start, end))
    assert found == expected, (cron, zone.key, change)


def walked(cron: str, zone: ZoneInfo, start: datetime, end: datetime) -> Iterator[datetime]:
    """The fires in [start, end): every-hour crons whenever the local time matches, others once for each
    wall-clock time that is reached or jumped over for the first time."""
    template = CronSim(cron, EPOCH)
    every_hour = len(template.hours) == 24

    def matches(wall: datetime) -> bool:
        return (
            wall.minute in template.minutes
            and wall.hour in template.hours
            and wall.month in template.months
            and template.match_day(wall.date())
        )

    clock = _walls(zone, start, end)
    seen = clock[0][1] - _MINUTE
    for at, wall in clock:
        if every_hour or wall - seen == _MINUTE:
            due = matches(wall)
        else:
            passed = int((wall - seen) / _MINUTE)
            due = any(matches(seen + _MINUTE * n) for n in range(1, passed + 1))
        seen = max(seen, wall)
        if due:
            yield at


@lru_cache(maxsize=4)
def _walls(zone: ZoneInfo, start: datetime, end: datetime) -> tuple[tuple[datetime, datetime], ...]:
    """Each minute of [start, end) with the local time it has, shared by the crons of one change."""
    minutes = (start + _MINUTE * n for n in range(int((end - start) / _MINUTE)))
    return tuple((at, at.astimezone(zone).replace(tzinfo=None, fold=0)) for at in minutes)
