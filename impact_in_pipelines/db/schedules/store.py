"""Schedules, created and changed while the system runs. Statements: schedules.sql.

Every change is one transaction with its row in `audit_log`. It locks the schedule, plans what was
due under the old rule as a tick would (design D6), and only then changes it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any, Unpack
from uuid import UUID, uuid4

from sqlalchemy import Engine

from impact_in_pipelines.db.accounts.companies import Company
from impact_in_pipelines.db.accounts.connections import ConnectionStore
from impact_in_pipelines.db.deliveries.cancelling import cancel_waiting
from impact_in_pipelines.db.engine import rows_of
from impact_in_pipelines.db.queries import load
from impact_in_pipelines.db.schedules.rows import (
    RuleChanges,
    Schedule,
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
from impact_in_pipelines.errors import Conflict, InvalidSchedule, NotFound, UsageError
from impact_in_pipelines.errors.accounts import ConnectionMissing
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.scheduling import (
    LoadEntry,
    ScheduleRule,
    initial_cursor,
)
from impact_in_pipelines.scheduling import (
    plan_due as due_of,
)

_SQL = load("schedules/schedules")

FAILING_FROM = 3
"""Failures in a row from which a schedule counts as failing."""
OVERDUE_AFTER = timedelta(minutes=5)
"""How late an active schedule's next run must be to count as overdue."""
SHORTEST_PREFIX = 4
"""Characters of an id that a person must type at least."""

_CREATED_PAUSED = "created paused"
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


@dataclass(frozen=True, slots=True)
class RunNow:
    """The delivery that `run_now` made: its id, its period (both days inclusive) and the schedule
    after it."""

    delivery_id: UUID
    period_start: date
    period_end: date
    schedule: Schedule


class ScheduleStore:
    """Reads and changes schedules; `connections` tells whether a company can be delivered to."""

    def __init__(self, engine: Engine, connections: ConnectionStore) -> None:
        self._engine = engine
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

        Raises `UsageError` where the company has no connection to the platform, `InvalidSchedule`
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

        Raises `NotFound`, or `UsageError` for a prefix that is too short or fits several.
        """
        low, high = _bounds(str(id_or_prefix))
        with self._engine.connect() as connection:
            found = read(connection, low=low, high=high, company_ids=company_ids, deleted=True)
        living = [one for one in found if one.deleted_at is None]
        if len(living) > 1:
            some = ", ".join(str(one.id)[:13] for one in living[:4])
            raise UsageError(f"schedule id {id_or_prefix!s} fits several ({some}): give more of it")
        if living:
            return living[0]
        if found and found[0].deleted_at:
            raise NotFound(
                f"schedule {found[0].id} was deleted at {found[0].deleted_at:%Y-%m-%d %H:%M} UTC"
            )
        raise NotFound(f"no schedule {id_or_prefix!s}; see: impact-in schedules list")

    def update(
        self, id_: UUID, *, now: datetime, actor: str = "cli", **changes: Unpack[RuleChanges]
    ) -> Schedule:
        """Change parts of the rule from `now` (UTC) on; what has fired never fires again.

        Raises `NotFound`, or `InvalidSchedule` for a rule that doesn't hold.
        """

        def change(schedule: Schedule) -> Schedule:
            return updated(schedule, replace(schedule.rule, **changes), now)

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

        A paused schedule only changes its reason. Raises `NotFound`, `UsageError` without a reason.
        """
        _require_reason(reason)
        return self._change([id_], "pause", lambda one: paused(one, reason), now=now, actor=actor)[
            0
        ]

    def resume(self, id_: UUID, *, now: datetime, actor: str = "cli") -> Schedule:
        """Fire again after `now` (UTC); `notice` of the result names days that stay unsent.

        The days of the pause go to the next fire; none of its fires counts as missed. An active
        schedule stays as it is. Raises `NotFound`, `InvalidSchedule` if it never fires again.
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
                return replace(schedule, last_error=str(error), notice=str(error))

        where = _where(company, platform, active=False, reason=reason)
        return self._change_where(where, "resume", change, now=now, actor=actor)

    def delete(self, id_: UUID, *, now: datetime, actor: str = "cli") -> int:
        """Take the schedule out of use; its history stays. Returns how many deliveries that waited to be
        sent, for the first time or again, are cancelled with it. Raises `NotFound`."""
        with self._engine.begin() as connection:
            old = take(connection, [id_])
            new = [replace(one, active=False, next_run=None, deleted_at=now) for one in old]
            save(connection, "delete", old, new, actor, now)
            waiting = list(connection.scalars(_SQL["waiting_of"], {"id": id_}))
            done = cancel_waiting(
                connection, waiting, now=now, why="schedule deleted", whole_batches=False
            )
            return len(done.result.cancelled)

    def run_now(self, id_: UUID, *, now: datetime, actor: str = "cli") -> RunNow:
        """Make one delivery (`trigger` manual) of the whole days that no fire has reported yet, or
        of today so far; the regular fires go on where it ends. Works on a paused schedule too.

        Raises `NotFound`, `Conflict` if a delivery for this very instant exists.
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
                raise Conflict(f"schedule {id_} has a delivery for {now:%Y-%m-%d %H:%M:%S} already")
            save(connection, "run_now", [old], [new], actor, now, delivery=delivery_id)
        return RunNow(delivery_id, start, end, new)

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
        """The active schedules as `scheduling.load_by_minute` takes them; one whose rule no longer
        holds fires never and is left out."""
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
        actor: str,
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
        actor: str,
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


def _bounds(text: str) -> tuple[UUID, UUID]:
    """The lowest and the highest id that begins with `text`."""
    digits = text.strip().lower().replace("-", "")
    if not SHORTEST_PREFIX <= len(digits) <= 32 or not set(digits) <= _HEX:
        raise UsageError(
            f"schedule id {text!r} must be an id or at least {SHORTEST_PREFIX} characters of one, "
            "as impact-in schedules list shows them"
        )
    return UUID(digits.ljust(32, "0")), UUID(digits.ljust(32, "f"))


def _require_reason(reason: str) -> None:
    if not reason.strip():
        raise UsageError("a pause needs a reason that others can read: --reason TEXT")
