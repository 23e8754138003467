"""Rates and their Wilson intervals."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from impact_in_pipelines.sla.rates import rate


def test_nothing_has_no_rate() -> None:
    """0 of 0 is neither 0 % nor 100 %."""
    assert rate(0, 0) is None


@pytest.mark.parametrize(
    ("count", "n", "low", "high"),
    [(97, 100, 91.548, 98.975), (10, 10, 72.247, 100.0), (0, 10, 0.0, 27.753), (1, 1, 20.655, 100)],
)
def test_the_interval_is_wilsons(count: int, n: int, low: float, high: float) -> None:
    """Against values computed independently (R's prop.test without continuity correction)."""
    found = rate(count, n)

    assert found is not None
    assert found.low_percent == pytest.approx(low, abs=0.001)
    assert found.high_percent == pytest.approx(high, abs=0.001)


@given(st.integers(1, 10**6).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_the_rate_lies_in_its_interval(pair: tuple[int, int]) -> None:
    """And the interval in 0 to 100."""
    found = rate(*pair)

    assert found is not None
    slack = 1e-9
    assert -slack <= found.low_percent <= found.percent + slack
    assert found.percent - slack <= found.high_percent <= 100 + slack


@given(st.integers(1, 10_000))
def test_a_whole_percentage_is_exact(hundreds: int) -> None:
    """98 % of anything is 98.0, so that it is not below the target of 98."""
    found = rate(98 * hundreds, 100 * hundreds)

    assert found is not None
    assert found.percent == 98.0
