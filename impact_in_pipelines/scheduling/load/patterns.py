"""In which minutes of a span the schedules fire, those with the same rule together."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from impact_in_pipelines.errors.schedules import LoadEndsBeforeStart
from impact_in_pipelines.scheduling.fires import iter_groups
from impact_in_pipelines.scheduling.load.entries import LoadEntry
from impact_in_pipelines.scheduling.rule import ScheduleRule

Counts: TypeAlias = NDArray[np.int64]
"""Deliveries that fall due in each minute, the first minute first."""

MINUTE = timedelta(minutes=1)
_LONGEST_MOVE = timedelta(days=15)
"""How far back fires are read that a calendar or a window may move into the span."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """The minutes (indices, increasing) of a rule's fires without a spread, and the last minute to
    which a spread may move each (the window closes after it), None without a window."""

    fires: Counts
    latest: Counts | None

    def at(self, offset: int, minutes: int) -> Counts:
        """The fires with a spread of `offset` minutes, those inside the span of `minutes`."""
        moved = self.fires + offset
        if self.latest is not None:
            moved = np.unique(np.minimum(moved, self.latest))
        return moved[: np.searchsorted(moved, minutes)]


def patterns(
    entries: Iterable[LoadEntry], start: datetime, minutes: int, *, keep_spread: bool
) -> Iterator[tuple[tuple[str, ScheduleRule], Pattern, list[tuple[str, int]]]]:
    """Platform and rule, the pattern of its fires, and the (id, present spread) of the schedules
    that share them: ten thousand schedules have a few hundred patterns."""
    groups: dict[tuple[str, ScheduleRule, datetime | None], list[tuple[str, int]]] = defaultdict(
        list
    )
    read: dict[ScheduleRule, tuple[list[datetime], Pattern]] = {}
    for schedule_id, platform, rule, cursor in entries:
        kept = rule if keep_spread else replace(rule, spread_minutes=0)
        if kept not in read:
            read[kept] = _read_pattern(kept, start, minutes)
        nominals = read[kept][0]
        # Most have handled none of them: they share the pattern as it was read.
        handled = cursor.after if nominals and cursor.after >= nominals[0] else None
        groups[platform, kept, handled].append((schedule_id, rule.spread_minutes))
    for (platform, rule, handled), members in groups.items():
        nominals, pattern = read[rule]
        if handled is not None:
            to_come = np.array([nominal > handled for nominal in nominals], dtype=bool)
            latest = None if pattern.latest is None else pattern.latest[to_come]
            pattern = Pattern(pattern.fires[to_come], latest)
        yield (platform, rule), pattern, members


def _read_pattern(
    rule: ScheduleRule, start: datetime, minutes: int
) -> tuple[list[datetime], Pattern]:
    """The nominal instants of the fires in the span, and their pattern."""
    moved = rule.window is not None or rule.holiday_calendar is not None
    back = timedelta(minutes=rule.spread_minutes) + (_LONGEST_MOVE if moved else 0 * MINUTE)
    end = start + minutes * MINUTE
    nominals: list[datetime] = []
    fires: list[int] = []
    latest: list[int] = []
    for group in iter_groups(rule, start - back - MINUTE):
        if group.scheduled_for >= end:
            break
        if group.scheduled_for < start:
            continue
        nominals.append(group.nominal)
        fires.append((group.scheduled_for - start) // MINUTE)
        if rule.window is not None:
            day = group.scheduled_for.astimezone(rule.zone).date()
            last = rule.window.last_minute(day, rule.zone)
            latest.append((max(group.scheduled_for, last) - start) // MINUTE)
    return nominals, Pattern(
        np.array(fires, np.int64), np.array(latest, np.int64) if rule.window is not None else None
    )


def whole_minutes(start: datetime, end: datetime) -> tuple[datetime, int]:
    """`start` (UTC) at its whole minute and the number of minutes until `end`.

    Raises:
        LoadEndsBeforeStart: `end` isn't later.
    """
    start = start.replace(second=0, microsecond=0)
    minutes = -((start - end) // MINUTE)
    if minutes <= 0:
        raise LoadEndsBeforeStart(start, end)
    return start, minutes
