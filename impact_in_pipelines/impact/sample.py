"""Events as a programme of a mid-sized company makes them, for the demo and for trying things out.

Deterministic: the same arguments give the same events, byte by byte.
"""

import csv
import math
import random
from collections.abc import Iterable, Iterator
from dataclasses import astuple, dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from impact_in_pipelines.impact.csv_dialect import HEADER

# A programme's week, Monday first: courses on weekdays, volunteering on Saturdays, nearly nothing on Sundays.
_WEEK = (1.0, 1.1, 1.2, 1.1, 0.9, 0.5, 0.05)


@dataclass(frozen=True, slots=True)
class EventRow:
    """One row of an events file, field by field as text, '' where absent."""

    event_id: str
    company: str
    occurred_at: str
    activity: str
    participant_ref: str
    volunteer_ref: str
    hours: str
    outcome_category: str
    outcome_score: str


@dataclass(frozen=True, slots=True)
class _Kind:
    """An activity: its share of events, the hours it opens at and lasts, and the outcome it moves."""

    activity: str
    share: float
    opens: int
    closes: int
    hours: tuple[float, ...]
    with_volunteer: float
    category: str = ""
    scored: float = 0.0


_KINDS = (
    _Kind("session", 0.40, 9, 17, (1.0, 1.5, 2.0), 0.5, "job_readiness", 0.35),
    _Kind("language_course", 0.25, 8, 20, (1.5, 2.0), 0.6, "language", 0.40),
    _Kind("mentoring", 0.20, 12, 20, (0.5, 1.0, 1.5), 1.0, "integration", 0.30),
    _Kind("volunteering", 0.15, 8, 18, (2.0, 3.0, 4.0, 6.0), 1.0),
)
_SCALE = {
    "integration": (0.30, 0.45, 1.0),
    "job_readiness": (0.25, 0.50, 1.0),
    "language": (2.0, 4.5, 10.0),
}


def generate_events(
    slug: str,
    start: date,
    end: date,
    *,
    timezone: str = "Europe/Berlin",
    seed: int = 0,
    participants: int = 120,
    volunteers: int = 30,
) -> Iterator[EventRow]:
    """Events of the local days `start` to `end`, both included, in order of time.

    About a tenth of the participants are active on a working day; summers and the turn of the year are
    quiet. A participant's scores start at a level of their own and grow with the time since `start`.
    Raises `ValueError` where nobody takes part.
    """
    if participants < 1 or volunteers < 1:
        raise ValueError("a programme needs at least one participant and one volunteer")
    # A text seed is hashed the same way in every process, unlike an object's hash.
    rng = random.Random(f"{slug}/{seed}")  # noqa: S311, made-up data
    talents = [rng.betavariate(2, 2) for _ in range(participants)]
    zone = ZoneInfo(timezone)
    number = 0
    for offset in range((end - start).days + 1):
        day = start + timedelta(days=offset)
        mean = participants / 10 * _WEEK[day.weekday()] * _season(day)
        drawn = sorted(
            (
                _event(rng, slug, day, zone, offset / 90, talents, volunteers)
                for _ in range(_poisson(rng, mean))
            ),
            key=lambda event: event.occurred_at,
        )
        for event in drawn:
            number += 1
            yield _named(event, f"{slug}-{seed}-{number:07d}")


def _named(event: EventRow, event_id: str) -> EventRow:
    return EventRow(event_id, *astuple(event)[1:])


def _season(day: date) -> float:
    if (day.month, day.day) >= (12, 22) or (day.month, day.day) <= (1, 2):
        return 0.1
    return 0.6 if day.month in (7, 8) else 1.0


def _poisson(rng: random.Random, mean: float) -> int:
    """Knuth's method for small means, a rounded normal for large ones."""
    if mean > 50:
        return max(0, round(rng.gauss(mean, math.sqrt(mean))))
    limit, product, count = math.exp(-mean), rng.random(), 0
    while product > limit:
        product *= rng.random()
        count += 1
    return count


def _event(
    rng: random.Random,
    slug: str,
    day: date,
    zone: ZoneInfo,
    progress: float,
    talents: list[float],
    volunteers: int,
) -> EventRow:
    kind = rng.choices(_KINDS, [each.share for each in _KINDS])[0]
    participant = rng.randrange(len(talents))
    moment = datetime.combine(
        day, time(rng.randrange(kind.opens, kind.closes), rng.randrange(0, 60, 5)), zone
    )
    has_volunteer = rng.random() < kind.with_volunteer
    volunteer = f"V{rng.randrange(volunteers):05d}" if has_volunteer else ""
    score = ""
    if rng.random() < kind.scored:
        score = _score(rng, kind.category, talents[participant], progress)
    return EventRow(
        event_id="",
        company=slug,
        occurred_at=moment.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        activity=kind.activity,
        participant_ref="" if kind.activity == "volunteering" else f"P{participant:06d}",
        volunteer_ref=volunteer,
        hours=f"{rng.choice(kind.hours):.2f}",
        outcome_category=kind.category if score else "",
        outcome_score=score,
    )


def _score(rng: random.Random, category: str, talent: float, progress: float) -> str:
    base, gain, highest = _SCALE[category]
    reached = base + gain * min(1.0, progress) * (0.5 + talent) + rng.gauss(0, 0.04 * highest)
    return f"{min(highest, max(0.0, reached)):.2f}"


def write_csv(path: Path, rows: Iterable[EventRow]) -> int:
    """Write `rows` as an events file that `impact-in events import` reads; returns how many there were."""
    count = 0
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(HEADER)
        for row in rows:
            writer.writerow(astuple(row))
            count += 1
    return count
