"""The instants at which a cron fires in a time zone, both daylight-saving edges included.

cronsim finds the matching wall-clock times; this module turns them into instants. The rule, which
is ours, because cronsim's own (Debian's) decides by whether a field is *written* with a star:

- A cron for every hour of the day follows elapsed time: `0 * * * *` fires 23 and 25 times on the
  days of the change.
- Any other cron names hours, so it follows the wall clock: a fire in the gap happens once, at the
  end of the gap (several of them together, once), and a fire in the fold happens once, the first
  time.
"""

from collections.abc import Iterator
from copy import copy
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from cronsim import CronSim

EPOCH = datetime(2000, 1, 1)  # noqa: DTZ001  # cronsim's wall-clock arithmetic wants it naive
_SECOND = timedelta(seconds=1)
_MINUTE = timedelta(minutes=1)
_SEARCHED = timedelta(days=366 * 50)


def to_instant(wall: datetime, zone: ZoneInfo) -> datetime:
    """The UTC instant of the naive wall-clock time `wall`: the first of two in a fold, the end of
    the gap for one that doesn't exist."""
    while True:
        instant = wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
        if instant.astimezone(zone).replace(tzinfo=None, fold=0) == wall:
            return instant
        wall = wall.replace(second=0, microsecond=0) + _MINUTE


def iter_instants(cron: str, zone: ZoneInfo, after: datetime) -> Iterator[datetime]:
    """The fires of `cron` strictly later than `after`, as strictly increasing UTC instants.

    `cron` must be one that `parse_cron` returned. Ends when nothing matches for fifty years.
    """
    simulator = copy(_template(cron))
    if zone.key == "UTC":
        simulator.dt = after.astimezone(UTC).replace(tzinfo=None, microsecond=0)
        for wall in simulator:
            yield wall.replace(tzinfo=UTC)
    elif follows_wall_clock(cron):
        simulator.dt = after.astimezone(zone).replace(tzinfo=None, microsecond=0, fold=0)
        for wall in simulator:
            instant = to_instant(wall, zone)
            # Not so in a fold's second pass, and for the second fire of one gap.
            if instant > after:
                yield instant
                after = instant
    else:
        yield from _elapsed(simulator, zone, after)


def _elapsed(simulator: CronSim, zone: ZoneInfo, after: datetime) -> Iterator[datetime]:
    """As `iter_instants`, by elapsed time: a stretch without a clock change at a time.

    cronsim can walk through a change itself, but at half an hour's (Lord Howe) it passes over fires.
    """
    offset = _offset(zone, after)
    while True:
        simulator.dt = (after + offset).replace(tzinfo=None, microsecond=0)
        change = None
        for wall in simulator:
            instant = (wall - offset).replace(tzinfo=UTC)
            if _offset(zone, instant) != offset:
                change = _change(zone, after, instant)
                break
            yield instant
            after = instant
        if change is None:
            return
        offset = _offset(zone, change)
        after = change - _SECOND


def _offset(zone: ZoneInfo, at: datetime) -> timedelta:
    return at.astimezone(zone).utcoffset() or timedelta(0)


def _change(zone: ZoneInfo, before: datetime, after: datetime) -> datetime:
    """The instant (UTC) of a clock change between `before` and `after`, whose offsets differ."""
    offset = _offset(zone, before)
    before = before.replace(microsecond=0)
    while after - before > _SECOND:
        middle = (before + (after - before) / 2).replace(microsecond=0)
        if _offset(zone, middle) == offset:
            before = middle
        else:
            after = middle
    return after


@lru_cache(maxsize=131_072)
def next_instant(cron: str, zone: ZoneInfo, after: datetime) -> datetime | None:
    """The first fire strictly after `after` (UTC); cached, since thousands of schedules share
    it."""
    return next(iter_instants(cron, zone, after), None)


def nominal_instants(cron: str, zone: ZoneInfo, after: datetime) -> Iterator[datetime]:
    """As `iter_instants`, with the first two, which every tick asks for, from the cache."""
    for _ in range(2):
        found = next_instant(cron, zone, after)
        if found is None:
            return
        yield found
        after = found
    yield from iter_instants(cron, zone, after)


@lru_cache(maxsize=65_536)
def previous_instant(cron: str, zone: ZoneInfo, at: datetime) -> datetime | None:
    """The last fire at or before `at` (UTC), None if there is none within fifty years.

    Found by bisection over `iter_instants`, so that it can't disagree with it at a clock change;
    cronsim's reverse order does.
    """

    def following(start: datetime) -> datetime | None:
        return next(iter_instants(cron, zone, start), None)

    later, span = at.replace(second=0, microsecond=0), _MINUTE
    while True:
        earlier = following(later - span)
        if earlier is not None and earlier <= at:
            break
        later, span = later - span, span * 2
        if span > _SEARCHED:
            return None
    later = at
    while True:
        after = following(earlier)
        if after is None or after > at:
            return earlier
        middle = following(earlier + (later - earlier) / 2)
        if middle is not None and middle <= at:
            earlier = middle
        else:
            earlier, later = after, earlier + (later - earlier) / 2


@lru_cache(maxsize=8192)
def follows_wall_clock(cron: str) -> bool:
    """Whether `cron` names hours (wall clock) or fires in every hour of the day (elapsed time)."""
    return len(_template(cron).hours) < 24


@lru_cache(maxsize=8192)
def most_fires_a_day(cron: str) -> int:
    """The number of fires of `cron` on a day of 24 hours on which it fires at all."""
    template = _template(cron)
    return len(template.hours) * len(template.minutes)


@lru_cache(maxsize=8192)
def _template(cron: str) -> CronSim:
    """A parsed cron to copy: parsing costs more than finding the next fire.

    It is made with a naive time, which keeps cronsim's own clock-change rule out of it.
    """
    return CronSim(cron, EPOCH)
