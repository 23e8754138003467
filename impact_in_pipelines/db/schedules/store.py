"""Schedules, created and changed while the system runs; `reading` has the rest. Statements: schedules.sql.

Every change is one transaction with its row in `audit_log`. It locks the schedule, plans what was
due under the old rule as a tick would (design D6), and only then changes it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any, Unpack
from uuid import UUID, uuid4

from sqlalchemy import Engine

from impact_in_pipelines.db.accounts.companies import Company
from impact_in_pipelines.db.accounts.connections import ConnectionStore
from impact_in_pipelines.db.deliveries.cancelling import cancel_waiting
from impact_in_pipelines.db.deliveries.queueing.planning import no_longer_holds
from impact_in_pipelines.db.queries import load
from impact_in_pipelines.db.schedules.reading import ScheduleReader
from impact_in_pipelines.db.schedules.rows import (
    RuleChanges,
    Schedule,
    changed_rule,
    paused,
    resumed,
    rule_columns,
    run_at,
    updated,
)
from impact_in_pipelines.db.schedules.transactions import (
    apply,
    audit,
    lock,
    plan_first,
    read,
    save,
    take,
)
from impact_in_pipelines.errors import InvalidSchedule
from impact_in_pipelines.errors.accounts import ConnectionMissing
from impact_in_pipelines.errors.schedules import PauseReasonMissing, RunAlreadyPlanned
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.scheduling import (
    ScheduleRule,
    initial_cursor,
)
from impact_in_pipelines.scheduling import (
    plan_due as due_of,
)

_SQL = load("schedules/schedules")

_CREATED_PAUSED = "created paused"


@dataclass(frozen=True, slots=True)
class RunNow:
    """The delivery that `run_now` made: its id, its period (both days inclusive) and the schedule
    after it."""

    delivery_id: UUID
    period_start: date
    period_end: date
    schedule: Schedule


@dataclass(frozen=True, slots=True)
class Deletion:
    """What deleting a schedule calls off: deliveries that are cancelled, queued replays whose failure stands,
    and what goes on to its end, since it is being sent or shares a frozen batch."""

    cancelled: int
    failed_again: int
    left: int


class ScheduleStore(ScheduleReader):
    """Reads and changes schedules; `connections` tells whether a company can be delivered to."""

    def __init__(self, engine: Engine, connections: ConnectionStore) -> None:
        super().__init__(engine)
        self._connections = connections

    def create(
        self,
        company: Company,
        platform: Platform,
        rule: ScheduleRule,
        *,
        now: datetime,
        active: bool = True,
        actor: str = "cli",
    ) -> Schedule:
        """Add a schedule that fires for the first time after `now` (UTC).

        Raises `ConnectionMissing` where the company has no connection to the platform, `InvalidSchedule`
        for a rule whose calendar drops every fire.
        """
        self._require_connection(company, platform)
        cursor = initial_cursor(rule, now)
        next_run = due_of(rule, cursor, now).next_run
        values = {
            **rule_columns(rule),
            "company_id": company.id,
            "platform": platform.value,
            "active": active,
            "next_run": next_run if active else None,
            "paused_reason": None if active else _CREATED_PAUSED,
            "fired_until": cursor.after,
            "covered_until": cursor.covered_until,
            "now": now,
        }
        if rule.window is not None:
            values["window_days"] = sorted(rule.window.days)  # a tuple isn't an array to psycopg2
        with self._engine.begin() as connection:
            new_id: UUID = connection.execute(_SQL["insert"], values).scalar_one()
            [made] = read(connection, ids=[new_id])
            audit(connection, [("create", None, made)], actor, now)
        return made

    def update(
        self, id_: UUID, *, now: datetime, actor: str = "cli", **changes: Unpack[RuleChanges]
    ) -> Schedule:
        """Change parts of the rule from `now` (UTC) on; what has fired never fires again.

        Raises `ScheduleUnknown`, or `InvalidSchedule` for a rule that doesn't hold.
        """

        def change(schedule: Schedule) -> Schedule:
            return updated(schedule, changed_rule(schedule, changes), now)

        return self._change([id_], "update", change, now=now, actor=actor)[0]

    def set_spreads(
        self, offsets: Mapping[UUID, int], *, now: datetime, actor: str = "cli"
    ) -> list[Schedule]:
        """Give each schedule of `offsets` its `spread_minutes`, in one transaction."""

        def change(schedule: Schedule) -> Schedule:
            rule = replace(schedule.rule, spread_minutes=offsets[schedule.id])
            return updated(schedule, rule, now)

        return self._change(list(offsets), "spread", change, now=now, actor=actor)

    def pause(self, id_: UUID, reason: str, *, now: datetime, actor: str = "cli") -> Schedule:
        """No more fires after `now` (UTC), for `reason`; what is planned already still goes out.

        A paused schedule only changes its reason. Raises `ScheduleUnknown`, `PauseReasonMissing`.
        """
        _require_reason(reason)
        return self._change([id_], "pause", lambda one: paused(one, reason), now=now, actor=actor)[
            0
        ]

    def resume(self, id_: UUID, *, now: datetime, actor: str = "cli") -> Schedule:
        """Fire again after `now` (UTC); `notice` of the result names days that stay unsent.

        The days of the pause go to the next fire; none of its fires counts as missed. An active
        schedule stays as it is. Raises `ScheduleUnknown`, `InvalidSchedule` if it never fires again.
        """

        def change(schedule: Schedule) -> Schedule:
            return schedule if schedule.active else resumed(schedule, now)

        return self._change([id_], "resume", change, now=now, actor=actor)[0]

    def pause_all(
        self,
        reason: str,
        *,
        now: datetime,
        company: Company | None = None,
        platform: Platform | None = None,
        actor: str = "cli",
    ) -> list[Schedule]:
        """Pause every active schedule of a company, of a platform, or of both or all."""
        _require_reason(reason)
        where = _where(company, platform, active=True)
        return self._change_where(
            where, "pause", lambda one: paused(one, reason), now=now, actor=actor
        )

    def resume_all(
        self,
        *,
        now: datetime,
        company: Company | None = None,
        platform: Platform | None = None,
        reason: str | None = None,
        actor: str = "cli",
    ) -> list[Schedule]:
        """Resume the paused schedules of a company or platform; with `reason` only those that were
        paused for it. One that never fires again stays paused and says why in `last_error`."""

        def change(schedule: Schedule) -> Schedule:
            try:
                return resumed(schedule, now)
            except InvalidSchedule as error:
                return replace(schedule, last_error=no_longer_holds(error), notice=error)

        where = _where(company, platform, active=False, reason=reason)
        return self._change_where(where, "resume", change, now=now, actor=actor)

    def delete(self, id_: UUID, *, now: datetime, actor: str = "cli") -> int:
        """Take the schedule out of use; its history stays. Returns how many deliveries that waited to be
        sent, for the first time or again, are cancelled with it. Raises `ScheduleUnknown`."""
        with self._engine.begin() as connection:
            old = take(connection, [id_])
            new = [replace(one, active=False, next_run=None, deleted_at=now) for one in old]
            save(connection, "delete", old, new, actor, now)
            waiting = list(connection.scalars(_SQL["waiting_of"], {"id": id_}))
            done = cancel_waiting(
                connection, waiting, now=now, why="schedule deleted", whole_batches=False
            )
            return len(done.result.cancelled)

    def deletion(self, id_: UUID, *, now: datetime) -> Deletion:
        """What `delete` would call off at this moment; nothing is changed."""
        with self._engine.connect() as connection:
            # The very statements of `delete`, rolled back: a count of its own would come to differ.
            open_ones = list(connection.scalars(_SQL["open_of"], {"id": id_}))
            waiting = list(connection.scalars(_SQL["waiting_of"], {"id": id_}))
            done = cancel_waiting(
                connection, waiting, now=now, why="schedule deleted", whole_batches=False
            ).result
            connection.rollback()
        ended = len(done.cancelled) + len(done.failed_again)
        return Deletion(len(done.cancelled), len(done.failed_again), len(open_ones) - ended)

    def run_now(self, id_: UUID, *, now: datetime, actor: str = "cli") -> RunNow:
        """Make one delivery (`trigger` manual) of the whole days that no fire has reported yet, or
        of today so far; the regular fires go on where it ends. Works on a paused schedule too.

        Raises `ScheduleUnknown`, `RunAlreadyPlanned` if a delivery for this very instant exists.
        """
        with self._engine.begin() as connection:
            plan_first(connection, take(connection, [id_]), now)
            [old] = read(connection, ids=[id_])
            start, end, new = run_at(old, now)
            delivery_id = uuid4()
            made = connection.execute(
                _SQL["insert_run_now"],
                {
                    "id": delivery_id,
                    "company_id": old.company_id,
                    "platform": old.platform.value,
                    "schedule_id": id_,
                    "timezone": old.timezone,
                    "period_start": start,
                    "period_end": end,
                    "note": f"run now by {actor}",
                    "now": now,
                },
            ).all()
            if not made:
                raise RunAlreadyPlanned(now)
            save(connection, "run_now", [old], [new], actor, now, delivery=delivery_id)
        return RunNow(delivery_id, start, end, new)

    def _require_connection(self, company: Company, platform: Platform) -> None:
        if company.id in self._connections.of_companies(platform, [company.id]):
            return
        raise ConnectionMissing(company.slug, platform)

    def _change(
        self,
        ids: Sequence[UUID],
        action: str,
        change: Callable[[Schedule], Schedule],
        *,
        now: datetime,
        actor: str = "cli",
    ) -> list[Schedule]:
        with self._engine.begin() as connection:
            locked = take(connection, ids)
            return apply(connection, locked, action, change, now=now, actor=actor)

    def _change_where(
        self,
        where: Mapping[str, Any],
        action: str,
        change: Callable[[Schedule], Schedule],
        *,
        now: datetime,
        actor: str = "cli",
    ) -> list[Schedule]:
        with self._engine.begin() as connection:
            locked = read(connection, ids=lock(connection, **where))
            return apply(connection, locked, action, change, now=now, actor=actor)


def _where(
    company: Company | None, platform: Platform | None, *, active: bool, reason: str | None = None
) -> dict[str, Any]:
    return {
        "company_id": company.id if company else None,
        "platform": platform.value if platform else None,
        "active": active,
        "reason": reason,
    }


def _require_reason(reason: str) -> None:
    if not reason.strip():
        raise PauseReasonMissing()
