"""What /metrics counts, read in small steps: only what has changed since the last look is read again.

Statements: metrics.sql.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Engine

from impact_in_pipelines.db.deliveries.changes import reading_changes
from impact_in_pipelines.db.deliveries.spans import open_span
from impact_in_pipelines.db.engine import rows_of
from impact_in_pipelines.db.queries import load
from impact_in_pipelines.platforms import Platform

_SQL = load("deliveries/metrics")
_STALE = load("corrections/staleness")

BUCKETS_S = (1.0, 5.0, 10.0, 30.0, 60.0, 120.0, 240.0, 300.0, 600.0, 1200.0, 3600.0, 21_600.0)
"""Upper bounds of the two histograms, in seconds; 300 is the target."""


@dataclass(frozen=True, slots=True)
class Finished:
    """Deliveries of one platform (and company, if wanted) that came to one status; `buckets` counts those
    up to each bound of `BUCKETS_S`, cumulatively, `measured` all that have a latency, `sum_s` their sum."""

    platform: str
    status: str
    company: str | None
    deliveries: int
    measured: int
    sum_s: float
    buckets: Sequence[int]


@dataclass(frozen=True, slots=True)
class Attempted:
    """Attempts of one platform that ended one way; `late` as in `Finished`, of first attempts: how long
    after its time a delivery was first tried."""

    platform: str
    outcome: str
    attempts: int
    measured: int
    sum_s: float
    buckets: Sequence[int]


@dataclass(frozen=True, slots=True)
class EndedDeliveries:
    """What has come to its end since a mark, and the mark up to which it has been counted."""

    mark: str
    finished: Sequence[Finished]
    attempted: Sequence[Attempted]


@dataclass(frozen=True, slots=True)
class Queue:
    """What waits for one platform: `open` deliveries, and what is due. Of that `due` wants a worker, the
    oldest since `oldest_due`; `held` waits for the end of a closure, `waiting_turn` for an earlier delivery
    of its schedule. A schedule whose next fire nobody has planned counts as one that is due, or held."""

    platform: str
    open: int
    due: int
    oldest_due: datetime | None
    held: int
    waiting_turn: int


class MetricsStore:
    """Reads for /metrics; changes nothing."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def ended_since(self, mark: str | None, *, by_company: bool) -> EndedDeliveries:
        """Everything that came to its end after `mark` (None: ever), each of it once: give the new mark to
        the next call."""
        with reading_changes(self._engine) as (connection, new_mark):
            values = {"mark": mark, "bounds": list(BUCKETS_S)}
            finished = rows_of(
                connection.execute(_SQL["finished"], values | {"by_company": by_company})
            )
            attempted = rows_of(connection.execute(_SQL["attempted"], values))
        return EndedDeliveries(
            new_mark,
            [Finished(**_with_buckets(row)) for row in finished],
            [Attempted(**_with_buckets(row)) for row in attempted],
        )

    def accounts(self) -> list[tuple[str, str]]:
        """Every company (slug) and platform between which there is a connection."""
        with self._engine.connect() as connection:
            return [(row.slug, row.platform) for row in connection.execute(_SQL["accounts"])]

    def queues(self, now: datetime) -> list[Queue]:
        """What waits at `now`."""
        with self._engine.connect() as connection:
            within = open_span(connection, *Platform)
            return [
                Queue(**row)
                for row in rows_of(connection.execute(_SQL["queues"], {"now": now, **within}))
            ]

    def platform_states(self) -> dict[str, str]:
        """healthy, degraded or outage, by platform; absent: nothing is known against it."""
        with self._engine.connect() as connection:
            return {row.platform: row.state for row in connection.execute(_SQL["platform_states"])}

    def breaker_states(self) -> dict[str, str]:
        """open or half_open, by platform; absent: its breaker is closed."""
        with self._engine.connect() as connection:
            return {row.platform: row.state for row in connection.execute(_SQL["breaker_states"])}

    def stale_days(self) -> dict[str, int]:
        """Delivered days that have changed since and are not corrected, by platform, 0 too."""
        with self._engine.connect() as connection:
            rows = connection.execute(_STALE["stale_by_platform"])
            found = {row.platform: row.days for row in rows}
        return {platform.value: found.get(platform.value, 0) for platform in Platform}

    def limit_slots(self) -> dict[str, tuple[int, int]]:
        """Requests that the accounts' shared limits count now, by platform: of all, and of the busiest."""
        with self._engine.connect() as connection:
            rows = connection.execute(_SQL["limit_slots"])
            return {row.platform: (row.slots, row.busiest) for row in rows}

    def alert_channels(self) -> dict[str, tuple[int, datetime | None]]:
        """How often in a row each channel of alerts has failed, and since when its oldest notice waits;
        absent: it works, and nothing waits."""
        with self._engine.connect() as connection:
            rows = connection.execute(_SQL["alert_channels"])
            return {row.channel: (row.failures, row.oldest) for row in rows}

    def token_refreshes(self) -> int:
        """How many access tokens have ever been fetched."""
        with self._engine.connect() as connection:
            found: int = connection.execute(_SQL["token_refreshes"]).scalar_one()
        return found


def _with_buckets(row: Mapping[str, Any]) -> dict[str, Any]:
    """The row with cumulative counts made of how many fell into each bucket."""
    values = dict(row)
    counts = dict(zip(values.pop("places") or [], values.pop("counts") or [], strict=True))
    total, buckets = 0, []
    for place in range(len(BUCKETS_S)):
        total += counts.get(place, 0)
        buckets.append(total)
    return values | {"buckets": buckets, "sum_s": float(values["sum_s"] or 0)}
