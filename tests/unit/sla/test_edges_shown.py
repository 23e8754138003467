"""Incidents, windows, words and charts of the SLA at their edges."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.sla.incidents import (
    Incident,
    MaintenanceWindow,
    told_details,
)
from impact_in_pipelines.sla.model import (
    BreachType,
    Severity,
    Window,
)
from impact_in_pipelines.sla.reports import charts
from impact_in_pipelines.sla.reports.rendering import _budget_words, _trend_words
from impact_in_pipelines.sla.thresholds import Thresholds
from impact_in_pipelines.sla.windows import (
    ReportKind,
    ReportPeriod,
    days_of,
    period_of,
    rolling,
    trend_windows,
)
from impact_in_pipelines.sla.wording import cut, duration, percent, share

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
DAY = timedelta(days=1)
ACME, BOLT = UUID(int=1), UUID(int=2)
BENEVITY, GOODERA = Platform.BENEVITY, Platform.GOODERA
T = Thresholds()


# Incidents ------------------------------------------------------------------------------------------------


def incident(**changes: Any) -> Incident:
    values: dict[str, Any] = {
        "id": UUID(int=5),
        "company_id": ACME,
        "company": "acme",
        "platform": BENEVITY,
        "type": BreachType.SUCCESS_RATE,
        "severity": Severity.CRITICAL,
        "threshold": 98.0,
        "actual": 50.0,
        "sample_size": 10,
        "low_confidence": False,
        "since": None,
        "opened_at": NOW,
    }
    return Incident(**(values | changes))


@pytest.mark.parametrize(
    ("changes", "level"),
    [
        ({"severity": Severity.WARNING}, 1),
        ({"severity": Severity.WARNING, "paged": True}, 1),
        ({}, 2),
        ({"details": {"pages": True}}, 2),
        ({"details": {"pages": False}}, 1),
        ({"details": {"pages": False}, "paged": True}, 2),
        ({"type": BreachType.PLATFORM_OUTAGE}, 3),
        ({"type": BreachType.PLATFORM_OUTAGE, "severity": Severity.WARNING}, 3),
    ],
)
def test_an_incident_escalates_by_what_it_is_and_whether_it_pages(
    changes: dict[str, Any], level: int
) -> None:
    """1 a warning, 2 a breach that pages or has paged, 3 a platform's outage."""
    assert incident(**changes).level == level
    assert not incident().paged


def test_what_a_platform_said_to_one_company_is_not_told_to_the_others() -> None:
    """Its own incident names it; that of the whole platform, which all of them read, does not."""
    details = {"last_error": "no such donor", "schedule_id": "s", "errors": 4}
    assert told_details(incident(details=details)) == details
    assert told_details(incident(details=details, company_id=None)) == {"errors": 4}
    newer = incident(
        type=BreachType("tomorrows_kind"),
        details={"whose": ["acme"], "said": "503", "pages": True},
        company_id=None,
    )
    assert told_details(newer) == {"pages": True}


@pytest.mark.parametrize(
    ("changes", "at", "covers"),
    [
        ({}, NOW, True),
        ({}, NOW - timedelta(microseconds=1), False),
        ({}, NOW + timedelta(minutes=59), True),
        ({}, NOW + timedelta(hours=1), False),
        ({"company_id": ACME}, NOW, True),
        ({"company_id": BOLT}, NOW, False),
        ({"platform": BENEVITY}, NOW, True),
        ({"platform": GOODERA}, NOW, False),
        ({"company_id": ACME, "platform": GOODERA}, NOW, False),
        ({"company_id": BOLT, "platform": BENEVITY}, NOW, False),
        ({"company_id": ACME, "platform": BENEVITY}, NOW, True),
    ],
)
def test_maintenance_covers_its_company_and_platform_from_its_start_up_to_its_end(
    changes: dict[str, Any], at: datetime, covers: bool
) -> None:
    """The end excluded; without a company or platform it covers all of them."""
    values: dict[str, Any] = {"company_id": None, "platform": None}
    window = MaintenanceWindow(
        id=UUID(int=3),
        company=None,
        starts_at=NOW,
        ends_at=NOW + timedelta(hours=1),
        reason="move",
        created_by="ops",
        created_at=NOW,
        **(values | changes),
    )
    assert window.covers(incident(), at) is covers


# Windows --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("day", "start", "end"),
    [
        (date(2026, 1, 31), "2026-01-01", "2026-02-01"),
        (date(2026, 2, 1), "2026-02-01", "2026-03-01"),
        (date(2028, 2, 29), "2028-02-01", "2028-03-01"),
        (date(2026, 11, 30), "2026-11-01", "2026-12-01"),
        (date(2026, 12, 31), "2026-12-01", "2027-01-01"),
    ],
)
def test_a_month_ends_where_the_next_begins(day: date, start: str, end: str) -> None:
    """Over the year's end as well."""
    found = period_of(ReportPeriod.MONTHLY, day)
    assert (str(found.start.date()), str(found.end.date())) == (start, end)


def test_a_rolling_window_is_the_last_week_and_its_trend_touches_it() -> None:
    """Each period of it is as long, and ends where the next one begins."""
    window = rolling(NOW)
    assert window == Window(NOW - 7 * DAY, NOW)
    assert trend_windows(ReportKind.ROLLING, window, 2) == [
        Window(NOW - 21 * DAY, NOW - 14 * DAY),
        Window(NOW - 14 * DAY, NOW - 7 * DAY),
    ]
    assert trend_windows(ReportKind.WEEKLY, window, 0) == []


def test_the_days_of_a_window_are_those_it_touches() -> None:
    """One that ends at a midnight doesn't touch the day that begins there."""
    midnight = datetime(2026, 3, 10, tzinfo=UTC)
    assert days_of(Window(midnight - DAY, midnight)) == (date(2026, 3, 9), date(2026, 3, 9))
    later = Window(midnight - DAY, midnight + timedelta(microseconds=1))
    assert days_of(later) == (date(2026, 3, 9), date(2026, 3, 10))


# Words ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ms", "said"),
    [
        (0, "0 ms"),
        (-0.5, "-1 ms"),
        (-1, "-1 ms"),
        (999, "999 ms"),
        (999.1, "1.0 s"),
        (59_900, "59.9 s"),
        (59_901, "1 min"),
        (3_599_001, "1 h"),
        (172_740_000, "47 h 59 min"),
        (172_740_001, "2 days"),
    ],
)
def test_a_duration_is_said_in_the_next_unit_from_its_edge_on(ms: float, said: str) -> None:
    """And up: what took too long never reads as in time."""
    assert duration(ms) == said


def test_figures_are_cut_at_the_digit_and_nothing_else() -> None:
    """97.999 is never 98; a trace is not nothing, and what isn't there is nothing."""
    assert [str(cut(97.999, digits)) for digits in (0, 1, 2)] == ["97", "97.9", "97.99"]
    assert [percent(value) for value in (0.0, 0.001, 0.01, 0.019, 5.555)] == [
        "0.00 %", "< 0.01 %", "0.01 %", "0.01 %", "5.55 %",
    ]  # fmt: skip
    assert share(0.00004) == "< 0.01 %"


def point(success: float | None) -> dict[str, float | None]:
    return {"successRate": success}


@pytest.mark.parametrize(
    ("rates", "words"),
    [
        ([], "No earlier period to compare with."),
        ([0.98], "No earlier period to compare with."),
        ([0.98, None], "No earlier period to compare with."),
        ([0.98, 0.98], "As in the period before."),
        ([0.98, 0.98004], "As in the period before."),
        ([0.98, 0.9801], "Up 0.01 points on the period before."),
        ([0.98, 0.97], "Down 1.00 points on the period before."),
        ([0.98, None, 0.985], "Up 0.50 points on the period before."),
    ],
)
def test_a_trend_is_said_in_points_where_there_are_two(
    rates: list[float | None], words: str
) -> None:
    """Less than can be shown is no change; a period without deliveries is passed over."""
    if rates:
        assert _trend_words([point(one) for one in rates]) == words
    else:
        assert _trend_words([point(None)]) == words


@pytest.mark.parametrize(
    ("left", "words"),
    [
        (None, ""),
        (0.0, " The budget is spent."),
        (-0.5, " The budget is overspent by 50 %."),
        (-2.25, " The budget is overspent by 225 %."),
        (0.5, " 50 % of the budget is left, and lasts at the rate of the last 7 days."),
        (1.0, " 100 % of the budget is left, and lasts at the rate of the last 7 days."),
    ],
)
def test_a_budget_is_said_as_left_spent_or_overspent(left: float | None, words: str) -> None:
    """In whole percent."""
    budget = {"days": 28, "errors": 3, "due": 100, "allowed": 2.0, "left": left, "runsOutAt": None}
    said = _budget_words(budget)
    assert said == (
        "In 28 days 3 of 100 that were due did not arrive; the target allows 2.0." + words
    )


def test_a_budget_of_one_delivery_is_said_in_the_singular() -> None:
    budget = {"days": 28, "errors": 1, "due": 1, "allowed": 0.0, "left": None, "runsOutAt": None}
    assert _budget_words(budget) == (
        "In 28 days the only delivery that was due did not arrive; the target allows 0.0."
    )


# Charts ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [
        (0.0, 1.0, [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]),
        (0.0, 5.0, [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]),
        (0.0, 10.0, [0.0, 2.0, 4.0, 6.0, 8.0, 10.0]),
        (97.3, 100.0, [98.0, 99.0, 100.0]),
        (93.0, 100.0, [94.0, 96.0, 98.0, 100.0]),
        (0.0, 1_000.0, [0.0, 200.0, 400.0, 600.0, 800.0, 1_000.0]),
        (7.0, 7.0, [7.0]),
    ],
)
def test_ticks_are_three_to_six_round_numbers(low: float, high: float, ticks: list[float]) -> None:
    """Ones, twos and fives, whole where the span is."""
    assert charts._ticks(low, high) == ticks


@pytest.mark.parametrize(("count", "shown"), [(1, 1), (10, 10), (11, 6), (20, 10), (21, 7)])
def test_no_more_than_ten_labels_stand_below_a_chart_the_last_among_them(
    count: int, shown: int
) -> None:
    """Evenly, counted from the last; none of nothing."""
    labels = [f"d{n}" for n in range(count)]
    svg = charts.stacked_days(labels, [1] * count, [0] * count, title="days")
    found = [label for label in labels if f">{label}<" in svg]
    assert (len(found), found[-1]) == (shown, labels[-1])
    assert "<svg" in charts.stacked_days([], [], [], title="nothing")


def test_a_sparkline_of_one_value_is_flat_and_shows_gaps() -> None:
    """From the lowest block to the highest, both ends included."""
    assert charts.sparkline([0.0, 0.5, 1.0, None]) == "▁▄█·"
    assert charts.sparkline([3.0, 3.0], low=3.0, high=3.0) == "▁▁"
    assert charts.sparkline([2.0, 5.0], low=3.0, high=4.0) == "▁█"


@pytest.mark.parametrize(
    ("left", "width", "colour"),
    [
        (None, "0.0", charts.BAD),
        (0.0, "0.0", charts.BAD),
        (-1.0, "0.0", charts.BAD),
        (0.001, "0.2", charts.WARN),
        (0.2499, "62.5", charts.WARN),
        (0.25, "62.5", charts.GOOD),
        (1.0, "250.0", charts.GOOD),
        (2.0, "250.0", charts.GOOD),
    ],
)
def test_a_meter_is_as_wide_as_what_is_left_and_warns_below_a_quarter(
    left: float | None, width: str, colour: str
) -> None:
    """Overspent or unknown it is empty."""
    svg = charts.meter(left, title="left")
    assert f'<rect width="{width}" height="12" y="2" rx="6" fill="{colour}"/>' in svg


def test_a_chart_of_no_spread_has_one_height() -> None:
    """A span of nothing must not divide by it."""
    plot = charts._Plot(3, 5.0, 5.0)
    assert plot.y(6.0) < plot.y(5.0)
    assert len(charts._ticks(5.0, 5.0)) == 1
