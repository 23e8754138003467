"""Delivery windows: the local hours in which a company takes deliveries."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from impact_in_pipelines.errors.schedules import (
    WindowDaysUnknown,
    WindowEndsBeforeStart,
    WindowNotWholeMinutes,
)
from impact_in_pipelines.scheduling.clock import to_instant

EVERY_DAY = frozenset(range(1, 8))
_MIDNIGHT = time(0)
_NAMES = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@dataclass(frozen=True, slots=True)
class DeliveryWindow:
    """Local hours from `start` (inclusive) to `end` (exclusive) on the ISO weekdays `days` (1 is
    Monday). `end` 00:00 is the midnight at which the day ends.

    Raises:
        InvalidWindow: hours that don't open, or days that aren't 1 to 7.
    """

    start: time
    end: time
    days: frozenset[int] = field(default=EVERY_DAY)

    def __post_init__(self) -> None:
        object.__setattr__(self, "days", frozenset(self.days))
        for value in (self.start, self.end):
            if value.tzinfo is not None or value.second or value.microsecond:
                raise WindowNotWholeMinutes(value)
        if self.end not in (_MIDNIGHT,) and self.end <= self.start:
            raise WindowEndsBeforeStart(self.start, self.end)
        if not self.days or not self.days <= EVERY_DAY:
            raise WindowDaysUnknown(sorted(self.days))

    def __str__(self) -> str:
        hours = f"{self.start:%H:%M}-{self.end:%H:%M}"
        return hours if self.days == EVERY_DAY else f"{hours} {days_in_words(self.days)}"

    def contains(self, local: datetime) -> bool:
        """Whether the local time `local` lies in the window."""
        clock = local.time()
        return (
            local.isoweekday() in self.days
            and clock >= self.start
            and (self.end == _MIDNIGHT or clock < self.end)
        )

    def opening(self, day: date, zone: ZoneInfo, earliest: datetime) -> datetime | None:
        """The instant (UTC) at or after `earliest` at which the window opens on the local `day`,
        None if it doesn't."""
        return next((at for at in _openings(self, day, zone) if at >= earliest), None)

    def last_minute(self, day: date, zone: ZoneInfo) -> datetime:
        """The instant (UTC) one minute before the window closes on the local `day`."""
        closes = datetime.combine(day, self.end)  # a wall-clock time: naive on purpose
        if self.end == _MIDNIGHT:
            closes += timedelta(days=1)
        return to_instant(closes, zone) - timedelta(minutes=1)


def days_in_words(days: frozenset[int]) -> str:
    """ISO weekdays as they are typed: neighbours as a range, also over Sunday (`mon-fri`, `sat-mon`), two
    or more apart with commas (`mon,wed-fri`)."""
    runs: list[list[int]] = []
    for day in sorted(days):
        if runs and day == runs[-1][-1] + 1:
            runs[-1].append(day)
        else:
            runs.append([day])
    if len(runs) > 1 and runs[0][0] == 1 and runs[-1][-1] == len(_NAMES):
        runs[0] = runs.pop() + runs[0]
    return ",".join(_run_in_words([_NAMES[day - 1] for day in run]) for run in runs)


def _run_in_words(names: Sequence[str]) -> str:
    return ",".join(names) if len(names) <= 2 else f"{names[0]}-{names[-1]}"


@lru_cache(maxsize=16_384)
def _openings(window: DeliveryWindow, day: date, zone: ZoneInfo) -> tuple[datetime, ...]:
    """Both, if the clock goes back over the opening; none, if it jumps over the whole window."""
    if day.isoweekday() not in window.days:
        return ()
    first = to_instant(datetime.combine(day, window.start), zone)
    again = first.astimezone(zone).replace(fold=1).astimezone(first.tzinfo)
    return tuple(at for at in sorted({first, again}) if window.contains(at.astimezone(zone)))
