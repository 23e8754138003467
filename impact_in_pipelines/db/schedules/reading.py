"""Schedules as they stand: lists, pages, counts and what a load plan needs. Statements: schedules.sql."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Engine

from impact_in_pipelines.db.accounts.companies import Company
from impact_in_pipelines.db.engine import rows_of
from impact_in_pipelines.db.queries import load
from impact_in_pipelines.db.schedules.rows import Schedule
from impact_in_pipelines.db.schedules.transactions import read
from impact_in_pipelines.errors import InvalidSchedule
from impact_in_pipelines.errors.schedules import (
    ScheduleDeleted,
    ScheduleIdAmbiguous,
    ScheduleIdMalformed,
    ScheduleUnknown,
)
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.scheduling.load.entries import LoadEntry

_SQL = load("schedules/schedules")

FAILING_FROM = 3
"""Failures in a row from which a schedule counts as failing."""
OVERDUE_AFTER = timedelta(minutes=5)
"""How late an active schedule's next run must be to count as overdue."""
SHORTEST_PREFIX = 4
"""Characters of an id that a person must type at least."""

_HEX = frozenset("0123456789abcdef")


@dataclass(frozen=True, slots=True)
class ScheduleCounts:
    """How many schedules there are and in which state; `next_due` (UTC) of the active ones."""

    total: int = 0
    active: int = 0
    paused: int = 0
    failing: int = 0
    overdue: int = 0
    next_due: datetime | None = None


@dataclass(frozen=True, slots=True)
class ScheduleStats:
    """The counts of all schedules and of each platform's."""

    all: ScheduleCounts
    by_platform: Mapping[Platform, ScheduleCounts]


class ScheduleReader:
    """Reads schedules, and what their deliveries tell about them."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def listed(
        self, company: Company | None = None, platform: Platform | None = None
    ) -> list[Schedule]:
        """The schedules by company, platform and next run; deleted ones are left out."""
        with self._engine.connect() as connection:
            return read(
                connection,
                company_id=company.id if company else None,
                platform=platform.value if platform else None,
            )

    def page(
        self,
        company_ids: Sequence[UUID] | None,
        *,
        limit: int,
        platform: Platform | None = None,
        active: bool | None = None,
        after: tuple[str, str, UUID] | None = None,
    ) -> list[Schedule]:
        """At most `limit` schedules of these companies (None: of all) by company, platform and id, from
        behind `after` on."""
        slug, of_platform, id_ = after or (None, None, None)
        values = {
            "company_ids": None if company_ids is None else list(company_ids),
            "platform": platform.value if platform else None,
            "active": active,
            "after_slug": slug,
            "after_platform": of_platform,
            "after_id": id_,
            "limit": limit,
        }
        with self._engine.connect() as connection:
            ids = list(connection.scalars(_SQL["page"], values))
            found = {one.id: one for one in read(connection, ids=ids)}
        return [found[id_] for id_ in ids if id_ in found]

    def find(self, id_or_prefix: UUID | str, company_ids: Sequence[UUID] | None = None) -> Schedule:
        """The schedule with this id, or the only one whose id begins so; with `company_ids`, other
        companies' schedules are as good as none.

        Raises `ScheduleUnknown`, `ScheduleDeleted`, and for a prefix that is too short or fits several
        `ScheduleIdMalformed` or `ScheduleIdAmbiguous`.
        """
        low, high = _bounds(str(id_or_prefix))
        with self._engine.connect() as connection:
            found = read(connection, low=low, high=high, company_ids=company_ids, deleted=True)
        living = [one for one in found if one.deleted_at is None]
        if len(living) > 1:
            some = [str(one.id)[:13] for one in living[:4]]
            raise ScheduleIdAmbiguous(str(id_or_prefix), some)
        if living:
            return living[0]
        if found and found[0].deleted_at:
            raise ScheduleDeleted(found[0].id, found[0].deleted_at)
        raise ScheduleUnknown(str(id_or_prefix))

    def recent(self, id_: UUID, limit: int = 5) -> list[Mapping[str, Any]]:
        """The latest deliveries of a schedule, newest first: id, trigger, status, period_start,
        period_end, scheduled_for, delivered_at, attempt_count, note, last_error."""
        with self._engine.connect() as connection:
            return rows_of(connection.execute(_SQL["recent"], {"id": id_, "limit": limit}))

    def version(self) -> str:
        """A text that differs whenever a schedule was made, changed, deleted or has fired."""
        with self._engine.connect() as connection:
            row = connection.execute(_SQL["version"]).one()
        return f"{row.total}/{row.changed_at}/{row.last_run}"

    def stats(self, now: datetime, company_ids: Sequence[UUID] | None = None) -> ScheduleStats:
        """The counts at `now` (UTC), over all and for each platform; of `company_ids` only, if given. One
        statement."""
        with self._engine.connect() as connection:
            rows = rows_of(
                connection.execute(
                    _SQL["stats"],
                    {
                        "failing_from": FAILING_FROM,
                        "overdue_before": now - OVERDUE_AFTER,
                        "company_ids": None if company_ids is None else list(company_ids),
                    },
                )
            )
        counts = {
            row["platform"]: ScheduleCounts(
                **{name: value for name, value in row.items() if name != "platform"}
            )
            for row in rows
        }
        by_platform = {one: counts.get(one.value, ScheduleCounts()) for one in Platform}
        return ScheduleStats(counts[None], by_platform)

    def load_entries(self, platform: Platform | None = None) -> list[LoadEntry]:
        """The active schedules as `load_by_minute` takes them; one whose rule no longer holds fires
        never and is left out."""
        entries: list[LoadEntry] = []
        for schedule in self.listed(platform=platform):
            if not schedule.active:
                continue
            try:
                entries.append(
                    (str(schedule.id), schedule.platform.value, schedule.rule, schedule.cursor)
                )
            except InvalidSchedule:
                continue
        return entries

    def mean_latency_ms(self) -> dict[Platform, float]:
        """What a delivered attempt took lately, in milliseconds, by platform; absent where none
        was delivered."""
        with self._engine.connect() as connection:
            rows = rows_of(connection.execute(_SQL["mean_latency"]))
        return {Platform(row["platform"]): float(row["latency_ms"]) for row in rows}


def _bounds(text: str) -> tuple[UUID, UUID]:
    """The lowest and the highest id that begins with `text`."""
    digits = text.strip().lower().replace("-", "")
    if not SHORTEST_PREFIX <= len(digits) <= 32 or not set(digits) <= _HEX:
        raise ScheduleIdMalformed(text, SHORTEST_PREFIX)
    return UUID(digits.ljust(32, "0")), UUID(digits.ljust(32, "f"))
