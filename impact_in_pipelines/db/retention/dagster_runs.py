"""What Dagster's own tables keep of runs and backfills that are over: their cells, and nothing else.

A drain a minute and platform is 1.6 million runs a year, 30 KB each. Dagster deletes a run only whole, with
the cells that it has coloured. So a run that shows nothing any more goes whole, and of one that does, what is
shown and how it ended stays. Dagster has no API for the second: dagster_runs.sql works on its tables. A
backfill, which it never deletes, goes once none of its runs is left.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection, Engine

from impact_in_pipelines.db.queries import load
from impact_in_pipelines.progress import Steps, Tell, silent

_SQL = load("retention/dagster_runs")
_AT_ONCE = 500
_DELETED = ("delete_checks", "delete_event_tags", "delete_events", "delete_tags", "delete_runs")


@dataclass(frozen=True, slots=True)
class HistoryPurged:
    """Runs that were removed whole; runs that were cut down to what they show; how many events went; and
    backfills that were removed."""

    runs: int
    trimmed: int
    events: int
    backfills: int


def purge_runs(
    engine: Engine,
    *,
    before: datetime,
    first_day: date,
    dry_run: bool,
    forget_logs: Callable[[Sequence[str]], object] = lambda _: None,
    tell: Tell = silent,
) -> HistoryPurged:
    """Purge runs that ended before `before` (aware), and backfills of which no run is left; cells from
    `first_day` on stay as they are. `engine` is on Dagster's database.

    A transaction for each few hundred runs, after which `forget_logs` gets the ids of those that went whole
    or were cut down: nothing leads to what they printed any more. Broken off, it is run again. `tell` is
    called with the runs that were looked at.
    """
    with engine.connect() as connection:
        old = connection.scalar(_SQL["count_old_runs"], {"before": before})
    steps = Steps(int(old or 0), tell)
    runs = trimmed = events = after = 0
    gone: list[str] = []
    while True:
        with engine.begin() as connection:
            found = connection.execute(
                _SQL["old_runs"], {"after": after, "before": before, "limit": _AT_ONCE}
            ).all()
            if not found:
                break
            after = found[-1].id
            ids = [row.run_id for row in found]
            shown = connection.execute(
                _SQL["shown"], {"runs": ids, "first_day": first_day.isoformat()}
            ).all()
            showing = {row.run_id for row in shown}
            over = [id_ for id_ in ids if id_ not in showing]
            others = {"runs": list(showing), "shown": [row.id for row in shown]}
            counted = connection.execute(_SQL["others_of"], others).one()
            events += counted.events + _count(connection, over)
            trimmed += len(counted.runs)
            runs += len(over)
            if dry_run:
                gone += connection.scalars(_SQL["runs_of_backfills"], {"runs": over})
            else:
                connection.execute(_SQL["delete_others"], others)
                for name in _DELETED:
                    connection.execute(_SQL[name], {"runs": over})
        if not dry_run:
            forget_logs([*over, *counted.runs])
        steps.step(len(found))
    return HistoryPurged(
        runs, trimmed, events, _purge_backfills(engine, before, gone, dry_run=dry_run)
    )


def _purge_backfills(
    engine: Engine, before: datetime, gone: Sequence[str], *, dry_run: bool
) -> int:
    with engine.begin() as connection:
        old = connection.execute(
            _SQL["old_backfills"], {"before": before, "gone": list(gone)}
        ).all()
        if not dry_run:
            connection.execute(_SQL["delete_backfill_tags"], {"keys": [row.key for row in old]})
            connection.execute(_SQL["delete_backfills"], {"ids": [row.id for row in old]})
    return len(old)


def _count(connection: Connection, runs: Sequence[str]) -> int:
    return int(connection.scalar(_SQL["events_of"], {"runs": list(runs)}) or 0)
