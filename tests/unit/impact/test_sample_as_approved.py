"""The made-up events stay what they are: docs, demos and benchmarks show figures made of them.

A change that is meant is written by `PYTHONPATH=tests:. python -m unit.impact.test_sample_as_approved`.
"""

from collections.abc import Iterator
from datetime import date, datetime
from itertools import groupby
from pathlib import Path

from impact_in_pipelines.impact.sample import EventRow, generate_events

APPROVED = Path(__file__).parent / "approved" / "sample.txt"


def _week(row: EventRow) -> str:
    year, week, _ = datetime.fromisoformat(row.occurred_at).isocalendar()
    return f"{year}-W{week:02d}"


def weeks() -> Iterator[str]:
    """A year and a half of a small programme, a line a week: events, people, hours and scores."""
    rows = generate_events("acme", date(2025, 6, 23), date(2026, 9, 6), participants=30)
    for week, in_week in groupby(rows, key=_week):
        of_week = list(in_week)
        scores = {
            category: sum(
                float(row.outcome_score) for row in of_week if row.outcome_category == category
            )
            for category in ("integration", "job_readiness", "language")
        }
        yield (
            f"{week}: {len(of_week)} events of {len({row.participant_ref for row in of_week})}, "
            f"{sum(float(row.hours) for row in of_week):.2f} h of "
            f"{len({row.volunteer_ref for row in of_week})}; "
            + ", ".join(f"{category} {total:.2f}" for category, total in scores.items())
        )


def rows() -> Iterator[str]:
    """A week's first events, field by field, and a day's number in a large programme."""
    first = generate_events("bolt", date(2026, 3, 2), date(2026, 3, 8), seed=3, volunteers=7)
    yield from (",".join(vars_of(row)) for row in first)
    day = date(2026, 3, 3)
    yield f"large: {sum(1 for _ in generate_events('big', day, day, participants=3_000))} events"


def vars_of(row: EventRow) -> Iterator[str]:
    """A row's fields in their order."""
    return (getattr(row, name) for name in EventRow.__slots__)


def made() -> str:
    return "\n".join((*weeks(), *rows(), ""))


def test_the_sample_is_the_approved_one() -> None:
    """To the last sign, over both quiet times of a year."""
    assert made() == APPROVED.read_text("utf-8")


if __name__ == "__main__":
    APPROVED.write_text(made(), "utf-8")
