"""The rules that a row of an events file must hold."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from impact_in_pipelines.impact.csv_rules import EventRules

LATEST = datetime(2026, 5, 1, tzinfo=UTC)
GOOD = {
    "event_id": "e1",
    "company": "acme",
    "occurred_at": "2026-03-01T09:30:00+01:00",
    "activity": "session",
    "participant_ref": "P1",
    "volunteer_ref": "V1",
    "hours": "1.5",
    "outcome_category": "language",
    "outcome_score": "7.25",
}


def problem(**changes: str) -> str | None:
    return EventRules({"acme"}, LATEST).problem(list((GOOD | changes).values()))


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"participant_ref": "", "hours": ""},
        {"volunteer_ref": ""},
        {"outcome_category": "", "outcome_score": ""},
        {"outcome_category": "own scale", "outcome_score": "-120.5"},
        {"outcome_category": "integration", "outcome_score": "1"},
        {"outcome_category": "language", "outcome_score": "0"},
        {"hours": "0"},
        {"hours": "744"},
        {"occurred_at": "2026-03-01T09:30Z"},
        {"occurred_at": "2026-03-01 09:30:15.123456-0930"},
        {"occurred_at": "2026-05-01T01:00:00+01:00"},
        {"event_id": "line one\nline two"},
    ],
)
def test_a_row_that_holds_has_no_problem(changes: dict[str, str]) -> None:
    """What the design allows goes in."""
    assert problem(**changes) is None


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"event_id": ""}, "event_id is missing"),
        ({"company": ""}, "company is missing"),
        ({"company": "ACME"}, "unknown company 'ACME'"),
        ({"occurred_at": ""}, "occurred_at is missing"),
        (
            {"occurred_at": "2026-03-01T09:30:00"},
            "occurred_at '2026-03-01T09:30:00' has no offset; end it with Z or such as +01:00",
        ),
        (
            {"occurred_at": "2026-03-01"},
            "occurred_at '2026-03-01' has no offset; end it with Z or such as +01:00",
        ),
        (
            {"occurred_at": "01.03.2026 09:30"},
            "occurred_at '01.03.2026 09:30' isn't ISO 8601 such as 2026-03-01T09:30:00+01:00",
        ),
        (
            {"occurred_at": "2026-02-30T09:30:00Z"},
            "occurred_at '2026-02-30T09:30:00Z' is no date and time",
        ),
        (
            {"occurred_at": "2026-05-01T00:00:01Z"},
            "occurred_at '2026-05-01T00:00:01Z' lies in the future",
        ),
        (
            {"occurred_at": "1026-05-01T00:00:01Z"},
            "occurred_at '1026-05-01T00:00:01Z' lies before 1970",
        ),
        ({"activity": ""}, "activity is missing"),
        ({"hours": "1.5 h"}, "hours '1.5 h' is no number of hours such as 1.5, from 0 to 744"),
        ({"hours": "1.250,5"}, "hours '1.250,5' is no number of hours such as 1.5, from 0 to 744"),
        (
            {"hours": "1,250"},
            "hours '1,250' may be 1.250 or 1250; write it without the comma, or with a point before its "
            "decimals",
        ),
        ({"hours": "-1"}, "hours -1 is outside 0 to 744"),
        ({"hours": "744.005"}, "hours 744.005 is outside 0 to 744"),
        ({"hours": "1e300"}, "hours 1e300 is outside 0 to 744"),
        (
            {"participant_ref": "", "volunteer_ref": ""},
            "neither participant_ref nor volunteer_ref is given",
        ),
        (
            {"outcome_category": "own scale", "outcome_score": "100000000"},
            "outcome_score 100000000 is outside -99999999 to 99999999",
        ),
        ({"hours": "NaN"}, "hours 'NaN' is no number of hours such as 1.5, from 0 to 744"),
        ({"hours": "٣"}, "hours '٣' is no number of hours such as 1.5, from 0 to 744"),
        ({"hours": "744.01"}, "hours 744.01 is outside 0 to 744"),
        ({"outcome_category": ""}, "outcome_score '7.25' has no outcome_category"),
        ({"outcome_score": ""}, "outcome_category 'language' has no outcome_score"),
        ({"outcome_score": "good"}, "outcome_score 'good' is no decimal number such as 0.75"),
        ({"outcome_score": "10.1"}, "outcome_score 10.1 is outside 0 to 10 of language"),
        (
            {"outcome_category": "job_readiness", "outcome_score": "-0.1"},
            "outcome_score -0.1 is outside 0 to 1 of job_readiness",
        ),
        ({"event_id": "e" * 201}, "event_id is longer than 200 characters"),
        ({"participant_ref": "p" * 201}, "participant_ref is longer than 200 characters"),
        ({"volunteer_ref": "v" * 201}, "volunteer_ref is longer than 200 characters"),
        ({"activity": "a" * 101}, "activity is longer than 100 characters"),
        ({"outcome_category": "c" * 101}, "outcome_category is longer than 100 characters"),
        ({"event_id": "e\0"}, "a field holds a NUL byte"),
        ({"volunteer_ref": "\0"}, "a field holds a NUL byte"),
        ({"activity": "sess\0ion"}, "a field holds a NUL byte"),
        ({"outcome_category": "\0"}, "a field holds a NUL byte"),
    ],
)
def test_a_row_that_does_not_hold_says_why(changes: dict[str, str], reason: str) -> None:
    """The reason names the column, what it was and what it should be."""
    assert problem(**changes) == reason


@given(st.lists(st.sampled_from(["0.5", "11", "x", "", "10"]), max_size=30))
def test_what_was_seen_before_changes_no_verdict(scores: list[str]) -> None:
    """Values found good are remembered; a row is judged the same whatever came before it."""
    rules = EventRules({"acme"}, LATEST)
    for score in scores:
        row = GOOD | {"outcome_score": score}
        assert rules.problem(list(row.values())) == problem(outcome_score=score)


def test_every_rule_that_a_row_breaks_is_told() -> None:
    """Mending a row one reason at a time takes as many imports as it has faults."""
    broken = {
        "event_id": "",
        "company": "nobody",
        "occurred_at": "2026-03-01T09:30:00",
        "activity": "",
        "participant_ref": "",
        "volunteer_ref": "",
        "hours": "-2",
        "outcome_score": "14",
    }
    assert problem(**broken) == "; ".join(
        [
            "event_id is missing",
            "unknown company 'nobody'",
            "occurred_at '2026-03-01T09:30:00' has no offset; end it with Z or such as +01:00",
            "activity is missing",
            "neither participant_ref nor volunteer_ref is given",
            "hours -2 is outside 0 to 744",
            "outcome_score 14 is outside 0 to 10 of language",
        ]
    )


@pytest.mark.parametrize(
    ("hours", "score", "stored"),
    [
        ("1.1400000000000001", "6.499999999999999", ("1.14", "6.5000")),
        ("0.30000000000000004", "10.000000000000002", ("0.30", "10.0000")),
        ("2.675", "0.00005", ("2.68", "0.0001")),
        ("744.004", "-0.00001", ("744.00", "0.0000")),
        ("1,5", "6,25", ("1.50", "6.2500")),
        ("0,125", "1e-05", ("0.13", "0.0000")),
        ("1.5E+1", "+7", ("15.00", "7.0000")),
        (".5", "5.", ("0.50", "5.0000")),
        ("-0.0", "0", ("0.00", "0.0000")),
        ("", "7", ("0", "7.0000")),
    ],
)
def test_numbers_as_programs_write_them_are_rounded_by_one_rule(
    hours: str, score: str, stored: tuple[str, str]
) -> None:
    """Hundredths of an hour, ten-thousandths of a score, halves away from zero; judged as they are stored."""
    rules = EventRules({"acme"}, LATEST)
    for _ in range(2):  # the second time from memory
        row = list((GOOD | {"hours": hours, "outcome_score": score}).values())
        assert rules.problem(row) is None
        assert (row[6], row[8]) == stored


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        ("2026-03-01T09:30:00.0000000+01:00", "2026-03-01T09:30:00.000000+01:00"),  # .NET
        ("2026-03-01T09:30:00.123456789Z", "2026-03-01T09:30:00.123456Z"),  # Java
        ("2026-03-01 09:30:00+01", "2026-03-01T09:30:00+01:00"),  # PostgreSQL
        ("2026-03-01 09:30:00.5-03", "2026-03-01T09:30:00.5-03:00"),
        ("2026-03-01t09:30z", "2026-03-01T09:30:00Z"),  # RFC 3339
        ("2026-03-01T09:30:00,25+0530", "2026-03-01T09:30:00.25+05:30"),  # ISO 8601's comma
        ("2026-03-01T09:30:00+01:00", "2026-03-01T09:30:00+01:00"),
    ],
)
def test_times_as_programs_write_them_are_one_instant(written: str, stored: str) -> None:
    """ISO 8601 has many forms, and a row in one of them was said to be in none."""
    row = list((GOOD | {"occurred_at": written}).values())
    assert EventRules({"acme"}, LATEST).problem(row) is None
    assert row[2] == stored
    assert datetime.fromisoformat(stored).tzinfo is not None


def test_a_comma_is_a_decimal_sign_where_it_can_be_nothing_else() -> None:
    """Whoever separates by semicolons does so because the comma is taken."""
    rules = EventRules({"acme"}, LATEST, decimal_comma=True)
    row = list((GOOD | {"hours": "1,250", "outcome_score": "6,500"}).values())
    assert rules.problem(row) is None
    assert (row[6], row[8]) == ("1.25", "6.5000")
