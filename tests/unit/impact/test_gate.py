"""The gate and its expectations; `failed` judges by the real Great Expectations too."""

import uuid
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from impact_in_pipelines.impact import expectations
from impact_in_pipelines.impact.checks import CHECKS, CheckSeverity
from impact_in_pipelines.impact.figures import (
    HistoryFigures,
    ImpactFigures,
    OutcomeFigures,
    QualityFigures,
)
from impact_in_pipelines.impact.gate import GateFailure, gate
from impact_in_pipelines.impact.judging import judge
from impact_in_pipelines.impact.verdicts import Evaluation

NOW = datetime(2026, 4, 15, 12, tzinfo=UTC)
DAY = date(2026, 4, 14)
COMPANY = uuid.UUID(int=1)
QUALITY = QualityFigures(
    lowest_hours=0.0, latest_event=NOW - timedelta(hours=20), most_hours_a_day=6.5
)
GOOD = ImpactFigures(
    company_id=COMPANY,
    period_start=DAY,
    period_end=DAY,
    timezone="Europe/Berlin",
    participants=8,
    volunteers=3,
    volunteer_hours=12.5,
    sessions=4,
    events=10,
    outcomes=(
        OutcomeFigures("integration", 0.5, 3, 0.0, 1.0, 3),
        OutcomeFigures("language", 5.0, 2, 0.0, 10.0, 2),
        OutcomeFigures("confidence", 50.0, 2, -20.0, 120.0, 2),
    ),
    quality=QUALITY,
    history=HistoryFigures(days=4, events=40),
    ref="good",
)
EMPTY = ImpactFigures(COMPANY, DAY, DAY, "Europe/Berlin", ref="empty")


def failed(figures: ImpactFigures) -> dict[str, str]:
    """The expectations that `figures` fail, with what was observed."""
    verdict = judge([GOOD, figures], NOW)
    assert verdict == expectations.judge([GOOD, figures], NOW)
    return {
        each.name: each.offenders[0].observed for each in verdict.evaluations if not each.passed
    }


def quality(**changes: object) -> ImpactFigures:
    return replace(GOOD, ref="bad", quality=replace(QUALITY, **changes))  # type: ignore[arg-type]


def scored(category: str, lowest: float, highest: float, out_of_range: int) -> ImpactFigures:
    return replace(
        quality(out_of_range_scores=out_of_range),
        outcomes=(OutcomeFigures(category, 5.0, 2, lowest, highest, 9, out_of_range),),
    )


def test_good_figures_pass_everything() -> None:
    """Every expectation judges them, bar the one about hours without volunteers."""
    report = gate([GOOD], NOW)
    assert report.refusals == {}
    assert [each.name for each in report.evaluations] == [check.name for check in CHECKS]
    assert {each.name for each in report.evaluations if each.evaluated != 1} == {
        "hours_have_volunteers"
    }
    assert all(each.passed for each in report.evaluations)


@pytest.mark.parametrize(
    ("figures", "name", "observed"),
    [
        (
            replace(GOOD, timezone=""),
            "identity_present",
            f"company {COMPANY}, {DAY} to {DAY}, zone ",
        ),
        (replace(GOOD, sessions=-1), "counts_non_negative", "sessions -1"),
        (
            quality(negative_hours=2, lowest_hours=-3.5),
            "hours_non_negative",
            "-3.5 hours in 2 events",
        ),
        (
            scored("language", 3.0, 11.5, 3),
            "scores_in_range",
            "language score 11.5 (allowed 0–10) in 3 events",
        ),
        (
            scored("job_readiness", -0.25, 4.0, 2),
            "scores_in_range",
            "job_readiness score -0.25 (allowed 0–1), job_readiness score 4 (allowed 0–1) in 2 events",
        ),
        (
            quality(future_events=1, latest_event=NOW + timedelta(minutes=6)),
            "no_future_events",
            "1 event ahead of the clock, the last at 2026-04-15T12:06:00+00:00",
        ),
        (
            replace(GOOD, volunteers=0),
            "hours_have_volunteers",
            "12.5 volunteer hours of no volunteer",
        ),
        (replace(GOOD, volunteer_hours=0.0), "volunteers_have_hours", "3 volunteers and 0 hours"),
        (
            quality(overlong_volunteer_days=1, most_hours_a_day=30.0),
            "volunteer_days_within_24_hours",
            "30 hours of one volunteer on one day",
        ),
        (
            quality(missing_refs=1, unattributed_scores=2),
            "references_present",
            "1 event without participant and volunteer, 2 events with a score and no participant",
        ),
        (EMPTY, "events_present", "no events from 2026-04-14 to 2026-04-14"),
        (
            replace(GOOD, history=HistoryFigures(days=4, events=204)),
            "complete_against_history",
            "10.0 events a day where 51.0 are usual",
        ),
    ],
)
def test_what_is_wrong_fails_its_expectation_and_no_other(
    figures: ImpactFigures, name: str, observed: str
) -> None:
    """Each expectation finds its own kind of wrong and says what was seen."""
    assert failed(figures) == {name: observed}


@pytest.mark.parametrize(
    "figures",
    [
        quality(latest_event=NOW + timedelta(minutes=5)),
        quality(most_hours_a_day=24.0),
        replace(GOOD, history=HistoryFigures(days=4, events=200)),
        replace(GOOD, history=HistoryFigures(days=3, events=3000)),
        replace(EMPTY, history=HistoryFigures(days=4, events=0)),
        replace(EMPTY, period_end=date(2026, 4, 15)),
        replace(GOOD, period_end=date(2026, 4, 15), history=HistoryFigures(days=8, events=80_000)),
    ],
    ids=[
        "clock skew",
        "a full day",
        "a fifth of the usual",
        "too little history",
        "a day that is always empty",
        "nothing yet today",
        "today so far",
    ],
)
def test_what_is_no_reason_to_warn_passes(figures: ImpactFigures) -> None:
    """Limits are included, and periods that aren't over or known enough aren't judged for completeness."""
    assert failed(figures) == {}


def test_only_critical_failures_are_refused() -> None:
    """One bad company doesn't hold the others; warnings let figures through."""
    warned = replace(GOOD, volunteer_hours=0.0, ref="warned")
    bad = scored("language", 3.0, 11.5, 3)
    report = gate([GOOD, warned, bad, EMPTY], NOW)
    assert report.refusals == {
        "bad": GateFailure(
            ref="bad",
            expectation="scores_in_range",
            message=(
                "expectation scores_in_range failed: language score 11.5 (allowed 0–10) in 3 events; "
                "correct the events and replay"
            ),
        )
    }


def test_a_refusal_names_every_critical_expectation() -> None:
    """The first with what was seen, the others by name."""
    bad = replace(quality(negative_hours=1, lowest_hours=-1.0), participants=-5)
    assert gate([bad], NOW).refusals["bad"].message == (
        "expectation counts_non_negative failed: participants -5; correct the events and replay "
        "(failed too: hours_non_negative)"
    )


def test_refs_may_be_uuids() -> None:
    """A delivery's id comes back as it was."""
    ref = uuid.uuid4()
    assert list(gate([replace(GOOD, sessions=-1, ref=ref)], NOW).refusals) == [ref]


def test_no_figures_pass_without_being_judged() -> None:
    """An empty drain has nothing to hold back."""
    report = gate([], NOW)
    assert report.refusals == {}
    assert report.evaluations == tuple(Evaluation(c.name, c.severity, 0, 0) for c in CHECKS)


def test_offenders_are_counted_exactly_and_shown_in_part() -> None:
    """A thousand bad rows are a count of a thousand and a table of twenty."""
    rows = [replace(GOOD, sessions=-1, ref=str(n)) for n in range(1000)]
    [found] = [each for each in judge(rows, NOW).evaluations if not each.passed]
    assert (found.severity, found.evaluated, found.failed) == (CheckSeverity.CRITICAL, 1000, 1000)
    assert [each.ref for each in found.offenders] == [str(n) for n in range(20)]
    assert len(gate(rows, NOW).refusals) == 1000
