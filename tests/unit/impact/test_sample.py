"""Made-up events: realistic, and the same every time."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from impact_in_pipelines.impact.csv_import import EventsFile
from impact_in_pipelines.impact.csv_rules import EventRules
from impact_in_pipelines.impact.figures import local_day
from impact_in_pipelines.impact.sample import EventRow, generate_events, write_csv

START, END = date(2026, 1, 5), date(2026, 4, 5)


def quarter(seed: int = 0, slug: str = "acme") -> list[EventRow]:
    return list(generate_events(slug, START, END, timezone="Asia/Tokyo", seed=seed))


def test_the_same_arguments_give_the_same_events() -> None:
    """A demo is repeatable; another seed or company is another programme."""
    assert quarter() == quarter()
    assert quarter() != quarter(seed=1)
    assert quarter()[0].participant_ref != quarter(slug="bolt")[0].participant_ref or (
        quarter()[0].occurred_at != quarter(slug="bolt")[0].occurred_at
    )


def test_every_event_holds_the_rules_and_lies_in_its_days(tmp_path: Path) -> None:
    """Written and read as an events file, not one row is rejected; ids are unique, times ascend."""
    rows = quarter()
    assert write_csv(tmp_path / "events.csv", rows) == len(rows)
    rules = EventRules({"acme"}, datetime(2026, 5, 1, tzinfo=UTC))
    with EventsFile(tmp_path / "events.csv") as events:
        read = [fields for _, fields in events.records()]
    assert len(read) == len(rows)
    assert all(isinstance(fields, list) and rules.problem(fields) is None for fields in read)
    assert len({each.event_id for each in rows}) == len(rows)
    days = [local_day(datetime.fromisoformat(each.occurred_at), "Asia/Tokyo") for each in rows]
    assert START <= days[0] <= days[-1] <= END
    assert days == sorted(days)


def test_a_programme_has_a_rhythm() -> None:
    """Sundays are nearly empty, all four activities and the three standard outcomes occur, each volunteer
    event has a volunteer."""
    rows = quarter()
    weekdays = Counter(
        local_day(datetime.fromisoformat(each.occurred_at), "Asia/Tokyo").weekday() for each in rows
    )
    assert weekdays[6] < weekdays[1] / 4
    assert {each.activity for each in rows} == {
        "session",
        "language_course",
        "mentoring",
        "volunteering",
    }
    assert {each.outcome_category for each in rows} == {
        "",
        "integration",
        "language",
        "job_readiness",
    }
    assert all(each.volunteer_ref for each in rows if each.activity == "volunteering")


def test_outcomes_progress() -> None:
    """The last month's language scores are better than the first month's."""
    scores: dict[bool, list[float]] = {False: [], True: []}
    for each in quarter():
        day = local_day(datetime.fromisoformat(each.occurred_at), "Asia/Tokyo")
        if each.outcome_category == "language" and abs((day - START).days - 45) > 15:
            scores[day > START + timedelta(days=45)].append(float(each.outcome_score))
    early, late = scores[False], scores[True]
    assert sum(late) / len(late) > sum(early) / len(early) + 0.5


def test_a_programme_of_nobody_is_refused() -> None:
    """Both people it needs are needed."""
    with pytest.raises(ValueError, match="at least one"):
        list(generate_events("acme", START, END, participants=0))


def test_a_large_programme_is_large() -> None:
    """Size follows the participants: about a tenth of them on a working day."""
    monday = date(2026, 3, 2)
    count = len(list(generate_events("acme", monday, monday, participants=3000)))
    assert 200 < count < 400
