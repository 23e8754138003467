"""The deliveries that a run was started for: selected partitions, a row each. Statements: selections.sql."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Engine

from impact_in_pipelines.db.access.audit import Change, record
from impact_in_pipelines.db.deliveries.queueing.statistics import learn_of
from impact_in_pipelines.db.engine import rows_as_json
from impact_in_pipelines.db.queries import load
from impact_in_pipelines.delivery.holding.closures import Hold
from impact_in_pipelines.delivery.identity import selected_id
from impact_in_pipelines.delivery.states import DeliveryStatus, Trigger
from impact_in_pipelines.platforms import Platform

_SQL = load("deliveries/queueing/selections")


@dataclass(frozen=True, slots=True)
class SelectedDay:
    """One partition that was selected: a company's local day."""

    company_id: UUID
    timezone: str
    day: date


@dataclass(frozen=True, slots=True)
class WaitingDay:
    """A selected company-day that is still open: when its next attempt is due (UTC), and why it waits: after
    which error, or held by what."""

    company_slug: str
    day: date
    next_attempt_at: datetime | None
    last_error: str | None
    held: Hold | None


class SelectionStore:
    """Writes and reads the rows of a run's own selection (`selected_by`)."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add_selected(
        self,
        platform: Platform,
        days: Sequence[SelectedDay],
        *,
        trigger: Trigger,
        run_id: str,
        now: datetime,
    ) -> int:
        """One pending delivery for each selected day that `run_id` has none for yet; returns how many."""
        rows: list[dict[str, Any]] = [
            {
                "id": selected_id(run_id, platform, d.company_id, d.day),
                "company_id": d.company_id,
                "timezone": d.timezone,
                "day": d.day,
            }
            for d in days
        ]
        with self._engine.begin() as connection:
            connection.execute(
                _SQL["lock_selection"], {"platform": platform.value, "run_id": run_id}
            )
            result = connection.execute(
                _SQL["insert_selected"],
                {
                    "rows": rows_as_json(rows),
                    "platform": platform.value,
                    "trigger": trigger.value,
                    "run_id": run_id,
                    "now": now,
                },
            )
        learn_of(self._engine, result.rowcount)
        return result.rowcount

    def add_asked_for(
        self, platform: Platform, asked: SelectedDay, *, request_id: str, actor: str, now: datetime
    ) -> None:
        """Queue one company-day that a person asks for, for any drain; audited as the doing of `actor`."""
        id_ = selected_id(request_id, platform, asked.company_id, asked.day)
        row = {
            "id": id_,
            "company_id": asked.company_id,
            "timezone": asked.timezone,
            "day": asked.day,
        }
        values = {
            "rows": rows_as_json([row]),
            "platform": platform.value,
            "trigger": Trigger.MANUAL.value,
            "run_id": request_id,
            "now": now,
        }
        after = {"platform": platform.value, "day": asked.day.isoformat()}
        change = Change("delivery.send_day", f"delivery {id_}", asked.company_id, after=after)
        with self._engine.begin() as connection:
            connection.execute(_SQL["insert_selected"], values)
            connection.execute(
                _SQL["release_of_run"], {"platform": platform.value, "run_id": request_id}
            )
            record(connection, [change], actor=actor, now=now)

    def open_of_run(self, platform: Platform, run_id: str) -> tuple[int, datetime | None]:
        """How many of a run's own deliveries are still open, and when the first is tried again (UTC)."""
        with self._engine.connect() as connection:
            row = connection.execute(
                _SQL["open_of_run"], {"platform": platform.value, "run_id": run_id}
            ).one()
        return row.open, row.next_attempt_at

    def waiting_of_run(self, platform: Platform, run_id: str, *, limit: int) -> list[WaitingDay]:
        """At most `limit` of a run's own deliveries that are still open, the first to be tried first."""
        with self._engine.connect() as connection:
            rows = connection.execute(
                _SQL["waiting_of_run"],
                {"platform": platform.value, "run_id": run_id, "limit": limit},
            )
            return [
                WaitingDay(**{**row, "held": Hold.from_json(row["held"]) if row["held"] else None})
                for row in rows.mappings()
            ]

    def release_of_run(self, platform: Platform, run_id: str) -> None:
        """Leave what `run_id` has not finished, or not shown in Dagster, to whichever drain comes next."""
        with self._engine.begin() as connection:
            connection.execute(
                _SQL["release_of_run"], {"platform": platform.value, "run_id": run_id}
            )

    def end_leases(self, platform: Platform, run_id: str, *, now: datetime) -> int:
        """What `run_id` holds is anybody's from `now` on, as if its leases had ended; returns how many."""
        with self._engine.begin() as connection:
            return connection.execute(
                _SQL["end_leases"], {"platform": platform.value, "run_id": run_id, "now": now}
            ).rowcount

    def outcome_of_run(self, platform: Platform, run_id: str) -> dict[DeliveryStatus, int]:
        """The deliveries that `run_id` worked on last, counted by status."""
        with self._engine.connect() as connection:
            rows = connection.execute(
                _SQL["outcome_of_run"], {"platform": platform.value, "run_id": run_id}
            )
            return {DeliveryStatus(row.status): row.deliveries for row in rows}
