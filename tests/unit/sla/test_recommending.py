"""Recommendations: each rule with its evidence, the urgent first."""

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import pytest

from impact_in_pipelines.cli.sla.steps import command_of
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.sla.budget import ErrorBudget
from impact_in_pipelines.sla.document import document
from impact_in_pipelines.sla.model import (
    Breach,
    BreachType,
    Metrics,
    Scope,
    Severity,
    SlaState,
)
from impact_in_pipelines.sla.reports.recommending import recommend
from impact_in_pipelines.sla.reports.report import (
    CompanyLine,
    CrowdedMinute,
    Facts,
    FailureCause,
    Recommendation,
    worst_first,
)
from impact_in_pipelines.sla.thresholds import Thresholds

AT = datetime(2026, 3, 9, 8, 30, tzinfo=UTC)
ID = UUID(int=0xABCDEF12 << 96)
WELL = Facts(
    overall=Scope(Metrics(total=10, due=10, successful=10)),
    by_platform={},
    budget=None,
    budget_by_platform={},
    trend=(),
    days=(),
    latency_buckets=(),
    causes=(),
    crowded=(),
    incidents=(),
    maintenance=(),
)


def cause(kind: str, *, companies: int = 1, deliveries: int = 4) -> FailureCause:
    return FailureCause(
        *(Platform.WORKDAY, kind, None, deliveries, companies, 0),
        first_at=AT,
        last_at=AT,
        example="what it said",
        example_delivery=ID,
        example_company="acme",
    )


def one(facts: Facts, rule: str, company: str | None = "acme") -> Recommendation:
    [found] = [r for r in recommend(facts, Thresholds(), company) if r.rule == rule]
    return found


def test_where_all_is_well_there_is_nothing_to_do() -> None:
    """One line that says so."""
    [found] = recommend(WELL, Thresholds(), "acme")

    assert (found.rule, found.seen) == (
        "nothing_to_do",
        "All 10 deliveries that were due arrived.",
    )


@pytest.mark.parametrize(
    ("kind", "rule", "urgent", "action"),
    [
        (
            "authentication",
            "renew_credential",
            True,
            "connections set acme workday --credentials -",
        ),
        ("configuration", "complete_connection", True, "connections set acme workday --base-url"),
        ("data_quality", "correct_data", False, "company_impact"),
        ("rejected", "correct_data", False, "deliveries show abcdef12"),
        ("rate_limited", "raise_or_spread", False, "schedules plan"),
        ("server_error", "call_platform", False, "Ask Workday's support about 2026-03-09 08:30"),
        ("timeout", "call_platform", False, "Ask Workday's support"),
    ],
)
def test_each_cause_has_its_advice(kind: str, rule: str, urgent: bool, action: str) -> None:
    """What was seen with the platform's words, where, and what mends it; the command is the terminal's."""
    found = one(replace(WELL, causes=[cause(kind)]), rule)

    assert found.urgent is urgent
    assert found.seen.startswith("4 deliveries failed")
    assert "what it said" in found.seen
    assert found.where == "Workday, acme"
    told = f"{found.action} | {command_of(document(found)) or ''}"
    assert action in told
    assert "`" not in found.text
    assert "impact-in" not in found.text


def test_many_companies_hit_make_it_the_platforms_affair() -> None:
    """From three companies on it is urgent, and the report on all says how many."""
    found = one(
        replace(WELL, causes=[cause("server_error", companies=3), cause("timeout")]),
        "call_platform",
        None,
    )

    assert found.urgent
    assert found.where == "Workday, 3 companies, among them acme"
    assert "server error, timeout" in found.seen


def test_the_urgent_come_first() -> None:
    """Whatever the order of the rules."""
    facts = replace(WELL, causes=[cause("rejected"), cause("authentication")])

    assert [r.urgent for r in recommend(facts, Thresholds(), "acme")] == [True, False]


def test_a_large_payload_is_to_be_shrunk() -> None:
    """Above 100 KB; at 100 KB exactly it is not."""
    large = Scope(Metrics(max_payload_bytes=150 * 1024))
    full = Scope(Metrics(max_payload_bytes=100 * 1024))

    found = one(replace(WELL, by_platform={Platform.GOODERA: large}), "shrink_payload")

    assert found.seen == "The largest payload had 150 KB, over 100 KB."
    well = recommend(replace(WELL, by_platform={Platform.GOODERA: full}), Thresholds(), None)
    assert [r.rule for r in well] == ["nothing_to_do"]


def test_a_crowded_minute_is_to_be_spread() -> None:
    """Named with its time, its platform and how late it makes deliveries."""
    crowded = CrowdedMinute(Platform.BENEVITY, "00:00", 1200, 260_000, 720_000)

    found = one(replace(WELL, crowded=[crowded]), "spread_minute", None)

    assert found.where == "Benevity, 00:00 UTC"
    assert "1,200 deliveries due at 00:00 UTC started 4 min 20 s late on average" in found.seen


def test_missed_fires_point_at_the_scheduler() -> None:
    """Urgent while some are still overdue."""
    scope = Scope(Metrics(missed=2, overdue=1))
    facts = replace(WELL, overall=scope, by_platform={Platform.GOODERA: scope})

    found = one(facts, "keep_scheduler_running")

    assert found.urgent
    assert found.seen == "2 sends passed while nothing ran to make them, 1 send still overdue."
    assert found.where == "Goodera, acme"


def test_a_failing_schedule_is_named() -> None:
    """With the command that shows its last error."""
    breach = Breach(
        *(BreachType.CONSECUTIVE_FAILURES, Severity.CRITICAL, 3, 5, AT, None, None),
        Platform.GOODERA,
        sample_size=5,
        low_confidence=False,
        details={"schedules": 2, "schedule_id": str(ID)},
    )
    scope = Scope(Metrics(), SlaState.BREACH, [breach])

    found = one(replace(WELL, by_platform={Platform.GOODERA: scope}), "mend_failing_schedule")

    assert "2 schedules in an unbroken series of failures, the longest of 5" in found.seen
    assert command_of(document(found)) == "impact-in schedules show abcdef12-0000"


@pytest.mark.parametrize(
    ("left", "urgent", "words"),
    [
        (0.4, False, "40 % of the error budget is left, until 2026-03-09"),
        (-0.1, True, "is spent"),
    ],
)
def test_a_budget_that_runs_out_is_to_be_protected(left: float, urgent: bool, words: str) -> None:
    """With the numbers; one that lasts isn't mentioned."""
    budget = ErrorBudget(28, 1000, 12, 20.0, left, 1.5, AT)

    found = one(replace(WELL, budget=budget), "protect_budget")

    assert found.urgent is urgent
    assert words in found.seen
    lasting = replace(WELL, budget=replace(budget, runs_out_at=None, left=0.4))
    assert [r.rule for r in recommend(lasting, Thresholds(), None)] == ["nothing_to_do"]


def test_what_failed_and_wasnt_replayed_is_to_be_replayed() -> None:
    """Of the company it is about; what has been recovered doesn't need it."""
    facts = replace(WELL, overall=Scope(Metrics(failed=3, recovered=1)))

    found = one(facts, "replay_failed")

    assert found.seen == "2 deliveries failed and have not been replayed; one of 3 was recovered."
    assert command_of(document(found)) == "impact-in deliveries replay --all-failed --company acme"
    done = replace(WELL, overall=Scope(Metrics(failed=3, recovered=3)))
    assert [r.rule for r in recommend(done, Thresholds(), None)] == ["nothing_to_do"]


def test_the_worst_companies_come_first() -> None:
    """By state, then by how many deliveries did not arrive; the healthy are not among them."""

    def line(name: str, state: SlaState, due: int, successful: int) -> CompanyLine:
        return CompanyLine(name, state, due, successful, None, None, None, 0)

    lines = [
        line("fine", SlaState.HEALTHY, 10, 10),
        line("slow", SlaState.WARNING, 99, 0),
        line("bad", SlaState.BREACH, 10, 8),
        line("worse", SlaState.BREACH, 100, 50),
    ]

    assert [one.company for one in worst_first(lines)] == ["worse", "bad", "slow"]
    assert [one.company for one in worst_first(lines, 1)] == ["worse"]


@pytest.mark.parametrize(
    ("type_", "rule"),
    [
        (BreachType.LATENCY, "shorten_latency"),
        (BreachType.ON_TIME_RATE, "shorten_latency"),
        (BreachType.BURN_RATE, "stop_burning"),
        (BreachType.RETRY_SUCCESS_RATE, "mend_before_retrying"),
        (BreachType.CONSECUTIVE_FAILURES, "mend_failing_schedule"),
    ],
)
@pytest.mark.parametrize("whole", [True, False])
def test_a_breach_has_a_recommendation_that_fits_it(
    type_: BreachType, rule: str, whole: bool
) -> None:
    """Whether a platform is outside its target or only all of them together."""
    breach = Breach(
        *(type_, Severity.CRITICAL, 300_000, 400_000, AT, None, None),
        None if whole else Platform.GOODERA,
        sample_size=20,
        low_confidence=False,
    )
    scope = Scope(Metrics(due=20, timed=20, on_time=9), SlaState.BREACH, [breach])
    facts = (
        replace(WELL, overall=scope)
        if whole
        else replace(WELL, by_platform={Platform.GOODERA: scope})
    )

    found = one(facts, rule)

    assert found.where.startswith("All platforms" if whole else "Goodera")
    assert "impact-in" not in found.text


def test_a_failure_of_an_unknown_kind_has_its_advice() -> None:
    """A success rate that is missed for a cause without a rule of its own."""
    assert one(replace(WELL, causes=[cause("unresolved")]), "find_cause").urgent is False
