"""Charts: well-formed, with what they are given in them, whatever that is."""

from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st

from impact_in_pipelines.sla.reports.charts import (
    histogram,
    measure_chart,
    meter,
    rate_ranges,
    sparkline,
    stacked_days,
    trend_chart,
)
from impact_in_pipelines.sla.wording import in_percent

COUNTS = st.lists(st.integers(0, 10**7), max_size=31)
RATES = st.lists(st.none() | st.floats(0, 1), max_size=20)


def texts(svg: str) -> list[str]:
    """The texts of a chart; fails if it isn't well-formed, or has a number that isn't one."""
    assert "nan" not in svg
    assert "inf" not in svg.replace("inherit", "")
    return [node.text or "" for node in ElementTree.fromstring(svg).iter() if node.text]


@given(RATES, st.floats(0, 1))
def test_a_trend_can_be_drawn_of_anything(values: list[float | None], target: float) -> None:
    """Gaps, a single point, nothing at all, a target of 0 or 100."""
    found = texts(trend_chart(["w"] * len(values), values, target=target, title="<Trend>"))

    assert "<Trend>" in found
    assert f"target {in_percent(target):g} %" in found


@given(st.lists(st.none() | st.floats(0, 10**6), max_size=20), st.floats(0, 10**4))
def test_a_measure_can_be_drawn_of_anything(values: list[float | None], target: float) -> None:
    """Nothing but gaps, zeros, a target of 0."""
    found = texts(
        measure_chart(
            ["w"] * len(values),
            values,
            target=target,
            title="<Latency>",
            target_text="mål",
            unit="min",
            shown=lambda value: f"{value:.0f} min",
        )
    )

    assert {"<Latency>", "mål"} <= set(found)


@given(COUNTS)
def test_days_and_histograms_can_be_drawn_of_anything(counts: list[int]) -> None:
    """No days, days of nothing, millions."""
    labels = [str(n) for n in range(len(counts))]

    assert "Days" in texts(stacked_days(labels, counts, counts[::-1], title="Days"))
    assert "Took" in texts(histogram(labels, counts, beyond=2, title="Took"))


@given(st.lists(st.tuples(st.floats(0, 1), st.integers(1, 10**6)), max_size=3))
def test_rates_can_be_compared_of_anything(rates: list[tuple[float, int]]) -> None:
    """No platform, one at 0 %, all at 100 %."""
    rows = [("A & B", rate, rate / 2, min(100.0, rate * 1.1), n) for rate, n in rates]

    assert texts(rate_ranges(rows, target=0.98, title="Rates")).count("A & B") == len(rows)


def test_a_day_that_lost_some_says_how_many() -> None:
    """A single lost delivery among thousands is still seen."""
    svg = stacked_days(["a", "b"], [9000, 9000], [0, 1], title="Days")

    assert "1" in texts(svg)
    assert svg.count("<rect") == 3


def test_an_overspent_meter_is_empty() -> None:
    """Not of a negative width."""
    assert 'width="0.0"' in meter(-4.19, title="left")
    assert 'width="0.0"' in meter(None, title="left")
    assert 'width="250.0"' in meter(1, title="left")


def test_a_sparkline_goes_from_low_to_high() -> None:
    """One character for each value."""
    assert sparkline([0, 0.5, 1, None]) == "▁▄█·"
