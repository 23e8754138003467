"""One set of checks, two judges: plain comparisons in drains, Great Expectations in the asset checks."""

import random
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from math import inf, nan, nextafter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_gate import COMPANY, DAY, GOOD, NOW

from impact_in_pipelines.impact import expectations, judging
from impact_in_pipelines.impact.checks import CHECKS
from impact_in_pipelines.impact.columns import KINDS, Kind, Record, Unjudgeable, typed
from impact_in_pipelines.impact.figures import (
    HistoryFigures,
    ImpactFigures,
    OutcomeFigures,
    QualityFigures,
)

LIMITS = sorted(
    {
        float(limit)
        for check in CHECKS
        for bounds in check.bounds.values()
        for limit in (bounds.lowest, bounds.highest)
        if limit is not None
    }
)
NUMBERS: tuple[Any, ...] = (
    *LIMITS,
    *(nextafter(limit, inf) for limit in LIMITS),
    *(nextafter(limit, -inf) for limit in LIMITS),
    *(None, nan, inf, -inf, -0.0, -3.5, 1e300, 2**53 + 1, True, Decimal("0.2"), Decimal("NaN")),
)
COUNTS: tuple[Any, ...] = (0, 1, -1, 7, 2**63, -(2**80), None, nan, 0.5, -0.5, True, Decimal(-2))
TEXTS: tuple[Any, ...] = (None, "", "x", " ", 0, nan, DAY, COMPANY)
BAD: tuple[Any, ...] = ("3", "", "many", b"3", [], {}, 1j, DAY, NOW, object, Decimal("sNaN"))
"""Values of no number's type."""

POOLS = {Kind.TEXT: TEXTS, Kind.COUNT: COUNTS, Kind.NUMBER: NUMBERS}
RECORDS = st.fixed_dictionaries(
    {
        column: st.sampled_from(POOLS[kind])
        | (st.text(max_size=3) if kind is Kind.TEXT else st.floats() | st.integers())
        for column, kind in KINDS.items()
    }
)


def result(judge: Callable[..., Any], *arguments: Any) -> object:
    """What `judge` answers, or how it refuses."""
    try:
        return judge(*arguments)
    except Exception as error:
        return type(error), str(error)


def test_every_column_of_a_check_is_made() -> None:
    """And every column that is made is judged."""
    assert {column for check in CHECKS for column in check.columns} == set(KINDS)


@settings(max_examples=60)
@given(st.lists(RECORDS, max_size=6))
def test_the_judges_never_differ_on_a_row(values: list[dict[str, object]]) -> None:
    """Nulls, NaN, infinities, limits and their neighbours, in whole columns or scattered."""
    try:
        records = [typed(each) for each in values]
    except Unjudgeable:  # an integer beyond the floats
        return
    assert judging.failed_rows(records) == expectations.failed_rows(records)


@pytest.mark.parametrize("seed", range(4))
def test_the_judges_never_differ_on_a_large_frame(seed: int) -> None:
    """Thousands of rows at once, of which few pass everything. The types of a frame's columns depend on all
    of their values, so each seed leaves some values out."""
    chance = random.Random(seed)
    pools = {
        column: chance.sample(POOLS[kind], chance.randint(1, len(POOLS[kind])))
        for column, kind in KINDS.items()
    }
    records: list[Record] = [
        typed({column: chance.choice(pool) for column, pool in pools.items()}) for _ in range(2000)
    ]
    failed = judging.failed_rows(records)
    assert failed == expectations.failed_rows(records)
    assert any(failed.values())


def number() -> st.SearchStrategy[Any]:
    return st.sampled_from(NUMBERS)


def count() -> st.SearchStrategy[Any]:
    return st.sampled_from((0, 0, 1, 2, -1, 100, 2**40))


FIGURES: st.SearchStrategy[ImpactFigures] = st.builds(
    ImpactFigures,
    company_id=st.sampled_from((COMPANY, None)),
    period_start=st.just(DAY),
    period_end=st.sampled_from((DAY, DAY + timedelta(days=1), date(2026, 5, 1))),
    timezone=st.sampled_from(("Europe/Berlin", "Pacific/Kiritimati", "UTC", "", None)),
    participants=count(),
    volunteers=count(),
    volunteer_hours=number(),
    sessions=count(),
    events=count(),
    outcomes=st.lists(
        st.builds(
            OutcomeFigures,
            st.sampled_from(("integration", "language", "job_readiness", "confidence")),
            st.just(1.0),
            st.just(1),
            number(),
            number(),
        ),
        max_size=3,
    ).map(tuple),
    quality=st.builds(
        QualityFigures,
        negative_hours=count(),
        lowest_hours=number(),
        latest_event=st.sampled_from(
            (None, *(NOW + timedelta(seconds=each) for each in (-9, 300, 300.000001, 1e6)))
        ),
        missing_refs=count(),
        unattributed_scores=count(),
        most_hours_a_day=number(),
    ),
    history=st.builds(HistoryFigures, days=st.sampled_from((0, 3, 4, 5)), events=count()),
    ref=st.uuids(),
)


@settings(max_examples=60)
@given(st.lists(FIGURES, max_size=5))
def test_the_judges_never_differ_on_figures(figures: list[ImpactFigures]) -> None:
    """The whole verdict, with what was seen, or the refusal to judge."""
    assert result(judging.judge, figures, NOW) == result(expectations.judge, figures, NOW)


@pytest.mark.parametrize("value", BAD, ids=repr)
@pytest.mark.parametrize("column", [name for name, kind in KINDS.items() if kind is not Kind.TEXT])
def test_a_value_that_is_no_number_is_judged_by_nobody(column: str, value: object) -> None:
    """Text that looks like a number included: nothing passes unjudged."""
    with pytest.raises(Unjudgeable, match=f"could not be evaluated: {column} is "):
        typed(dict.fromkeys(KINDS) | {column: value})


@pytest.mark.parametrize("judge", [judging.judge, expectations.judge])
def test_one_that_cannot_be_judged_stops_the_verdict(judge: Callable[..., Any]) -> None:
    """Whichever judge is asked, and among good ones."""
    with pytest.raises(Unjudgeable, match="participants is str '3'"):
        judge([GOOD, replace(GOOD, participants="3")], NOW)  # type: ignore[arg-type]
