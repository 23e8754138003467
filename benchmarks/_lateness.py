"""How late what is due each minute arrives, and where the time goes."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Engine, text

from benchmarks import _results
from benchmarks._fleet import Fleet, new_event_each
from impact_in_pipelines.platforms import Platform


@dataclass(frozen=True)
class Arrival:
    """One delivery in seconds: from due to its row, from there to its request, and to the answer."""

    planned: float
    waited: float
    answered: float

    @property
    def late(self) -> float:
        return self.planned + self.waited + self.answered


def show(name: str, arrivals: Sequence[Arrival]) -> None:
    """One line: lateness and its parts."""
    if not arrivals:
        print(f"{name}: nothing arrived", flush=True)
        return
    late = sorted(one.late for one in arrivals)
    parts = " + ".join(
        f"{sorted(getattr(one, part) for one in arrivals)[int(len(arrivals) * 0.95)]:.2f}"
        for part in ("planned", "waited", "answered")
    )
    print(
        f"{name}: {len(late)} arrived, p50 {late[len(late) // 2]:.2f} s, p95 {p95(arrivals):.2f} s, most "
        f"{late[-1]:.2f} s (p95 until planned + until sent + until answered: {parts})",
        flush=True,
    )


def p95(arrivals: Sequence[Arrival]) -> float:
    """This percentile of lateness in seconds."""
    return sorted(one.late for one in arrivals)[int(len(arrivals) * 0.95)] if arrivals else 0.0


def ratio(beside: Sequence[Arrival], alone: Sequence[Arrival], aim: float) -> None:
    """Print by how much p95 has grown."""
    if beside and alone:
        print(f"ratio of p95: {p95(beside) / p95(alone):.2f} (aim: {aim})", flush=True)
        _results.ratio("p95 of lateness beside others to alone", p95(beside) / p95(alone))


def keep_something_new(running: Fleet, slugs: Sequence[str], *, until: float) -> None:
    """Give each of these something new to send several times a minute until this moment (seconds since the
    epoch): a drain that comes late must not find one minute's content in the next one's."""
    while time.time() < until:
        new_event_each(running, slugs)
        time.sleep(max(0.1, min(15.0, until - time.time())))


def arrivals(
    engine: Engine, platform: Platform, slugs: Sequence[str], since: float, until: float
) -> list[Arrival]:
    """What arrived of these companies' scheduled deliveries that were due from `since` until before `until`.
    Tells what has not: lateness without it would say too little."""
    with engine.connect() as connection:
        rows = connection.execute(
            text(
                "SELECT extract(epoch FROM d.created_at - d.scheduled_for)::float8 AS planned, "
                "extract(epoch FROM a.started_at - d.created_at)::float8 AS waited, "
                "extract(epoch FROM a.finished_at - a.started_at)::float8 AS answered, d.status "
                "FROM impact_deliveries d JOIN companies c ON c.id = d.company_id "
                "LEFT JOIN delivery_attempts a ON a.delivery_id = d.id AND a.outcome = 'delivered' "
                "WHERE c.slug = ANY(CAST(:slugs AS text[])) AND d.platform = :platform "
                "AND d.trigger = 'schedule' "
                "AND d.scheduled_for >= to_timestamp(:since) AND d.scheduled_for < to_timestamp(:until)"
            ),
            {"slugs": list(slugs), "platform": platform.value, "since": since, "until": until},
        ).all()
    missing = [row.status for row in rows if row.answered is None]
    if missing:
        print(f"{len(missing)} of {len(rows)} have not arrived: {sorted(set(missing))}", flush=True)
    return [
        Arrival(row.planned, row.waited, row.answered) for row in rows if row.answered is not None
    ]
