"""What is still to be delivered, and what it waits for. Statements: remaining.sql."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import Engine

from impact_in_pipelines.db.deliveries.queueing.queue import ORPHANED_AFTER
from impact_in_pipelines.db.deliveries.spans import open_span
from impact_in_pipelines.db.queries import load
from impact_in_pipelines.platforms import Platform

_SQL = load("deliveries/queueing/remaining")


class Waiting(StrEnum):
    """Why an open delivery is not sent this moment."""

    DUE = "due"
    """Nothing holds it: the next drain takes it."""
    RETRY = "retry"
    """It failed for a while; its next attempt has a time."""
    LATER = "later"
    """Its connection's rate limit, a request of it without an answer, or the same content on its way, puts it
    off."""
    CLOSED = "closed"
    """Its platform has asked to be left alone until then; nothing has failed (D12)."""
    HELD = "held"
    """A worker has it, or had it when it died, until the lease ends."""
    SELECTED = "selected"
    """The run that selected it has the first go; a while later it is anybody's."""
    BEHIND = "behind"
    """An earlier delivery of its schedule must end first."""


@dataclass(frozen=True, slots=True)
class Remaining:
    """Open deliveries of one platform that wait for the same. `first_at` and `last_at` (UTC) are when
    that ends for the first and for the last of them; None for what is due or behind another."""

    platform: Platform
    why: Waiting
    deliveries: int
    first_at: datetime | None
    last_at: datetime | None


class RemainingStore:
    """Reads only."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def of(
        self,
        platforms: Sequence[Platform],
        now: datetime,
        *,
        company_id: UUID | None = None,
        days: tuple[date, date] | None = None,
    ) -> list[Remaining]:
        """What is open on `platforms`, of one company if given.

        With `days` (first, last) only what was selected by day and lies in them; without, fires that are
        due and not in the log yet count as due too.
        """
        start, end = days or (None, None)
        names = [platform.value for platform in platforms]
        asked = {"platforms": names, "now": now, "company_id": company_id}
        more = {"start": start, "end": end, "orphaned_before": now - ORPHANED_AFTER}
        with self._engine.connect() as connection:
            within = open_span(connection, *names)
            rows = connection.execute(_SQL["remaining"], {**asked, **more, **within}).all()
            fires = [] if days else connection.execute(_SQL["due_fires"], asked).all()
        due = Counter({Platform(row.platform): int(row.schedules) for row in fires})
        due.update({Platform(r.platform): r.deliveries for r in rows if r.why == Waiting.DUE})
        waiting = [
            Remaining(
                Platform(r.platform),
                Waiting(r.why),
                r.deliveries,
                *((None, None) if r.why == Waiting.BEHIND else (r.first_at, r.last_at)),
            )
            for r in rows
            if r.why != Waiting.DUE
        ]
        return waiting + [Remaining(p, Waiting.DUE, n, None, None) for p, n in due.items() if n]
