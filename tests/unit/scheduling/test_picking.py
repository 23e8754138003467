"""What a form's fields write as a cron means what they show; a cron opens in them only if it means that."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from crons import YEAR, days_of_the_year, done, strange_crons
from hypothesis import example, given
from hypothesis import strategies as st

from impact_in_pipelines.errors.schedules import (
    PickedMonthDayMissing,
    PickedStepUnknown,
    PickedWeekDayMissing,
    RulePart,
    part_of,
)
from impact_in_pipelines.scheduling import InvalidSchedule, ScheduleFrequency, parse_cron
from impact_in_pipelines.scheduling.clock import iter_instants
from impact_in_pipelines.scheduling.crons.picking import (
    HOUR_STEPS,
    LAST_DAY,
    Often,
    Picked,
    picked_from,
)

_DAY = timedelta(days=1)
_times = st.times().map(lambda at: at.replace(second=0, microsecond=0))
picks = st.builds(
    Picked,
    st.sampled_from(Often),
    _times,
    st.sampled_from(HOUR_STEPS),
    st.sets(st.integers(1, 7), min_size=1).map(tuple),
    st.sets(st.integers(1, LAST_DAY), min_size=1).map(tuple),
)


def shown(picked: Picked) -> set[datetime]:
    """What the fields say of `YEAR`, read by hand."""
    found = set[datetime]()
    for day in days_of_the_year():
        last = (day + _DAY).day == 1
        if picked.often is Often.WEEKLY and day.isoweekday() not in picked.weekdays:
            continue
        if picked.often is Often.MONTHLY and not (
            day.day in picked.month_days or (last and LAST_DAY in picked.month_days)
        ):
            continue
        hours = {
            Often.HOURLY: range(24),
            Often.HOURS: range(0, 24, picked.every_hours),
        }.get(picked.often, [picked.at.hour])
        found |= {_at(day, hour, picked.at.minute) for hour in hours}
    return found


def _at(day: date, hour: int, minute: int) -> datetime:
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=UTC)


@given(picks)
@example(Picked(Often.MONTHLY, time(23, 59), month_days=tuple(range(1, LAST_DAY + 1))))
@example(Picked(Often.WEEKLY, time(8), weekdays=(1, 2, 3, 7)))
@example(Picked(Often.WEEKLY, time(8), weekdays=tuple(range(1, 8))))
def test_what_the_fields_write_is_sent_when_they_say(picked: Picked) -> None:
    """Every fire of a leap year, and no other, is one that the fields show."""
    cron = parse_cron(picked.cron)
    start = datetime(YEAR, 1, 1, tzinfo=UTC) - timedelta(seconds=1)
    fires = set[datetime]()
    for at in iter_instants(cron, ZoneInfo("UTC"), start):
        if at.year > YEAR:
            break
        fires.add(at)
    assert fires == shown(picked)


@given(picks)
def test_what_the_fields_wrote_opens_in_them_again(picked: Picked) -> None:
    """The same sends are shown; what the kind of picking ignores may be lost."""
    again = picked_from(picked.cron)
    assert again is not None
    assert shown(again) == shown(picked)
    assert again.cron == picked.cron or again.often is Often.DAILY


@given(strange_crons)
def test_a_cron_opens_in_the_fields_only_if_they_mean_it(cron: str) -> None:
    """However it is written: the fields' own cron has the same times and days, or it stays plain."""
    try:
        parsed = parse_cron(cron)
    except InvalidSchedule:
        return
    picked = picked_from(parsed)
    if picked is not None:
        assert done(parse_cron(picked.cron)) == done(parsed)


@pytest.mark.parametrize("preset", ScheduleFrequency)
def test_every_preset_opens_in_the_fields(preset: ScheduleFrequency) -> None:
    """With the very cron that it stands for."""
    picked = picked_from(preset.value)
    assert picked is not None
    assert picked.cron == preset.cron


@pytest.mark.parametrize(
    ("cron", "picked"),
    [
        ("0 8 * * MON-FRI", Picked(Often.WEEKLY, time(8), weekdays=(1, 2, 3, 4, 5))),
        ("00 08 * * 1,2,3,4,5", Picked(Often.WEEKLY, time(8), weekdays=(1, 2, 3, 4, 5))),
        ("30 7 15,L * *", Picked(Often.MONTHLY, time(7, 30), month_days=(15, LAST_DAY))),
        ("5 0-23 * * *", Picked(Often.HOURLY, time(0, 5))),
        ("5 0,6,12,18 * * *", Picked(Often.HOURS, time(0, 5), 6)),
    ],
)
def test_other_ways_to_write_it_open_as_well(cron: str, picked: Picked) -> None:
    """The fields go by the meaning."""
    assert picked_from(cron) == picked


@pytest.mark.parametrize(
    "cron",
    [
        "0 8,9 * * *",
        "*/5 * * * *",
        "0 8 1 * 1",
        "0 8 * 3 *",
        "0 8 LW * *",
        "0 8 * * 1#2",
        "0 */5 * * *",
    ],
)
def test_what_the_fields_cannot_say_stays_plain(cron: str) -> None:
    """None of these is lost by being opened."""
    assert picked_from(cron) is None


@pytest.mark.parametrize(
    ("often", "kind"),
    [
        (Often.WEEKLY, PickedWeekDayMissing),
        (Often.MONTHLY, PickedMonthDayMissing),
        (Often.HOURS, PickedStepUnknown),
    ],
)
def test_nothing_picked_is_refused_as_the_cron(often: Often, kind: type[InvalidSchedule]) -> None:
    """So that the form shows it beside the days."""
    with pytest.raises(kind) as refused:
        Picked(often, every_hours=5)
    assert part_of(refused.value) is RulePart.CRON
