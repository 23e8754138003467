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
_DAY = timedelta(days=1)
_SEARCHED = timedelta(days=366 * 50)


def to_instant(wall: datetime, zone: ZoneInfo) -> datetime:
    """The UTC instant of the naive wall-clock time `wall`: the first of two in a fold, the end of
    the gap (its first whole minute) for one that doesn't exist."""
    instant = wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
    if instant.astimezone(zone).replace(tzinfo=None) == wall:
        return instant
    # PEP 495: in a gap fold=0 reckons by the offset before it, fold=1 by the one after it, so that the
    # change lies between the two. A gap may be a whole day (Apia, 2011): not to be walked by the minute.
    end = first_change(zone, wall.replace(tzinfo=zone, fold=1).astimezone(UTC), instant)
    assert end is not None
    first = end.astimezone(zone).replace(tzinfo=None)
    whole = first.replace(second=0, microsecond=0)
    return end if whole == first else end + (whole + _MINUTE - first)


def iter_instants(cron: str, zone: ZoneInfo, after: datetime) -> Iterator[datetime]:
    """The fires of `cron` strictly later than `after`, as strictly increasing UTC instants.

    `cron` must be one that `parse_cron` returned. Ends when nothing matches for fifty years, and before
    the year 9999.
    """
    try:
        yield from _instants(cron, zone, after)
    except OverflowError:  # the calendar of `datetime` ends: nothing fires after it
        return


def _instants(cron: str, zone: ZoneInfo, after: datetime) -> Iterator[datetime]:
    simulator = copy(template(cron))
    if zone.key == "UTC":
        simulator.dt = after.astimezone(UTC).replace(tzinfo=None, microsecond=0)
        for wall in simulator:
            yield wall.replace(tzinfo=UTC)
    elif follows_wall_clock(cron):
        simulator.dt = after.astimezone(zone).replace(tzinfo=None, microsecond=0)
        for wall in simulator:
            instant = to_instant(wall, zone)
            # Not so in a fold's second pass, and for the second fire of one gap.
            if instant > after:
                yield instant
                after = instant
    else:
        yield from _elapsed(simulator, zone, after)


def _elapsed(simulator: CronSim, zone: ZoneInfo, after: datetime) -> Iterator[datetime]:
    """As `iter_instants`, by elapsed time: a stretch between two clock changes at a time.

    cronsim can walk through a change itself, but at half an hour's (Lord Howe) it passes over fires.
    Every round starts at a later instant than the one before, so that the search ends.
    """
    start = after.replace(microsecond=0) + _SECOND  # the first instant that may be a fire
    while True:
        offset = _offset(zone, start)
        simulator.dt = (start + offset).replace(tzinfo=None) - _SECOND
        read, change = start, None
        for wall in simulator:
            instant = (wall - offset).replace(tzinfo=UTC)
            change = first_change(zone, read, instant)
            if change is not None:
                break
            yield instant
            read = instant
        if change is None:
            return
        # No fire up to `wall` by the old offset: with a sparse cron most of these years may be
        # skipped. Not those just behind a change, where the clock may repeat what was read.
        skipped = wall.replace(tzinfo=UTC) - _DAY
        start = max(change, skipped) if change - read > 2 * _DAY else change


def _offset(zone: ZoneInfo, at: datetime) -> timedelta:
    return at.astimezone(zone).utcoffset() or timedelta(0)


def first_change(zone: ZoneInfo, after: datetime, until: datetime) -> datetime | None:
    """The first instant (UTC) in (`after`, `until`] at which the offset of `zone` changes, None if there
    is none."""
    for year in range(after.year, until.year + 1):
        for change in _changes(zone, year):
            if after < change <= until:
                return change
    return None


@lru_cache(maxsize=16_384)
def _changes(zone: ZoneInfo, year: int) -> tuple[datetime, ...]:
    """The instants of the offset changes in the UTC year, found by asking day by day.

    `ZoneInfo` doesn't tell its changes. Since 1970 no zone has changed twice within six days. Two
    instants with the same offset may have two changes between them, so comparing the ends of a long
    stretch isn't enough.
    """
    found = []
    day = datetime(year, 1, 1, tzinfo=UTC)
    end = datetime(year, 12, 31, 23, 59, 59, tzinfo=UTC)
    before = _offset(zone, day - _SECOND) if year > 1 else _offset(zone, day)
    early = day - _SECOND if year > 1 else day
    while early < end:
        late = min(early + _DAY, end)
        offset = _offset(zone, late)
        if offset != before:
            found.append(_bisected(zone, early, late))
        early, before = late, offset
    return tuple(found)


def _bisected(zone: ZoneInfo, before: datetime, after: datetime) -> datetime:
    """The instant of the only change in (`before`, `after`], both whole seconds."""
    offset = _offset(zone, before)
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
    return len(template(cron).hours) < 24


@lru_cache(maxsize=8192)
def most_fires_a_day(cron: str) -> int:
    """The number of fires of `cron` on a day of 24 hours on which it fires at all."""
    parsed = template(cron)
    return len(parsed.hours) * len(parsed.minutes)


@lru_cache(maxsize=8192)
def template(cron: str) -> CronSim:
    """A parsed cron to copy: parsing costs more than finding the next fire.

    It is made with a naive time, which keeps cronsim's own clock-change rule out of it.
    """
    return CronSim(cron, EPOCH)
