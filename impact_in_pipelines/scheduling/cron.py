"""Cron expressions and time zones as people write them: parsed, or refused with a reason."""

from difflib import get_close_matches
from enum import StrEnum
from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones

from cronsim import CronSim, CronSimError

from impact_in_pipelines.errors import InvalidSchedule
from impact_in_pipelines.scheduling.clock import EPOCH

LONGEST_CRON = 100
"""Characters; the width of the column `scheduled_deliveries.schedule`."""


class ScheduleFrequency(StrEnum):
    """The presets a person can name instead of a cron."""

    HOURLY = "hourly"
    EVERY_6_HOURS = "every-6-hours"
    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"

    @property
    def cron(self) -> str:
        """The five-field cron of the preset."""
        return _PRESETS[self]


_PRESETS = {
    ScheduleFrequency.HOURLY: "0 * * * *",
    ScheduleFrequency.EVERY_6_HOURS: "0 */6 * * *",
    ScheduleFrequency.DAILY: "0 0 * * *",
    ScheduleFrequency.WEEKLY: "0 0 * * 0",
    ScheduleFrequency.MONTHLY: "0 0 1 * *",
}

_FIELDS = (
    ("minute", "0-59"),
    ("hour", "0-23"),
    ("day of month", "1-31, L (last day) or LW (last weekday)"),
    ("month", "1-12 or JAN-DEC"),
    ("day of week", "0-7 or SUN-SAT, 1#2 (second Monday) or 5L (last Friday)"),
)
_EXAMPLE = "a preset (hourly, every-6-hours, daily, weekly, monthly) or a cron like '30 8 * * 1-5'"


@lru_cache(maxsize=8192)
def parse_cron(text: str) -> str:
    """The five-field cron that a preset name or a cron stands for, upper-case, single-spaced.

    Days of month and of week are joined as Debian's cron does: both must match if one of the fields
    starts with `*`, otherwise either is enough.

    Raises:
        InvalidSchedule: one line that names the field and the reason; a cron that never fires is
            refused as well.
    """
    shown = _shown(text)
    if text.strip().lower() in _PRESETS:
        return _PRESETS[ScheduleFrequency(text.strip().lower())]
    fields = text.upper().split()
    if not fields:
        raise InvalidSchedule(f"schedule is empty: give {_EXAMPLE}")
    if fields[0].startswith("@"):
        raise InvalidSchedule(f"schedule {shown}: @nicknames aren't supported: give {_EXAMPLE}")
    if len(text) > LONGEST_CRON:
        raise InvalidSchedule(f"schedule {shown} is longer than {LONGEST_CRON} characters")
    if len(fields) == 6:
        raise InvalidSchedule(
            f"schedule {shown} has six fields: seconds (or years) aren't supported, "
            "write minute, hour, day of month, month, day of week"
        )
    if len(fields) != 5:
        raise InvalidSchedule(f"schedule {shown} isn't a five-field cron: give {_EXAMPLE}")
    cron = " ".join(fields)
    for position, field in enumerate(fields):
        _check_field(shown, position, field)
    _check_fires(shown, cron)
    return cron


def _shown(text: str) -> str:
    short = text if len(text) <= 60 else f"{text[:57]}..."
    return repr(short)


def _check_field(shown: str, position: int, field: str) -> None:
    alone = ["*"] * 5
    alone[position] = field
    try:
        CronSim(" ".join(alone), EPOCH)
    except CronSimError:
        name, allowed = _FIELDS[position]
        raise InvalidSchedule(
            f"schedule {shown}: {name} {field!r} isn't valid: use *, */step, lists and ranges of "
            f"{allowed}"
        ) from None


def _check_fires(shown: str, cron: str) -> None:
    """cronsim refuses some impossible dates at once and gives up on the others after fifty
    years."""
    try:
        next(CronSim(cron, EPOCH))
    except (CronSimError, StopIteration):
        raise InvalidSchedule(
            f"schedule {shown} never fires: no month {_month(cron)}has such a day; "
            "mend day of month, month or day of week"
        ) from None


def _month(cron: str) -> str:
    month = cron.split()[3]
    return "" if month == "*" else f"({month}) "


@lru_cache(maxsize=1024)
def parse_timezone(name: str) -> ZoneInfo:
    """The IANA time zone `name`.

    Raises:
        InvalidSchedule: one line that names the value and an example.
    """
    try:
        zone = ZoneInfo(name)
    except (ValueError, OSError, KeyError):
        zone = None
    if zone is None or name not in _known_zones():
        near = get_close_matches(name.strip(), sorted(_known_zones()), n=1, cutoff=0.75)
        example = near[0] if near else "Europe/Oslo"
        raise InvalidSchedule(
            f"time zone {_shown(name)} isn't known: use an IANA name such as {example}"
        )
    return zone


@lru_cache(maxsize=1)
def _known_zones() -> frozenset[str]:
    # These name whatever the machine is set to, which is something else on the next machine.
    return frozenset(available_timezones() - {"localtime", "posixrules", "Factory"})
